"""What `gaxjax bench CONFIG --target` prints: a recipe's stages on hardware that is not here, in Markdown."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import jax

from gaxjax.bench import footprint
from gaxjax.bench.targets.chips import HOP, Chip
from gaxjax.bench.targets.collectives import (
    Collective,
    fewest_hops,
    network_seconds,
    ring_bytes,
    ring_hops,
    tree_bytes,
)
from gaxjax.bench.targets.costs import Cost, DoesNotFit, measure_cost
from gaxjax.bench.targets.instructions import Instruction
from gaxjax.bench.targets.largest import largest_batch, with_batch_size
from gaxjax.bench.targets.topology import Target, target_mesh
from gaxjax.errors import InputError
from gaxjax.game import Batch
from gaxjax.programs.program import StageProgram, stage_programs
from gaxjax.recipe import Recipe

DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Of the table of scaling."""
MIB = 2**20


def report(
    recipe: Recipe, spec: Batch, target: Target, stages: Sequence[int], largest: bool, top: int = 8
) -> str:
    """The report of these stages (none: all), of such examples. InputError for stages that are not there."""
    check_stages(recipe, stages)
    programs = stage_programs(recipe, spec)
    lines = [
        f"{type(recipe.gan).__name__} on {target}, {target.size} device(s), jax {jax.__version__}. "
        "Nothing was timed: the program was compiled for them and read, and rates are published ones.",
        f"Rates: {target.chip.source}; {1e6 * HOP:g} us a hop.",
    ]
    for number in stages or range(len(programs)):
        program = programs[number]
        lines += [
            "",
            f"## Stage {program.number}, {' x '.join(map(str, footprint.example_shape(program)))}",
            "",
        ]
        lines += report_stage(program, target, largest, top)
    return "\n".join(lines)


def report_stage(program: StageProgram, target: Target, largest: bool, top: int) -> Iterator[str]:
    """Of one stage, or, where its step does not fit, of the largest that does."""
    mesh, chip = target_mesh(target), target.chip

    def describe_largest() -> tuple[int, str]:
        most = largest_batch(program, mesh, chip)
        return most, f"Largest batch that fits, by search: {most:,}, {most // mesh.size:,} on each device."

    try:
        cost = measure_cost(program, mesh, chip)
    except DoesNotFit as error:
        # An answer, too: of how much there is room for, and what that would cost.
        yield f"It does not fit: {error}."
        if not largest:
            return
        most, line = describe_largest()
        yield from ("", f"{line} What follows is of that." if most else "Not one image a device fits.", "")
        if not most:
            return
        program, largest = with_batch_size(program, most), False
        cost = measure_cost(program, mesh, chip)
    yield from format_cost(cost, chip)
    if largest:
        yield from ("", describe_largest()[1])
    if cost.devices == 1:
        # A program of one device sends nothing, and says nothing of more.
        pair = target_mesh(replace(target, shape=(2, *target.shape[1:])))
        yield ""
        try:
            cost = measure_cost(with_batch_size(program, 2 * cost.batch_size), pair, chip)
        except DoesNotFit as error:
            # What is sent takes memory too, and the largest batch of one leaves little.
            yield f"On 2 devices, each with as many images, {error}."
        else:
            yield f"On {cost.devices} devices, each with as many images:"
    if cost.devices > 1:
        yield from ("", *format_collectives(cost.collectives, cost.devices))
        yield from ("", *format_scaling(cost, chip))
    yield from ("", *format_kernels(cost.instructions, chip, top))


def check_stages(recipe: Recipe, stages: Sequence[int]) -> None:
    """Refuses stages that a recipe does not have."""
    count = len(recipe.all_stages)
    for stage in stages:
        if not -count <= stage < count:
            raise InputError(f"stage {stage} is not one of the recipe's {count}; use 0 to {count - 1}")


def format_cost(cost: Cost, chip: Chip) -> Iterator[str]:
    """Of a step on each device: memory, work, padding, bounds."""
    memory, seconds = cost.memory, cost.seconds(chip)
    bound = max(seconds, key=lambda name: seconds[name])
    fits = "fits" if memory.total <= chip.memory else "does not fit"
    padding = cost.padded / max(cost.bfloat16 + cost.float32, 1)
    rows = {
        "minibatch, on each device": f"{cost.batch_size:,}, {cost.batch_size // cost.devices:,}",
        "state and data": f"{memory.arguments / MIB:,.1f} MiB",
        "results beside them": f"{(memory.outputs - memory.alias) / MIB:,.1f} MiB",
        "temporaries": f"{memory.temporaries / MIB:,.1f} MiB",
        "in all": f"{memory.total / MIB:,.1f} of {chip.memory / MIB:,.0f} MiB: {fits}",
        "arithmetic, 16 bits": f"{cost.bfloat16 / 1e9:,.2f} GFLOP",
        "arithmetic, 32 bits": f"{cost.float32 / 1e9:,.2f} GFLOP",
        "arithmetic of lazy penalties": f"{cost.lazy / 1e9:,.2f} GFLOP where all are due",
        # XLA's count for GPUs is zero where a library computes, so that no number is better than that one.
        "all operations, as the compiler counts": f"{cost.counted / 1e9:,.2f} GFLOP" if cost.counted else "-",
        f"were channels padded to {chip.channels}": f"{padding:.2f} times as much arithmetic",
        **pad_batch(cost, chip),
        "read and written": f"{cost.traffic / MIB:,.1f} MiB",
        "read and written in conditionals": f"{cost.conditional_traffic / MIB:,.1f} MiB",
        "padding of layouts": f"{cost.layout_padding:.1%} of what results take",
        **{f"bound by {name}": f"{1e3 * x:.3f} ms" for name, x in seconds.items()},
        "images per second at the most": f"{cost.images_per_second(chip):,.0f}, bound by {bound}",
    }
    yield from ("| on each device, a step | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in rows.items())


def pad_batch(cost: Cost, chip: Chip) -> dict[str, str]:
    """The row of what a device's batch wastes, where it lies along the sublanes of a TPU's tiles."""
    if chip.platform != "tpu":
        return {}
    # A register has 8 sublanes of 128 lanes, and numbers of 16 bits lie in each by twos.
    sublanes, each = 16 if cost.bfloat16 else 8, cost.batch_size // cost.devices // cost.accumulate
    padding = -(-each // sublanes) * sublanes / each
    return {f"were a device's batch padded to {sublanes}": f"{padding:.2f} times as much arithmetic"}


def format_collectives(collectives: Sequence[Collective], devices: int) -> Iterator[str]:
    """A table of what is sent, by kind and where it comes from."""
    if not collectives:
        yield "Nothing is sent from one device to another."
        return
    yield "| collective | arrays | times | KiB | ring, KiB sent | tree, KiB sent | from |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for c in sorted(collectives, key=lambda c: -c.nbytes * c.times):
        sent = (ring_bytes(c.operation, c.nbytes, devices), tree_bytes(c.operation, c.nbytes, devices))
        origin = ("at times: " if c.conditional else "") + shorten(c.origin)
        cells = [c.operation, c.arrays, c.times, *(f"{x / 1024:,.1f}" for x in (c.nbytes, *sent)), origin]
        yield f"| {' | '.join(map(str, cells))} |"


def format_scaling(cost: Cost, chip: Chip) -> Iterator[str]:
    """One step on 1 to 256 devices, each with as many images as here."""
    yield "With as many images on each as above; derived from that program, which is the same for any number:"
    yield ""
    columns = ("devices", "minibatch", "arithmetic, ms", "memory, ms", "network, ms")
    yield f"| {' | '.join(columns)} | hops of a ring | at least | images/s |"
    yield f"|{(len(columns) + 3) * '---:|'}"
    # Weak scaling: a device's work stays, and what grows is the way between devices.
    each = cost.batch_size // cost.devices
    for n in DEVICES:
        times = (f"{1e3 * x:.3f}" for x in cost.seconds(chip, n).values())
        hops = (ring_hops(n), fewest_hops(n, chip.torus))
        cells = [n, f"{n * each:,}", *times, *hops, f"{cost.images_per_second(chip, n):,.0f}"]
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield advise(cost, chip)


def advise(cost: Cost, chip: Chip) -> str:
    """Where scaling stops, and what to do there."""
    for n in DEVICES:
        seconds = cost.seconds(chip, n)
        network, work = seconds["network"], max(seconds["arithmetic"], seconds["memory"])
        if network > work:
            where = (
                f"links of a domain of {chip.domain}" if n <= chip.domain else "the network between domains"
            )
            if network == float("inf"):
                return f"From {n} devices on {where} would have to carry it, whose rate no page says."
            each = -(-cost.batch_size // cost.devices * network // work)
            hops = 1 - network_seconds(cost.collectives, n, chip, hop=0) / network
            return (
                f"From {n} devices on {where} are the bound, {hops:.0%} of it hops between devices: hidden "
                f"behind work from {each:.0f} images a device on; with fewer, use fewer devices."
            )
    return (
        f"Up to {DEVICES[-1]} devices the network can be hidden behind the work of each: what grows is the "
        "minibatch. Where that is as large as training bears, more devices mean fewer images on each."
    )


def format_kernels(instructions: Sequence[Instruction], chip: Chip, top: int) -> Iterator[str]:
    """Kernels by kind, those that change layouts, and those that move the most."""
    yield "| kernels | every step | GiB | ms | in conditionals | GiB |"
    yield "|---|---:|---:|---:|---:|---:|"
    kinds = [kind for kind, _ in Counter(line.kind for line in instructions).most_common(top)]
    for kind in kinds:
        yield format_kind(kind, [line for line in instructions if line.kind == kind], chip)
    if rest := [line for line in instructions if line.kind not in kinds]:
        yield format_kind("others", rest, chip)
    yield format_kind("all", instructions, chip)
    layouts = [line for line in instructions if line.changes_layout]
    traffic = sum(line.traffic for line in layouts)
    yield from ("", f"{len(layouts)} change a layout, of {traffic / 2**30:.2f} GiB:", "")
    yield from map(describe, sorted(layouts, key=lambda line: -line.traffic)[:top])
    yield from ("", "The most is moved by:", "")
    yield from map(describe, sorted(instructions, key=lambda line: -line.traffic)[:top])


def format_kind(kind: str, lines: Sequence[Instruction], chip: Chip) -> str:
    """A row of that table."""
    always, perhaps = ([x for x in lines if x.conditional == c] for c in (False, True))
    traffic, conditional_traffic = (sum(x.times * x.traffic for x in part) for part in (always, perhaps))
    # Every byte once over the memory's bus, as if nothing stayed in a cache or were computed: a bound from
    # below.
    cells = [
        *(sum(x.times for x in always), f"{traffic / 2**30:.2f}", f"{1e3 * traffic / chip.bandwidth:.2f}"),
        *(sum(x.times for x in perhaps), f"{conditional_traffic / 2**30:.2f}"),
    ]
    return f"| {kind} | {' | '.join(map(str, cells))} |"


ROW_COLUMNS = (
    *("recipe", "image", "on each device", "MiB", "GFLOP", "MiB moved", "padding", "collectives", "KiB sent"),
    *("bound, ms", "by"),
)
"""Of a table of recipes."""


def format_row(name: str, cost: Cost, chip: Chip) -> str:
    """A step in one row of a table of recipes: what each device needs."""
    # The longest of the three: what is not hidden behind another.
    seconds = cost.seconds(chip)
    bound = max(seconds, key=lambda name: seconds[name])
    sent = sum(ring_bytes(c.operation, c.times * c.nbytes, cost.devices) for c in cost.collectives)
    cells = [
        *(name, " x ".join(map(str, cost.shape)), cost.batch_size // cost.devices),
        f"{cost.memory.total / MIB:,.0f}",
        f"{(cost.bfloat16 + cost.float32) / 1e9:,.2f}",
        f"{cost.traffic / MIB:,.0f}",
        f"{cost.layout_padding:.0%}",
        sum(c.times for c in cost.collectives),
        f"{sent / 1024:,.0f}",
        f"{1e3 * seconds[bound]:.3f}",
        bound,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def describe(line: Instruction) -> str:
    """An instruction in one line."""
    return f"- {line.traffic / MIB:,.0f} MiB: {line.name}, {line.kind}, {shorten(line.origin)}"


def shorten(origin: str) -> str:
    """The end of where something comes from."""
    return "/".join(origin.split("/")[-3:])[-90:]
