"""What a step costs each of several devices and what it sends, compiled for this machine's CPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ON_CPUS = """
import json
import jax
import numpy as np
from gaxjax.bench.targets.chips import CHIPS
from gaxjax.bench.targets.costs import measure_cost
from gaxjax.gans import Adversarial, CycleGAN
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.networks.translation import PatchDiscriminator, ResidualGenerator
from gaxjax.parallel.counting import nbytes
from gaxjax.programs.program import stage_programs
from gaxjax.recipe import Data, Optimizer, Recipe


IMAGE = jax.ShapeDtypeStruct((16, 16, 1), "uint8")
CASES = {
    "dcgan": (
        Adversarial(Generator((16, 16, 1), features=8, depth=2), Discriminator(features=8, depth=2)),
        {"image": IMAGE},
    ),
    "cyclegan": (
        CycleGAN(
            *[ResidualGenerator(1, features=4, blocks=1) for _ in "ab"],
            *[PatchDiscriminator(features=4, patch=16) for _ in "ab"],
        ),
        {"a": IMAGE, "b": IMAGE},
    ),
}


def measure(game, devices):
    gan, example = CASES[game]
    recipe = Recipe(
        gan=gan,
        optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
        data=Data("fashion_mnist", shape=(16, 16, 1)),
        batch_size=8 * devices,
        kimg=1,
    )
    (program,) = stage_programs(recipe, example)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:devices]), ("data",))
    cost = measure_cost(program, mesh, CHIPS["v5e"])
    return {
        "params": {name: nbytes(tree) for name, tree in program.state.params.items()},
        "flops": cost.float32,
        "traffic": cost.traffic,
        "memory": cost.memory.total,
        "counted": cost.counted,
        "collectives": [[c.operation, c.nbytes, c.arrays, c.origin] for c in cost.collectives],
    }


print(json.dumps({game: [[devices, measure(game, devices)] for devices in (1, 2, 8)] for game in CASES}))
"""


@pytest.fixture(scope="module")
def on_cpus() -> dict[str, dict[int, Any]]:
    """Game -> devices -> what its step costs on each of so many, with 8 images on each."""
    environment = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "8", "NPROC": "64"}
    process = subprocess.run(
        [sys.executable, "-c", ON_CPUS],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.returncode == 0, process.stderr
    costs = json.loads(process.stdout.splitlines()[-1])
    return {game: dict(cost) for game, cost in costs.items()}


def test_a_devices_cost_does_not_depend_on_how_many_there_are(on_cpus: dict[str, dict[int, Any]]) -> None:
    """Each computes its own part of both players' moves, and no other's."""
    of_one_size = on_cpus["dcgan"]
    for devices in (2, 8):
        for what in ("counted", "flops", "traffic", "memory"):
            assert of_one_size[devices][what] == pytest.approx(of_one_size[1][what], rel=0.05), what
        # A pool and what may go into it are whole on each device: their bytes are left out.
        pooled = [on_cpus["cyclegan"][n]["counted"] for n in (1, devices)]
        assert pooled[1] == pytest.approx(pooled[0], rel=0.05)
    assert (
        of_one_size[2]["collectives"] == of_one_size[8]["collectives"] and not of_one_size[1]["collectives"]
    )


def test_a_pool_gathers_a_minibatch_once(on_cpus: dict[str, dict[int, Any]]) -> None:
    """The fakes that may go into each of the two, whole on every device, and nothing else."""
    gathered = [c[:2] for c in on_cpus["cyclegan"][8]["collectives"] if c[0] != "all-reduce"]
    assert gathered == 2 * [["all-gather", 64 * 16 * 16 * 4]]


def test_what_a_step_sends(on_cpus: dict[str, dict[int, Any]]) -> None:
    """Gradients and the sums of batch statistics, and no activations."""
    step = on_cpus["dcgan"][8]
    sent = step["collectives"]
    assert {operation for operation, *_ in sent} == {"all-reduce"}
    # For batch norm: each of a layer's sums in a pass forward, and two in a pass backward. The generator has
    # two such layers, of 16 and 8 channels, and the discriminator one of 16. In a discriminator's move, the
    # fakes are made and not gone back through, and both batches pass through the discriminator.
    forward, both = 2 * 4 * (16 + 8), 2 * 2 * 4 * 16
    statistics = forward + 2 * both + 2 * forward + both
    # The discriminator's own gradient is summed for its two batches apart.
    gradients = 2 * step["params"]["discriminator"] + step["params"]["generator"]
    assert sum(nbytes for _, nbytes, *_ in sent) == pytest.approx(gradients + statistics, rel=0.05)
    # Batch norm's sums depend on one another, layer after layer, forward and backward: 2 + 1 + 1 in the
    # discriminator's move, 2 + 1 + 1 + 2 in the generator's. Gradients go with the last of them, or alone.
    assert len(sent) <= 10 + 2
