"""Translated images: names, sizes, domains and pages, and what is refused."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import copying
import flax.linen as nn
import jax
import numpy as np
import pytest
import runs
from jax import Array
from PIL import Image

from gaxjax import cli
from gaxjax.data.images import fit_pixels
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch
from gaxjax.generators import domains
from gaxjax.generators.domains import parse_attributes
from gaxjax.generators.translator import Translator, choose_direction
from gaxjax.runs import examples
from gaxjax.runs import open as open_run
from gaxjax.runs.opening import Run


class Domains(GAN):
    """To the brightness that a label says, with noise."""

    copier: nn.Module
    """tells the size"""

    averaged: ClassVar = ("copier",)
    directions: ClassVar = {"image": "image"}

    def translate(self, batch: Batch, source: str = "image") -> Array:
        image = self.copier(batch[source])
        noise = 0.2 * jax.random.normal(self.make_rng(PLAY), image.shape)
        return 0 * image - 0.5 + batch["label"][:, None, None, None] / 2 + noise


def save(path: Path, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Pixels of noise, which are written as an image."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the game, and images."""
    home = tmp_path_factory.mktemp("home")
    recipe = runs.write_recipe(home, Path(copying.__file__).read_text())
    save(home / "pairs" / "train" / "1.png", 8, 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert cli.main(["train", str(recipe), "--workdir", "runs/pairs"]) == 0
    save(home / "photos" / "whole.png", 12, 8, 1)
    save(home / "photos" / "deep" / "odd #1.png", 9, 7, 2)
    save(home / "photos" / "tiny.png", 1, 3, 3)
    for name in ("whole.jpg", "deep/odd #1.png", "tiny.png"):
        save(home / "targets" / name, 6, 6)
    (home / "bad").mkdir()
    (home / "bad" / "empty.png").write_bytes(b"")
    save(home / "bad" / "good.png", 8, 8)
    for suffix in ("jpg", "png"):
        save(home / "mixed" / f"whole.{suffix}", 8, 8)
    save(home / "twice" / "whole.png", 8, 8)
    save(home / "there" / "whole.png", 8, 8)
    return home


def translate(home: Path, words: str, patch: pytest.MonkeyPatch) -> int:
    patch.chdir(home)
    return cli.main(["translate", *shlex.split(words)])


def links(page: Path) -> list[str]:
    """Every link of the page, each of which has a file."""
    text = page.read_text()
    found = [unquote(link) for link in re.findall(r'src="([^"]*)"', text)]
    assert found == [unquote(link) for link in re.findall(r'href="([^"]*)"', text)]
    assert all((page.parent / link).is_file() for link in found)
    assert "<script" not in text and "http" not in text
    return found


def test_images_keep_their_names_and_sizes(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = home / "translated"
    command = "runs/pairs photos --out translated --direction b-to-a --targets targets"
    assert translate(home, command, monkeypatch) == 0
    names = ["deep/odd #1.png", "tiny.png", "whole.png"]
    # Padded to multiples of 4 and cropped back, or as they are: a network that copies gives the input back.
    for name in names:
        np.testing.assert_array_equal(read(out / "outputs" / name), read(home / "photos" / name))
        np.testing.assert_array_equal(read(out / "inputs" / name), read(home / "photos" / name))
        assert read(out / "targets" / name).shape == (6, 6, 3)
    assert links(out / "index.html") == [
        f"{folder}/{name}" for name in names for folder in ("inputs", "outputs", "targets")
    ]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "3 images, b to a, as learned at 8x8",
        "2 of them padded by reflection to multiples of 4, and cropped back",
        "3 targets are of another size than their outputs, such as that of deep/odd #1, 6x6 beside 7x9: "
        "--resize brings both to one",
        "translated/index.html",
    ]
    assert "7x9; padded to 8x12 by reflection" in (out / "index.html").read_text()
    assert json.loads((out / "command.json").read_text())["direction"] == "b-to-a"
    # The same command replaces its files, and no other does.
    (out / "outputs" / "whole.png").unlink()
    assert translate(home, command, monkeypatch) == 0 and (out / "outputs" / "whole.png").exists()
    assert translate(home, command.replace("b-to-a", "a-to-b"), monkeypatch) == 2
    assert "only the same command replaces its files" in capsys.readouterr().err


def open_as(patch: pytest.MonkeyPatch, change: Callable[[Any], GAN]) -> None:
    """Lets runs be opened with another game of the same parameter."""

    image = jax.ShapeDtypeStruct((8, 8, 3), np.uint8)

    def open_changed(run: Path, best: bool = False) -> Run:
        found = open_run(run, best, {"a": image, "b": image})
        return found._replace(gan=change(found.gan))

    patch.setattr("gaxjax.runs.open_first_seed", open_changed)


@pytest.fixture
def of_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the run be one of labels: dark and light."""
    spec = {"image": jax.ShapeDtypeStruct((8, 8, 3), np.uint8), "label": jax.ShapeDtypeStruct((), np.int32)}
    open_as(monkeypatch, lambda gan: Domains(gan.copier.clone()))
    monkeypatch.setattr(examples, "read_shapes", lambda run, recipe: (spec, 2))
    monkeypatch.setattr(domains, "read_inventory", lambda run: {"names": ["dark", "light"], "classes": 2})


def test_networks_that_enlarge_and_networks_of_one_size(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_as(monkeypatch, lambda gan: gan.clone(copier=gan.copier.clone(times=2)))
    assert translate(home, "runs/pairs 'photos/deep/odd #1.png' --out enlarged", monkeypatch) == 0
    pixels = read(home / "photos" / "deep" / "odd #1.png")
    np.testing.assert_array_equal(
        read(home / "enlarged" / "outputs" / "odd #1.png"), pixels.repeat(2, 0).repeat(2, 1)
    )
    open_as(monkeypatch, lambda gan: gan.clone(copier=gan.copier.clone(shape=(8, 8, 3))))
    assert translate(home, "runs/pairs photos --out resized", monkeypatch) == 0
    assert read(home / "resized" / "outputs" / "deep" / "odd #1.png").shape == (8, 8, 3)
    assert "3 of them resized to 8x8, which is all that the networks take" in capsys.readouterr().out


def test_images_at_the_size_that_was_learned(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert translate(home, "runs/pairs photos --resize --targets targets --out small", monkeypatch) == 0
    said = capsys.readouterr().out
    assert "3 of them resized to 8x8\n" in said and "targets" not in said
    with Image.open(home / "photos" / "whole.png") as picture:  # 12 high, of which the middle is kept
        expected = fit_pixels(picture, (8, 8, 3), "crop", "lanczos")
    for folder in ("inputs", "outputs"):
        np.testing.assert_array_equal(read(home / "small" / folder / "whole.png"), expected)
    assert read(home / "small" / "targets" / "whole.png").shape == (8, 8, 3)


def test_halves(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(home)
    assert cli.main(["train", "tiny.py", "--dry-run", "--data.swap"]) == 0
    assert "pairs    a is the right half of each image, b the left, in pairs\n" in capsys.readouterr().out
    pixels = read(home / "pairs" / "train" / "1.png")
    for direction, columns in (
        ("a-to-b", [pixels[:, :8], pixels[:, 8:]]),
        ("b-to-a", [pixels[:, 8:], pixels[:, :8]]),
    ):
        out = home / f"halves {direction}"
        words = f"runs/pairs pairs/train --halves --direction {direction} --out '{out}'"
        assert translate(home, words, monkeypatch) == 0
        for folder, expected in zip(("outputs", "targets"), columns, strict=True):
            np.testing.assert_array_equal(read(out / folder / "1.png"), expected)


@pytest.mark.usefixtures("of_domains")
def test_several_outputs_of_several_domains(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert translate(home, "runs/pairs photos/whole.png photos/tiny.png --n 2 --out all", monkeypatch) == 0
    folders = ["inputs", *(f"outputs/{name}/{number}" for name in ("dark", "light") for number in (1, 2))]
    assert links(home / "all" / "index.html") == [
        f"{f}/{name}.png" for name in ("whole", "tiny") for f in folders
    ]
    _, dark, other, light, _ = (read(home / "all" / folder / "whole.png").astype(int) for folder in folders)
    assert dark.mean() < 80 and light.mean() > 110
    assert (dark != other).mean() > 0.9
    # By name or number; what is drawn depends on no other output.
    for name in ("light", "1"):
        words = f"runs/pairs photos/whole.png --domain {name} --out only_{name}"
        assert translate(home, words, monkeypatch) == 0
        np.testing.assert_array_equal(read(home / f"only_{name}/outputs/light/whole.png"), light)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("runs/nothing photos", "runs/nothing"),
        (
            "runs/pairs photos --direction a-to-c",
            "--direction a-to-c: Pairs translates a-to-b, b-to-a alone",
        ),
        ("runs/pairs photos --domain dark", "Pairs is told no labels"),
        ("runs/pairs photos --n 3", "Pairs draws nothing at random"),
        ("runs/pairs photos --n 0", "at least 1"),
        ("runs/pairs photos/none.png", "photos/none.png does not exist"),
        ("runs/pairs bad", "1 of 2 images cannot be used:\n  bad/empty.png: the file is empty"),
        ("runs/pairs photos twice", "photos/whole.png and twice/whole.png have one name, whole"),
        (
            "runs/pairs twice bad/good.png --targets photos",
            "bad/good.png: it has no target, an image of this name",
        ),
        ("runs/pairs photos/deep --halves", "odd #1.png: its width, 7, is odd"),
        ("runs/pairs photos/whole.png --targets mixed", "mixed/whole.jpg and mixed/whole.png have one name"),
        ("runs/pairs photos --targets none", "--targets none is not a folder"),
        ("runs/pairs photos --targets targets --halves", "leave --targets out"),
        ("runs/pairs photos --out there", "there has files already, made by something else"),
        ("runs/pairs photos --out photos/tiny.png", "is a file; name a folder"),
    ],
)
def test_refusals(
    words: str, message: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = words if "--out" in words else f"{words} --out refused"
    assert translate(home, words, monkeypatch) == 2
    assert message in capsys.readouterr().err
    assert not (home / "refused").exists()


@pytest.mark.usefixtures("of_domains")
def test_refusals_of_domains(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, message in (
        ("--direction a-to-b", "Domains translates image-to-image alone"),
        ("--domain gray", "--domain gray: the run's domains are dark, light, or 0 to 1"),
        ("--domain light --domain 1", "--domain names each domain once; got light, 1"),
        ("--halves", "--halves is of pairs a and b, and Domains translates single images"),
    ):
        assert translate(home, f"runs/pairs pairs --out refused {words}", monkeypatch) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(InputError, match="GAN translates no images"):
        choose_direction(GAN(), "")


def test_attributes_of_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["Blond_Hair", "Male", "tone=1", "tone=2"]
    monkeypatch.setattr(domains, "read_inventory", lambda run: {"attributes": dict.fromkeys(names, 1)})
    spec = {"attributes": jax.ShapeDtypeStruct((4,), np.float32)}
    chosen = domains.choose_domains(GAN(), Path(), spec, {"attributes"}, [])
    assert [domain.name for domain in chosen] == names
    np.testing.assert_array_equal([domain.batch["attributes"][0] for domain in chosen], np.eye(4))
    for text in ("Bald", "Male=2", "tone"):
        with pytest.raises(InputError, match=f"'{text}' is not NAME=0 or NAME=1 with a NAME of Blond_Hair, "):
            parse_attributes(text, names, [4])
    assert parse_attributes("tone=2", names, [2, 2]).tolist() == [-1, -1, 0, 1]
    assert parse_attributes("Blond_Hair=1,Male=0", names, [4]).tolist() == [1, 0, 0, 0]


@pytest.mark.usefixtures("of_domains")
def test_a_translation_depends_on_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    translator = Translator("runs/pairs", domains=["light"])
    pixels = np.zeros((8, 8, 3), np.uint8)
    (domain,) = translator.domains
    first = translator(pixels, domain, seed=5, number=3)
    translator(pixels + 1, domain, seed=5, number=4)
    np.testing.assert_array_equal(translator(pixels, domain, seed=5, number=3), first)
    assert (translator(pixels, domain, seed=6, number=3) != first).any()
