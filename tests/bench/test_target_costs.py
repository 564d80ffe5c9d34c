"""Bounds, scaling and the search of the largest batch by hand; what a step sends, on this machine's CPUs."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest

from gaxjax import cli
from gaxjax.bench.targets import report
from gaxjax.bench.targets.chips import CHIPS
from gaxjax.bench.targets.collectives import Collective, network_seconds
from gaxjax.bench.targets.costs import Cost, DoesNotFit
from gaxjax.bench.targets.instructions import Instruction
from gaxjax.bench.targets.largest import COMPILATIONS, find_largest
from gaxjax.bench.targets.topology import check_installed, parse_target
from gaxjax.errors import InputError
from gaxjax.gans import Adversarial
from gaxjax.networks.mlp import Discriminator as MLPDiscriminator
from gaxjax.networks.mlp import Generator as MLPGenerator
from gaxjax.parallel.memory import Memory
from gaxjax.recipe import Data, Optimizer, Recipe, Stage

CHIP = replace(
    CHIPS["v5e"], bfloat16=1e12, float32=5e11, bandwidth=1e9, link=1e6, domain=4, network=1e5, memory=2**20
)
GRADIENT = Collective("all-reduce.1", "all-reduce", 1000, 3, "loss/Conv_0/sum", times=1, conditional=False)
COST = Cost(
    stage=0,
    shape=(8, 8, 1),
    devices=2,
    batch_size=64,
    accumulate=1,
    images=64,
    memory=Memory(2**18, 2**18 + 2**10, 2**18, 2**19),
    bfloat16=1e9,
    float32=1e9,
    lazy=5e8,
    padded=6e9,
    counted=2.5e9,
    instructions=(Instruction("copy", "copy", "copy", "f32[500,500]{1,0}", "f32[500,500]{1,0}", ""),),
    collectives=(GRADIENT,),
)


def test_bounds() -> None:
    seconds = COST.seconds(CHIP)
    assert seconds["arithmetic"] == pytest.approx(1e-3 + 2e-3)
    assert seconds["memory"] == pytest.approx(2e6 / 1e9)
    # Two devices send half of it each way, and are two hops apart there and back.
    assert seconds["network"] == pytest.approx(1000 / 1e6 + 2e-6)
    assert COST.images_per_second(CHIP) == pytest.approx(64 / 3e-3)
    assert COST.images_per_second(CHIP, 1) == pytest.approx(32 / 3e-3)


def test_network_between_domains() -> None:
    seconds = network_seconds([GRADIENT], 8, CHIP, hop=0)
    # In rings of four, then each a quarter of it between two.
    assert seconds == pytest.approx(1.5 * 1000 / 1e6 + 250 / 1e5)
    assert network_seconds([replace(GRADIENT, times=3)], 8, CHIP, hop=0) == pytest.approx(3 * seconds)
    assert network_seconds([replace(GRADIENT, conditional=True)], 8, CHIP, hop=0) == 0
    assert network_seconds([GRADIENT], 8, replace(CHIP, network=0), hop=0) == math.inf


def test_table_of_a_step() -> None:
    rows = dict(line.strip("| ").split(" | ") for line in list(report.format_cost(COST, CHIP))[2:])
    assert rows["in all"] == "0.8 of 1 MiB: fits"
    assert rows["were channels padded to 128"] == "3.00 times as much arithmetic"
    assert rows["were a device's batch padded to 16"] == "1.00 times as much arithmetic"
    assert rows["images per second at the most"] == "21,333, bound by arithmetic"
    # Five images of float32 on each device, of eight; GPUs have no such tiles.
    few = replace(COST, batch_size=10, bfloat16=0.0)
    assert report.pad_batch(few, CHIP) == {
        "were a device's batch padded to 8": "1.60 times as much arithmetic"
    }
    assert report.pad_batch(few, CHIPS["h100"]) == {}
    # 32 on each, in 8 parts of 4: of each part's 16 rows a quarter is filled.
    (parts,) = report.pad_batch(replace(COST, accumulate=8), CHIP).values()
    assert parts == "4.00 times as much arithmetic"
    tight = replace(COST, memory=replace(COST.memory, temporaries=2**20))
    assert "does not fit" in "".join(report.format_cost(tight, CHIP))


def test_scaling_and_where_it_stops() -> None:
    *_, advice = lines = list(report.format_scaling(COST, CHIP))
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 10 and len({line.count("|") for line in table}) == 1
    assert table[1].startswith("| 1 | 32 | 3.000 | 2.000 | 0.000 | 0 | 0 | 10,667 |")
    # At 8 devices it takes 4.0 ms, which 3 ms of work do not hide: 43 images in place of 32 would.
    assert advice.startswith("From 8 devices on the network between domains") and "from 43 images" in advice
    assert report.advise(replace(COST, collectives=()), CHIP).startswith("Up to 256 devices")
    assert "whose rate no page says" in report.advise(COST, replace(CHIP, network=0))


def recipe_of_stages(count: int) -> tuple[Recipe, Any]:
    """Of minibatches of 8 points, and what a point is."""
    gan = Adversarial(MLPGenerator((2,), (4,)), MLPDiscriminator((4,)))
    optimizers = dict.fromkeys(gan.players, Optimizer())
    stages = count * (Stage(gan, batch_size=8, kimg=1, optimizers=optimizers),)
    recipe = Recipe(gan, optimizers, Data("ring", shape=(2,)), batch_size=8, kimg=1, stages=stages)
    return recipe, {"image": jax.ShapeDtypeStruct((2,), "float32")}


@pytest.mark.parametrize(("most", "largest"), [(5, True), (5, False), (0, True)])
def test_a_step_that_does_not_fit_is_an_answer(
    most: int, largest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages beside it, the largest batch that does fit, and what that costs."""

    def measure(program: Any, mesh: Any, chip: Any) -> Cost:
        if program.number == 1 and program.stage.batch_size > most:
            raise DoesNotFit("a step of 8 images does not fit: Used 9G of 8G hbm")
        return replace(COST, stage=program.number, batch_size=program.stage.batch_size)

    monkeypatch.setattr(report, "measure_cost", measure)
    monkeypatch.setattr(report, "target_mesh", lambda target: SimpleNamespace(size=1))
    monkeypatch.setattr(report, "largest_batch", lambda program, mesh, chip: most)
    recipe, spec = recipe_of_stages(2)
    first, second = report.report(recipe, spec, parse_target("v5e:1x1"), (), largest).split("## Stage 1, 2")
    assert "## Stage 0, 2" in first and "does not fit: " not in first
    assert "It does not fit: a step of 8 images does not fit: Used 9G of 8G hbm." in second
    assert ("by search: 5, 5 on each device. What follows is of that." in second) == (largest and most > 0)
    assert ("| minibatch, on each device | 5, 2 |" in second) == (largest and most > 0)
    assert ("Not one image a device fits." in second) == (most == 0)


def test_two_devices_that_are_too_small_for_what_one_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one needs is said all the same, and nothing of what two would send."""

    def measure(program: Any, mesh: Any, chip: Any) -> Cost:
        if mesh.size == 2:
            raise DoesNotFit("a step of 16 images does not fit: Used 9G of 8G hbm")
        return replace(COST, devices=1, batch_size=program.stage.batch_size)

    monkeypatch.setattr(report, "measure_cost", measure)
    monkeypatch.setattr(report, "target_mesh", lambda target: SimpleNamespace(size=target.size))
    text = report.report(*recipe_of_stages(1), parse_target("v5e:1x1"), (), largest=False)
    assert "| minibatch, on each device | 8, 8 |" in text and "| kernels |" in text
    assert "On 2 devices, each with as many images, a step of 16 images does not fit: Used" in text
    assert "| collective |" not in text and "Nothing is sent" not in text and "| devices |" not in text


@pytest.mark.parametrize("most", [1, 3, 37, 1000])
def test_the_largest_that_fits_is_found(most: int) -> None:
    asked = []

    def fits(n: int) -> float:
        asked.append(n)
        return (10 + n) / (10 + most)

    found = find_largest(fits, 8)
    assert found <= most <= 1.1 * found + 1 and len(asked) <= COMPILATIONS
    assert len(asked) == len(set(asked))


def test_a_compiler_that_refuses_and_one_that_always_does() -> None:
    assert find_largest(lambda n: 0.5 if n <= 20 else math.inf, 16) in range(16, 21)
    for first in (1, 8, 64, 1000, 4_000_000):
        asked = []
        assert find_largest(lambda n, asked=asked: asked.append(n) or math.inf, first) == 0
        # Not one fits: that was asked, and not concluded from larger ones.
        assert asked[-1] == 1 and len(set(asked)) == len(asked) <= COMPILATIONS
        assert find_largest(lambda n: 1.0 if n == 1 else math.inf, first) == 1
    assert find_largest(lambda n: 1.0 if n <= 4 else math.inf, 256) in (3, 4)


def test_targets() -> None:
    assert parse_target("v5e:16x16").size == 256 and parse_target("v4:2x2x1").shape == (2, 2, 1)
    assert parse_target("h100").size == 1 and str(parse_target("h100:8")) == "h100:8"
    for text, message in (
        ("v9:2x2", "'v9' is no chip that is known here; use one of v4, v5e"),
        ("v5e:16", "is not 2 numbers behind v5e, such as v5e:2x2"),
        ("h100:2x4", "is not 1 numbers behind h100, such as h100:8"),
        ("v5p:0x2x2", "is not 3 numbers"),
    ):
        with pytest.raises(InputError, match=message):
            parse_target(text)
    with pytest.raises(InputError, match=r"not installed: pip install 'gaxjax\[tpu\]'"):
        check_installed("no_such_compiler", "tpu", parse_target("v5e:2x2"))


@pytest.mark.skipif(find_spec("libtpu") is not None, reason="it is installed")
def test_command_without_the_compiler(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "dcgan_fashion_mnist", "--target", "v5e:2x2"]) == 2
    assert "pip install 'gaxjax[tpu]'" in capsys.readouterr().err


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
