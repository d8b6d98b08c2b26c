"""The patch document: its text, what it refuses, and that saving never loses a file."""

import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import PatchError
from runtime.patch import FORMAT, Link, Node, Patch, dumps, load, loads, save
from runtime.plan import compile_patch
from tests.fakes import registry

ROOT = Path(__file__).parents[2]
FORMATS = sorted((ROOT / "tests" / "patches").glob("format_*.json"))
WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
KEYS = st.text("aB. é\n\"'\\/\ud800\U0001f39b", max_size=5)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | NUMBERS | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def extras(*known):
    return st.dictionaries(KEYS.filter(lambda key: key not in known), VALUES, max_size=2)


NODES = st.builds(
    Node, KEYS, st.integers(), st.dictionaries(KEYS, VALUES, max_size=3), st.tuples(NUMBERS, NUMBERS), extras("type", "version")
)
ENDS = st.builds("{}.{}".format, WORDS, WORDS)
LINKS = st.lists(st.builds(Link, ENDS, ENDS), max_size=4).map(lambda found: tuple(sorted(found)))
PATCHES = st.builds(
    Patch, st.dictionaries(KEYS, VALUES, max_size=3), st.dictionaries(WORDS, NODES, max_size=4), LINKS, extras("format")
)

PATCH = Patch(
    settings={"sample_rate": 44100, "block": 512, "seed": 0},
    nodes={
        "source": Node("fake.source", 1, {"level": 0.25}, (40.0, 80.0)),
        "speaker": Node("fake.speaker", 1, {}, (240.5, 80.0)),
    },
    links=(Link("source.audio", "speaker.audio"),),
)
TEXT = """{
  "format": 1,
  "links": [
    ["source.audio", "speaker.audio"]
  ],
  "nodes": {
    "source": {
      "params": {
        "level": 0.25
      },
      "position": [40, 80],
      "type": "fake.source",
      "version": 1
    },
    "speaker": {
      "params": {},
      "position": [240.5, 80],
      "type": "fake.speaker",
      "version": 1
    }
  },
  "settings": {
    "block": 512,
    "sample_rate": 44100,
    "seed": 0
  }
}
"""


# The text


def test_a_patch_is_written_with_sorted_keys_two_spaces_and_short_lists_on_one_line():
    assert dumps(PATCH) == TEXT
    assert loads(TEXT) == PATCH


@settings(database=None, deadline=None, max_examples=100)
@given(PATCHES)
def test_what_is_written_is_read_as_the_same_patch_and_written_as_the_same_bytes(patch):
    text = dumps(patch)
    again = loads(text)
    assert again == patch
    assert dumps(again) == text


@settings(database=None, deadline=None, max_examples=50)
@given(PATCHES, st.randoms(use_true_random=False))
def test_equal_patches_give_equal_bytes_in_whatever_order_they_were_drawn(patch, chance):
    def shuffled(mapping):
        items = list(mapping.items())
        chance.shuffle(items)
        return dict(items)

    nodes = {
        name: replace(node, params=shuffled(node.params), extra=shuffled(node.extra))
        for name, node in shuffled(patch.nodes).items()
    }
    links = tuple(chance.sample(patch.links, len(patch.links)))
    assert dumps(Patch(shuffled(patch.settings), nodes, links, shuffled(patch.extra))) == dumps(patch)


@pytest.mark.parametrize(
    "changed",
    [
        PATCH.with_param("source", "level", 0.5),
        PATCH.with_setting("seed", 5),
        PATCH.with_node("speaker", replace(PATCH.nodes["speaker"], position=(241.0, 80.0))),
    ],
)
def test_a_knob_a_setting_or_a_move_is_a_diff_of_one_line(changed):
    diff = list(difflib.ndiff(dumps(PATCH).splitlines(), dumps(changed).splitlines()))
    assert [line[0] for line in diff if line[0] in "+-"] == ["-", "+"]


def test_unknown_nodes_and_keys_survive():
    text = json.dumps(
        {
            "format": 1,
            "made_by": {"later": [1, {"two": 2}]},
            "settings": {"tempo": 90},
            "nodes": {"ghost": {"type": "no.such", "params": {"x": [1, [2]]}, "color": "red", "version": 9}},
            "links": [["ghost.a", "nobody.b"]],
        }
    )
    patch = loads(text)
    assert patch.extra == {"made_by": {"later": [1, {"two": 2}]}}
    assert patch.settings == {"tempo": 90}
    assert patch.nodes["ghost"].extra == {"color": "red"}
    again = json.loads(dumps(patch))
    before = json.loads(text)
    before["nodes"]["ghost"]["position"] = [0, 0]
    assert again == before


def test_what_is_left_out_has_defaults():
    assert loads('{"format": 1}') == Patch()
    assert loads('{"format": 1, "nodes": {"a": {"type": "b.c"}}}').nodes["a"] == Node("b.c", 1, {}, (0.0, 0.0), {})


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_a_file_of_every_format_ever_released_is_opened(path):
    patch = load(path)
    plan = compile_patch(patch, registry())
    assert [step.node for step in (*plan.jobs, *plan.streams)] == ["writer", "source", "level", "speaker"]
    assert plan.steps["level"].params == {"factor": 0.5}
    assert {problem.node for problem in plan.problems} == {"", "level", "writer", "granulator", "not_for_us"}


def test_a_file_of_todays_format_is_written_back_unchanged(tmp_path):
    path = ROOT / "tests" / "patches" / f"format_{FORMAT}.json"
    save(tmp_path / "again.json", load(path))
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_there_is_a_file_for_every_format():
    assert [path.name for path in FORMATS] == [f"format_{number}.json" for number in range(1, FORMAT + 1)]


# Edits


def test_an_edit_gives_a_new_patch_and_leaves_the_old_one_as_it_was():
    before = dumps(PATCH)
    PATCH.with_node("new", Node("fake.clock"))
    PATCH.with_param("source", "level", 1)
    PATCH.with_link("source.audio", "new.audio")
    PATCH.without_link("source.audio", "speaker.audio")
    PATCH.without_node("source")
    PATCH.with_setting("block", 64)
    assert dumps(PATCH) == before


def test_a_removed_node_takes_its_links_along():
    patch = PATCH.with_node("s", Node("fake.clock")).with_link("s.audio", "speaker.audio").without_node("source")
    assert patch.links == (Link("s.audio", "speaker.audio"),)
    assert set(patch.nodes) == {"speaker", "s"}


def test_a_link_drawn_twice_is_there_once_and_can_be_removed():
    patch = PATCH.with_link("source.audio", "speaker.audio")
    assert patch == PATCH
    assert patch.without_link("source.audio", "speaker.audio").links == ()


def test_an_edit_keeps_what_is_not_known():
    node = Node("no.such", 3, {"x": 1}, (1.0, 2.0), {"color": "red"})
    patch = replace(PATCH.with_node("ghost", node), extra={"zoom": 2}).with_param("ghost", "x", 2)
    assert patch.nodes["ghost"] == replace(node, params={"x": 2})
    assert patch.extra == {"zoom": 2}


@pytest.mark.parametrize("name", ["../x", "A", "", "a.b", "a/b", "1a", "a b", "é", "a\n", "con:", "x" * 65, ".", "_a"])
def test_a_nodes_name_must_be_a_word(name):
    # Node names become folders; a name that is none could climb out of the assets or clash on another system.
    said = f"a node's name must be a word of a-z, 0-9 and _ that begins with a letter, got {name!r}"
    with pytest.raises(PatchError) as refused:
        PATCH.with_node(name, Node("fake.source"))
    assert str(refused.value) == said
    with pytest.raises(PatchError) as refused:
        loads(json.dumps({"format": 1, "nodes": {name: {"type": "fake.source"}}}))
    assert str(refused.value) == said


# What is refused


def document(**parts):
    return json.dumps({"format": 1, **parts})


def node(**parts):
    return document(nodes={"a": {"type": "b.c", **parts}})


LINK = 'a link must be ["node.output", "node.input"], got '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is not a patch: it is not JSON (line 1: Expecting value)"),
        ("hello", "this is not a patch: it is not JSON (line 1: Expecting value)"),
        ('{"format": 1,\n', "this is not a patch: it is not JSON (line 2: Expecting property name enclosed in double quotes)"),
        (TEXT[:-9], "this is not a patch: it is not JSON (line "),
        ("[]", 'this is not a patch: it has no "format"'),
        ("1", 'this is not a patch: it has no "format"'),
        ("{}", 'this is not a patch: it has no "format"'),
        ('{"format": true}', "format must be a whole number from 1 to 1, got True"),
        ('{"format": "1"}', "format must be a whole number from 1 to 1, got '1'"),
        ('{"format": 1.0}', "format must be a whole number from 1 to 1, got 1.0"),
        ('{"format": 0}', "format must be a whole number from 1 to 1, got 0"),
        ('{"format": null}', "format must be a whole number from 1 to 1, got None"),
        (
            '{"format": 2}',
            "this patch has format 2 and this glasspatch reads formats up to 1; open it with a newer glasspatch",
        ),
        ('{"format": 1, "settings": {"seed": NaN}}', "NaN is not a number that a patch may hold"),
        ('{"format": 1, "settings": {"seed": -Infinity}}', "-Infinity is not a number that a patch may hold"),
        ('{"format": 1, "format": 1}', "'format' stands twice in one object; rename or remove one of them"),
        (
            '{"format": 1, "nodes": {"a": {"type": "b.c"}, "a": {"type": "b.d"}}}',
            "'a' stands twice in one object; rename or remove one of them",
        ),
        ('{"format": 1, "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "this is not a patch: it is nested too deeply"),
        (document(settings=[]), '"settings" and "nodes" must be objects and "links" a list'),
        (document(nodes=[]), '"settings" and "nodes" must be objects and "links" a list'),
        (document(links={}), '"settings" and "nodes" must be objects and "links" a list'),
        (document(nodes={"a": 1}), 'node a: "type" must be a text such as "audio.gain"'),
        (document(nodes={"a": {}}), 'node a: "type" must be a text such as "audio.gain"'),
        (node(type=5), 'node a: "type" must be a text such as "audio.gain"'),
        (node(version="1"), "node a: \"version\" must be a whole number, got '1'"),
        (node(version=True), 'node a: "version" must be a whole number, got True'),
        (node(version=1.5), 'node a: "version" must be a whole number, got 1.5'),
        (node(params=[]), 'node a: "params" must be an object'),
        (node(position=[1]), 'node a: "position" must be two numbers, got [1]'),
        (node(position=[1, 2, 3]), 'node a: "position" must be two numbers, got [1, 2, 3]'),
        (node(position=[1, "2"]), "node a: \"position\" must be two numbers, got [1, '2']"),
        (node(position=[True, 2]), 'node a: "position" must be two numbers, got [True, 2]'),
        (node(position=None), 'node a: "position" must be two numbers, got None'),
        (document(links=["a.b"]), LINK + '"a.b"'),
        (document(links=[["a.b"]]), LINK + '["a.b"]'),
        (document(links=[["a.b", "c.d", "e.f"]]), LINK + '["a.b", "c.d", "e.f"]'),
        (document(links=[["a", "c.d"]]), LINK + '["a", "c.d"]'),
        (document(links=[["a.", "c.d"]]), LINK + '["a.", "c.d"]'),
        (document(links=[["a.b.c", "c.d"]]), LINK + '["a.b.c", "c.d"]'),
        (document(links=[["a.b", 5]]), LINK + '["a.b", 5]'),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_patch_is_refused_in_words(text, message):
    with pytest.raises(PatchError) as refused:
        loads(text)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("number", ["1e999", "-1e999"], ids=["high", "low"])
@pytest.mark.parametrize(
    "where",
    ['"settings": {"seed": %s}', '"nodes": {"a": {"type": "b.c", "position": [%s, 0]}}'],
    ids=["setting", "position"],
)
def test_a_number_too_large_for_a_float_is_refused_like_infinity(number, where):
    # Python reads it as infinity, which could never be saved again.
    with pytest.raises(PatchError, match="not a number that a patch may hold"):
        loads('{"format": 1, ' + where % number + "}")


def test_a_position_too_large_for_a_float_is_refused():
    with pytest.raises(PatchError, match="position"):
        loads(node(position=[10**400, 0]))


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_what_can_be_read_however_deeply_nested_can_be_written(depth):
    text = '{"format": 1, "x": ' + "[" * depth + "]" * depth + "}"
    try:
        patch = loads(text)
    except PatchError as refused:
        assert "nested too deeply" in str(refused)
        assert depth > 50
    else:
        assert loads(dumps(patch)) == patch


@settings(database=None, deadline=None, max_examples=100)
@given(
    st.text(max_size=30)
    | VALUES.map(json.dumps)
    | st.dictionaries(st.sampled_from(["nodes", "links", "format"]), VALUES).map(json.dumps)
)
def test_reading_any_text_gives_a_patch_or_a_patch_error(text):
    with suppress(PatchError):
        loads(text)


# Files


def test_a_saved_patch_is_loaded_as_the_same_patch(tmp_path):
    path = tmp_path / "deep" / "er" / "patch.json"
    save(path, PATCH)
    assert load(path) == PATCH
    assert [item.name for item in path.parent.iterdir()] == ["patch.json"]


def test_a_patch_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "p.json").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load(tmp_path / "p.json") == PATCH


def test_a_file_that_cannot_be_read_is_refused_with_its_name_and_the_reason(tmp_path):
    path = tmp_path / "p.json"
    with pytest.raises(PatchError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: there is no such file"
    with pytest.raises(PatchError) as refused:
        load(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}: Is a directory")
    path.write_bytes(b'{"format": 1, "x": "\xff"}')
    with pytest.raises(PatchError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: this is not a patch: it is not text in UTF-8"
    path.write_text("{}")
    with pytest.raises(PatchError) as refused:
        load(path)
    assert str(refused.value) == f'{path}: this is not a patch: it has no "format"'
    path.write_bytes(b"")
    with pytest.raises(PatchError, match="it is not JSON"):
        load(path)


def test_saving_keeps_the_permissions_of_the_file_and_gives_a_new_one_the_usual_ones(tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("{}")
    old.chmod(0o640)
    mask = os.umask(0o022)
    try:
        save(old, PATCH)
        save(new, PATCH)
    finally:
        os.umask(mask)
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode & 0o777 == 0o644


def test_saving_over_a_folder_is_refused_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "p.json").mkdir()
    with pytest.raises(PatchError, match=r"p\.json was not saved: Is a directory"):
        save(tmp_path / "p.json", PATCH)
    assert [item.name for item in tmp_path.iterdir()] == ["p.json"]


SAVE_TOO_MUCH = """
import sys
from pathlib import Path
from runtime.errors import PatchError
from runtime.patch import Node, Patch, save
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    save(Path(sys.argv[1]), Patch(nodes={f"n{i}": Node("fake.source") for i in range(1000)}))
except PatchError as error:
    print(error)
"""


def test_where_a_file_cannot_grow_the_old_patch_stays_whole(tmp_path):
    path = tmp_path / "p.json"
    save(path, PATCH)
    done = subprocess.run(
        [sys.executable, "-c", SAVE_TOO_MUCH, str(path), "5000"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    reason = "the disk is full; free some space and try again, nothing that was made before is lost"
    assert done.stdout.strip() == f"{path} was not saved: {reason}"
    assert load(path) == PATCH
    assert [item.name for item in tmp_path.iterdir()] == ["p.json"]


def test_on_a_full_disk_the_old_patch_stays_whole(tmp_path):
    # A tiny disk of its own, in a name space that ends with the shell. A new file needs two of its four pages.
    disk, seen = tmp_path / "disk", tmp_path / "seen"
    disk.mkdir()
    save(tmp_path / "p.json", PATCH)
    script = 'mount -t tmpfs -o size=16k tmpfs "$1" && cp "$2" "$1/p.json" && "$4" -c "$5" "$1/p.json" && cp -a "$1" "$3"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", disk, tmp_path / "p.json", seen, sys.executable, SAVE_TOO_MUCH]
    if not shutil.which("unshare") or os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{disk / 'p.json'} was not saved: the disk is full" in done.stdout
    assert [item.name for item in seen.iterdir()] == ["p.json"]
    assert load(seen / "p.json") == PATCH


SAVE_FOR_EVER = """
import sys
from pathlib import Path
from runtime.patch import load, save
path = Path(sys.argv[1])
patches = [load(path.with_name(name)) for name in ("a.json", "b.json")]
print("ready", flush=True)
while True:
    for patch in patches:
        save(path, patch)
"""


def test_a_process_killed_while_it_saves_always_leaves_a_whole_patch(tmp_path):
    chance = random.Random(1)
    both = [PATCH, Patch(nodes={f"n{number}": Node("fake.source", 1, {"level": number}) for number in range(300)})]
    for name, patch in zip(("a.json", "b.json"), both, strict=True):
        save(tmp_path / name, patch)
    save(tmp_path / "p.json", PATCH)
    for _ in range(10):
        child = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, tmp_path / "p.json"], cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        child.communicate()
        assert load(tmp_path / "p.json") in both
    save(tmp_path / "p.json", PATCH)
    assert load(tmp_path / "p.json") == PATCH
