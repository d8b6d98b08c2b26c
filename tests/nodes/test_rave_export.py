"""Our export against `rave export --streaming` of the same checkpoint: what nn~ and RAVE VST read of a model, and its sound."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from nodes.rave_model import caches, reset_caches
from nodes.rave_package import Training, build, export, quiet

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import runpy, sys
from pathlib import Path
from nodes.rave_package import import_rave
script = Path(import_rave().__file__).parent.parent / "scripts" / "export.py"
runpy.run_path(str(script), run_name="__main__")
"""
METHODS = ("encode", "decode", "forward")


@pytest.fixture(scope="module", params=["raspberry"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """(ours, theirs), both of one checkpoint of 16 latents of which 4 explain 95 %."""
    import gin

    folder = tmp_path_factory.mktemp("export")
    training = Training(request.param, True, 16, 44100, 1, 1, 1, 65536, 0, "")
    with quiet():
        torch.manual_seed(0)
        model = build(training)
        config = gin.operative_config_str()
        name = re.search(r"^(\S*RAVE)\.latent_size", config, re.MULTILINE)
        assert name is not None
        model.fidelity.copy_(torch.tensor([0.5, 0.7, 0.8, 0.9] + [0.97] * 11 + [1.0]))
        model.latent_mean.copy_(torch.randn(16))
        model.latent_pca.copy_(torch.linalg.qr(torch.randn(16, 16))[0])
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        export(training, weights, 4, folder / "voices_streaming.ts")
    run = folder / "runs" / "voices" / "version_0" / "checkpoints"
    run.mkdir(parents=True)
    (run.parents[1] / "config.gin").write_text(f"{config}\n{name[1]}.n_channels = 1\n")
    torch.save({"state_dict": weights, "callbacks": {}}, run / "last.ckpt")
    command = [sys.executable, "-c", SCRIPT, f"--run={run / 'last.ckpt'}", "--streaming", f"--output={folder / 'theirs'}"]
    ran = subprocess.run([*command, "--name=voices"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    paths = folder / "voices_streaming.ts", folder / "theirs" / "voices_streaming.ts"
    ours, theirs = (torch.jit.load(str(path)).eval() for path in paths)
    ours.told_path, theirs.told_path = paths
    return ours, theirs


def attributes(model: Any) -> dict[str, Any]:
    """All that a model holds besides its parts and methods, as its own code declares it: numbers, flags, words, tensors."""
    with zipfile.ZipFile(model.told_path) as archive:
        codes = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")]
    (code,) = (code for code in codes if "class VariationalScriptedRAVE(" in code)
    head = code.partition("class VariationalScriptedRAVE(")[2].partition("  def ")[0]
    values = {name: getattr(model, name) for name in re.findall(r"^  (\w+) : ", head, re.MULTILINE)}
    return {name: value for name, value in values.items() if not isinstance(value, torch.nn.Module)}


@pytest.mark.slow
def test_the_export_has_the_methods_params_and_labels_of_rave_export(models: tuple[Any, Any]) -> None:
    ours, theirs = models
    assert ours.get_methods() == theirs.get_methods() and set(METHODS) <= set(ours.get_methods())
    assert ours.get_attributes() == theirs.get_attributes()
    for method in METHODS:
        assert getattr(ours, f"{method}_params").tolist() == getattr(theirs, f"{method}_params").tolist()
        for labels in ("input_labels", "output_labels"):
            assert getattr(ours, f"{method}_{labels}") == getattr(theirs, f"{method}_{labels}")
    ratio = {2048: 2048, 512: 512}[int(ours.decode_params[1])]
    assert ours.decode_params.tolist() == [4, ratio, 1, 1] and ours.sr == theirs.sr == 44100


@pytest.mark.slow
def test_everything_that_can_be_read_from_the_export_is_as_in_rave_export(models: tuple[Any, Any]) -> None:
    ours, theirs = (attributes(model) for model in models)
    assert ours.keys() == theirs.keys() and {"sr", "full_latent_size", "stereo_mode", "latent_pca", "fidelity"} <= ours.keys()
    for name, value in theirs.items():
        same = torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value
        assert same, f"{name} is {ours[name]}, rave export writes {value}"


@pytest.mark.slow
def test_the_methods_take_and_give_the_same_kinds(models: tuple[Any, Any]) -> None:
    schemas = [
        # The class's name begins with that of the module in which the script was run.
        {name: re.sub(r"\(__torch__\.\S+ self", "(self", str(getattr(model, name).schema)) for name in model._c._method_names()}
        for model in models
    ]
    assert schemas[0] == schemas[1] and {"encode", "decode", "forward", "set_stereo_mode"} <= schemas[0].keys()


@pytest.mark.slow
def test_the_parts_and_buffers_are_those_of_rave_export_and_it_sounds_the_same(models: tuple[Any, Any]) -> None:
    ours, theirs = models
    shapes = [{name: tuple(buffer.shape) for name, buffer in model.named_buffers()} for model in models]
    assert shapes[0] == shapes[1] and len(caches(ours)) == len(caches(theirs)) > 0
    sound = torch.sin(torch.arange(16384) / 20.0)[None, None] * 0.3
    heard = []
    with torch.inference_mode():
        for model in (ours, theirs):
            reset_caches(model)
            torch.manual_seed(0)
            heard.append(model.forward(sound))
    assert heard[0].abs().max() > 1e-4
    torch.testing.assert_close(heard[0], heard[1], atol=1e-6, rtol=1e-4)
