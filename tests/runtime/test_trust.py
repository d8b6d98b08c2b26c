"""Trust in model files, by their content and per user."""

import json
from pathlib import Path

import pytest

from runtime.artifacts import hash_file
from runtime.errors import NodeError
from runtime.folders import config_folder
from runtime.trust import require_trust, trust, trusted


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSPATCH_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.ts"
    path.write_bytes(b"code")
    return path


def test_a_model_is_refused_until_the_user_trusts_it_and_the_refusal_says_how(model):
    with pytest.raises(NodeError) as refused:
        require_trust(model)
    assert str(refused.value) == (
        "model.ts is a model made elsewhere, and a model is code that can do anything on this machine; if you trust where it "
        f"comes from, run: glasspatch trust {model}"
    )
    assert trust(model) == hash_file(model)
    require_trust(model)
    assert trusted() == {hash_file(model): "model.ts"}


def test_trust_is_in_the_content_not_in_the_name(model, tmp_path):
    trust(model)
    moved = model.rename(tmp_path / "other.ts")
    require_trust(moved)
    model.write_bytes(b"other code")
    with pytest.raises(NodeError):
        require_trust(model)
    moved.write_bytes(b"Code")
    with pytest.raises(NodeError):
        require_trust(moved)


def test_trust_in_one_model_keeps_the_trust_in_others(model, tmp_path):
    (tmp_path / "second.ts").write_bytes(b"more code")
    trust(model)
    trust(tmp_path / "second.ts")
    trust(model)
    assert len(trusted()) == 2
    require_trust(model)
    require_trust(tmp_path / "second.ts")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000], ids=lambda content: repr(content[:6])
)
def test_a_damaged_list_trusts_nothing_and_is_mended_by_the_next_trust(model, config, content):
    config.mkdir()
    (config / "trusted_models.json").write_bytes(content)
    assert trusted() == {}
    with pytest.raises(NodeError):
        require_trust(model)
    trust(model)
    require_trust(model)
    assert json.loads((config / "trusted_models.json").read_bytes()) == {hash_file(model): "model.ts"}


def test_a_list_beside_the_patch_is_not_asked(model, tmp_path):
    for folder in (tmp_path, tmp_path / "model.assets"):
        folder.mkdir(exist_ok=True)
        (folder / "trusted_models.json").write_text(json.dumps({hash_file(model): "model.ts"}))
    with pytest.raises(NodeError):
        require_trust(model)


def test_the_list_lies_in_the_users_own_folder(monkeypatch, tmp_path):
    assert config_folder() == tmp_path / "config"
    monkeypatch.delenv("GLASSPATCH_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config_folder() == tmp_path / "xdg" / "glasspatch"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert config_folder() == Path(tmp_path / "home" / ".config" / "glasspatch")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, model):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GLASSPATCH_CONFIG")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert trusted() == {}
    with pytest.raises(OSError, match="set GLASSPATCH_CONFIG"):
        trust(model)
