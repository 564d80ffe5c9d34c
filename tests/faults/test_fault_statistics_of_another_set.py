"""Cached statistics are found by files' names, sizes and times: another set with equal ones gets a wrong FID.

Right: they are found by what the files hold; how they are read, and where they lie, does not matter.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.data import Data
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.evaluation.stored import statistics_key
from gaxjax.recipe.evaluation import Evaluation

SHAPE = (8, 8, 3)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def images(folder: Path, seed: int) -> Path:
    """Files of one size and one time."""
    folder.mkdir()
    for i, image in enumerate(np.random.default_rng(seed).integers(0, 256, (6, *SHAPE), np.uint8)):
        Image.fromarray(image).save(folder / f"{i}.bmp")
        os.utime(folder / f"{i}.bmp", (0, 0))
    return folder


def test_another_set_has_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake, real, other = (images(tmp_path / name, seed) for seed, name in enumerate(("fake", "real", "other")))

    def fid() -> float:
        assert (
            cli.main(
                ["evaluate", "--images", str(fake), str(real), *["--metrics", "fid", "--features", "pixels"]]
            )
            == 0
        )
        return float(capsys.readouterr().out.split()[1])

    first = fid()
    assert fid() == first
    shutil.rmtree(real)
    other.rename(real)
    assert fid() != pytest.approx(first, rel=1e-3)


def test_what_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Data("folder", SHAPE, str(images(tmp_path / "real", 1)))
    moved = str(shutil.copytree(tmp_path / "real", tmp_path / "moved"))
    key = statistics_key(data)
    Evaluator(Evaluation("fid", features="pixels", n=6), data)
    monkeypatch.setattr(Evaluator, "gather_source", lambda *_: pytest.fail("gathered again"))
    for change in (
        {"resident": 0.0},
        {"workers": 0},
        {"memory": 9.0},
        {"strict": False},
        {"directory": moved},
    ):
        same = replace(data, **change)  # type: ignore[arg-type]
        assert statistics_key(same) == key
        Evaluator(Evaluation("fid", features="pixels", n=6), same)
    assert statistics_key(replace(data, fit="resize")) != key


def test_shards_of_a_set(tmp_path: Path) -> None:
    """A set of the same name and version, with another byte in it, is another one."""
    from gaxjax.data.digits import prepare_digits

    data = Data("digits", (8, 8, 1), str(tmp_path / "sets"))
    folder = prepare_digits(data.directory)
    key = statistics_key(data)
    (shard,) = folder.glob("digits-train*")
    content, stat = bytearray(shard.read_bytes()), shard.stat()
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    os.utime(shard, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert statistics_key(data) != key
