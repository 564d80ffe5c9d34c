"""Every command of the README and of the pages in docs/ runs, and their Python does."""

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from PIL import Image

from gaxjax import Adversary, cli, objectives, penalties
from gaxjax.bench import speed
from gaxjax.data import Data, open_source
from gaxjax.features import classifier
from gaxjax.game import PRETRAINED

REPOSITORY = Path(__file__).resolve().parents[2]
README, DOCS = REPOSITORY / "README.md", REPOSITORY / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
"""In the order in which their commands run: pages go on with README's run."""


def blocks(page: Path, language: str) -> list[str]:
    """What stands between the fences of a language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def commands(*pages: Path) -> list[str]:
    """The lines of the bash blocks, without comments, each once."""
    lines = [line for page in pages for block in blocks(page, "bash") for line in block.splitlines()]
    return list(dict.fromkeys(line.split("#")[0].strip() for line in lines))


EXTENDING, DATA, LAUNCHING = DOCS / "extending.md", DOCS / "data.md", DOCS / "launching.md"
SHORT = "--kimg 0.128 --batch-size 16 --samples 4 --log-kimg 0.064"
WRAPPED = {
    "quickstart": ("generator.network", "discriminator.network"),
    "mine.py": ("generator.network", "discriminator.network.network.network"),
}
"""Recipe -> where its networks are, if they are in others."""


def shorten(command: list[str]) -> list[str]:
    """A command that trains little of small networks, or takes few steps, and is otherwise the same."""
    # Whose numbers are looked at in test_theory.py and in those of edits.
    fewer = {
        ("table", "theory"): "--steps 50",
        ("edit", "project"): "--steps 20",
        ("edit", "directions"): "--n 300",
    }
    for words, flags in fewer.items():
        if set(words) <= set(command):
            return [*command, *flags.split()]
    if command[0] not in ("train", "bench") or {"--help", "--dry-run", "--list"} & set(command):
        return command
    networks = WRAPPED.get(command[1], ("generator", "discriminator"))
    narrow = [word for x in networks for word in (f"--gan.{x}.features", "4")]
    if command[1] == "stylegan_small":
        narrow += ["--gan.generator.mapping-layers", "2"]
    return [*command, *narrow, *(SHORT.split() if command[0] == "train" else [])]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, in which a reader tries what is said."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_first_commands_are_the_scripts() -> None:
    assert commands(README)[:2] == ["bash launch/quickstart.sh", "bash tests/run.sh"]
    assert "tests/run.sh" in (REPOSITORY / ".ci" / "run").read_text()


def test_commands(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes longer than all the rest of a benchmark; test_bench.py measures it.
    monkeypatch.setattr(speed, "matmul_rate", lambda dtype, device: 1e11)
    monkeypatch.setitem(classifier.EPOCHS, "digits", 1)  # as test_classifier.py has them
    lines = commands(*(page for page in PAGES if page != EXTENDING))
    # IMAGE is a picture of one's own: what the samples are drawn to does as well.
    # Those on data of one's own, and of a run on such, are tested elsewhere.
    own = [
        line.replace("IMAGE", "grid.png")
        for line in lines
        if "--data.directory" not in line and "translate" not in line
    ]
    split = [shlex.split(line)[1:] for line in own if line.startswith("gaxjax ")]
    verbs = {"train", "status", "sample", "edit", "show", "prepare", "table", "evaluate", "bench"}
    assert {command[0] for command in split} == verbs
    for command in map(shorten, split):
        if "--help" in command:
            with pytest.raises(SystemExit) as ended:
                cli.main(command)
            assert ended.value.code == 0
        else:
            assert cli.main(command) == 0, capsys.readouterr().err
    # In Python too, with the run that is there by now.
    (snippet,) = blocks(DOCS / "runs.md", "python")
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["images"].shape == (16, 16, 16, 1) and abs(names["images"]).max() <= 1
    assert (here / "python.png").stat().st_size > 1000 and names["recipe"].kimg == 0.128
    assert (here / "grid.png").stat().st_size > 1000
    assert (here / "runs/digits/curves.png").exists()
    edits = "mix interpolate noise project arithmetic directions nearest"
    for name in ("seeds", "threes", *edits.split()):
        assert (here / f"{name}.png").exists() and (here / f"{name}.npz").exists()


@pytest.mark.parametrize("kind", ["folder", "named"])
def test_commands_on_data_of_ones_own(here: Path, shared_data: Path, kind: str) -> None:
    """The first lines, with DIR and TFDS, on photographs of facades and on Fashion-MNIST."""
    own = [line for line in commands(DATA) if line.startswith("gaxjax train dcgan_fashion_mnist")]
    (line,) = [line for line in own if (" folder " in line) == (kind == "folder")]
    directory = shared_data / ("facades" if kind == "folder" else "tfds")
    command = line.replace("TFDS", str(directory)).replace("DIR", str(directory))
    extra = "--data.split train[:64]" if kind == "named" else "--data.split val"
    assert cli.main([*shorten(shlex.split(command)[1:]), *extra.split()]) == 0


def test_factors_of_isaac3d(here: Path) -> None:
    """The lines that name its factors: as many sizes, whose product is the number of its images."""
    (snippet,) = (block for block in blocks(DATA, "python") if "factors.npz" in block)
    exec(snippet, {})
    with np.load("factors.npz") as stored:
        assert len(stored["names"]) == len(stored["sizes"]) == 9 and np.prod(stored["sizes"]) == 737_280


def test_moving_shapes_in_one_array(here: Path) -> None:
    """The lines that write them as files: three strips of two motions, which are then read as clips."""
    files = []
    for gray in (10, 20, 30):
        stored = io.BytesIO()
        Image.new("RGB", (32 * 64, 64), (gray, gray, gray)).save(stored, "png")
        files.append(stored.getvalue())
    data = np.frombuffer(b"".join(files), np.uint8)
    offsets = np.cumsum([0, *map(len, files)])
    np.savez("shapes.npz", bytes=data, offsets=offsets, action=np.array([1, 0, 1], np.uint8))
    (snippet,) = (block for block in blocks(DATA, "python") if "shapes.npz" in block)
    exec(snippet, {})
    source = open_source(Data("folder", (16, 64, 64, 3), "shapes", layout="strips", stride=2))
    clips = source.take(np.arange(3))
    assert clips["video"][:, 5, 32, 32, 0].tolist() == [20, 10, 30]
    assert clips["label"].tolist() == [0, 1, 1]


def test_recipe_of_ones_own(here: Path) -> None:
    (here / "mine.py").write_text(blocks(EXTENDING, "python")[0])
    for line in commands(EXTENDING):  # the second one finds the game's class again
        assert cli.main(shorten(shlex.split(line)[1:])) == 0
    assert (here / "mine.png").exists()


def test_loop_of_ones_own() -> None:
    """README's losses have gradients in the mover's parameters, and R1 is among them."""
    (snippet,) = blocks(README, "python")
    names: dict[str, Any] = {}
    exec(snippet, names)
    G, D = (names[name].clone(features=2) for name in "GD")
    names |= {"G": G, "D": D}
    key, z, real = jax.random.key(0), jnp.ones((3, 5)), jnp.zeros((3, 16, 16, 1))
    g, d = G.init(key, z), D.init(key, real)

    def slopes(d: Any, g: Any) -> Any:
        arguments = (real, z, key, 0)
        return jax.grad(names["d_loss"])(d, g, *arguments), jax.grad(names["g_loss"])(g, d, *arguments)

    for slope in map(jax.tree.leaves, quick.run(slopes, d, g)):
        assert all(np.isfinite(x).all() for x in slope) and any(np.any(x != 0) for x in slope)
    assert isinstance(names["adversary"].penalties[0], penalties.R1)


def test_parts_of_ones_own(here: Path) -> None:
    """Extending's objective, penalty, networks and solver, on points and by hand."""
    names: dict[str, Any] = {}
    for block in blocks(EXTENDING, "python")[1:]:
        exec(block, names)
    points = jnp.array([[0.0, 1.0], [2.0, 3.0]])

    def critic(x: jax.Array) -> jax.Array:
        return x[:, 0]

    adversary: Adversary = names["adversary"]
    assert isinstance(adversary.objective, objectives.Objective)
    loss, logs, _ = adversary.discriminator_loss(critic, points, points + 1, 0, key=jax.random.key(0))
    by_hand = np.mean(np.log(np.cosh([-1.0, 1.0]))) + np.mean(np.log(np.cosh([1.0, 3.0])))
    np.testing.assert_allclose(logs["fakedrift"], 0.01 * 5, rtol=1e-6)
    np.testing.assert_allclose(loss, by_hand + 0.05, rtol=1e-5)
    network = names["Points"](4)
    outputs = network.apply(network.init(jax.random.key(0), points), points)
    assert {name: x.shape for name, x in outputs.items()} == {"logits": (2,), "features": (2, 4)}
    np.save("kernel.npy", np.float32([[1], [2]]))
    features, variables = names["Features"]("kernel.npy").init_with_output(jax.random.key(0), points)
    np.testing.assert_allclose(features, np.tanh([[2.0], [8.0]]), rtol=1e-6)
    assert set(variables) == {PRETRAINED}
    transformed, params = names["network"], names["params"]
    assert max(jnp.abs(x).max() for x in jax.tree.leaves(params)) <= np.float32(0.1)
    plain = names["Points"]().apply({"params": transformed.weights(params, 0)}, jnp.ones((3, 2)))
    np.testing.assert_allclose(names["logits"], plain["logits"], rtol=1e-5)
    gan = games.Bilinear()
    step = names["Together"](rate=0.1)(gan, games.sgd(gan, 1.0), dict.fromkeys(gan.players, 1))
    state, _ = step(games.begin(gan), {"image": jnp.ones((1, 1))}, jax.random.key(0))
    assert (state.step, state.images) == (1, 1)
    moved = [state.params[name]["value"] for name in "xy"]
    np.testing.assert_allclose(moved, [3 - 0.1 * 4, 4 + 0.1 * 3], rtol=1e-6)


def test_launching() -> None:
    """The launchers' commands, of the page and of their own README, without a cloud or a cluster."""
    begins = {"local": "GAXJAX_COORDINATOR", "tpu_pod": "(# the request is|gcloud)", "gke": "(kubectl|git)"}
    begins |= {"slurm": "srun"}
    for line in commands(LAUNCHING, REPOSITORY / "launch" / "README.md"):
        words = shlex.split(line)
        if "--dry-run" not in words:  # after the script, and its verb or its number of processes
            words.insert(3, "--dry-run")
        ended = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert re.match(begins[Path(words[1]).stem], ended.stdout)


@pytest.mark.slow
def test_two_processes(here: Path) -> None:
    two = next(line for line in commands(LAUNCHING) if "local.sh" in line)
    words = two.replace("launch/", f"{REPOSITORY}/launch/").split()
    command = [*words[:4], *shorten(words[4:])]
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(here)}
    subprocess.run(command, cwd=here, env=path, check=True, timeout=300)
    assert len((here / "runs/two/metrics.jsonl").read_text().splitlines()) == 2


def test_recipes_are_all_listed() -> None:
    for path in (REPOSITORY / "configs").glob("*.py"):
        assert f"`{path.stem}`" in README.read_text()


def test_pages_are_all_listed() -> None:
    for page in PAGES[1:]:
        if page.stem != "index":
            assert f"(docs/{page.name})" in README.read_text()
            assert f"({page.name})" in (DOCS / "index.md").read_text()
            assert f": {page.name}\n" in (REPOSITORY / "mkdocs.yml").read_text()
