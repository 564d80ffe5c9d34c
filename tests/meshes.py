"""Commands as a user gives them, one after the other in one process: a program for test_meshes.py to start.

python tests/meshes.py FOLDER NAME: on the devices that there are, joined with the other processes of the job;
results are in FOLDER/NAME.
"""

import contextlib
import gc
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import chex
import jax

from gaxjax import cli, parallel
from gaxjax.bench import speed as bench
from gaxjax.parallel import devices
from gaxjax.programs.feed import Feed
from gaxjax.recipe.serialization import load_recipe
from gaxjax.solvers.step import take_index
from gaxjax.training.train import prepare

RECIPES = '''"""Small games whose players follow gradient descent, which leaves rounding errors as they are.

Adam would make as large a move of a gradient that is nothing but rounding errors.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks import mlp
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import GradientPenalty
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe, Sentinel

recipe = Recipe(
    gan=Adversarial(Generator((8, 8, 1), 4, 1), Discriminator(4, 1), Latents(4)),
    optimizers={"discriminator": Optimizer("sgd", 0.01, updates=2), "generator": Optimizer("sgd", 0.01)},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=16,
    kimg=0.512,
    half_life=100,
    log_kimg=0.128,
    sample_kimg=0.256,
    checkpoint_kimg=0.256,
    samples=16,
    sentinel=Sentinel(diversity=0.001, saturation=50, rollbacks=1),
)
measured = replace(
    recipe, evaluation=Evaluation("fid", features="pixels", n=128, real=128), evaluation_kimg=0.256
)
points = Recipe(
    gan=Adversarial(mlp.Generator((2,), (8,)), mlp.Discriminator((8,)), Latents(2)),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("ring", shape=(2,)),
    batch_size=16,
    kimg=1,
)
parts = replace(  # and a penalty
    recipe,
    gan=Adversarial(
        Generator((8, 8, 1), 4, 1, norm="layer"),
        Discriminator(4, 1, norm="layer"),
        Latents(4),
        Adversary(Wasserstein(), (GradientPenalty(),)),
    ),
    accumulate=2,
)
'''
LAST = 16
"""The step at which `recipe` ends; its other checkpoint is halfway."""


def run(*arguments: str | Path) -> str:
    """What a command prints; it must succeed."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = cli.main([str(argument) for argument in arguments])
    if status:
        raise SystemExit(f"gaxjax {' '.join(map(str, arguments))}: status {status}")
    return output.getvalue()


class Numbered:
    """JAX, as `gaxjax.parallel` sees it, with devices in an order that is not that of their processes.

    A TPU slice may number them so.
    """

    def __init__(self, order: list[int]):
        self.order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(jax, name)

    def devices(self) -> list[jax.Device]:
        found = jax.devices()
        return [found[i] for i in self.order]


def main(folder: Path, name: str) -> None:
    """The commands of one mesh; in the processes of 2 x 2 also those of devices that are interleaved.

    "2x1 others": those that are hardly ever used of several processes.
    """
    recipes, here = folder / "small.py", folder / name
    mesh, *others = name.split()
    processes, local = map(int, mesh.split("x"))
    if others:
        bench_and_table(recipes, here)
        return

    def train(recipe: str, run_name: str, *flags: str) -> None:
        run("train", f"{recipes}:{recipe}", "--workdir", here / run_name, *flags)

    if name != "1x4":
        train("measured" if name in ("1x2", "2x1") else "recipe", "run")
    assert (jax.process_count(), jax.local_device_count()) == (processes, local)
    if name in ("1x1", "1x4"):  # where 2 x 2 would have been killed after its first checkpoint
        killed = Path(shutil.copytree(folder / "2x2" / "run", here / "half"))
        shutil.rmtree(killed / "checkpoints" / f"{LAST:09d}")
        train("recipe", "half")
    if name == "1x2":
        train("recipe", "seeds", "--seeds", "2")
    if name == "1x1":
        train("recipe", "seed1", "--seed", "1")
    if name in ("1x1", "1x2"):
        train("parts", "parts")
    if name == "1x2":
        pmapped_is_what_trains(recipes)
    if name == "2x1":
        train("recipe", "run")  # which is finished, and says so
    if name in ("1x1", "1x2", "2x1"):
        run("sample", here / "run", "--out", here / "sample.png")
        run(
            "evaluate",
            here / "run",
            "--metrics",
            "fid",
            "--features",
            "pixels",
            "--n",
            "128",
            "--real",
            "128",
        )
    if name == "2x2":
        devices.jax = Numbered([0, 2, 1, 3])  # type: ignore[attr-defined]
        here = folder / "interleaved"
        train("recipe", "seeds", "--seeds", "2")


def bench_and_table(recipes: Path, here: Path) -> None:
    # Which is of one device on any mesh, and takes longer than the rest; test_bench.py measures it.
    bench.matmul_rate = lambda dtype, device: 1e11
    written = run("bench", f"{recipes}:points", "--calls", "2")
    table = ("--budget", "smoke", "--seeds", "2", "--only", "ring/minimax_alternating")
    run("table", "toys", "--out", here / "table", *table)
    (here / f"bench{jax.process_index()}.md").write_text(written)


def pmapped_is_what_trains(recipes: Path) -> None:
    """The step that `parallel.pmapped` maps comes where training's program comes."""
    recipe = load_recipe(f"{recipes}:recipe")[0]
    source, (program,) = prepare(recipe)
    init_key, play_key, _ = program.seeds.keys(3)
    with contextlib.closing(Feed(program, source)) as feed:
        inputs = next(feed.calls([1]))
        carry = program.trainer(feed.assemble)(program.init_carry(init_key, None), inputs, play_key)
        trained = jax.device_get(carry[0].params)
        assemble = jax.jit(
            lambda inputs: feed.assemble(inputs.tables, take_index(inputs.per_step, 0)),
            out_shardings=parallel.batch_sharding(program.mesh),
        )
        begun, _ = program.init_carry(init_key, None)
        step = parallel.pmapped(program.step, program.mesh)
        mapped = jax.device_get(step(begun, assemble(inputs), play_key)[0].params)
    chex.assert_trees_all_close(mapped, trained, rtol=0, atol=1e-6)


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 50)  # as in conftest.py
    main(Path(sys.argv[1]), *sys.argv[2:])
