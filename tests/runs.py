"""Tiny runs: recipe files, the command in this process or in one of its own, and what a run leaves behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorstore

REPOSITORY = Path(__file__).resolve().parents[1]

GAME = '''"""A tiny game with batch norm, convolutions and a value of its own, on the digits."""

from dataclasses import replace
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.latents import Latents
from gaxjax.losses import nonsaturating_discriminator, nonsaturating_generator
from gaxjax.layers.norms import BatchNorm
from gaxjax.layers.standard import Conv, Dense, activate, flatten
from gaxjax.recipe import Data, Optimizer, Recipe


class Painter(nn.Module):
    """Latents -> images."""

    width: int = 12
    """units of the hidden layer"""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        x = activate(BatchNorm()(Dense(self.width)(latents)), "relu")
        return jnp.tanh(Dense(64)(x)).reshape(-1, 8, 8, 1)


class Critic(nn.Module):
    """Images -> logits."""

    channels: int = 4
    """of the convolution"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = activate(BatchNorm()(Conv(self.channels, 3, 2)(x)), "leaky_relu")
        return Dense(1)(flatten(x))[:, 0]


class Duel(GAN):
    """Two players, and a mean of what the second one makes."""

    painter: nn.Module
    """makes images"""
    critic: nn.Module
    """judges them"""
    latents: Latents = Latents(4)
    """what the painter starts from"""
    memory: float = 0.9
    """share of the old mean that a step leaves"""

    players: ClassVar = {"critic": ("critic",), "painter": ("painter",)}
    averaged: ClassVar = ("painter",)

    def setup(self) -> None:
        self.gray = self.variable("gray", "mean", jnp.zeros, ())

    def __call__(self, batch: Batch) -> Any:
        return self.critic(self.sample(batch))

    def sample(self, batch: Batch, **options: Any) -> Array:
        return self.painter(self.latents.draw(self.make_rng(PLAY), count_examples(batch)))

    def critic_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake = self.critic(batch["image"]), self.critic(self.sample(batch))
        return nonsaturating_discriminator(real, fake), {}

    def painter_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        made = self.sample(batch)
        self.gray.value = self.memory * self.gray.value + (1 - self.memory) * jnp.mean(made)
        return nonsaturating_generator(self.critic(made)), {"gray": self.gray.value}


recipe = Recipe(
    gan=Duel(Painter(), Critic()),
    optimizers={"critic": Optimizer(), "painter": Optimizer()},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=16,
    kimg=0.96,
    half_life=200,
    log_kimg=0.112,
    sample_kimg=0.16,
    checkpoint_kimg=0.08,
    samples=9,
)
short = replace(recipe, kimg=0.16)
'''
STEPS, EVERY_LOG, EVERY_SAMPLE, EVERY_CHECKPOINT = 60, 7, 10, 5
"""Of `recipe`."""


def write_recipe(folder: Path, text: str = GAME) -> Path:
    """A recipe file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.py"
    path.write_text(text)
    return path


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """`gaxjax ...` in a process of its own, which compiles as this one does, so that both round alike."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GAXJAX_")}
    return subprocess.Popen(
        [sys.executable, "-m", "gaxjax", *map(str, arguments)],
        cwd=REPOSITORY,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str, str]:
    """Its status, output and errors; it is killed if it does not end."""
    try:
        output, errors = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, output, errors


def until(condition: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 240) -> Any:
    """Waits, a millisecond at a time, for what a process does while it lives; returns what came true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, f"it ended first: {finish(process)}"
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.001)
    return found


def steps(workdir: Path) -> list[int]:
    """The checkpoints that are whole."""
    folder = workdir / "checkpoints"
    return (
        sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []
    )


def being_saved(workdir: Path) -> list[str]:
    """The checkpoints that are not."""
    folder = workdir / "checkpoints"
    return [name for name in os.listdir(folder) if name.endswith("-tmp")] if folder.is_dir() else []


def stored(workdir: Path, step: int) -> dict[str, bytes]:
    """Every array of a checkpoint as the bytes on the disk, read without Orbax."""
    files = {"driver": "file", "path": f"{workdir}/checkpoints/{step:09d}/state/"}
    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": files}).result()
    return {key.decode(): store.read(key).result().value for key in store.list().result()}


def rows(workdir: Path) -> list[dict[str, Any]]:
    """The metrics, without what the clock says."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    clock = ("seconds", "images_per_second")
    return [{key: value for key, value in json.loads(line).items() if key not in clock} for line in lines]


def assert_same_run(one: Path, other: Path, step: int) -> None:
    """Two runs have come to the same end, bit for bit, and left the same pictures."""
    first, second = stored(one, step), stored(other, step)
    assert any("optimizers" in key for key in first) and any("batch_stats" in key for key in first)
    assert any("average" in key for key in first) and any("gray" in key for key in first)
    assert [key for key in first.keys() | second.keys() if first.get(key) != second.get(key)] == []
    assert rows(one) == rows(other)
    drawn, again = ({path.name: path.read_bytes() for path in pictures(run)} for run in (one, other))
    assert drawn == again


def pictures(workdir: Path) -> list[Path]:
    """Of the samples, in order."""
    return sorted((workdir / "samples").glob("[!.]*"))
