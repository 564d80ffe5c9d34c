"""An encoder of a set's factors, trained on real images: what says of generated ones which factors they have.

For MIG-gen and L2-gen of Nie et al. 2020, arXiv 2003.03461. Trained once for each set and size of images;
numbers that were measured with it compare runs that used the same file of weights.
"""

import functools
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import unflatten_dict
from jax import Array

from gaxjax.data import Data, Source, normalize, open_source
from gaxjax.data.config import as_stored, with_all_labels
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.source import Batch
from gaxjax.errors import InputError
from gaxjax.features.classifier import ADAM, save_weights
from gaxjax.features.features import Features, file_digest
from gaxjax.game import evaluation_mode
from gaxjax.layers.standard import Conv, Dense, flatten
from gaxjax.losses import classification
from gaxjax.parallel import compiler
from gaxjax.parallel.cache import cache_path
from gaxjax.transforms import Tree

BATCH, STEPS, RATE = 64, 6_000, 1e-3
"""The learning rate falls to 0 along a cosine."""
HELD_OUT = 10
"""Every so many-th image is not trained on: the encoder's own error is measured on these."""
TESTED = 4_000
"""Of them, at most."""


class FactorEncoder(nn.Module):
    """Images [B, H, W, C] -> factors [B, F], or logits of as many classes."""

    factors: int
    """how many"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width = 32
        # Down to 4 pixels a side, whatever the size; where things are must not be averaged away before.
        while min(x.shape[1:3]) > 4:
            x, width = jax.nn.relu(Conv(width, 3, 2)(x)), min(2 * width, 128)
        return Dense(self.factors)(jax.nn.relu(Dense(256)(flatten(x))))


def factor_encoder(data: Data) -> Features:
    """The encoder of a set's factors at its size, from ~/.cache/gaxjax, trained if it is not there yet.

    InputError for a set without factors.
    """
    # All factors count here, also those that a run is not given.
    data = with_all_labels(as_stored(data))
    source = open_source(data)
    if FACTORS not in source.spec:
        raise InputError(
            f"{data.name} has no factors to train an encoder on: use shapes, or a folder with factors.csv"
        )
    # By what is read and not by where it lies: a set that is moved keeps its encoder.
    path = cache_path("encoders", f"{data.name}-{describe_examples(data, source, STEPS)}.npz")
    if not path.is_file():
        print(f"training an encoder of the factors of {data.name}, once", flush=True)
        train_encoder(source, path)
    params, note = load_encoder(path)
    count = source.spec[FACTORS].shape[0]
    return Features(
        f"factor-encoder-{data.name}-{data.shape[0]}px",
        {"factors": count},
        "factors",
        f"none; errs by {note['error']:.3f} on real images",
        file_digest(path)[:12],
        params,
        functools.partial(read_factors, count),
    )


def describe_examples(data: Data, source: Source, steps: int) -> str:
    """A hash of which examples these are, how they are read, and for how many steps it is trained."""
    fields = ("name", "shape", "split", "layout", "fit", "filter")
    about = {name: value for name, value in asdict(data).items() if name in fields}
    text = json.dumps([about, list(source.factor_names), source.digest(), steps])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_factors(count: int, params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """Factors [N, F] in [0, 1] of images [N, H, W, C] in [-1, 1]: {"factors": ...}."""
    factors = read_logits(count, params, images, ("factors",))["factors"]
    # Of images unlike real ones it would say anything, and one such would outweigh a thousand others.
    return dict.fromkeys(levels, jnp.clip(factors, 0, 1))


def read_logits(count: int, params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """What the network says of images [N, H, W, C] in [-1, 1], [N, count], as each of the levels."""
    # In full float32 on every machine, as all features are.
    with jax.default_matmul_precision("highest"), evaluation_mode():
        read: Any = FactorEncoder(count).apply({"params": params}, images.astype(jnp.float32))
    return dict.fromkeys(levels, read)


def train_encoder(source: Source, out: Path, seed: int = 0, steps: int = 0, target: str = FACTORS) -> Path:
    """Trains an encoder of all images but the held-out ones, and writes it to `out`; returns `out`.

    target: what is read of them: factors, or the label, as logits of the source's classes. steps: 0 for
    STEPS. The same seed makes the same file, on one machine.
    """
    from tqdm import tqdm

    steps = steps or STEPS
    shape = source.spec["image"].shape
    count = source.spec[FACTORS].shape[0] if target == FACTORS else source.classes or 0
    encoder = FactorEncoder(count)
    everything = np.arange(len(source))
    # By place among all as they are stored, and so a part of the combinations: never seen, and not far off.
    held_out = everything[HELD_OUT // 2 :: HELD_OUT]
    learn = np.setdiff1d(everything, held_out) if len(held_out) else everything
    # With replacement, as steps are few beside the images of a set.
    generator = np.random.default_rng(seed)
    params = jax.jit(encoder.init)(jax.random.key(seed), jnp.zeros((1, *shape)))["params"]
    state, rate = ADAM.init(params), optax.cosine_decay_schedule(RATE, steps)
    # Examples by their number as stored: a source's own order would go through the held-out ones too.
    for step in tqdm(range(steps), desc="encoder", mininterval=5.0, unit="step"):
        batch = source.take(generator.choice(learn, BATCH))
        params, state = train_step(encoder, target, params, state, batch, rate(step))
    tested = generator.permutation(held_out if len(held_out) else everything)[:TESTED]
    # One shape for all, so that one program does: what is over is left out.
    parts = tested[: len(tested) // BATCH * BATCH].reshape(-1, BATCH) if len(tested) >= BATCH else [tested]
    errors = [error_of(encoder, target, params, source.take(part)) for part in parts]
    return save_weights(params, {"error": float(np.mean(errors)), "steps": steps, "seed": seed}, out)


@functools.partial(compiler.jit, static_argnums=(0, 1), donate_argnums=(2, 3))
def train_step(
    encoder: FactorEncoder, target: str, params: Tree, state: Any, batch: Batch, rate: Array
) -> tuple[Tree, Any]:
    """One step of Adam on a batch {"image": uint8 [B, H, W, C], target: factors [B, F] or labels [B]}."""

    def loss(params: Tree) -> Array:
        read: Any = encoder.apply({"params": params}, normalize(batch)["image"])
        if target == FACTORS:
            return jnp.mean(jnp.sum((read - batch[target]) ** 2, axis=1))
        return classification(read, jnp.asarray(batch[target]))

    # The rate is applied here, so that one compiled step serves every rate.
    changes, state = ADAM.update(jax.grad(loss)(params), state)
    return jax.tree.map(lambda value, change: value - rate * change, params, changes), state


@functools.partial(compiler.jit, static_argnums=(0, 1))
def error_of(encoder: FactorEncoder, target: str, params: Tree, batch: Batch) -> Array:
    """The mean of |read - factors| over a batch, or the share whose label is not the likeliest."""
    images = jnp.asarray(normalize(batch)["image"])
    if target == FACTORS:
        read = read_factors(encoder.factors, params, images, (target,))[target]
        return jnp.mean(jnp.linalg.norm(read - batch[target], axis=1))
    logits = read_logits(encoder.factors, params, images, (target,))[target]
    return jnp.mean(jnp.argmax(logits, axis=1) != batch[target])


def load_encoder(path: Path) -> tuple[Tree, dict[str, Any]]:
    """Parameters, and what is known of them; InputError for a file that is damaged."""
    try:
        # No pickles: a file of weights must not run code.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        note = json.loads(str(arrays.pop("note")))
        return jax.tree.map(jnp.asarray, unflatten_dict(arrays, sep="/")), {"error": float(note["error"])}
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(f"{path} is no file of an encoder, or is damaged ({error}): remove it") from error
