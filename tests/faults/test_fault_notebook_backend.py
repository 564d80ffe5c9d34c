"""MPLBACKEND of a notebook: the run ends in a traceback after training, without pictures

Right: what matplotlib shows windows with is not asked for: pictures are drawn whatever MPLBACKEND says.
"""

import subprocess
import sys
from pathlib import Path

import runs

PROGRAM = """
import os, sys
from pathlib import Path
from gaxjax.pictures.images import plot_curves
plot_curves([{"images": 16 * i, "critic/loss": 1 / (1 + i)} for i in range(3)], Path(sys.argv[1]))
assert "matplotlib.pyplot" not in sys.modules
import matplotlib
print(os.environ.get("MPLBACKEND"), matplotlib.rcParams._get("backend"))
"""


def draw(path: Path, backend: str) -> str:
    """Draws curves in a process of its own; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(path)],
        cwd=runs.REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "HOME": str(path.parent), "MPLBACKEND": backend},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curves_are_drawn(tmp_path: Path) -> None:
    """The same, and the variable and a backend that matplotlib knows are left as they were."""
    backends = {"svg": "svg", "module://matplotlib_inline.backend_inline": ""}
    for number, (backend, known) in enumerate(backends.items()):
        said = draw(tmp_path / f"{number}.png", backend)
        assert said.startswith(f"{backend} {known}"), said
    first, *others = (path.read_bytes() for path in sorted(tmp_path.glob("*.png")))
    assert len(first) > 1000 and others == [first]


def test_no_module_has_global_figures() -> None:
    """pyplot keeps figures, and windows, for the whole process."""
    sources = [path for path in (runs.REPOSITORY / "gaxjax").rglob("*.py") if "pyplot" in path.read_text()]
    assert sources == []
