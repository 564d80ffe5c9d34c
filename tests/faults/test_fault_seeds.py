"""A negative seed, or one with many digits, ends in a traceback, or is taken for another one.

Right: seeds are from 0 to 2147483647, wherever one is given; others are refused in a line.
"""

from pathlib import Path

import pytest
import runs

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.expressions import parse_numbers

HUGE = "99999999999999999999"


@pytest.mark.parametrize(
    "arguments",
    [
        "evaluate RUN --metrics fid --seed -1",
        f"evaluate RUN --metrics fid --seed {HUGE}",
        f"sample RUN --seed {HUGE}",
        "sample RUN --seed 4294967297",
        "sample RUN --seed -1",
        f"edit RUN noise --seed {HUGE}",
        "edit RUN project x.png --seed -1",
        f"classifier digits --seed {HUGE}",
        f"train RECIPE --seed {HUGE} --dry-run",
        "train RECIPE --seed -1 --dry-run",
        "train RECIPE --seed 2147483647 --seeds 2 --dry-run",
        "train RECIPE --evaluation.seed -1 --dry-run",
    ],
)
def test_refused(arguments: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = runs.write_recipe(tmp_path)
    words = [{"RUN": str(tmp_path / "none"), "RECIPE": str(recipe)}.get(x, x) for x in arguments.split()]
    try:
        status = cli.main(words)
    except SystemExit as stop:  # the parser of flags, for a part of the recipe
        status = stop.code
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert status == 2 and ("is at least 0, not -1" in said or "is at most 2147483647, not " in said)


def test_lists() -> None:
    assert parse_numbers("2147483647", "--seeds") == (2147483647,)
    with pytest.raises(InputError, match="each number of --seeds is at most 2147483647"):
        parse_numbers(f"0,{HUGE}", "--seeds")
    with pytest.raises(InputError, match=r"--seeds is at most 1,000,000 numbers"):
        parse_numbers("0-2000000000", "--seeds")
