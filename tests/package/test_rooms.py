"""Rooms stand in floors: an arrow never runs back up, so that each can be read with those below it alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "gaxjax"
FLOORS = (
    {"errors"},
    {"files", "sharding"},
    {"expressions", "losses", "latents"},
    {"transforms", "penalties", "objectives"},
    {"layers"},
    {"game"},
    {"augmentations", "networks", "parallel"},
    {"adversary", "solvers"},
    {"gans", "data"},
    {"features", "recipe"},
    {"metrics", "pictures", "programs"},
    {"runs"},
    {"generators"},
    {"evaluation"},
    {"training"},
    {"bench"},
    {"tables"},
    {"cli"},
)
"""From the ground up."""


def imports(path: Path) -> Iterator[str]:
    """The rooms that a module imports from when it is imported itself."""
    body = [node for node in ast.parse(path.read_text()).body]
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module == "gaxjax":
            yield from (alias.name for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gaxjax."):
            yield str(node.module).split(".")[1]


def test_no_arrow_runs_back_up() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__", "__main__"} == set(floor)
    up = []
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        room = parts[0]
        if room.startswith("__"):
            continue
        up += [
            f"{'/'.join(parts)} -> {other}"
            for other in imports(path)
            if other != room and floor[other] >= floor[room]
        ]
    assert not up
