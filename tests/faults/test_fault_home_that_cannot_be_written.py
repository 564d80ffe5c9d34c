"""A user without a writable home gets a traceback, or no number.

Right: what would be kept for the next command is not kept, which one line says; the command does its work.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from gaxjax import cli
from gaxjax.data import Data, open_source
from gaxjax.parallel import cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Below a file, where not even root can write."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file/home"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    before = jax.config.jax_compilation_cache_dir
    yield tmp_path / "file/home"
    jax.config.update("jax_compilation_cache_dir", before)


def test_measured(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{i}.png")
    flags = ["--metrics", "fid", "--features", "pixels"]
    assert cli.main(["evaluate", "--images", str(tmp_path / "a"), str(tmp_path / "b"), *flags]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("FID-pixels ")
    warnings = [line for line in said.err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1 and warnings[0].startswith("warning: nothing is kept for the next command: ")
    assert os.listdir(tmp_path) and not home.exists()


def test_what_is_there_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a cache that cannot be written."""
    kept = tmp_path / "kept"
    (kept / "classifiers").mkdir(parents=True)
    (kept / "classifiers/mnist.npz").touch()
    monkeypatch.setattr(cache, "cache_folder", lambda: str(kept))
    monkeypatch.setattr(cache, "writable_folder", lambda folder: str(tmp_path / "temporary"))
    assert cache.cache_path("classifiers", "mnist.npz") == kept / "classifiers/mnist.npz"
    assert cache.cache_path("classifiers", "digits.npz") == tmp_path / "temporary/classifiers/digits.npz"


def test_built_in_data(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(home / "tensorflow_datasets"))
    monkeypatch.setattr("gaxjax.data.named.find_builder", found_in(home))
    assert len(open_source(Data("digits", (8, 8, 1)))) == 1797


def found_in(home: Path):  # type: ignore[no-untyped-def]
    """As `find`, with that home's default; tensorflow-datasets reads its own when it is imported."""
    from gaxjax.data.named import find_builder

    return lambda name, directory: find_builder(name, directory or str(home / "tensorflow_datasets"))


def test_what_would_be_lost_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does nothing but keep something."""
    assert cli.main(["classifier", "digits"]) == 2
    assert (
        "error: the classifier has nowhere to be kept: say where, with --out FILE" in capsys.readouterr().err
    )


def test_no_home_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert os.access(cache.writable_folder("~/.cache/gaxjax"), os.W_OK)
    assert "there is no home directory" in capsys.readouterr().err
