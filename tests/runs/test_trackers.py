"""What a run tells others: Weights & Biases as a stand-in, and trackers that fail."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import runs
import tiny


class Standin(ModuleType):
    """The part of wandb that is used, without a key unless it is given one."""

    def __init__(self, key: bool = False, fails_at: int = 10**9):
        super().__init__("wandb")
        self.key, self.fails_at = key, fails_at
        self.inits: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.ends = 0
        self.Settings, self.Image = SimpleNamespace, Path

    def login(self, prompt: bool, verify: bool) -> bool:
        assert not prompt
        return self.key

    def init(self, **options: Any) -> Any:
        self.inits.append(options)
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        assert (name, step_metric) == ("*", "step")

    def log(self, row: dict[str, Any]) -> None:
        if len(self.rows) == self.fails_at:
            raise ConnectionError("the server is gone")
        self.rows.append(row)

    def finish(self) -> None:
        self.ends += 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The recipe's file, and a run of it that came to its end without a tracker."""
    return tiny.copy(tmp_path_factory, tmp_path_factory.mktemp("finished"))


def test_weights_and_biases(
    finished: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Offline without a key; one of its runs for two of our starts; and the server's end is not the run's."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    recipe, whole = finished
    run = tmp_path / "run"
    wandb = Standin()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    assert tiny.train(recipe, run, "--log.wandb", "digits", "--kimg", str(35 * 16 / 1000)) == 0
    assert (
        f"W&B has no API key, so it logs offline: send it by `wandb sync {run}/wandb/"
        in capsys.readouterr().err
    )
    rows = [row for row in wandb.rows if "critic/loss" in row]
    assert [row["step"] for row in rows] == [7, 14, 21, 28, 35]
    assert [row["images"] for row in rows] == [16 * row["step"] for row in rows]
    assert [(row["step"], row["samples"]) for row in wandb.rows if "samples" in row] == [
        (int(path.stem) // 16, path) for path in runs.pictures(run)
    ]
    (run / "samples" / "0000000560.png").unlink()

    broken = Standin(key=True, fails_at=2)
    monkeypatch.setitem(sys.modules, "wandb", broken)
    assert tiny.train(recipe, run, "--log.wandb", "elsewhere") == 0
    said = capsys.readouterr().err
    assert said.count("W&B is off, and training goes on: the server is gone") == 1 and "offline" not in said
    (first,), (second,) = wandb.inits, broken.inits
    assert first["id"] == second["id"] and (first["mode"], second["mode"]) == ("offline", None)
    assert (first["project"], second["project"], first["resume"]) == ("digits", "elsewhere", "allow")
    assert first["config"]["batch_size"] == 16 and first["dir"] == str(run)
    assert (wandb.ends, broken.ends, len(broken.rows)) == (1, 0, 2)
    runs.assert_same_run(whole, run, runs.STEPS)


def test_trackers_that_are_not_there(
    finished: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # an import of it fails
    assert tiny.train(finished[0], tmp_path / "run", "--log.wandb", "digits") == 2
    assert "log.wandb needs the package wandb" in capsys.readouterr().err and not (tmp_path / "run").exists()
