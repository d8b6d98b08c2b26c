"""Jobs that are sent to another machine: what goes into the bundle, how it runs there, and how its result comes home."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from runtime import excerpts
from runtime.artifacts import RECORD, Artifact, Assets, fingerprint, read_record
from runtime.bundle import NOTE, Note, pack, read_note, unpack
from runtime.corpus import Corpus
from runtime.errors import BundleError
from runtime.jobs import LOG
from runtime.messages import JobEvent
from runtime.offline import Runner
from runtime.patch import SETTINGS
from runtime.plan import Plan, Step
from runtime.records import difference, goes_on_from, is_made, out_of_date, record_of
from runtime.registry import Registry
from runtime.spec import PathParam, PortType

WORK = ".work"
"""What is put behind a bundle's name for the folder in which its job works."""


def export_job(path: Path, plan: Plan, assets: Assets, node: str, out: Path, tell: Callable[[str], None]) -> Note:
    """Writes the job of `node` with all that it needs to `out`. What an earlier try has left goes along, so that it goes on
    there. `tell` hears what is written just now.

    Raises BundleError where the job cannot be sent, in words, NodeError for a recording that is not there, OSError."""
    step = plan.steps[node]
    for param in step.spec.params:
        if isinstance(param, PathParam) and param.what == "folder" and step.params[param.name]:
            raise BundleError(
                f"{node} reads the whole folder {step.params[param.name]}, which is not put into bundles; run it here"
            )
    late = out_of_date(plan.behind(node), assets)
    for port, sources in step.inputs.items():
        for source in {name for name, _ in sources} & set(late):
            raise BundleError(f"{port} comes from {source}, which {late[source]}; call: glasspatch run {path} --only {source}")
    artifacts = _artifacts(step, assets)
    record = record_of(step, plan.settings["seed"], artifacts, assets)
    if is_made(step, record["key"], assets):
        raise BundleError(f"{node} is made already, from just what the patch says now; there is nothing to send")
    begun = goes_on_from(step.spec, read_record(assets.working(node)), record)
    made = goes_on_from(step.spec, read_record(assets.node(node)), record)
    note = Note(uuid.uuid4().hex, 0, path.stem, plan.settings["seed"], step.seed, record, "begun" if begun else "new")

    def files() -> Iterator[tuple[str, Path]]:
        found = [assets.patch_folder / name for name in _named(step)]
        found += [assets.node(one["node"]) / RECORD for source in _sources(step) for one in assets.lineage(source)]
        for artifact in artifacts.values():
            found += _files(artifact.path) if artifact is not None else []
        found += _files(assets.working(node), (*step.cls.scratch, LOG)) if begun else []
        found += _files(assets.node(node), (LOG,)) if made else []
        for file in sorted(set(found)):
            yield file.relative_to(assets.patch_folder).as_posix(), file
        yield from _sound(artifacts, assets, tell)

    pack(out, note, files())
    return note


def _sound(artifacts: Mapping[str, Artifact | None], assets: Assets, tell: Callable[[str], None]) -> Iterator[tuple[str, Path]]:
    """The recordings of all corpora, each once, with the slices of all of them."""
    found: dict[str, Corpus] = {}
    for artifact in artifacts.values():
        if artifact is not None and artifact.type is PortType.CORPUS:
            corpus = Corpus.read(artifact.path, assets.patch_folder)
            for number in excerpts.used(corpus):
                one = replace(
                    corpus,
                    recordings=(corpus.recordings[number],),
                    slices=tuple(replace(piece, recording=0) for piece in corpus.slices if piece.recording == number),
                )
                name = one.recordings[0].path
                found[name] = replace(one, slices=(*found[name].slices, *one.slices)) if name in found else one
    with tempfile.TemporaryDirectory(prefix="glasspatch-") as folder:
        copy = Path(folder) / "copy"
        for count, (name, corpus) in enumerate(sorted(found.items())):
            tell(f"sound {count + 1} of {len(found)}: {name}")
            excerpts.copy_slices(corpus, 0, copy)
            yield name, copy


@dataclass(frozen=True)
class Abroad(Step):
    """A step that works with other values for some params than its record tells: what it makes is the same."""

    others: Mapping[str, Any] = field(default_factory=dict)

    def values(self, folder: Path) -> dict[str, Any]:
        return {**super().values(folder), **self.others}


@dataclass(frozen=True)
class BundledJob:
    """A bundle whose job works, or has worked, in the folder `work` beside it."""

    path: Path
    work: Path
    note: Note
    step: Step
    assets: Assets

    def runner(self, listen: Callable[[JobEvent], None], given: Mapping[str, Any]) -> Runner:
        """A runner for the job, with other values for params that say how it works and not what it makes. Raises BundleError
        where the node has no such param, ParamError where it refuses the value."""
        spec, values = self.step.spec, {}
        for name, value in given.items():
            param = spec.param(name)
            if param is None or not param.incidental:
                raise BundleError(f"{spec.type} has no {name} to choose")
            values[name] = param.coerce(value)
        settings = {param.name: param.default for param in SETTINGS} | {"seed": self.note.seed}
        step = Abroad(**{one.name: getattr(self.step, one.name) for one in fields(Step)}, others=values)
        return Runner(Plan(settings, (step,), (), {}, ()), self.assets, listen)

    def keep(self) -> Note:
        """Packs what is there now into the bundle, and removes the folder. Where the result is made, the sound stays out: it
        is at home. Raises OSError; the bundle and the folder then stay as they were."""
        made = is_made(self.step, self.note.record["key"], self.assets)
        note = replace(self.note, turn=self.note.turn + 1, state="made" if made else "begun")
        pack(self.path, note, ((file.relative_to(self.work).as_posix(), file) for file in self._kept(made)))
        shutil.rmtree(self.work)
        return note

    def _kept(self, made: bool) -> Iterator[Path]:
        node, named = self.note.node, _named(self.step)
        left_out = {LOG} | (set() if made else set(self.step.cls.scratch))
        for file in _files(self.work):
            top, *below = file.relative_to(self.work).parts
            # A name with a dot is a former or a begun result of the node (`Assets`).
            others = below[:1] != [node] and not below[0].startswith(f"{node}.") if below else False
            if top != self.note.assets:
                kept = top != NOTE and (not made or file.relative_to(self.work).as_posix() in named)
            elif others:
                kept = below[-1] not in left_out
            else:
                kept = (below[0] == node or (not made and below[0] == f"{node}.partial")) and not left_out & set(below)
            if kept:
                yield file


def open_bundle(path: Path, registry: Registry) -> BundledJob:
    """Unpacks a bundle into the folder beside it, unless that is there already: then a run was broken off, and goes on there.

    Raises BundleError in words, OSError."""
    note = read_note(path)
    work = path.with_name(path.name + WORK).absolute()
    if work.exists():
        there = _note_in(work)
        if there.get("id") != note.id or there.get("turn") != note.turn:
            raise BundleError(f"{work.name} holds other work than {path.name}; move one of them away, then run again")
    else:
        unpack(path, work)
    record, cls = note.record, registry.get(note.record["type"])
    if cls is None or cls.spec.version != record["version"]:
        raise BundleError(
            f"{path.name} needs {record['type']} version {record['version']}, and this glasspatch has "
            f"{f'version {cls.spec.version}' if cls else 'none'}; use the same glasspatch on both machines"
        )
    params = {param.name: param.coerce(record["params"].get(param.name, param.default)) for param in cls.spec.params}
    inputs = {port.name: () for port in cls.spec.inputs}
    inputs |= {port: ((source["node"], source["output"]),) for port, source in record["inputs"].items()}
    step = Step(note.node, cls, params, inputs, seed=note.own_seed)
    assets = Assets(work / f"{note.stem}.json")
    if _other(step, note, assets):
        raise BundleError(f"the job in {path.name} is not one that glasspatch has exported; export it again")
    return BundledJob(path, work, note, step, assets)


@dataclass(frozen=True)
class Brought:
    """What an import has brought into a patch: the node, whether its job is made (else begun), and the model files that came."""

    node: str
    is_made: bool
    models: tuple[Path, ...]


def import_bundle(path: Path, plan: Plan, assets: Assets) -> Brought:
    """Puts what was made of a bundle into the patch from which it was exported, so that `run` skips the job as made, or goes on
    with it. What it replaces is kept as `Assets` does. Call it while the patch is locked.

    Raises BundleError where nothing has been made of it yet or where it does not belong to the patch, in words, OSError."""
    note = read_note(path)
    if note.state == "new":
        raise BundleError(f"nothing has been made of {path.name} yet; run it first: glasspatch job run {path.name}")
    step, record = _home(note, plan, assets)
    node, made = step.node, note.state == "made"
    if is_made(step, note.record["key"], assets) and not made:
        raise BundleError(f"{node} is made here already, and {path.name} has only begun it; nothing was changed")
    place = f"{note.assets}/{note.node}{'' if made else '.partial'}"
    assets.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=assets.folder) as beside:
        unpack(path, Path(beside) / "found", f"{place}/")
        folder = Path(beside) / "found" / place
        told = read_record(folder)
        if not _same(told, note.record) or "versions" not in told:
            raise BundleError(f"{path.name} has lost the record of its work; nothing was changed")
        outputs = _outputs(step, told, place, folder) if made else {}
        # What was made is noted as the machine that made it tells, but with this patch's names.
        record |= {"params": told["params"], "versions": told["versions"]}
        (folder / RECORD).write_text(json.dumps(record, sort_keys=True), encoding="utf-8")
        assets.set_aside(node)
        folder.rename(assets.working(node))
    if made:
        ready = {
            port.name: (port.type, assets.working(node) / outputs[port.name])
            for port in step.spec.outputs
            if port.name in outputs
        }
        assets.finish(node, record, ready)
    return Brought(node, made, tuple(sorted((assets.node(node) if made else assets.working(node)).rglob("*.ts"))))


def _outputs(step: Step, told: Mapping[str, Any], place: str, folder: Path) -> dict[str, Path]:
    """Where in `folder` each output that was made lies, if it is what its record tells."""
    found = {}
    for output, made in told["outputs"].items() if isinstance(told.get("outputs"), dict) else ():
        try:
            inside = Path(made["path"]).relative_to(place)
            if ".." in inside.parts or fingerprint(folder / inside) != made["fingerprint"] or step.spec.output(output) is None:
                raise ValueError(inside)
        except (KeyError, TypeError, ValueError, OSError):
            raise BundleError(f"the {output} in the bundle is not what its record says; nothing was changed") from None
        found[output] = inside
    if not found:
        raise BundleError("the record in the bundle tells of no result; nothing was changed")
    return found


def _home(note: Note, plan: Plan, assets: Assets) -> tuple[Step, dict[str, Any]]:
    """The job of the patch of which the bundle is, and its record; it may be called otherwise by now."""
    why = f"it has no {note.node} that can run"
    for step in sorted(plan.jobs, key=lambda step: step.node == note.node):
        if step.spec.type != note.record["type"]:
            continue
        try:
            record = record_of(step, plan.settings["seed"], _artifacts(step, assets), assets)
        except BundleError as error:
            why = str(error)
            continue
        if _same(note.record, record):
            return step, record
        # The node of that name comes last, so that it is the one that is told.
        why = f"of {step.node} there, {difference(step, _as_old(note, record), record)}"
    raise BundleError(f"the bundle does not belong to this patch: {why}; nothing was changed")


def _as_old(note: Note, record: Mapping[str, Any]) -> dict[str, Any]:
    """The bundle's record, with the names that its inputs have in the patch."""
    inputs = {
        port: now if note.record["inputs"].get(port, {}).get("fingerprint") == now["fingerprint"] else None
        for port, now in record["inputs"].items()
    }
    return {**note.record, "inputs": inputs}


def _artifacts(step: Step, assets: Assets) -> dict[str, Artifact | None]:
    found = {port: assets.artifact(*sources[0]) if sources else None for port, sources in step.inputs.items()}
    for port, sources in step.inputs.items():
        if sources and found[port] is None:
            raise BundleError(
                f"{port} of {step.node} comes from {sources[0][0]}, which has not been made yet; run the patch first"
            )
    return found


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two records are of jobs that make the same."""
    return bool(old) and old.get("key") == new.get("key")


def _sources(step: Step) -> list[str]:
    return sorted({name for sources in step.inputs.values() for name, _ in sources})


def _other(step: Step, note: Note, assets: Assets) -> bool:
    """Whether the step would make something else than the note says: then somebody has written into it."""
    return bool(record_of(step, note.seed, _artifacts(step, assets), assets)["key"] != note.record["key"])


def _named(step: Step) -> list[str]:
    """The files of the artist's that params name, relative to the patch's folder."""
    paths = (param for param in step.spec.params if isinstance(param, PathParam) and param.what != "output")
    return [step.params[param.name] for param in paths if step.params[param.name]]


def _files(path: Path, left_out: Collection[str] = ()) -> list[Path]:
    """The file, or all files of the folder but hidden ones and what is called, or lies in what is called, as `left_out` says."""
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file() and not file.is_symlink() and not file.name.startswith("."))
    return sorted(file for file in found if not set(left_out) & set(file.relative_to(path).parts))


def _note_in(work: Path) -> dict[str, Any]:
    try:
        found = json.loads((work / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
