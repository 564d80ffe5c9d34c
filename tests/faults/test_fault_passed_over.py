"""Images are passed over without a word: links to folders, .tif, .gif, .jfif, folders that may not be listed.

Right: links are followed, common suffixes are read, what else is there, and not hidden, is counted and named
in one line, and a folder that may not be listed is an error.
"""

import os
from pathlib import Path
from typing import Any

import folders
import numpy as np
import pytest

from gaxjax.data import Data, open_source
from gaxjax.data.listing import SUFFIXES, list_images
from gaxjax.errors import InputError


def test_common_suffixes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, suffix in enumerate(sorted(SUFFIXES - {".apng", ".avif", ".qoi", ".jpe", ".pbm"})):
        folders.save(tmp_path / f"{number:02}{suffix.upper()}", 10 * number)
    source = open_source(Data("folder", (8, 8, 1), str(tmp_path)))
    values = source.take(np.arange(len(source)))["image"][:, 0, 0, 0].astype(int)
    np.testing.assert_allclose(values, 10 * np.arange(len(SUFFIXES) - 5), atol=2)
    assert capsys.readouterr().err == ""


def test_the_first_frame_is_read(tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.new("L", (8, 8), value) for value in (50, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    source = open_source(Data("folder", (8, 8, 1), str(tmp_path)))
    assert source.take(np.arange(1))["image"][0, 0, 0, 0] == 50


def test_links_are_followed(tmp_path: Path) -> None:
    for number in range(3):
        folders.save(tmp_path / "store" / "dog" / f"{number}.png")
        folders.save(tmp_path / "links" / "cat" / f"{number}.png")
    (tmp_path / "links" / "dog").symlink_to(tmp_path / "store" / "dog")
    (tmp_path / "links" / "bird").mkdir()
    (tmp_path / "links" / "bird" / "0.png").symlink_to(tmp_path / "store" / "dog" / "0.png")
    source = open_source(Data("folder", (8, 8, 1), str(tmp_path / "links")))
    assert (list(source.class_names), len(source)) == (["bird", "cat", "dog"], 7)


def test_a_link_to_nothing_is_an_image_that_cannot_be_used(tmp_path: Path) -> None:
    folders.save(tmp_path / "0.png")
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    for memory in (0, 1):
        with pytest.raises(InputError, match=r"1 of 2 .*\n.*1\.png: a link to a file that is not there"):
            open_source(Data("folder", (8, 8, 1), str(tmp_path), memory=memory))


def test_loops_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders.save(tmp_path / "a" / "0.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")  # no loop: the same images by another name
    listing = list_images(tmp_path)
    assert [path.as_posix() for path in listing.files] == ["a/0.png", "b/0.png"]
    assert listing.describe_others().startswith(
        f"{tmp_path}: 2 files passed over (2 link to a folder that it lies in)"
    )


def test_what_is_left_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders.save(tmp_path / "0.png")
    for name in ("a", "b.heic", "c.HEIC", "._0.png", ".DS_Store", "Thumbs.db", "__MACOSX/._0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    open_source(Data("folder", (8, 8, 1), str(tmp_path)))
    line = f"{tmp_path}: 3 files passed over (2 .heic, 1 without a suffix), such as a\n"
    assert capsys.readouterr().err == line
    (tmp_path / "0.png").unlink()
    with pytest.raises(InputError, match=r"holds no images .*, and .*: 3 files passed over"):
        open_source(Data("folder", (8, 8, 1), str(tmp_path)))


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.save(tmp_path / "a" / "0.png")
    folders.save(tmp_path / "b" / "0.png")
    listed = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "b":  # permissions do not bind the superuser, whom tests may run as
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=rf"{tmp_path / 'b'} cannot be looked into \(Permission denied\)"):
        open_source(Data("folder", (8, 8, 1), str(tmp_path)))
