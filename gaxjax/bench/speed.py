"""How fast a recipe trains here: `gaxjax bench CONFIG` measures the program and feed of `gaxjax train`."""

import contextlib
import dataclasses
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from gaxjax import parallel
from gaxjax.bench.targets.collectives import wire_bytes
from gaxjax.data import Source, normalize
from gaxjax.errors import InputError
from gaxjax.game import State, objective, player_params
from gaxjax.parallel import compiler
from gaxjax.parallel.cache import cache_settings
from gaxjax.parallel.counting import count_operations
from gaxjax.penalties import Lazy
from gaxjax.programs.feed import Feed
from gaxjax.programs.program import StageProgram
from gaxjax.recipe import Recipe
from gaxjax.solvers.step import apply_gradient, compute_gradient, take_index
from gaxjax.training.train import prepare

FIRST = 2
"""Calls before those that are timed."""


@dataclasses.dataclass(frozen=True)
class Move:
    """A player's move: gradient and update, apart from the rest of the step."""

    player: str
    seconds: float
    """without lazy penalties"""
    lazy: dict[str, tuple[int, float]]
    """penalty -> every how many steps it is evaluated, and the seconds that it adds to a move then"""
    work: float
    """multiplications and additions of the move, on average over steps"""

    def rows(self) -> Iterator[tuple[str, str]]:
        """Of the report."""
        yield f"{self.player}'s move", f"{1e3 * self.seconds:.2f} ms"
        for name, (every, seconds) in self.lazy.items():
            spread = f"{1e3 * seconds / every:.2f} a step"
            yield f"{self.player}'s {name}, every {every} steps", f"{1e3 * seconds:+.2f} ms ({spread})"


@dataclasses.dataclass(frozen=True)
class Timing:
    """What was timed of a stage's program."""

    compiled: Any
    """the program itself, as `jax.stages.Compiled`"""
    cold: float
    """seconds to compile it without a cache"""
    warm: float
    """seconds to compile it with itself in the cache"""
    moves: list[Move]
    """of each player, in their order"""
    calls: list[float]
    """seconds of each call, its data included"""
    waits: list[float]
    """seconds of these that went on waiting for data"""


def bench(recipe: Recipe, stage: int = -1, calls: int = 20) -> str:
    """A report in Markdown of one stage of a recipe, by default the last. Times are medians of `calls`.

    Random numbers, data, loading and dispatch are those of training; nothing is written. InputError for a
    stage that is not there.
    """
    if calls < 2:
        raise InputError(f"calls must be at least 2, for a median; got {calls}")
    stages = len(recipe.all_stages)
    if not -stages <= stage < stages:
        raise InputError(f"stage {stage} is not one of the recipe's {stages}; use 0 to {stages - 1}")
    source, programs = prepare(recipe)
    rows = report_rows(programs[stage], time_program(programs[stage], source, calls))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def time_program(program: StageProgram, source: Source, calls: int) -> Timing:
    """Compiles the program of a stage, then times it with the feed that training has, and each move alone."""
    init_key, play_key, _ = program.seeds.keys(3)
    carry = program.init_carry(init_key, None)
    with contextlib.closing(Feed(program, source)) as feed:
        feeding = feed.calls(itertools.repeat(program.recipe.steps_per_call))
        inputs = next(feeding)

        def lower() -> Any:
            return program.compilable(feed.assemble).lower(carry, inputs, play_key)

        cold, warm, compiled = compile_times(lower)
        # Before the calls, which donate the carry's buffers: afterwards its state is gone.
        batches_of_one = feed.assemble(inputs.tables, take_index(inputs.per_step, 0))
        moves = list(time_moves(program, carry[0], batches_of_one, play_key))
        advance = parallel.block_on_cpu(compiled, program.mesh)
        times, waits = [], []
        for _ in range(FIRST + calls):
            start = time.perf_counter()
            inputs = next(feeding)
            loaded = time.perf_counter()
            # JAX dispatches and returns: only when the arrays are there is the call over.
            carry, _ = jax.block_until_ready(advance(carry, inputs, play_key))
            times.append(time.perf_counter() - start)
            waits.append(loaded - start)
    return Timing(compiled, cold, warm, moves, times[FIRST:], waits[FIRST:])


def report_rows(program: StageProgram, timing: Timing) -> list[tuple[str, str]]:
    """(what, how much) of a stage, in the order of the report."""
    recipe, mesh = program.recipe, program.mesh
    longest = recipe.steps_per_call
    step = statistics.median(timing.calls) / longest
    low, _, high = (seconds / longest for seconds in statistics.quantiles(timing.calls, n=4))
    images = program.images_per_step * recipe.seeds
    dtype = jnp.dtype(recipe.precision or "float32")
    device = jax.local_devices()[0]
    sharing = 1 if device.platform == "cpu" else mesh.size  # the CPU's stand-ins have one ceiling
    ceiling = sharing * matmul_rate(dtype, device)
    # A move is counted once, of one seed: the step makes it `updates` times, and for every seed.
    updates = program.stage.updates.values()
    work = recipe.seeds * sum(m.work * n for m, n in zip(timing.moves, updates, strict=True))
    sizes = f"{program.stage.batch_size}, {program.images_per_step}, {recipe.seeds}"
    wire = wire_bytes(timing.compiled.as_text())
    return [
        ("device", f"{mesh.size} x {device.device_kind}, jax {jax.__version__}"),
        ("minibatch, images a step, seeds", sizes),
        ("compile, cold", f"{timing.cold:.1f} s"),
        ("compile, with the cache warm", f"{timing.warm:.1f} s"),
        ("step", f"{1e3 * step:.2f} ms (quartiles {1e3 * low:.2f} to {1e3 * high:.2f})"),
        ("images per second", f"{images / step:,.0f}"),
        ("steps in a call", f"{longest}"),
        ("waiting for data", f"{sum(timing.waits) / sum(timing.calls):.1%} of the time"),
        *itertools.chain.from_iterable(move.rows() for move in timing.moves),
        ("matrix products and convolutions", f"{work / 1e9:.2f} GFLOP a step"),
        (f"matmul ceiling, {dtype.name}", f"{ceiling / 1e9:,.0f} GFLOP/s"),
        ("share of the ceiling", describe_share(work / step / ceiling)),
        ("memory of the program", describe_memory(timing.compiled.memory_analysis())),
        ("peak memory", peak_memory(device)),
        ("over the wire", f"{wire / 2**20:.2f} MiB for each device and step"),
    ]


def compile_times(lower: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds to trace and compile, without a cache and with the program in one; and the program."""
    seconds = []
    # A folder of its own: the user's cache may know the program, and is none of a benchmark's business.
    with tempfile.TemporaryDirectory() as folder, cache_settings(jax_compilation_cache_dir=folder):
        for _ in range(2):
            # Else the second time would find the trace in memory, and not read the folder.
            jax.clear_caches()
            start = time.perf_counter()
            program = lower().compile()
            seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1], program


def time_moves(
    program: StageProgram, state: State, batches: Any, key: jax.Array, repeats: int = 5
) -> Iterator[Move]:
    """Each player's move, timed alone, by plain gradients: what a solver adds is the rest of a step."""
    stage, seeds = program.stage, program.seeds
    # Alone on one device, for a move is timed as if there were no others.
    # Keys have no form on the host: their data go there, and are a key again below.
    state, batch, bits = parallel.fetch(
        (seeds.select(state), seeds.select(batches), jax.random.key_data(seeds.select(key)))
    )
    batch, key = normalize(take_index(batch, 0)), jax.random.wrap_key_data(bits)
    periods = lazy_penalties(stage.gan)
    for player in stage.gan.players:
        mine = {name: every for name, (owner, every) in periods.items() if owner == player}

        def one(state: State, batch: Any, key: jax.Array, player: str = player) -> State:
            gradient, _, stats = compute_gradient(stage.gan, player, state, batch, key)
            return apply_gradient(stage.gan, program.optimizers, player, state, gradient, stats)

        compiled = jax.jit(one, compiler_options=compiler.options() or None)

        def seconds(step: int, compiled: Any = compiled) -> float:
            # The step decides which penalties are due; an argument, so that all are timed by one program.
            at = jax.device_put(state._replace(step=jnp.int32(step)))
            return median_seconds(lambda: compiled(at, batch, key), repeats)

        # What a lazy penalty adds: the step at which it alone is due, less one at which none is.
        plain = seconds(first_step_due(mine.values(), None))
        lazy = {n: (e, seconds(first_step_due(mine.values(), e)) - plain) for n, e in mine.items()}
        loss = lambda params, player=player: objective(stage.gan, player, state, batch, key)(params)[0]  # noqa: E731
        jaxpr = jax.make_jaxpr(jax.grad(loss))(player_params(stage.gan, player, state.params))
        # Lazy penalties are branches: min counts the step without them, max the one with all. Between the
        # two, each counts as often as it is due.
        least, most = count_operations(jaxpr, min), count_operations(jaxpr, max)
        share = statistics.mean(1 / every for every in mine.values()) if mine else 0.0
        yield Move(player, plain, lazy, least + share * (most - least))


def lazy_penalties(gan: Any) -> dict[str, tuple[str, int]]:
    """What the game evaluates at some steps only: name -> the player whose loss it is of, and the period."""
    penalties = {}
    first, last = next(iter(gan.players)), list(gan.players)[-1]
    for penalty in getattr(getattr(gan, "adversary", None), "penalties", ()):
        if isinstance(penalty, Lazy) and penalty.every > 1:
            penalties[type(penalty.penalty).__name__] = (first, penalty.every)
    path = getattr(gan, "path_length", None)
    if path is not None and path.weight and path.every > 1:
        penalties["path length"] = (last, path.every)
    return penalties


def first_step_due(periods: Any, due: int | None) -> int:
    """The first step at which only penalties of that period are due, or none."""
    steps = range(1, 10_000)
    return next((s for s in steps if all((s % e == 0) == (e == due) for e in periods)), 0 if due else 1)


def matmul_rate(dtype: Any, device: Any) -> float:
    """Multiplications and additions per second of one large matrix product on one device."""
    # Large enough that the product is bound by arithmetic, not memory; a CPU takes seconds for more.
    side = 2048 if device.platform == "cpu" else 8192
    a = jax.device_put(jnp.ones((side, side), dtype), device)
    product = jax.jit(lambda a: a @ a)
    return 2 * side**3 / median_seconds(lambda: product(a), 10)


def describe_share(share: float) -> str:
    """A share of the ceiling, which nothing passes.

    >>> describe_share(0.31)
    '31%'
    """
    # The ceiling is measured in a second of its own, after the calls: others may have had the machine then.
    busy = " (the ceiling was measured while the machine was busy: run it again)" if share > 1 else ""
    return f"{share:.0%}{busy}"


def median_seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median seconds, after one run that may compile."""
    jax.block_until_ready(run())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def describe_memory(memory: Any) -> str:
    """What the compiled program says of its memory on each device."""
    arguments, temporary = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    return f"{arguments / 2**20:.0f} MiB of state and data, {temporary / 2**20:.0f} MiB of temporaries"


def peak_memory(device: Any) -> str:
    """The most that was in use: on the device, or, where it does not say, by this process."""
    # CPUs have no such statistics: the whole process then, data and compiler included.
    statistics_of = device.memory_stats() or {}
    if "peak_bytes_in_use" in statistics_of:
        return f"{statistics_of['peak_bytes_in_use'] / 2**20:,.0f} MiB on the first device"
    import resource

    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:,.0f} MiB, the whole process"
