"""`train()` from a thread, as in a notebook or a server, ends in a traceback about signals.

Right: it trains; Ctrl-C and SIGTERM stay with the thread that has them.
"""

import signal
import threading
from pathlib import Path

import runs

from gaxjax.recipe.serialization import load_recipe
from gaxjax.training.train import train


def test_trains(tmp_path: Path) -> None:
    recipe, file = load_recipe(f"{runs.write_recipe(tmp_path)}:short")
    before, pictures = signal.getsignal(signal.SIGINT), list[Path | None]()
    thread = threading.Thread(target=lambda: pictures.append(train(recipe, tmp_path / "run", file)))
    thread.start()
    thread.join()
    assert pictures == [tmp_path / "run/samples/0000000160.png"] and runs.steps(tmp_path / "run") == [5, 10]
    assert signal.getsignal(signal.SIGINT) is before
