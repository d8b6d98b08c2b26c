"""Who may import whom, how long a module may be, and what is never called: read from the source, nothing is run."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in ("runtime", "nodes", "graph_editor")
    for path in sorted((ROOT / package).rglob("*.py"))
}
FAMILIES = {"mapping": "mapping", "regression": "mapping"}
NODES_MAY = {"node", "spec", "artifacts", "errors", "compiled", "reblock", "corpus", "trust", "seeds"}
NODES_MAY |= {"corpus_places", "folders", "measures", "trial", "shelf"}
NODES_MAY |= {"remote.osc", "remote.midi", "remote.midi_messages", "takes.take"}
EDITOR_MAY = {"patch", "subpatch", "spec", "node", "messages", "registry", "plan", "scenes", "errors", "artifacts"}
EDITOR_MAY |= {"folders", "trust", "compiled"}
# What runs elsewhere is started by the client and its parts only.
EDITOR_MAY |= {"live", "supervisor", "worker", "sensing", "offline", "playing", "remote.bindings"}
# What was made is looked at and listened to.
EDITOR_MAY |= {"corpus", "corpus_places", "speaker", "master", "shelf"}
SLOW = {"torch", "torchaudio", "cv2", "mediapipe", "librosa", "sklearn", "rave", "soundfile", "scipy", "soxr", "sounddevice"}
SLOW |= {"matplotlib", "pytorch_lightning", "gin", "skimage", "pandas", "umap", "numba"}
# Modules that are such a library themselves: what they are made of is compiled as they are imported.
COMPILED = {"nodes.regression_compiled"}
ONLY = {
    "networkx": {"runtime.plan"},
    "rtmidi": {"runtime.remote.midi"},
    "pythonosc": {"runtime.remote.osc"},
    "sounddevice": {"runtime.device"},
}
UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
every_module = pytest.mark.parametrize("module", MODULES)


def tree(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def walk(node, inside=False):
    """Every node below, with whether it is inside a function; what only the type checker reads is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child, inside
        yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def imports(module):
    """(dotted name of the imported module, whether inside a function)."""
    for node, inside in walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((name.name, inside) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: import by the full name, not relative to the package"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield (full if full in MODULES else node.module), inside


def family(module):
    stem = module.split(".")[1].split("_")[0]
    return FAMILIES.get(stem, stem)


def calls(module, name):
    return [node for node, _ in walk(tree(module)) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def has_keyword(call, name, value):
    return any(word.arg == name and isinstance(word.value, ast.Constant) and word.value.value is value for word in call.keywords)


@every_module
def test_imports_go_only_where_they_may(module):
    package = module.split(".")[0]
    for name, _ in imports(module):
        top, _, rest = name.partition(".")
        for library, users in ONLY.items():
            assert top != library or module in users, f"only {users} may import {library}"
        assert top != "dearpygui" or package == "graph_editor"
        if package == "runtime":
            assert top not in ("nodes", "graph_editor", "dearpygui", "tests"), name
        elif package == "nodes":
            assert top not in ("graph_editor", "tests"), name
            assert top != "runtime" or rest in NODES_MAY, f"nodes may import of runtime only {sorted(NODES_MAY)}, not {name}"
            assert top != "nodes" or family(name) == family(module), f"{name} belongs to another family"
        else:
            assert top not in ("nodes", "tests"), name
            assert top != "runtime" or rest in EDITOR_MAY, (
                f"the editor may import of runtime only {sorted(EDITOR_MAY)}, not {name}"
            )


@every_module
def test_slow_libraries_are_imported_inside_functions_only(module):
    at_once = [name for name, inside in imports(module) if not inside and (name.split(".")[0] in SLOW or name in COMPILED)]
    assert not at_once or module in COMPILED


@every_module
def test_what_numba_compiles_is_imported_by_one_process_at_a_time(module):
    names = {name for name, _ in imports(module)} - {"librosa.filters"}  # of which nothing is compiled
    plainly = [name for name in names if name.split(".")[0] in ("librosa", "umap") or name in COMPILED]
    assert not plainly, f"use runtime.compiled.import_compiled for {plainly}"


def test_no_modules_import_each_other_in_a_circle():
    TopologicalSorter({module: {name for name, _ in imports(module) if name in MODULES} for module in MODULES}).prepare()


@every_module
def test_a_module_is_at_most_400_lines_long_and_says_in_its_first_line_what_it_is_for(module):
    text = MODULES[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert (ast.get_docstring(ast.parse(text)) or "")[:1].isupper()


@every_module
def test_nothing_that_is_read_from_a_file_is_ever_run(module):
    assert not [name for name, _ in imports(module) if name.split(".")[0] in UNSAFE]
    assert not calls(module, "eval") + calls(module, "exec") + calls(module, "__import__")
    assert all(has_keyword(call, "allow_pickle", False) for call in calls(module, "np.load") + calls(module, "numpy.load"))
    assert all(has_keyword(call, "weights_only", True) for call in calls(module, "torch.load"))
