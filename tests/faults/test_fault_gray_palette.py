"""Palette pictures, or one gray file first, turn a folder gray in `evaluate --images`: red equals green.

Right: all files are asked, by their headers, and images are gray only where every one is.
"""

from pathlib import Path

import folders
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.evaluation.measuring import common_shape

RED, GREEN = (255, 0, 0), (0, 130, 0)  # of one gray


@pytest.mark.parametrize("kind", ["palette", "gray first"])
def test_red_is_not_green(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("made", RED), ("real", GREEN)):
        for number in range(3):
            path = folders.save(tmp_path / name / f"{number}.png", value, side=16)
            if kind == "palette":
                Image.open(path).quantize(4).save(path)
        if kind == "gray first":
            folders.save(tmp_path / name / "0.png", value[1], side=16)
    arguments = ["evaluate", "--images", str(tmp_path / "made"), str(tmp_path / "real"), "--metrics", "psnr"]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "at 16x16x3" in said and float(said.split()[1]) < 30


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"),
    [
        ("1", "png", 1),
        ("L", "png", 1),
        ("LA", "png", 1),
        ("I;16", "png", 1),
        ("L", "jpg", 1),
        ("P", "png", 3),
        ("PA", "png", 3),
        ("P", "gif", 3),
        ("RGB", "png", 3),
        ("RGBA", "webp", 3),
        ("CMYK", "jpg", 3),
    ],
)
def test_channels_by_mode(mode: str, suffix: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / f"one.{suffix}"
    source = Image.new("RGB", (4, 6), RED)
    picture = Image.new("I;16", (4, 6)) if mode == "I;16" else source.convert(mode.replace("PA", "P"))
    if mode == "PA":
        picture.save(path, transparency=0)
    else:
        picture.save(path)
    assert common_shape([path]) == (6, 4, channels)
    gray = folders.save(tmp_path / "gray.bmp", 5, side=4)
    assert common_shape([gray, gray]) == (4, 4, 1)
