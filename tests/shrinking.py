"""Every recipe of configs/, made so small that a step takes no time, and examples for it.

As a script: plays each of them on as many devices as JAX finds, from the states in a folder, and leaves what
came of it there.
"""

import dataclasses
import functools
import gc
import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import quick
from rounding import widest

from gaxjax import parallel, solvers
from gaxjax.augmentations import Augment
from gaxjax.data import Source, normalize, spec_of
from gaxjax.features.content import VGG19, InceptionMaps, Pixels
from gaxjax.files import write_bytes
from gaxjax.game import GAN, Batch, State, objective, player_params, sample
from gaxjax.latents import Joint, Latents
from gaxjax.layers.conditioning import Head
from gaxjax.programs.feed import as_loaded, stack_batches
from gaxjax.programs.program import StageProgram, abstract_batch, warm_start
from gaxjax.recipe import Recipe, Stage
from gaxjax.recipe.optimizers import Optimizer
from gaxjax.recipe.serialization import fields_of, import_file
from gaxjax.transforms import leaves_by_path

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
KEY_OF_PLAY = 1
STEPS = 2
"""after which runs are compared"""
SIZES = {
    "batch_size": 4,
    "batch_sizes": 4,
    "blocks": 1,
    "code": 4,
    "depth": 2,
    "features": 8,
    "hidden": 8,
    "image_features": 8,
    "label_features": 8,
    "latent_features": 8,
    "mapping_layers": 2,
    "minibatch_kernels": 4,
    "patch": 16,
    "pieces": 2,
    "pool": 3,
    "samples": 4,
    "size": 4,
    "sizes": 8,
    "style_size": 4,
}
"""The largest that fields of these names may be."""


class Gates(NamedTuple):
    """How much of each rule a player follows."""

    own: jax.Array
    """its recipe's"""
    plain: jax.Array
    """gradient descent's"""


class Gated(Optimizer):
    """An optimizer with gates in its state, so that one compiled step serves every test.

    At (1, 0) it moves as it would, at (0, 0) it stands still, at (0, rate) it is gradient descent.
    """

    def build(self, images_per_update: float) -> optax.GradientTransformation:
        rule = super().build(images_per_update)

        def begin(params: Any) -> Any:
            return Gates(jnp.ones(()), jnp.zeros(())), rule.init(params)

        def update(gradient: Any, state: Any, params: Any = None) -> Any:
            gates, state = state
            change, state = rule.update(gradient, state, params)
            return jax.tree.map(lambda c, g: gates.own * c - gates.plain * g, change, gradient), (
                gates,
                state,
            )

        return optax.GradientTransformation(begin, update)


def with_gates(state: State, gates: dict[str, tuple[float, float]]) -> State:
    """The state in which each player follows its gates; who is not named stands still."""
    optimizers = {
        player: (Gates(*(jnp.asarray(gate, float) for gate in gates.get(player, (0, 0)))), inner)
        for player, (_, inner) in state.optimizers.items()
    }
    return state._replace(optimizers=optimizers)


@functools.cache
def recipes() -> dict[str, Recipe]:
    """Every recipe of every file, by what the command line calls it: FILE.py:name; variants come last."""
    found = {
        f"{path.name}:{name}": value
        for path in sorted(CONFIGS.glob("*.py"))
        for name, value in vars(import_file(path)).items()
        if isinstance(value, Recipe)
    }
    return dict(sorted(found.items(), key=lambda item: is_variant(item[0])))


def is_variant(name: str) -> bool:
    """Whether a recipe is one of several in its file, and not the one that stands for it."""
    return not name.endswith(":recipe")


def shrunk(value: Any, name: str = "") -> Any:
    """A recipe, or any part of one, with small networks, small images and small batches."""
    if isinstance(value, Joint) or (name == "code" and isinstance(value, Latents)):
        return value  # a code is as large as the head that reads it off
    if isinstance(value, VGG19 | InceptionMaps):
        return Pixels()  # whatever of a frozen network a file holds cannot shrink
    if isinstance(value, Head):
        return dataclasses.replace(value, network=shrunk(value.network))
    if isinstance(value, Augment):  # each transformation, and many in a row, in test_augmentations.py
        return dataclasses.replace(value, transformations=value.transformations[:1])
    if isinstance(value, Optimizer):
        return Gated(**fields_of(value))
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **{key: shrunk(v, key) for key, v in fields_of(value).items()})
    if isinstance(value, dict):
        return {key: shrunk(inner, key) for key, inner in value.items()}
    if name == "shape":
        # Of points as it is; of clips the frames are of other fields too.
        return (*value[:-3], 8, 8, value[-1]) if len(value) > 2 else value
    if isinstance(value, tuple):
        return tuple(shrunk(inner, name) for inner in value)
    sized = name in SIZES and not isinstance(value, str)
    return min(value, SIZES[name]) if sized else value


def parts_of(described: Any) -> set[str]:
    """What a described game is made of: each class, with the words that choose between ways to differentiate.

    Not its numbers, but which terms of a game's losses have a weight; nor its objective, which is a formula
    of logits.
    """
    if isinstance(described, list):
        return set().union(*map(parts_of, described))
    if not isinstance(described, dict) or described.get("class", "").startswith("gaxjax.objectives:"):
        return set()
    words = [described.get(name) for name in ("class", "norm", "design", "modulation")]
    is_game = described.get("class", "").startswith("gaxjax.gans:")
    terms = {f"{words[0]} {name}" for name, x in described.items() if is_game and isinstance(x, float) and x}
    return {str(words), *terms}.union(*map(parts_of, described.values()))


def covering(games: dict[str, set[str]], *rooms: str) -> list[str]:
    """Few games that have every part of these rooms of the package between them, one after the other.

    Always the one with the most of what is missing.
    """
    every = set().union(*games.values())
    names, missing = [], {part for part in every if any(room in part for room in rooms)}
    while missing:
        names.append(max(games, key=lambda name: len(games[name] & missing)))
        missing -= games[names[-1]]
    return names


class Synthetic(Source):
    """Noise of a given shape and type."""

    def __init__(self, spec: dict[str, jax.ShapeDtypeStruct]):
        self.spec = spec
        self.streams = dict.fromkeys(spec, 0)

    def __len__(self) -> int:
        return 100

    def take(self, positions: np.ndarray, seed: int | None = None) -> dict[str, np.ndarray]:
        generator = np.random.default_rng([int(positions[0]), len(positions)])
        # Pixels, labels, and which of these are given.
        high = {np.dtype(np.uint8): 256, np.dtype(np.int32): 2, np.dtype(np.bool_): 2}
        batch = {
            name: generator.integers(0, high[x.dtype], (len(positions), *x.shape)).astype(x.dtype)
            if x.dtype in high
            else generator.normal(size=(len(positions), *x.shape)).astype(x.dtype)
            for name, x in self.spec.items()
        }
        if "labeled" in batch and "label" in batch:
            batch["label"] = np.where(batch["labeled"], batch["label"], -1).astype(np.int32)
        return batch


def batches(recipe: Recipe, stage: Stage, step: int) -> dict[str, np.ndarray]:
    """What the data pipeline would give for a step."""
    minibatches = solvers.minibatches_per_step(stage.updates)
    positions = step * 1000 + np.arange(minibatches * stage.batch_size)
    examples = Synthetic(dict(stage.spec(spec_of(recipe.data)))).take(positions)
    return widest(
        {name: x.reshape(minibatches, stage.batch_size, *x.shape[1:]) for name, x in examples.items()}
    )


def save(path: Path, state: State) -> None:
    """A state as one file, which is there when it is whole."""
    buffer = io.BytesIO()
    np.savez(buffer, **{"/".join(name): leaf for name, leaf in leaves_by_path(state).items()})
    write_bytes(path, buffer.getvalue())


def load(path: Path, like: State) -> State:
    """The state of a file, in the shape of another."""
    with np.load(path) as file:
        leaves = [file["/".join(name)] for name in leaves_by_path(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


class WideProgram(StageProgram):
    """A program of the widest floats from the start, so that what is traced for shapes is what plays."""

    def init(self, key: jax.Array) -> State:
        return widest(super().init(key))


def program_of(recipe: Recipe) -> StageProgram:
    """The program of a recipe's first stage, for examples as `batches` gives them."""
    floats = jax.dtypes.canonicalize_dtype(float)
    data = {
        name: jax.ShapeDtypeStruct(x.shape, floats if x.dtype == np.float32 else x.dtype)
        for name, x in spec_of(recipe.data).items()
    }
    return WideProgram(recipe, 0, data)


def trace_losses(programs: list[StageProgram]) -> None:
    """Traces every player's losses and samples, whose shapes are those of the data, but no gradient."""
    for program in programs:
        gan, state = program.stage.gan, program.first_state
        batch = {name: jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for name, x in program.batches.items()}

        def losses(state: State, batch: Batch, key: jax.Array, gan: GAN = gan) -> Any:
            seen = normalize(batch)
            return [
                objective(gan, player, state, seen, key)(player_params(gan, player, state.params))
                for player in gan.players
            ]

        jax.eval_shape(losses, state, batch, jax.random.key(0))
        # As `check_programs` asks for them: with examples of the data's size.
        examples = abstract_batch(program.data, program.stage.batch_size)
        jax.eval_shape(functools.partial(sample, gan), state, examples, jax.random.key(0))
        if program.number:
            jax.eval_shape(warm_start, state, programs[program.number - 1].first_state)


def begin(recipe: Recipe) -> State:
    """The state before the first step."""
    return quick.run(program_of(recipe).init, jax.random.key(0))


def descending(begun: State) -> State:
    """The state from which every player follows gradient descent.

    An optimizer that divides by a gradient's size, such as Adam, makes the rounding error of one near zero as
    large as any move: what is to agree but for rounding errors must not use it.
    """
    return with_gates(begun, dict.fromkeys(begun.optimizers, (0, 0.01)))


def main(target: Path, names: list[str]) -> None:
    mesh, found = parallel.make_mesh(), recipes()
    count, key = (
        parallel.put_replicated(np.int32(1), mesh),
        parallel.replicate(jax.random.key(KEY_OF_PLAY), mesh),
    )
    for name in names:
        recipe = dataclasses.replace(shrunk(found[name]), seeds=1, steps_per_call=1)
        program = program_of(recipe)
        state = parallel.replicate(descending(load(target / f"{name}.begun.npz", program.state)), mesh)
        totals = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), program.carry[1])
        carry = state, parallel.replicate(totals, mesh)
        advance = program.trainer(as_loaded)
        for step in range(STEPS):
            chosen = parallel.shard(stack_batches([batches(recipe, program.stage, step)]), mesh, calls=True)
            carry = advance(carry, parallel.CallInput({}, chosen, count), key)
        save(target / f"{name}.{mesh.size}.npz", jax.device_get(carry[0]))


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 50)  # as in conftest.py
    main(Path(sys.argv[1]), sys.argv[2:])
