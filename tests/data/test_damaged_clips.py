"""Clips that cannot be used: each is named, or left out."""

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clip_files import frames, grays, open_clips, put, write

from gaxjax.errors import InputError


def damage_gif(folder: Path) -> None:
    whole = (folder / "0.gif").read_bytes()
    (folder / "cut.gif").write_bytes(whole[: len(whole) * 2 // 3])


def damage_movies(folder: Path) -> None:
    av = importlib.import_module("av")
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        sound.rate = 44_100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    whole = write(folder / "1.webm", np.random.default_rng(0).integers(0, 255, (20, 16, 16, 3), np.uint8))
    (folder / "cut.webm").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "noise.mp4").write_bytes(b"no movie at all")


def damage_frames(folder: Path) -> None:
    for clip in ("differing", "broken", "whole"):
        for number, frame in enumerate(frames(0, 4)):
            put(folder / clip / f"{number}.png", frame)
    put(folder / "differing" / "3.png", frames(0, 1, 8)[0])
    (folder / "broken" / "2.png").write_bytes(b"")


def damage_strips(folder: Path) -> None:
    put(folder / "odd.png", np.zeros((16, 70, 3), np.uint8))
    put(folder / "short.png", np.zeros((16, 48, 3), np.uint8))
    put(folder / "down.png", np.zeros((64, 16, 3), np.uint8))


@pytest.mark.parametrize(
    ("damage", "layout", "reasons"),
    [
        (damage_gif, "auto", {"cut.gif": "it was cut"}),
        (lambda folder: put(folder / "still.png", frames(0, 1)[0]), "auto", {"still.png": "a still image"}),
        (
            lambda folder: write(folder / "s.gif", frames(0, 3)),
            "flat",
            {"s.gif": "3 frames, and clips have 4"},
        ),
        (
            damage_movies,
            "auto",
            {
                "cut.webm": "it was cut: it has 0",
                "noise.mp4": "FFmpeg cannot read it",
                "sound.mp4": "it has no pictures",
            },
        ),
        (
            damage_frames,
            "frames",
            {
                "broken": "2.png: the file is empty",
                "differing": "differ in size: 0.png has 16 x 16 pixels, 3.png has 8 x 8",
            },
        ),
        (damage_strips, "strips", {"odd.png": "no strip of squares", "short.png": "3 frames, and"}),
    ],
)
def test_damage_is_named_or_left_out(
    tmp_path: Path, damage: Callable[[Path], object], layout: str, reasons: dict[str, str]
) -> None:
    """Before the first step, all of it at once, whether clips are kept or streamed."""
    if layout in ("auto", "flat"):
        write(tmp_path / "0.gif", frames(0, 4))
    damage(tmp_path)
    for memory in (2.0, 0.0):
        with pytest.raises(InputError, match=rf"{len(reasons)} of \d clips cannot be used") as refusal:
            open_clips(tmp_path, layout=layout, memory=memory)
        lines = [line.strip() for line in str(refusal.value).splitlines() if line.startswith("  ")]
        for line, (name, reason) in zip(lines, reasons.items(), strict=True):
            assert line.startswith(f"{tmp_path / name}: ") and reason in line
    with pytest.warns(UserWarning, match=f"left out {len(reasons)} of"):
        assert len(open_clips(tmp_path, layout=layout, strict=False)) >= 1


def test_damage_that_only_decoding_shows(tmp_path: Path) -> None:
    """A JPEG strip without its end: kept, it is refused at once; streamed, by `decode_all`, or replaced."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 64, 3), dtype=np.uint8)
    strip = put(tmp_path / "b.jpg", noise)
    strip.write_bytes(strip.read_bytes()[:-200])
    put(tmp_path / "a.png", np.concatenate(list(frames(0, 4)), 1))
    with pytest.raises(
        InputError, match=r"1 of 2 clips cannot be used:\n  .*b\.jpg: image file is truncated"
    ):
        open_clips(tmp_path, layout="strips")
    streamed = open_clips(tmp_path, layout="strips", memory=0)
    with pytest.raises(InputError, match=r"1 of 2 clips"):
        streamed.decode_all()
    for memory, count in ((2.0, 1), (0.0, 2)):
        with pytest.warns(UserWarning, match="left out 1 of 2 clips"):
            source = open_clips(tmp_path, layout="strips", memory=memory, strict=False)
            assert (grays(source.take(np.arange(4), seed=0)) == [[10, 15, 20, 25]] * 4).all()
        assert len(source) == count


@pytest.mark.parametrize(("name", "share"), [("a.gif", 50), ("a.mp4", 50), ("a.webm", 10), ("a.webm", 200)])
def test_damage_in_the_middle(tmp_path: Path, name: str, share: int) -> None:
    """A part of a clip is overwritten: it is named where all is decoded, and never taken for frames."""
    if name != "a.gif":
        pytest.importorskip("av")
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    moving = np.stack([np.roll(noise, 3 * number, 1) for number in range(60)])
    whole = write(tmp_path / f"whole{Path(name).suffix}", moving)
    assert len(open_clips(tmp_path, memory=0)) == open_clips(tmp_path, memory=0).decode_all() == 1
    data = bytearray(whole.read_bytes())
    middle, length = len(data) // 2, len(data) // share
    data[middle : middle + length] = random.bytes(length)
    (tmp_path / name).write_bytes(data)
    for memory in (2.0, 0.0):
        with pytest.raises(InputError, match=rf"1 of [12] clips cannot be used:\n  .*{name}: "):
            open_clips(tmp_path, memory=memory).decode_all()
    with pytest.warns(UserWarning, match="left out 1 of 2 clips"):
        assert len(open_clips(tmp_path, strict=False)) == 1
