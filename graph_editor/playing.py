"""What an artist does with what plays and runs: live, stop, panic, takes, scenes, knobs, anchors, jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runtime import messages as ask
from runtime.artifacts import Assets
from runtime.spec import PathParam
from runtime.trust import trust

if TYPE_CHECKING:
    from graph_editor.editor import Editor

STATES = {
    "off": "not playing",
    "starting": "starting",
    "playing": "LIVE",
    "stopping": "stopping",
    "dead": "the engine died",
}
"""What the client may be at, in words."""
GAPS = ("underflows", "starved")
"""The engine's counters of sound that came too late."""
FULL = 0.7
"""The load from which on it is told as much."""


def run(editor: Editor, only: str | None = None) -> None:
    """Makes what the patch's jobs make: all of it, or a node and what it needs."""
    path = editor.place()
    editor.client.run(path, editor.document.whole, only=editor.flat(only) if only else None)
    editor.say(f"making {only or 'everything'}; what is made already is skipped")


def run_selected(editor: Editor) -> None:
    chosen = sorted(editor.canvas.selection)
    if len(chosen) == 1:
        run(editor, chosen[0])
    else:
        editor.say("choose the one node to run up to", wrong=True)


def live(editor: Editor) -> None:
    """Lets the patch play; one that plays goes on."""
    client, preferences = editor.client, editor.preferences
    if client.state == "dead":
        client.restart()
    elif client.state == "off":
        editor.is_silent = False
        client.play(editor.place(), editor.document.whole, preferences.stage())
    elif editor.is_silent:
        panic(editor)


def stop(editor: Editor) -> None:
    """Stops what plays; where nothing plays, the jobs, at their next checkpoint."""
    client = editor.client
    if client.state in ("playing", "starting", "dead"):
        client.stop()
    elif editor.is_running():
        client.stop_jobs()
        editor.say("the jobs stop at their next checkpoint; what they have is kept")
    else:
        editor.say("nothing plays and nothing runs")


def panic(editor: Editor) -> None:
    """Fades to silence at once; again: lets the sound in."""
    if editor.client.state != "playing":
        editor.say("nothing plays")
        return
    editor.is_silent = not editor.is_silent
    editor.client.send(ask.Stop() if editor.is_silent else ask.Start())


def take(editor: Editor) -> None:
    """Begins a take, or ends the one that is being recorded."""
    client = editor.client
    if client.state != "playing":
        editor.say("a take is recorded of what plays: press Live first", wrong=True)
    elif client.snapshot is not None and client.snapshot.take:
        client.send(ask.EndTake())
    else:
        client.send(ask.StartTake())


def revive(editor: Editor, name: str) -> None:
    editor.client.send(ask.Revive(editor.flat(name)))


def revive_chosen(editor: Editor) -> None:
    """Lets the chosen nodes that failed try at once."""
    failed = [name for name in sorted(editor.canvas.selection) if editor.failure(name)]
    for name in failed:
        revive(editor, name)
    if not failed:
        editor.say("none of the chosen nodes has failed")


def trust_chosen(editor: Editor) -> None:
    """As `trust_asked`, for the chosen node."""
    names = sorted(editor.canvas.selection)
    if len(names) == 1:
        trust_asked(editor, names[0])
    else:
        editor.say("choose the one node that waits for its model", wrong=True)


def learn(editor: Editor, name: str, param: str) -> None:
    """The next knob that moves shall move this param."""
    if editor.client.state != "playing":
        editor.say("press Live first: knobs are heard while the patch plays", wrong=True)
    else:
        editor.client.send(ask.Learn(editor.flat(name), param))


def forget_knob(editor: Editor, name: str, param: str) -> None:
    """No knob shall move this param any more."""
    whole, flat = editor.document.whole, editor.flat(name)
    kept = tuple(one for one in whole.bindings if (one.get("node"), one.get("param")) != (flat, param))
    editor.edit_whole(f"forget the knob of {name}.{param}", replace(whole, bindings=kept))


def trust_asked(editor: Editor, name: str) -> None:
    """Asks whether the models that reach a node may be opened: a model is code."""
    path = editor.document.path
    if path is None:
        return
    assets = Assets(path)
    sources = [link.source.partition(".") for link in editor.document.patch.links if link.target.partition(".")[0] == name]
    files = [made.path for source, _, output in sources if (made := assets.artifact(editor.flat(source), output)) is not None]
    models = [file for file in files if file.suffix == ".ts"]
    spec, node = editor.spec(name), editor.document.patch.nodes[name]
    models += [
        path.parent / str(node.params[param.name])
        for param in (spec.params if spec else ())
        if isinstance(param, PathParam) and str(node.params.get(param.name, "")).endswith(".ts")
    ]
    if not models:
        editor.say("no model reaches this node yet", wrong=True)
        return

    def agreed() -> None:
        for model in models:
            trust(model)
        editor.client.refresh()

    editor.dialogs.ask(
        "Trust this model?",
        f"{', '.join(model.name for model in models)} was made elsewhere. A model is code that can do anything on this "
        "machine: trust it only if you trust where it comes from.",
        [("Trust it", "danger", agreed), ("Cancel", "plain", lambda: None)],
    )


# Scenes


def recall(editor: Editor, scene: str) -> None:
    """Goes to a scene: what plays crossfades there and tells the document."""
    if editor.client.state == "playing":
        editor.client.send(ask.RecallScene(scene))
    else:
        from runtime.scenes import recalled

        whole = editor.document.whole
        editor.edit_whole(f"scene {scene}", recalled(whole, whole.scenes[scene]))


def ask_recall(editor: Editor) -> None:
    """Goes to one of the scenes."""
    scenes = list(editor.document.whole.scenes)
    if scenes:
        editor.dialogs.ask_choice("Go to a scene", scenes, lambda scene: recall(editor, scene))
    else:
        editor.say("there is no scene yet: keep one first", wrong=True)


def ask_forget_scene(editor: Editor) -> None:
    scenes = list(editor.document.whole.scenes)
    if scenes:
        editor.dialogs.ask_choice("Forget a scene", scenes, lambda scene: forget_scene(editor, scene))
    else:
        editor.say("there is no scene yet", wrong=True)


def keep_scene(editor: Editor, scene: str) -> None:
    from runtime.scenes import scene_of

    whole = editor.document.whole
    kept = {**dict(whole.scenes.get(scene, {})), **scene_of(whole, editor.registry)}
    editor.edit_whole(f"keep scene {scene}", replace(whole, scenes={**whole.scenes, scene: kept}))


def forget_scene(editor: Editor, scene: str) -> None:
    whole = editor.document.whole
    kept = {name: one for name, one in whole.scenes.items() if name != scene}
    editor.edit_whole(f"forget scene {scene}", replace(whole, scenes=kept))


def ask_scene(editor: Editor) -> None:
    editor.dialogs.ask_text(
        "Scene",
        "A name for how all params and models stand now",
        "",
        lambda name: keep_scene(editor, name.strip()) if name.strip() else None,
    )
