"""Bounds, scaling and the search of the largest batch by hand."""

import math
from dataclasses import replace
from importlib.util import find_spec
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
