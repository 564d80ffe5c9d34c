"""Codes: what they are called, turned one at a time, and given to samples."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.game import call_averaged
from gaxjax.gans.infogan import InfoGAN
from gaxjax.gans.semi_stylegan import SemiStyleGAN
from gaxjax.generators.codes import find_code, list_codes, pin_codes
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.edits.interpolate import Interpolate
from gaxjax.generators.edits.traverse import Traverse
from gaxjax.generators.model import TrainedModel
from gaxjax.latents import Joint, Latents
from gaxjax.metrics.path_length import slerp
from gaxjax.pictures.images import to_uint8
from gaxjax.runs.inventory import inventory_of

NOISE = 4
"""Variables before the code."""


@pytest.fixture(scope="module")
def model(coded_run: Path) -> TrainedModel:
    return TrainedModel(coded_run)


def game(code: Any) -> InfoGAN:
    return InfoGAN(None, None, code=code)  # type: ignore[arg-type]


def test_names_of_codes(model: TrainedModel) -> None:
    assert [code.description for code in list_codes(model.gan)] == [
        "digit (c1): classes 0 to 9",
        "c2: -1 to 1",
        "c3: -1 to 1",
    ]
    assert find_code(model.gan, "digit") == find_code(model.gan, "c1")
    nested = game(
        Joint((Latents(2, name="turn"), Joint((Latents(3, "categorical"), Latents(1, name="size")))))
    )
    assert [(code.name, code.place) for code in list_codes(nested)] == [
        ("turn.0", 0),
        ("turn.1", 1),
        ("c3", 2),
        ("size", 5),
    ]
    np.testing.assert_array_equal(find_code(nested, "size").values(3), [-2, 0, 2])
    with pytest.raises(InputError, match=r"has no code of that name; it has turn\.0"):
        find_code(nested, "turn")


def test_codes_that_are_factors_are_called_as_they_are() -> None:
    """Where labels tie them to factors; without any each is whatever the game has found."""
    networks: Any = (None, None)
    told, found = (SemiStyleGAN(*networks, code=Latents(2, "uniform"), beta=beta) for beta in (1.0, 0.0))
    names = ["size", "hue"]
    assert [code.description for code in list_codes(told, names)] == [
        "size (c1): -1 to 1",
        "hue (c2): -1 to 1",
    ]
    assert find_code(told, "hue", names) == find_code(told, "c2", names)
    assert pin_codes(told, ["hue=0.5"], names) == pin_codes(told, ["c2=0.5"])
    assert [code.name for code in list_codes(found, names)] == ["c1", "c2"]
    assert inventory_of(open_source(Data("shapes", (16, 16, 3))))["factors"][0] == "shape"


def test_traversal(coded_run: Path, model: TrainedModel, tmp_path: Path) -> None:
    """Columns change one code and rows begin with a seed; images are those of the latents."""
    picture = tmp_path / "walk.png"
    said = perform_edit(coded_run, Traverse(factors=True, seeds="3,5", steps=5, reach=2.0, out=picture))
    assert said[:2] == [
        "digit (c1): classes 0 to 9; along 10 columns 0 to 9",
        "c2: -1 to 1; along 5 columns -2 to 2",
    ]
    start = model.latents_of_seeds([3, 5])
    with np.load(tmp_path / "walk.npz") as stored:
        assert list(stored["codes"]) == ["digit", "c2", "c3"]
        latents = {name: stored[f"{name}/latents"] for name in stored["codes"]}
    assert latents["digit"].shape == (2, 10, 16) and latents["c3"].shape == (2, 5, 16)
    changing = {"digit": slice(NOISE, NOISE + 10), "c2": slice(NOISE + 10, NOISE + 11), "c3": slice(-1, None)}
    for name, places in changing.items():
        turned = latents[name][:, :, places]
        values = np.eye(10) if name == "digit" else np.linspace(-2, 2, 5)[:, None]
        np.testing.assert_array_equal(turned, np.broadcast_to(values, turned.shape))
        rest = np.delete(latents[name], np.arange(16)[places], axis=2)
        others = np.delete(start, np.arange(16)[places], axis=1)
        np.testing.assert_array_equal(rest, np.broadcast_to(others[:, None], rest.shape))
    with Image.open(picture) as opened:
        page = np.asarray(opened)
    scale = page.shape[1] // (10 * 10 - 2)
    cells = page[::scale, ::scale]
    for row, column, name, seed in ((1, 7, "digit", 1), (3, 4, "c2", 1), (4, 2, "c3", 0)):
        image = to_uint8(model.generate(latents[name][seed, column][None]))[0, ..., 0]
        np.testing.assert_array_equal(cells[row * 10 : row * 10 + 8, column * 10 : column * 10 + 8], image)
    # Where a code has five values and another ten classes, each of the five is shown twice.
    assert np.all(cells[20:28, 50:] == 255)
    with Image.open(tmp_path / "walk.gif") as animation:
        assert animation.n_frames == 10


def test_samples_with_a_code_differ_by_it_alone(coded_run: Path, model: TrainedModel, tmp_path: Path) -> None:
    drawn, pinned = (x.latents_of_seeds([2]) for x in (model, model.with_codes(["digit=7,c3=-0.5"])))
    drawn[:, NOISE : NOISE + 10], drawn[:, -1] = np.eye(10)[7], -0.5
    np.testing.assert_array_equal(pinned, drawn)
    assert pin_codes(model.gan, ()) is model.gan
    command = ["sample", str(coded_run), "--code", "digit=7", "--code", "c3=-0.5", "--n", "4"]
    assert cli.main([*command, "--out", str(tmp_path / "grid.png")]) == 0
    gan = pin_codes(model.gan, ["c1=7", "c3=-0.5"])
    latents = call_averaged(gan, model.state, jax.random.key(0), "sample_latents", {"n": 4})
    images = to_uint8(call_averaged(gan, model.state, jax.random.key(0), "generate", latents))[..., 0]
    with Image.open(tmp_path / "grid.png") as opened:
        cells = np.asarray(opened)[:: opened.height // 18, :: opened.height // 18].astype(int)
    assert np.abs(cells[10:18, :8] - images[2]).max() <= 1


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("size=1", r"no code of that name; it has digit \(c1\): classes 0 to 9; c2: -1 to 1; c3"),
        ("c1=1.5", "--code digit=1.5: its classes are 0 to 9"),
        ("c2=much", "--code c2=much: it is a number; its prior is c2: -1 to 1"),
        ("c2=1e39", "--code c2=1e39: it is a number"),
        ("c2", "--code is NAME=VALUE, such as c1=7; got 'c2'"),
        ("c1=1,digit=2", "--code digit has two values"),
    ],
)
def test_values_that_are_none_are_refused(model: TrainedModel, assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pin_codes(model.gan, [assignment])


def test_traversals_that_are_none_are_refused(model: TrainedModel) -> None:
    for options, message in (
        ({"factors": True, "code": ("c1",)}, "name codes by --code, or take all by --factors"),
        ({"code": ("c2",), "reach": 0.0}, "--reach more than 0"),
        ({"code": ("c2",), "steps": 1}, "--steps is 2 or more"),
    ):
        with pytest.raises(InputError, match=message):
            Traverse(**options).draw(model)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"Backwards\.latents does not end in its code"):
        list_codes(Backwards(None, None))  # type: ignore[arg-type]


class Backwards(InfoGAN):
    """Its code comes before its noise."""

    @property
    def latents(self) -> Joint:
        return Joint((self.code, self.noise))


def test_parts_are_interpolated_each_on_its_way(model: TrainedModel) -> None:
    """The noise is normal and goes along the sphere, the codes in a line."""
    ends = model.latents_of_seeds([1, 2])
    middle = Interpolate(seeds="1-2", frames=2).draw(model).arrays["latents"][1]
    arc = slerp(ends[:1, :NOISE], ends[1:, :NOISE], np.array([0.5], np.float32))[0]
    np.testing.assert_allclose(middle[:NOISE], arc, rtol=1e-5)
    np.testing.assert_allclose(middle[NOISE:], ends[:, NOISE:].mean(axis=0), rtol=1e-5, atol=1e-7)
