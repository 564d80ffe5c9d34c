"""What a stage's step needs on each device of a mesh: compiled for it and read; nothing runs."""

from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh

from gaxjax import parallel
from gaxjax.bench import footprint
from gaxjax.bench.targets.arrays import parse_arrays
from gaxjax.bench.targets.chips import HOP, Chip
from gaxjax.bench.targets.collectives import Collective, find_collectives, network_seconds
from gaxjax.bench.targets.instructions import Instruction, parse_instructions
from gaxjax.errors import InputError
from gaxjax.parallel.cache import cache_settings
from gaxjax.parallel.counting import count_operations
from gaxjax.parallel.memory import Memory
from gaxjax.programs.program import StageProgram


@dataclass(frozen=True)
class Cost:
    """Of a step of a stage, for each device."""

    stage: int
    shape: tuple[int, ...]
    """of the images"""
    devices: int
    batch_size: int
    """examples of a minibatch, over all devices"""
    accumulate: int
    """parts that a minibatch is taken in"""
    images: int
    """that a step counts, over all devices"""
    memory: Memory
    """by kind"""
    bfloat16: float
    """multiplications and additions of products and convolutions of 16-bit arrays, without lazy penalties"""
    float32: float
    """of others"""
    lazy: float
    """what steps with all lazy penalties have besides"""
    padded: float
    """of both types, were channels padded to what a matrix unit takes"""
    counted: float
    """operations of all kinds by the compiler's own count, lazy penalties and all; on GPUs it has none"""
    instructions: tuple[Instruction, ...]
    """what the program launches"""
    collectives: tuple[Collective, ...]
    """among them"""

    @property
    def traffic(self) -> int:
        """Bytes that every step's kernels read from and write to memory, each once, padding included."""
        return sum(line.times * line.traffic for line in self.instructions if not line.conditional)

    @property
    def conditional_traffic(self) -> int:
        """The same of kernels that a step may go without."""
        return sum(line.times * line.traffic for line in self.instructions if line.conditional)

    @property
    def layout_padding(self) -> float:
        """The share of results in memory that is padding to tiles."""
        # Of results alone: whatever is read has been a result before, or is an argument.
        arrays = [a for line in self.instructions for a in parse_arrays(line.output)]
        return 1 - sum(a.nbytes for a in arrays) / max(sum(a.padded_nbytes for a in arrays), 1)

    def seconds(self, chip: Chip, devices: int = 0) -> dict[str, float]:
        """Seconds of a step at the least by each bound, at so many devices (0: its own) with such batches."""
        return {
            "arithmetic": self.bfloat16 / chip.bfloat16 + self.float32 / chip.float32,
            "memory": self.traffic / chip.bandwidth,
            "network": network_seconds(self.collectives, devices or self.devices, chip, HOP),
        }

    def images_per_second(self, chip: Chip, devices: int = 0) -> float:
        """Over all devices, at the most: as if everything but the longest bound were hidden behind it."""
        # As many images on each as here, however many there are.
        devices = devices or self.devices
        return self.images / self.devices * devices / max(self.seconds(chip, devices).values())


def measure_cost(program: StageProgram, mesh: Mesh, chip: Chip) -> Cost:
    """Compiles a stage's step for the devices of a mesh and reads what it needs.

    InputError for a batch that they cannot share, and where the compiler says that it does not fit.
    """
    return read_cost(program, compile_for(program, mesh), mesh, chip)


class DoesNotFit(InputError):
    """A step that is too large for a device."""


def compile_for(program: StageProgram, mesh: Mesh) -> Any:
    """The program that trains, as the compiler has it; DoesNotFit where it is too large for a device."""
    recipe, batch_size = program.recipe, program.stage.batch_size
    if recipe.seeds > 1:
        # Convolutions of several seeds are chosen when they are traced: see `layers.multilinear`.
        raise InputError("a target is for one seed: use --seeds 1, and count what it says for each of yours")
    parallel.check_batch(batch_size, mesh, recipe.accumulate)
    try:
        # What is compiled for devices that are not here cannot be read back here.
        with cache_settings(jax_enable_compilation_cache=False):
            return footprint.compile_step(program, mesh)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        lines = [line for line in str(error).splitlines() if "Used" in line] or str(error).splitlines()
        raise DoesNotFit(
            f"a step of {batch_size} images does not fit: {lines[0].strip()}; "
            "use a smaller --batch-size, more devices, --accumulate or networks with recompute=True"
        ) from error


def read_cost(program: StageProgram, compiled: Any, mesh: Mesh, chip: Chip) -> Cost:
    """The same of a program that is compiled already."""
    instructions = parse_instructions(compiled.as_text())
    jaxpr = program.traced_step.jaxpr
    # Traced for the global batch: devices share it, but for the few numbers that depend on no example.
    total, least, floats, padded = (
        count_operations(jaxpr, branch, dtype, tile) / mesh.size
        for branch, dtype, tile in (
            (max, "", 1),
            (min, "", 1),
            (min, "float32", 1),
            (min, "", chip.channels),
        )
    )
    return Cost(
        stage=program.number,
        shape=footprint.example_shape(program),
        devices=mesh.size,
        batch_size=program.stage.batch_size,
        accumulate=program.recipe.accumulate,
        images=program.images_per_step,
        memory=footprint.read_memory(compiled, mesh),
        bfloat16=least - floats,
        float32=floats,
        lazy=total - least,
        padded=padded,
        counted=float((compiled.cost_analysis() or {}).get("flops", 0)),
        instructions=tuple(instructions),
        collectives=tuple(find_collectives(instructions)),
    )
