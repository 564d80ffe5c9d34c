"""The table of docs/faults.md, from the first lines of this folder's files.

python tests/faults/table.py > docs/faults.md
"""

import ast
from pathlib import Path

HEAD = """# Faults

What has gone wrong for users of such programs, and what gaxjax does about it. Each row is a file that
plays the fault and asks for what is right; run one by itself with

    bash tests/run.sh tests/faults/test_fault_FILE.py

| fault | what is right | file |
|---|---|---|
"""


def row(path: Path) -> str:
    """A file's line, from its docstring: the fault, and what is right."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    fault, _, right = (" ".join(part.split()) for part in text.partition("Right:"))
    if not fault or not right:
        raise SystemExit(f"{path} begins with the fault in a line, then 'Right:' and what is right")
    cells = (cell.rstrip(".").replace("|", r"\|") for cell in (fault, right))
    return f"| {' | '.join(cells)} | {path.stem.removeprefix('test_fault_')} |\n"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(row(path) for path in sorted(Path(__file__).parent.glob("test_fault_*.py")))


if __name__ == "__main__":
    print(page(), end="")
