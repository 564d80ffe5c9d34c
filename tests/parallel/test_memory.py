"""Memory that is freed stays with the process, where glibc hands it out."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import runs

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.parallel import memory

CODE = """
import os, sys
from gaxjax.parallel.memory import keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

assert sys.argv[1] == "as it comes" or keep_freed_memory()
before = resident()
block = bytearray(b"x") * (64 << 20)
during = resident()
del block
print(during - before >> 20, resident() - before >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_a_freed_block_stays() -> None:
    for how, left in (("as it comes", range(8)), ("kept", range(63, 72))):
        said = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
        used, after = map(int, said.stdout.split())
        assert 63 <= used < 72 and after in left


def test_another_malloc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed_memory()


@pytest.mark.parametrize(
    "command", ["train", "show", "bench", "sample", "edit", "evaluate", "table toys", "classifier"]
)
def test_every_command_keeps_it_before_all_else(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop() -> None:
        raise InputError("here it would be kept")

    monkeypatch.setattr(memory, "keep_freed_memory", stop)
    recipe = str(runs.write_recipe(tmp_path))
    arguments = {
        "train": [recipe, "--workdir", str(tmp_path / "run")],
        "show": [recipe],
        "bench": [recipe],
        "edit": [str(tmp_path), "noise"],  # without a NAME it lists them, and needs no memory
    }
    others = [] if " " in command else [str(tmp_path)]
    assert cli.main([*command.split(), *arguments.get(command, others)]) == 2
    assert capsys.readouterr().err == "error: here it would be kept\n"
