"""Finding a node by a word."""

import pytest

from graph_editor.search import CALLED, FAMILIES, entries, find
from runtime.registry import discover

REGISTRY = discover("nodes")
EVERY = entries(REGISTRY)


def types(words):
    return [entry.type for entry in find(EVERY, words)]


def test_without_a_word_all_nodes_come_family_by_family():
    assert types("  ") == [entry.type for entry in EVERY] and len(EVERY) == len(REGISTRY.nodes)
    families = [entry.family for entry in EVERY]
    assert families == sorted(families, key=FAMILIES.index)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("gain", "audio.gain"), ("GAI", "audio.gain"), ("volume", "audio.gain"), ("mic", "audio.input"),
        ("webcam", "vision.camera"),
        ("rave dec", "rave.decoder"), ("decoder", "rave.decoder"), ("midi", "control.midi"), ("midi out", "control.midi_out"),
        ("osc", "control.osc"), ("osci", "audio.oscillator"), ("osc out", "control.osc_out"),
        ("wekinator", "mapping.regressor"), ("folder", "corpus.folder"),
        ("face", "vision.face"), ("player", "audio.player"),
    ],
)  # fmt: skip
def test_the_best_comes_first(words, first):
    assert types(words)[0] == first


@pytest.mark.parametrize(
    ("words", "first"), [("osscillator", "audio.oscillator"), ("decodr", "rave.decoder"), ("slcier", "corpus.slicer")]
)
def test_a_mistyped_word_finds_what_is_near(words, first):
    assert types(words)[0] == first


def test_every_word_must_fit():
    assert types("rave decoder gain") == [] and types("xyzzy") == []


def test_help_is_searched_too_and_ranks_last():
    assert "audio.gain" in types("decibels") and "audio.gain" in types("louder")
    found = types("recording")
    assert found[0] == "rave.nearest"  # its title; of the recorder, the folder and others only the help says it
    assert {"corpus.folder", "corpus.slicer"} <= set(found[1:])


def test_what_artists_call_a_node_is_said_of_nodes_that_there_are():
    assert set(CALLED) <= set(REGISTRY.nodes)
