"""What devices send to one another in a step: collective operations, their bytes and their hops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gaxjax.bench.targets.arrays import count_bytes, parse_arrays
from gaxjax.bench.targets.chips import Chip
from gaxjax.bench.targets.instructions import Instruction

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")


@dataclass(frozen=True)
class Collective:
    """A collective operation of a step."""

    name: str
    operation: str
    """of `COLLECTIVES`"""
    nbytes: int
    """of the whole arrays: what an all-reduce sums, what an all-gather results in, a reduce-scatter takes"""
    arrays: int
    """that one operation combines"""
    origin: str
    """where in the model it comes from: of one of its arrays"""
    times: int
    """in a step"""
    conditional: bool
    """whether a step may go without it"""


def find_collectives(instructions: Sequence[Instruction]) -> list[Collective]:
    """Those among a program's instructions."""
    found = []
    for line in instructions:
        operation = line.operation.removesuffix("-start")
        if operation not in COLLECTIVES:
            continue
        whole = line.inputs if operation in ("all-reduce", "reduce-scatter") else line.output
        if line.operation == "all-gather-start":
            # Outputs of a start have its inputs among them.
            nbytes = count_bytes(line.output) - count_bytes(line.inputs)
        else:
            nbytes = count_bytes(whole)
        arrays = len(list(parse_arrays(line.inputs)))
        found.append(
            Collective(line.name, operation, nbytes, arrays, line.origin, line.times, line.conditional)
        )
    return found


def wire_bytes(program: str) -> int:
    """Bytes that each device gives to collective operations, in the text of a compiled program (HLO).

    >>> wire_bytes("%x = (f32[2,3]{1,0}, bf16[]) all-reduce(%a, %b), channel_id=1")
    26
    """
    total = 0
    for line in program.splitlines():
        name, _, right = line.partition(" = ")
        # Asynchronous ones come as -start and -done: the start alone has the shapes, so it alone is counted.
        operation = next((c for c in COLLECTIVES if re.search(rf"\s{c}(-start)?\(", right)), None)
        if operation and not name.strip().startswith("//"):
            shapes = right[: re.search(rf"\s{operation}", right).start()]  # type: ignore[union-attr]
            total += count_bytes(shapes)
    return total


def ring_bytes(operation: str, nbytes: float, devices: int) -> float:
    """Bytes that each device sends for whole arrays of so many, around a ring.

    >>> ring_bytes("all-reduce", 1000, 4), ring_bytes("all-gather", 1000, 4)
    (1500.0, 750.0)
    """
    # An all-reduce is a reduce-scatter and an all-gather, each of which passes on all parts but one.
    rounds = {"all-reduce": 2, "collective-permute": devices / max(devices - 1, 1)}.get(operation, 1)
    return rounds * nbytes * (devices - 1) / devices


def tree_bytes(operation: str, nbytes: float, devices: int) -> float:
    """The same along two trees that each device is inside of once (Sanders et al. 2009, as NCCL has it).

    >>> tree_bytes("all-reduce", 1000, 4), tree_bytes("all-reduce", 1000, 1)
    (2000.0, 0.0)
    """
    if operation != "all-reduce":
        return ring_bytes(operation, nbytes, devices)
    # Half of it goes up and twice that half down inside of one tree, and half up again as the other's leaf.
    return 2.0 * nbytes if devices > 1 else 0.0


def ring_hops(devices: int) -> int:
    """Messages one after the other in an all-reduce around a ring.

    >>> ring_hops(8), ring_hops(1)
    (14, 0)
    """
    return 2 * (devices - 1)


def fewest_hops(devices: int, torus: int) -> int:
    """Messages one after the other at the least: along a tree, or to the farthest of a torus and back.

    >>> fewest_hops(256, torus=2), fewest_hops(64, torus=3), fewest_hops(8, torus=0)
    (32, 12, 6)
    """
    if devices == 1:
        return 0
    doublings = (devices - 1).bit_length()
    if not torus:
        return 2 * doublings
    # Of the most even shape. Rings go both ways, so that the farthest is half way around, there and back.
    sides = [2 ** ((doublings + axis) // torus) for axis in range(torus)]
    return sum(side for side in sides if side > 1)


def network_seconds(collectives: Sequence[Collective], devices: int, chip: Chip, hop: float) -> float:
    """Seconds of a step's collectives at the least, those in conditionals apart; infinite without a network.

    Around rings, within domains first; between them, each device sends its part of what is left.
    """
    inside, domains = min(devices, chip.domain), -(-devices // chip.domain)
    total = 0.0
    for collective in collectives:
        if collective.conditional:
            continue
        seconds = ring_bytes(collective.operation, collective.nbytes, inside) / chip.link
        seconds += hop * (fewest_hops(inside, chip.torus) + fewest_hops(domains, 0))
        if domains > 1:
            across = ring_bytes(collective.operation, collective.nbytes / inside, domains)
            seconds += across / chip.network if chip.network else float("inf")
        total += collective.times * seconds
    return total
