"""The page of faults says what the files say."""

from pathlib import Path

import table


def test_the_page_is_of_these_files() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
    assert page.read_text() == table.page(), "python tests/faults/table.py > docs/faults.md"
