"""Twenty steps of three small games over the devices that there are: a program for test_parallel.py to start.

python tests/devices.py RESULT.npz [seeds]
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gaxjax import parallel, solvers
from gaxjax.game import State, init
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.optimizers import Optimizer
from gaxjax.penalties import GradientPenalty
from gaxjax.transforms import leaves_by_path

STEPS, BATCH = 20, 16
UPDATES = {"discriminator": 2, "generator": 1}
PLAYERS = {"discriminator": Optimizer(updates=2), "generator": Optimizer()}
OPTIMIZERS = {player: optimizer.build(BATCH) for player, optimizer in PLAYERS.items()}
GAMES = {
    "batch norm": Adversarial(Generator((8, 8, 1), 4, 1), Discriminator(4, 2), Latents(4)),
    "penalty": Adversarial(
        Generator((8, 8, 1), 4, 1),
        Discriminator(4, 1),
        Latents(4),
        objective="wasserstein",
        penalties=(GradientPenalty(),),
    ),
    "parts": Adversarial(
        Generator((8, 8, 1), 4, 1, norm="layer"), Discriminator(4, 2, norm="layer"), Latents(4)
    ),
}
PARTS = {"parts": 2}
"""Game -> parts that its minibatches are taken in."""


def begin(gan: Adversarial, seed: int) -> State:
    """A first state whose parameters are drawn here, for nothing to compile."""
    example = {"image": jax.ShapeDtypeStruct((BATCH, 8, 8, 1), jnp.float32)}
    state = jax.eval_shape(lambda key: init(gan, OPTIMIZERS, key, example), jax.random.key(0))
    random = np.random.default_rng(seed)
    params = jax.tree.map(lambda x: random.normal(0, 0.2, x.shape).astype(x.dtype), state.params)
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), state)
    return zeros._replace(params=params, average={name: params[name] for name in state.average})


@functools.cache
def compiled(gan: Adversarial, mesh: Mesh, parts: int) -> Callable[..., Any]:
    step = solvers.alternating(gan, OPTIMIZERS, UPDATES, half_life=100.0, accumulate=parts)
    return parallel.pmapped(step, mesh)


def play(gan: Adversarial, mesh: Mesh, seeds: tuple[int, ...], parts: int = 1) -> dict[str, np.ndarray]:
    """Everything in the last state by its path, with one more leading axis for the seeds."""
    seeded = "seed" in mesh.axis_names
    step_on = compiled(gan, mesh, parts)

    def stack(trees: list[Any]) -> Any:
        return jax.tree.map(lambda *x: np.stack(x), *trees) if seeded else trees[0]

    state = parallel.replicate(stack([begin(gan, seed) for seed in seeds]), mesh)
    keys = parallel.replicate(stack([np.asarray(jax.random.PRNGKey(seed)) for seed in seeds]), mesh)
    random = [np.random.default_rng(seed + 100) for seed in seeds]
    share = BATCH // jax.process_count()
    mine = slice(jax.process_index() * share, (jax.process_index() + 1) * share)
    for _ in range(STEPS):
        drawn = [r.uniform(-1, 1, (3, BATCH, 8, 8, 1)).astype(np.float32)[:, mine] for r in random]
        state, _ = step_on(state, parallel.shard({"image": stack(drawn)}, mesh), keys)
    leaves = {
        "/".join(path): np.asarray(leaf) for path, leaf in leaves_by_path(jax.device_get(state)).items()
    }
    return leaves if seeded else {path: leaf[None] for path, leaf in leaves.items()}


def main(path: str, *seeds: str) -> None:
    """Writes {game: mesh: path: array}."""
    parallel.initialize()
    devices = jax.devices()
    if jax.process_count() > 1:
        meshes = {"2 processes": parallel.make_mesh()}
    else:
        meshes = {str(n): Mesh(np.array(devices[:n]), ("data",)) for n in (1, 2, 4)}
    runs = {
        (game, name): play(gan, mesh, (0,), PARTS.get(game, 1))
        for game, gan in GAMES.items()
        for name, mesh in meshes.items()
    }
    if seeds:
        gan = GAMES["batch norm"]
        runs["batch norm", "seeds"] = play(gan, parallel.make_mesh(seeds=2), (0, 1))
        runs["batch norm", "seed 1"] = play(gan, meshes["2"], (1,))
    if parallel.primary():
        flat = {f"{game}|{name}|{leaf}": x for (game, name), run in runs.items() for leaf, x in run.items()}
        np.savez(path, **flat)


if __name__ == "__main__":
    main(*sys.argv[1:])
