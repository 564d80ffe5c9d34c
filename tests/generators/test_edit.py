"""What is done with latents: exact where it can be, refused where it has no meaning."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.game import call_averaged, sample
from gaxjax.generators.edits.arithmetic import Arithmetic
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.edits.interpolate import Interpolate, interpolate_path
from gaxjax.generators.edits.mix import Mix
from gaxjax.generators.edits.noise import Noise
from gaxjax.generators.model import TrainedModel
from gaxjax.metrics.path_length import lerp, slerp
from gaxjax.networks.style import mix_styles
from gaxjax.pictures.images import to_uint8
from gaxjax.transforms import truncate


@pytest.fixture
def run(style_run: Path) -> Path:
    """A StyleGAN."""
    return style_run


@pytest.fixture
def conditional(conditional_run: Path) -> Path:
    """A conditional DCGAN."""
    return conditional_run


@pytest.fixture(scope="module")
def style(style_run: Path) -> TrainedModel:
    return TrainedModel(style_run)


def by_hand(style: TrainedModel, method: str, *inputs: Any) -> Any:
    """A method of the game, with the noise that edits have."""
    return call_averaged(style.gan, style.state, jax.random.key(0), method, *inputs)


def cell(picture: Path, row: int, column: int, columns: int, side: int = 8) -> np.ndarray:
    """An image of a sheet, [side, side]."""
    with Image.open(picture) as opened:
        page = np.asarray(opened)
    scale = page.shape[1] // (columns * (side + 2) - 2)
    top, left = row * (side + 2) * scale, column * (side + 2) * scale
    return page[top : top + side * scale : scale, left : left + side * scale : scale]


def test_a_seeds_image_is_the_same_in_every_list(run: Path, style: TrainedModel, tmp_path: Path) -> None:
    alone, among = (style.generate(style.latents_of_seeds(seeds)) for seeds in ([3], [5, 3, 0, 9]))
    np.testing.assert_array_equal(alone[0], among[1])
    assert np.abs(among[0] - among[1]).max() > 1e-3
    assert cli.main(["sample", str(run), "--seeds", "0,3-4", "--out", str(tmp_path / "seeds.png")]) == 0
    np.testing.assert_array_equal(cell(tmp_path / "seeds.png", 0, 1, 2), to_uint8(alone[0])[..., 0])
    with np.load(tmp_path / "seeds.npz") as stored:
        np.testing.assert_array_equal(stored["seeds"], [0, 3, 4])
        np.testing.assert_array_equal(stored["latents"], style.latents_of_seeds([0, 3, 4]))
        w = by_hand(style, "map_latents", stored["latents"])
        np.testing.assert_allclose(stored["w"], w, atol=1e-6)
    # The latent is the game's own draw with the seed's key.
    drawn = call_averaged(style.gan, style.state, jax.random.key(3), "sample_latents", {"n": 1})
    np.testing.assert_array_equal(style.latents_of_seeds([3]), drawn)


def test_styles_are_truncated(run: Path, style: TrainedModel) -> None:
    w = style.map_latents(style.latents_of_seeds([0, 1]))
    mean = by_hand(style, "average_style")
    assert np.abs(mean).max() > 0
    for psi, cutoff in ((0.5, 2), ((1.0, 0.5, 0.0, -1.0), None)):
        expected = truncate(psi, mean, cutoff)(by_hand(style, "broadcast_styles", w))
        made = TrainedModel(run, psi, cutoff).broadcast_styles(w)
        assert list(made) == [f"layer_{i}" for i in range(4)]
        for layer, value in made.items():
            np.testing.assert_allclose(value, expected[layer], atol=1e-6)
    images = TrainedModel(run, 0.0).generate(style.latents_of_seeds([0, 1]))
    np.testing.assert_array_equal(images[0], images[1])


def test_truncated_samples(run: Path, style: TrainedModel, tmp_path: Path) -> None:
    """Without seeds, as ever, but for psi: latents and noise are those of one key for all."""
    picture = tmp_path / "grid.png"
    assert cli.main(["sample", str(run), "--n", "4", "--psi", "0.3", "--out", str(picture)]) == 0
    z = by_hand(style, "sample_latents", {"n": 4})
    styles = by_hand(style, "broadcast_styles", by_hand(style, "map_latents", z))
    pulled = truncate(0.3, by_hand(style, "average_style"))(styles)
    images = to_uint8(by_hand(style, "synthesize", pulled, z))[..., 0].astype(int)
    for i in range(4):
        assert np.abs(cell(picture, i // 2, i % 2, 2) - images[i]).max() <= 1


def test_mixing_is_synthesizing_by_hand(run: Path, style: TrainedModel, tmp_path: Path) -> None:
    said = perform_edit(run, Mix(rows="0-1", columns="2-4", layers="2-3", out=tmp_path / "mix.png"))
    assert said[0] == "layers of the columns' styles: layer_2, layer_3"
    rows, columns = style.latents_of_seeds([0, 1]), style.latents_of_seeds([2, 3, 4])
    for i, j in ((0, 0), (1, 2)):
        first, second = (
            by_hand(style, "broadcast_styles", by_hand(style, "map_latents", z[None]))
            for z in (rows[i], columns[j])
        )
        crossed = mix_styles(first, second, 2)
        made = to_uint8(by_hand(style, "synthesize", crossed, rows[[i]]))[0, ..., 0]
        there = cell(tmp_path / "mix.png", 1 + i, 1 + j, 4)
        assert np.abs(there.astype(int) - made).max() <= 1  # another program rounds otherwise
    np.testing.assert_array_equal(
        cell(tmp_path / "mix.png", 1, 0, 4), to_uint8(style.generate(rows))[0, ..., 0]
    )
    np.testing.assert_array_equal(
        cell(tmp_path / "mix.png", 0, 3, 4), to_uint8(style.generate(columns))[2, ..., 0]
    )


def test_mixing_all_layers_gives_the_column(run: Path, style: TrainedModel, tmp_path: Path) -> None:
    """This generator has 4 and 8 px alone, which are the coarse ones."""
    perform_edit(run, Mix(rows="0-1", columns="2-4", out=tmp_path / "mix.png"))
    for row in (1, 2):
        np.testing.assert_array_equal(
            cell(tmp_path / "mix.png", row, 2, 4),
            to_uint8(style.generate(style.latents_of_seeds([3])))[0, ..., 0],
        )


@pytest.mark.parametrize("space", ["z", "w"])
def test_interpolations_end_at_the_seeds(run: Path, style: TrainedModel, tmp_path: Path, space: Any) -> None:
    picture = tmp_path / "walk.png"
    perform_edit(run, Interpolate(seeds="5,1,2", space=space, frames=3, out=picture))
    images = to_uint8(style.generate(style.latents_of_seeds([5, 1, 2])))[..., 0]
    for (row, column), seed in {(0, 0): 0, (0, 3): 1, (1, 0): 1, (1, 3): 2}.items():
        np.testing.assert_array_equal(cell(picture, row, column, 4), images[seed])
    with Image.open(tmp_path / "walk.gif") as animation:
        assert animation.n_frames == 7
        assert np.array_equal(np.asarray(animation.convert("L"))[::32, ::32], images[0])
    with np.load(tmp_path / "walk.npz") as stored:
        points = stored["w" if space == "w" else "latents"]
    between = lerp if space == "w" else slerp
    expected = between(points[3:4], points[6:7], np.array([1 / 3], np.float32))[0]
    np.testing.assert_allclose(points[4], expected, rtol=1e-5, atol=1e-6)


def test_paths_are_those_that_path_length_measures() -> None:
    """Of ends of two lengths, too: half of the way around, and half of the way from 2 to 4."""
    ends = np.array([[2.0, 0.0], [0.0, 4.0], [0.0, 2.0]], np.float32)
    arcs, lines = (interpolate_path(ends, 2, between) for between in (slerp, lerp))
    middle = 3 * np.sqrt(0.5)
    np.testing.assert_allclose(arcs, [ends[0], [middle, middle], ends[1], [0, 3], ends[2]], rtol=1e-6)
    np.testing.assert_array_equal(lines, [ends[0], [1, 2], ends[1], [0, 3], ends[2]])
    np.testing.assert_array_equal(arcs[::2], ends)


def test_noise_alone(run: Path, style: TrainedModel, tmp_path: Path) -> None:
    perform_edit(run, Noise(seed=4, count=6, shown=2, out=tmp_path / "noise.png"))
    z = style.latents_of_seeds([4])
    styles = style.broadcast_styles(style.map_latents(z))
    images = [
        np.asarray(call_averaged(style.gan, style.state, jax.random.key(i), "synthesize", styles, z)[0])
        for i in range(6)
    ]
    with np.load(tmp_path / "noise.npz") as stored:
        deviation = stored["deviation"]
    np.testing.assert_allclose(deviation, 127.5 * np.std(images, axis=0)[..., 0], rtol=1e-3, atol=1e-3)
    assert deviation.max() > 0.1
    bright = np.rint(255 * deviation / deviation.max())
    assert np.abs(cell(tmp_path / "noise.png", 0, 2, 3) - bright).max() <= 1


def test_arithmetic(conditional: Path, run: Path, style: TrainedModel, tmp_path: Path) -> None:
    groups = {"plus": "0-2", "minus": "3,4", "also": "5"}
    perform_edit(conditional, Arithmetic(**groups, label=7, out=tmp_path / "z.png"))
    game = TrainedModel(conditional).with_label(7)
    z = game.latents_of_seeds([0, 1, 2, 3, 4, 5])
    answer = (z[0] + z[1] + z[2]) / 3 - (z[3] + z[4]) / 2 + z[5]
    with np.load(tmp_path / "z.npz") as stored:
        np.testing.assert_allclose(stored["answer"][0], answer, atol=1e-6)
        around = np.abs(stored["answer"][1:] - answer)
        assert 0.15 < around.max() <= 0.25 + 1e-6
        image = game.generate(stored["answer"][:1])
    np.testing.assert_array_equal(cell(tmp_path / "z.png", 3, 0, 4), to_uint8(image)[0, ..., 0])
    np.testing.assert_array_equal(cell(tmp_path / "z.png", 1, 1, 4), to_uint8(game.generate(z))[4, ..., 0])
    perform_edit(run, Arithmetic(**groups, space="w", out=tmp_path / "w.png"))
    w = style.map_latents(style.latents_of_seeds([0, 1, 2, 3, 4, 5]))
    with np.load(tmp_path / "w.npz") as stored:
        expected = (w[0] + w[1] + w[2]) / 3 - (w[3] + w[4]) / 2 + w[5]
        np.testing.assert_allclose(stored["answer"], expected[None], atol=1e-5)


def test_classes_are_asked_for(conditional: Path) -> None:
    game = TrainedModel(conditional)
    zeros, sevens = (game.with_label(label).generate(game.latents_of_seeds([0])) for label in (0, 7))
    np.testing.assert_array_equal(game.with_label(None).generate(game.latents_of_seeds([0])), zeros)
    made = call_averaged(
        game.gan, game.state, jax.random.key(0), "generate", game.latents_of_seeds([0]), np.array([7])
    )
    np.testing.assert_allclose(sevens, made, atol=1e-6)
    assert np.abs(zeros - sevens).max() > 1e-3


def test_only_the_same_command_replaces_its_files(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "deep" / "seeds.png"
    command = ["sample", str(run), "--out", str(picture), "--seeds"]
    assert cli.main([*command, "0-1"]) == 0
    files = f"seeds, latents, w: {picture.with_suffix('.npz')}\nsamples: {picture}\n"
    assert capsys.readouterr().out == files
    first = {path.name: path.read_bytes() for path in picture.parent.iterdir()}
    assert sorted(first) == ["seeds.npz", "seeds.png"]
    assert cli.main([*command, "0-1"]) == 0
    assert {path.name: path.read_bytes() for path in picture.parent.iterdir()} == first
    assert cli.main([*command, "0-2"]) == 2
    said = capsys.readouterr().err
    assert "seeds.png: there already, made by" in said and '"seeds": "0-1"' in said
    picture.with_suffix(".npz").unlink()
    assert cli.main([*command, "0-1"]) == 2
    assert "made by something else" in capsys.readouterr().err


def test_a_row_for_each_class_or_all_of_one(conditional: Path, tmp_path: Path) -> None:
    game = TrainedModel(conditional)

    def expect(labels: np.ndarray) -> np.ndarray:
        batch = {"image": np.zeros((len(labels), 8, 8, 1), np.float32), "label": labels}
        return to_uint8(sample(game.gan, game.state, batch, jax.random.key(3)))[..., 0].astype(int)

    rows, sevens = tmp_path / "rows.png", tmp_path / "sevens.png"
    assert cli.main(["sample", str(conditional), "--seed", "3", "--n", "20", "--out", str(rows)]) == 0
    images = expect(np.arange(20) // 2)
    for number in (0, 7, 19):
        assert np.abs(cell(rows, number // 2, number % 2, 2) - images[number]).max() <= 1
    command = ["sample", str(conditional), "--seed", "3", "--n", "20", "--label", "7", "--out", str(sevens)]
    assert cli.main(command) == 0
    alike = expect(np.full(20, 7))
    assert np.abs(cell(sevens, 3, 4, 5) - alike[19]).max() <= 1 and np.any(alike[0] != images[0])
    assert cli.main(["sample", str(conditional), "--out", str(rows)]) == 0
    with Image.open(rows) as picture:  # 8 columns and 10 rows of 8 pixels, with gaps of 2
        assert picture.height * (8 * 10 - 2) == picture.width * (10 * 10 - 2)
