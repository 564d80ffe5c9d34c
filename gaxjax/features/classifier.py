"""A small classifier of the project's own: features and labels where a set has no published network.

Trained once, in about a minute, on MNIST, Fashion-MNIST or the built-in digits. Numbers measured with it
compare runs that used the same file of weights, and nothing else.
"""

import functools
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array

from gaxjax.data import Data, Source, normalize, open_source
from gaxjax.data.source import Batch
from gaxjax.errors import InputError
from gaxjax.features.features import Features, file_digest
from gaxjax.files import write_arrays
from gaxjax.game import DROPOUT, evaluation_mode
from gaxjax.layers.standard import Conv, Dense, Dropout, flatten
from gaxjax.parallel import compiler
from gaxjax.parallel.cache import cache_path
from gaxjax.transforms import Tree

SIDE = 28
"""Height and width of the input."""
CLASSES, WIDTH = 10, 128
BATCH = 128
RATE = 2e-3
"""The first learning rate; it falls to 0 along a cosine."""
# Without a rate, which `train_step` is given: one compiled step serves the whole schedule.
ADAM = optax.scale_by_adam()
EPOCHS = {"mnist": 5, "fashion_mnist": 8, "digits": 40}
"""The sets that there are classifiers for."""
SPLITS = {"digits": ("train[:1400]", "train[1400:]")}
"""What is trained on and what is tested on, where it is not "train" and "test"."""


class Classifier(nn.Module):
    """Images [B, 28, 28, 1] -> {"features": [B, 128], "logits": [B, 10]}."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = jax.nn.relu(Conv(32, 5, 2)(x))
        x = jax.nn.relu(Conv(64, 3, 2)(x))
        x = jax.nn.relu(Conv(64, 3, 2)(x))
        # The layer before the logits: it has to tell the classes apart, and is not yet their sum.
        x = jax.nn.relu(Dense(WIDTH)(Dropout(0.25)(flatten(x))))
        return {"features": x, "logits": Dense(CLASSES)(Dropout(0.5)(x))}


def classifier(dataset: str, weights: Path | None = None, data_directory: str = "") -> Features:
    """The classifier of a set, from a file, or from ~/.cache/gaxjax, trained if it is not there yet.

    Raises InputError for another set, for a file of another classifier, and where the set cannot be read.
    """
    check_dataset(dataset)
    path = weights or cache_path("classifiers", f"{dataset}.npz")
    if weights is None and not path.is_file():
        print(f"training a classifier of {dataset}, once", flush=True)
        train_classifier(dataset, data_directory, path)
        print(describe_weights(path), flush=True)
    params, note = load_weights(path)
    if note["dataset"] != dataset:
        raise InputError(f"{path} is a classifier of {note['dataset']}, not of {dataset}")
    levels = {"features": WIDTH, "logits": CLASSES}
    resize = f"channels averaged, bilinear to {SIDE} x {SIDE} with antialiasing"
    # Weights are a part of the name under which numbers compare: two trainings are two measures.
    return Features(
        f"classifier-{dataset}", levels, "features", resize, file_digest(path)[:12], params, apply
    )


def check_dataset(dataset: str) -> None:
    """InputError for a set that there is no classifier for."""
    if dataset not in EPOCHS:
        raise InputError(f"there is no classifier of {dataset!r}; there are those of {', '.join(EPOCHS)}")


def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """Images [N, H, W, 1 or 3] in [-1, 1] -> {"features": [N, 128], "logits": [N, 10]}, those asked for."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(f"a classifier takes images [N, H, W, C] with 1 or 3 channels, not {images.shape}")
    # Sets of one channel are what it is trained on; color is averaged, so that it can be asked about images
    # of others.
    x = jnp.mean(images.astype(jnp.float32), axis=-1, keepdims=True)
    if x.shape[1:3] != (SIDE, SIDE):
        x = jax.image.resize(x, (len(x), SIDE, SIDE, 1), "bilinear", antialias=True)
    # In full float32 on every machine, as all features are, and without dropout.
    with jax.default_matmul_precision("highest"), evaluation_mode():
        outputs: Any = Classifier().apply({"params": params}, x)
    return {level: outputs[level] for level in levels}


def train_classifier(dataset: str, directory: str, out: Path, seed: int = 0, epochs: int = 0) -> Path:
    """Trains a classifier, tests it and writes it to `out`, whole or not at all; returns `out`.

    directory: where the set is ("": the default of tensorflow-datasets). epochs: 0 for the set's own number.
    The same seed makes the same file, on one machine. Raises InputError if the set cannot be read.
    """
    from tqdm import tqdm

    check_dataset(dataset)
    epochs = epochs or EPOCHS[dataset]
    splits = SPLITS.get(dataset, ("train", "test"))
    sets = [open_source(Data(dataset, (SIDE, SIDE, 1), directory, split=split)) for split in splits]
    learn, test = sets
    # Positions go on across epochs (`Source.take`), so that the last batch of one holds the first of the
    # next.
    steps = epochs * len(learn) // BATCH
    rate = optax.cosine_decay_schedule(RATE, steps)
    key = jax.random.key(seed)
    params, state = init_classifier(key)
    interval = 0.5 if sys.stderr.isatty() else 10.0
    for step in tqdm(range(steps), desc=dataset, mininterval=interval, unit="step"):
        batch = learn.take(np.arange(step * BATCH, (step + 1) * BATCH), seed)
        params, state = train_step(params, state, batch, jax.random.fold_in(key, step), rate(step))
    note = {
        "dataset": dataset,
        "epochs": epochs,
        "seed": seed,
        "accuracy": accuracy(params, test),
        "tested": len(test),
    }
    return save_weights(params, note, out)


@jax.jit
def init_classifier(key: Array) -> tuple[Tree, Any]:
    """Parameters and the optimizer's state at the start."""
    params = Classifier().init(key, jnp.zeros((1, SIDE, SIDE, 1)))["params"]
    return params, ADAM.init(params)


@functools.partial(compiler.jit, donate_argnums=(0, 1))
def train_step(params: Tree, state: Any, batch: Batch, key: Array, rate: Array) -> tuple[Tree, Any]:
    """One step of Adam on the cross-entropy of a batch {"image": uint8 [B, 28, 28, 1], "label": [B]}."""

    def loss(params: Tree) -> Array:
        outputs: Any = Classifier().apply({"params": params}, normalize(batch)["image"], rngs={DROPOUT: key})
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs["logits"], batch["label"]))

    changes, state = ADAM.update(jax.grad(loss)(params), state)
    # Of optax's `apply_updates` with `scale(-rate)`; the rate is an argument here and changes with every
    # step.
    return jax.tree.map(lambda value, change: value - rate * change, params, changes), state


def accuracy(params: Tree, source: Source) -> float:
    """The share of a set's images whose largest logit is that of their label."""
    right = 0
    for start in range(0, len(source), 1000):
        # No seed: every image of the set once, in its own order.
        batch = source.take(np.arange(start, min(start + 1000, len(source))))
        right += int(np.sum(np.asarray(predict_labels(params, batch)) == batch["label"]))
    return right / len(source)


@compiler.jit
def predict_labels(params: Tree, batch: Batch) -> Array:
    """The labels of a batch as the classifier has them: [B] int."""
    images = jnp.asarray(normalize(batch)["image"])
    return jnp.argmax(apply(params, images, ("logits",))["logits"], axis=-1)


def save_weights(params: Tree, note: dict[str, Any], path: Path) -> Path:
    """Writes parameters, and what is known of them as JSON."""
    arrays = {name: np.asarray(leaf) for name, leaf in flatten_dict(params, sep="/").items()}
    return write_arrays(path, {**arrays, "note": np.array(json.dumps(note))})


def load_weights(path: Path) -> tuple[Tree, dict[str, Any]]:
    """Parameters, and what is known of them; InputError for a file that is damaged or of something else."""
    zeros = jnp.zeros((1, SIDE, SIDE, 1))
    # Shapes alone, no computation: what a file of this network has to hold.
    expected = jax.eval_shape(lambda: Classifier().init(jax.random.key(0), zeros))["params"]
    try:
        # No pickles: a file of weights from elsewhere must not run code.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored}
        note = json.loads(str(arrays.pop("note")))
        params = jax.tree.map(jnp.asarray, unflatten_dict(arrays, sep="/"))
        if jax.tree.map(jnp.shape, params) != jax.tree.map(jnp.shape, expected):
            raise ValueError("its arrays have other shapes")
        return params, {key: note[key] for key in ("dataset", "epochs", "seed", "accuracy", "tested")}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no file of a classifier, or is damaged ({error}); remove it, or make another with\n"
            "  gaxjax classifier NAME --out FILE"
        ) from error


def describe_weights(path: Path) -> str:
    """What is known of a file of a classifier, in a line."""
    _, note = load_weights(path)
    right = f"{note['accuracy']:.2%} of {note['tested']:,} test images right"
    return f"classifier of {note['dataset']}: {right}, {path}"
