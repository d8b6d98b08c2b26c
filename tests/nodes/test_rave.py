"""The decoder, the encoder and the model file, played with a real exported model whose network has learned nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nodes import rave_encoded
from nodes.rave import RaveDecoder, RaveEncoder, RaveFile, mean_encoder
from nodes.rave_corpus import EncodeCorpus
from nodes.rave_model import caches, open_model, quick_decode, reset_caches
from nodes.rave_package import Training, build, export, latents_kept, quiet
from nodes.rave_play import RaveForward
from runtime.artifacts import Artifact
from runtime.corpus import Corpus, Recording, Slice
from runtime.errors import NodeError
from runtime.node import Stream
from runtime.spec import PortType
from runtime.trust import trust
from tests.drive import job, stream

FRAMES = 4 * 4096


@pytest.fixture(scope="module", autouse=True)
def own_trust_list(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSPATCH_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


def untrained(config: str, path: Path) -> Artifact:
    training = Training(config, True, 16, 44100, 1, 1, 1, 65536, 0, "")
    with quiet():
        import torch

        torch.manual_seed(0)
        weights = build(training).state_dict()
        export(training, weights, 4, path)
    trust(path)
    return Artifact(PortType.MODEL, path, "", {})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return untrained("raspberry", tmp_path_factory.mktemp("model") / "raspberry.ts")


def gesture() -> np.ndarray:
    """Three latents that move and a fourth that stays at 0."""
    moved = np.random.default_rng(1).standard_normal((4, FRAMES // 64)).astype(np.float32)
    moved[3] = 0
    return moved


def decode(
    model: Artifact, block: int = 512, noise: str = "seeded", latent: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    latent = gesture() if latent is None else latent
    return stream(
        RaveDecoder(), {"latent": latent}, {"noise": noise}, block=block, frames=FRAMES, artifacts={"model": model}, seed=seed
    )["audio"]


def encode(model: Artifact, block: int = 512, noise: str = "seeded", channels: int = 1) -> np.ndarray:
    sound = np.random.default_rng(2).uniform(-0.5, 0.5, (1, FRAMES)).astype(np.float32).repeat(channels, axis=0)
    return stream(RaveEncoder(), {"audio": sound}, {"noise": noise}, block=block, frames=FRAMES, artifacts={"model": model})[
        "latent"
    ]


@pytest.fixture(scope="module")
def seeded(model: Artifact) -> np.ndarray:
    return decode(model)


@pytest.mark.parametrize("block", [64, pytest.param(2048, marks=pytest.mark.slow), 4096])
def test_the_decoder_sounds_the_same_at_every_block_length(model: Artifact, seeded: np.ndarray, block: int) -> None:
    assert seeded.shape == (1, FRAMES)
    assert np.abs(seeded).max() > 1e-3
    np.testing.assert_allclose(decode(model, block), seeded, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["seeded", "zero"])
def test_a_model_that_draws_noise_by_itself_sounds_the_same_at_every_block_length(tmp_path: Path, noise: str) -> None:
    small = untrained("v2_small", tmp_path / "v2_small.ts")
    for render in (decode, encode):
        heard = [render(small, block, noise) for block in (64, 512, 4096)]
        np.testing.assert_allclose(heard[0], heard[1], atol=1e-5)
        np.testing.assert_allclose(heard[2], heard[1], atol=1e-5)


@pytest.fixture(scope="module")
def heard(model: Artifact) -> np.ndarray:
    return encode(model)


@pytest.mark.parametrize("block", [64, pytest.param(2048, marks=pytest.mark.slow), pytest.param(4096, marks=pytest.mark.slow)])
def test_the_encoder_hears_the_same_at_every_block_length(model: Artifact, heard: np.ndarray, block: int) -> None:
    np.testing.assert_allclose(encode(model, block), heard, atol=1e-5)


def test_the_decoder_reads_the_latent_at_the_moment_its_frame_begins(model: Artifact, seeded: np.ndarray) -> None:
    moved = gesture()
    moved[:, 64:] += 2.0  # step 64 is frame 4096, where the third latent frame begins
    difference = np.abs(decode(model, latent=moved) - seeded)[0]
    assert difference[:4096].max() == 0
    assert difference[4096:6144].max() > 0


def test_seeded_noise_gives_the_same_bytes_twice_and_others_with_another_seed(model: Artifact, seeded: np.ndarray) -> None:
    assert seeded.tobytes() == decode(model).tobytes()
    assert seeded.tobytes() != decode(model, seed=1).tobytes()


@pytest.mark.slow
def test_noise_on_does_not_sound_like_the_seed(model: Artifact, seeded: np.ndarray) -> None:
    assert decode(model, noise="on").tobytes() != seeded.tobytes()


def test_zero_noise_leaves_out_what_seeded_noise_adds(model: Artifact, seeded: np.ndarray) -> None:
    steady = decode(model, noise="zero")
    assert np.abs(steady - seeded).max() > 1e-3
    assert steady.tobytes() == decode(model, 4096, noise="zero", seed=1).tobytes()


def test_zero_noise_gives_the_mean_of_what_the_encoder_draws(model: Artifact) -> None:
    import torch

    opened = open_model(model.path)
    mean_of = mean_encoder(opened, "the model")
    sound = torch.rand(1, 1, 2048)

    def hear(encode: Any) -> np.ndarray:
        reset_caches(opened)
        return encode(sound).numpy()[0, :, 0].copy()

    with torch.inference_mode():
        draws = np.array([hear(opened.encode) for _ in range(200)])
        error = hear(mean_of) - draws.mean(axis=0)
    assert np.all(np.abs(error) < 5 * draws.std(axis=0) / np.sqrt(200))


def test_timbre_transfer_is_the_mean_of_what_is_heard_decoded_frame_by_frame(model: Artifact) -> None:
    import torch

    sound = np.random.default_rng(2).uniform(-0.5, 0.5, (1, FRAMES)).astype(np.float32)
    heard = stream(RaveForward(), {"audio": sound}, {"noise": "zero"}, frames=FRAMES, artifacts={"model": model})["audio"]
    opened = open_model(model.path)
    mean_of = mean_encoder(opened, "the model")
    reset_caches(opened)
    with torch.inference_mode():
        for start in range(0, FRAMES - 2048, 2048):
            latent = mean_of(torch.from_numpy(sound[None, :, start : start + 2048].copy()))
            expected = opened.decode(torch.nn.functional.pad(latent, (0, 0, 0, 16 - 4))).numpy()[0]
            np.testing.assert_allclose(heard[:, start + 2048 : start + 4096], expected, atol=1e-5)


def test_a_corpus_is_heard_as_the_encoder_hears_it(model: Artifact, tmp_path: Path) -> None:
    sound = np.random.default_rng(2).uniform(-0.5, 0.5, (1, FRAMES)).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", sound.T, 44100, subtype="FLOAT")
    whole = Corpus(tmp_path, (Recording("noise.wav", "", 44100, 1, FRAMES),), (Slice(0, 0, FRAMES), Slice(0, 0, FRAMES)))
    whole.write(tmp_path)
    corpus = Artifact(PortType.CORPUS, tmp_path, "", {})
    made, _, _ = job(EncodeCorpus(), tmp_path / "made", patch_folder=tmp_path, artifacts={"model": model, "corpus": corpus})
    found = rave_encoded.read(made["corpus"])
    heard = encode(model, 2048, "zero")[:, 32::32].T  # a latent shows when its frame is complete
    # The ends are faded, and a model that remembers hears the fade a little longer.
    np.testing.assert_allclose(found.frames[1 : len(heard)], heard[1:], atol=0.05)
    np.testing.assert_array_equal(found.frames[found.first[1] :], found.frames[: found.first[1]])


def test_missing_latents_stay_at_zero(model: Artifact, seeded: np.ndarray) -> None:
    assert decode(model, latent=gesture()[:3]).tobytes() == seeded.tobytes()


def test_more_latents_than_the_model_has_are_refused_with_both_numbers(model: Artifact) -> None:
    context = Stream(44100, 512, 0, True, Path(), {"latent": tuple("abcde")})
    with pytest.raises(NodeError, match="has 4 latents and is given 5"):
        RaveDecoder().prepare(context, model=model, noise="seeded")


def test_the_first_block_holds_no_sound_from_the_export(model: Artifact) -> None:
    import torch

    fresh = open_model(model.path)
    reset_caches(fresh)
    with torch.inference_mode():
        torch.manual_seed(0)
        expected = fresh.decode(torch.zeros(1, 16, 1)).numpy()[0]
    heard = decode(model, 2048, "zero", np.zeros((4, FRAMES // 64), np.float32))
    np.testing.assert_allclose(heard[:, :2048], expected, atol=1e-6)


def test_a_reset_clears_every_cache(model: Artifact) -> None:
    import torch

    opened = open_model(model.path)
    with torch.inference_mode():
        opened.decode(torch.ones(1, 4, 1))
    assert any(buffer.abs().sum() > 0 for buffer in caches(opened))
    reset_caches(opened)
    assert not any(buffer.abs().sum() > 0 for buffer in caches(opened))


def three_frames(decode: Any) -> np.ndarray:
    """What a decode says of a latent that moves, from one seed."""
    import torch

    with torch.inference_mode():
        torch.manual_seed(1)
        return np.concatenate([decode(torch.full((1, 4, 1), value)).numpy()[0] for value in (0.0, 1.0, -1.0)], axis=1)


def test_the_quick_decode_says_what_the_model_says_bit_by_bit_and_a_reset_silences_it(model: Artifact) -> None:
    import torch

    plain, played = open_model(model.path), open_model(model.path)
    reset_caches(plain)
    quick = quick_decode(played, torch.zeros(1, 4, 1))
    assert str(quick.graph) != str(played.decode.graph), "the copy says the same, so it should be taken"
    expected = three_frames(plain.decode)
    np.testing.assert_array_equal(three_frames(quick), expected)
    assert not np.array_equal(three_frames(quick), expected), "it remembers the frames before"
    reset_caches(played)
    np.testing.assert_array_equal(three_frames(quick), expected)


def test_a_model_that_remembers_elsewhere_than_in_its_caches_is_played_by_its_own_decode() -> None:
    import torch

    from tests.nodes.tiny_model import Counting

    model = torch.jit.script(Counting()).eval()
    decode = quick_decode(model, torch.zeros(1, 4, 1))
    before = model.calls
    decode(torch.zeros(1, 4, 1))
    assert model.calls == before + 1


def test_the_encoder_answers_one_latent_frame_later_and_names_its_latents(model: Artifact) -> None:
    node = RaveEncoder()
    sound = np.full((1, FRAMES), 0.1, np.float32)
    heard = stream(node, {"audio": sound}, block=512, frames=FRAMES, artifacts={"model": model})["latent"]
    assert node.stream_used.latency == 2048  # type: ignore[attr-defined]
    assert node.stream_used.output_names["latent"] == ("z0", "z1", "z2", "z3")  # type: ignore[attr-defined]
    assert np.all(heard[:, :32] == 0)  # 32 steps are 2048 frames
    assert np.all(heard[:, 32] != 0)
    assert np.all(heard[:, 32:64] == heard[:, 32:33])


@pytest.mark.slow
def test_the_encoder_mixes_stereo_for_a_mono_model(model: Artifact, heard: np.ndarray) -> None:
    np.testing.assert_allclose(encode(model, 2048, channels=2), heard, atol=1e-5)


def test_another_sample_rate_is_refused_with_the_one_to_set(model: Artifact) -> None:
    with pytest.raises(NodeError, match=r"trained at 44100 Hz .* runs at 48000 Hz; set the patch's sample_rate to 44100"):
        RaveDecoder().prepare(Stream(48000, 512, 0, True, Path()), model=model, noise="seeded")


def test_an_untrusted_model_is_refused_before_it_is_opened(
    model: Artifact, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path))
    with pytest.raises(NodeError, match="glasspatch trust"):
        RaveDecoder().prepare(Stream(44100, 512, 0, True, Path()), model=model, noise="seeded")
    with pytest.raises(NodeError, match="glasspatch trust"):
        job(RaveFile(), tmp_path / "job", {"path": model.path.name}, patch_folder=model.path.parent)


def test_a_text_file_named_ts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.ts").write_text("not a model")
    trust(tmp_path / "words.ts")
    with pytest.raises(NodeError, match=r"words.ts is not a model"):
        job(RaveFile(), tmp_path / "job", {"path": "words.ts"}, patch_folder=tmp_path)


def test_a_model_cut_short_is_refused(model: Artifact, tmp_path: Path) -> None:
    (tmp_path / "half.ts").write_bytes(model.path.read_bytes()[:100_000])
    trust(tmp_path / "half.ts")
    with pytest.raises(NodeError, match="cut short"):
        job(RaveFile(), tmp_path / "job", {"path": "half.ts"}, patch_folder=tmp_path)


@pytest.mark.slow
def test_a_torchscript_file_that_is_no_rave_model_is_refused(tmp_path: Path) -> None:
    import torch

    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "linear.ts"))
    trust(tmp_path / "linear.ts")
    with pytest.raises(NodeError, match="has no encode method"):
        job(RaveFile(), tmp_path / "job", {"path": "linear.ts"}, patch_folder=tmp_path)


@pytest.mark.slow
def test_a_trusted_model_file_is_handed_on_as_it_is(model: Artifact, tmp_path: Path) -> None:
    outputs, _, _ = job(RaveFile(), tmp_path / "job", {"path": model.path.name}, patch_folder=model.path.parent)
    assert outputs == {"model": model.path}


def test_the_number_of_latents_is_a_power_of_two_that_explains_95_percent() -> None:
    fidelity = np.array([0.5, 0.8, 0.96, 0.98, 0.99, 0.995, 0.999, 1.0])
    assert latents_kept(fidelity, 0) == 4
    assert latents_kept(fidelity, 1) == 1
    assert latents_kept(fidelity, 5) == 8
    assert latents_kept(fidelity, 100) == 8
    assert latents_kept(np.zeros(16), 0) == 1


def test_importing_the_nodes_does_not_import_torch() -> None:
    code = (
        "import sys, nodes.rave, nodes.rave_training; sys.exit(any(name in sys.modules for name in ('torch', 'rave', 'librosa')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(inspect.getfile(RaveDecoder)).parents[1]).returncode
        == 0
    )
