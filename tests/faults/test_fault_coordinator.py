"""A coordinator that is out of reach: five silent minutes, then an abort with a stack of C++.

Right: a line says how many are waited for and where, and after GAXJAX_TIMEOUT seconds one line ends it, with
status 2. GAXJAX_COORDINATOR=auto without a cluster is a sentence too.
"""

import re
from pathlib import Path

import pytest
import runs
from launching import job

from gaxjax import cli


def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    recipe = runs.write_recipe(tmp_path)
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "run")]) == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("index", "why"), [(0, ""), (1, r" \(process 0: Connection refused\)")])
def test_a_process_that_waits_says_so_and_gives_up(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    index: int,
    why: str,
) -> None:
    refusal(tmp_path, monkeypatch, **job(2)[index], GAXJAX_TIMEOUT="4")
    waiting = rf"waiting for 1 of 2 processes at 127\.0\.0\.1:\d+{why}"
    end = "; set GAXJAX_TIMEOUT to more seconds to wait for longer"
    errors = capsys.readouterr().err
    assert re.fullmatch(f"{waiting}\nerror: gave up after 4 s of {waiting}{end}\n", errors)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"GAXJAX_COORDINATOR": "auto"}, "GAXJAX_COORDINATOR=auto, but this is no cluster that knows"),
        ({"GAXJAX_COORDINATOR": "node1"}, "GAXJAX_COORDINATOR node1 is no host:port, such as"),
        ({"GAXJAX_TIMEOUT": "soon"}, "GAXJAX_TIMEOUT soon is no number of seconds, 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    message: str,
) -> None:
    refusal(tmp_path, monkeypatch, **(job(2)[1] | variables))
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {message}") and errors.count("\n") == 1
