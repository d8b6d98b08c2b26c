"""What the keyboard chooses from, where the arrow keys go, and every command's place among the keys."""

from collections import Counter

import pytest

from graph_editor.chooser import Choice, fitting
from graph_editor.commands import COMMANDS, bindings
from graph_editor.geometry import towards
from graph_editor.lists import COLUMNS, MENU
from graph_editor.widgets import Fine

CHOICES = [Choice("Align to the left", "Shift+L"), Choice("Leave a subpatch"), Choice("Fold", "H")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Align to the left", "Leave a subpatch", "Fold"]),
        ("le", ["Leave a subpatch", "Align to the left"]),
        ("left AL", ["Align to the left"]),
        ("shift", ["Align to the left"]),
        ("x", []),
    ],
)
def test_a_part_of_each_word_is_enough_and_what_begins_so_comes_first(text, found):
    assert [CHOICES[place].words for place in fitting(CHOICES, text)] == found


BOXES = {"here": (0, 0, 10, 10), "right": (100, 5, 110, 15), "far": (300, 0, 310, 10), "below": (20, 200, 30, 210)}


@pytest.mark.parametrize(
    ("start", "way", "found"),
    [
        ("here", (1, 0), "right"),
        ("right", (1, 0), "far"),
        ("far", (-1, 0), "right"),
        ("here", (0, 1), "below"),
        ("here", (-1, 0), None),
        ("below", (0, -1), "here"),
    ],
)
def test_an_arrow_leads_to_the_nearest_node_on_its_way(start, way, found):
    assert towards(BOXES, start, way) == found


def test_where_nothing_is_chosen_an_arrow_leads_to_the_nearest_node_of_all():
    assert towards(BOXES, None, (1, 0), (290.0, 20.0)) == "far"
    assert towards({}, None, (1, 0)) is None


def test_with_alt_a_slider_moves_by_a_tenth_of_the_way_from_where_it_was():
    slider = Fine(0.5)
    assert slider.moved(0.9, 10.00, fine=False) == 0.9
    assert slider.moved(0.9, 10.01, fine=True) == 0.9
    assert slider.moved(0.7, 10.02, fine=True) == pytest.approx(0.88)
    assert slider.moved(0.6, 10.03, fine=True) == pytest.approx(0.87)
    assert slider.moved(0.6, 10.04, fine=False) == 0.6, "without Alt it is where the mouse is"


def test_with_alt_from_the_first_touch_a_slider_does_not_jump_to_the_mouse():
    slider = Fine(0.5)
    assert slider.moved(0.1, 10.0, fine=True) == 0.5
    assert slider.moved(0.2, 10.1, fine=True) == pytest.approx(0.51)
    assert slider.moved(0.9, 12.0, fine=True) == pytest.approx(0.51), "it was let go and touched anew"


def test_no_two_commands_share_keys_a_name_or_their_words():
    for what in (
        [keys for command in COMMANDS for keys in command.keys],
        [command.name for command in COMMANDS],
        [command.words for command in COMMANDS],
    ):
        assert [one for one, count in Counter(what).items() if count > 1] == []


def test_every_group_with_keys_stands_in_the_help_and_the_menu_knows_its_commands():
    assert {command.group for command in COMMANDS} == {group for column in COLUMNS for group in column}
    assert set(MENU) <= {command.name for command in COMMANDS}


def test_a_user_s_keys_take_the_place_of_a_command_s_own():
    found = bindings({"save": "Ctrl+W F5"})
    assert found["Ctrl+W"].name == found["F5"].name == "save"
    assert "Ctrl+S" not in found
