"""What needs the compilers of TPUs and GPUs: skipped where they are not installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import shrinking

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETS = {"v5e:2x2": "libtpu", "v6e:2x2": "libtpu", "h100": "jax_cuda12_plugin"}
"""Target -> the module that compiles for it."""
SMALL = '''"""A small DCGAN."""

from gaxjax.gans import Adversarial
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(Generator((8, 8, 1), features=8, depth=1), Discriminator(features=8, depth=1)),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=64,
    kimg=1,
)
'''
pytestmark = pytest.mark.slow


def run(*command: str) -> str:
    """A command's output, in a process of its own: compilers are told of by its environment."""
    process = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ}
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def skip_without(target: str) -> None:
    if find_spec(TARGETS[target]) is None:
        pytest.skip(f"{TARGETS[target]} is not installed")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", sorted(shrinking.recipes()))
def test_every_recipe_compiles(name: str, target: str) -> None:
    skip_without(target)
    lines = run("benchmarks/targets.py", target, f"configs/{name}").splitlines()
    assert len(lines) == 3 and lines[2].count("|") == lines[0].count("|"), lines[2]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("small") / "small.py"
    path.write_text(SMALL)
    return str(path)


@pytest.mark.parametrize("target", TARGETS)
def test_report(small: str, target: str) -> None:
    skip_without(target)
    report = run("-m", "gaxjax", "bench", small, "--target", target)
    assert "Nothing was timed" in report and "MiB: fits" in report and "Largest batch that fits" in report
    assert "| all-reduce |" in report and "all-gather" not in report


COST = """
import json, sys
from dataclasses import replace
from gaxjax.bench import footprint
from gaxjax.bench.targets import costs, topology
from gaxjax.recipe.serialization import load_recipe

target = topology.parse_target(sys.argv[2])
topology.configure_compilers()
recipe = replace(load_recipe(sys.argv[1])[0], batch_size=8 * target.size)
program = footprint.heaviest_program(recipe, footprint.example_spec(recipe))
cost = costs.measure_cost(program, topology.target_mesh(target), target.chip)
print(json.dumps([cost.counted, cost.traffic, cost.memory.total, [c.operation for c in cost.collectives]]))
"""


@pytest.mark.skipif(find_spec("libtpu") is None, reason="libtpu is not installed")
def test_a_devices_cost_on_1_to_64_chips(small: str) -> None:
    """Operations, bytes read and written, and memory of a device with eight images of a minibatch."""
    shapes = ("v5e:1x1", "v5e:2x2", "v5e:8x8")
    one, four, most = (json.loads(run("-c", COST, small, shape).splitlines()[-1]) for shape in shapes)
    assert one[:3] == pytest.approx(most[:3], rel=0.1) and four[:3] == pytest.approx(most[:3], rel=0.05)
    assert not one[3] and four[3] == most[3] == ["all-reduce"] * len(most[3])


@pytest.mark.skipif(find_spec("libtpu") is None, reason="libtpu is not installed")
def test_programs_are_kept(small: str, tmp_path: Path) -> None:
    names = []
    for folder in ("one", "other"):
        out = tmp_path / folder
        said = run("-m", "gaxjax", "compile", small, "--target", "v5e:2x2", "--out", str(out))
        (program,) = out.iterdir()
        assert f"stage 0: {program}, " in said and program.stat().st_size > 10_000
        names.append(program.name)
    # Found by the program, wherever the folder is.
    assert names[0] == names[1]
