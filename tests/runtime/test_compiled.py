import fcntl
import subprocess
import sys

import pytest

from runtime.compiled import import_compiled

SLOWLY = """
import time
from pathlib import Path

def say(word):
    with open(Path(__file__).with_suffix(".log"), "a") as log:
        log.write(word + " ")

say("begins")
time.sleep(0.3)
say("ends")
"""
IMPORTS = "from runtime.compiled import import_compiled; print(flush=True); input(); import_compiled('slowly')"


def test_two_processes_import_what_is_compiled_one_after_the_other(tmp_path):
    (tmp_path / "slowly.py").write_text(SLOWLY)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.append({str(tmp_path)!r}); {IMPORTS}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        process.stdout.readline()  # both have started
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(30) for process in both] == [0, 0]
    assert (tmp_path / "slowly.log").read_text().split() == ["begins", "ends", "begins", "ends"]


def test_what_is_imported_already_waits_for_nobody():
    import numba

    with open(numba.__file__, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as another process that compiles
        assert import_compiled("fcntl") is fcntl


def test_a_module_that_is_missing_is_told_as_by_import():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        import_compiled("no_such_module")
