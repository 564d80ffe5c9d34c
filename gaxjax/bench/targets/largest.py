"""The largest batch that fits a device's memory, by compiling for a few sizes."""

from collections.abc import Callable
from dataclasses import replace

from jax.sharding import Mesh

from gaxjax.bench import footprint
from gaxjax.bench.targets.chips import Chip
from gaxjax.bench.targets.costs import compile_for
from gaxjax.errors import InputError
from gaxjax.programs.program import StageProgram, stage_programs

COMPILATIONS = 6
"""At the most: each may take minutes."""
CLOSE = 1.1
"""The search ends where a batch this many times as large is known not to fit."""


def find_largest(fits: Callable[[int], float], first: int) -> int:
    """The largest n that is known to fit after a few questions, from a first guess on; 0 where 1 does not.

    fits(n): the share of the memory that n take; above 1, or infinite, they do not fit.
    """
    shares: dict[int, float] = {}
    n = first
    while len(shares) < COMPILATIONS and n not in shares:
        shares[n] = fits(n)
        fitting = sorted(n for n, share in shares.items() if share <= 1)
        too_many = min((n for n, share in shares.items() if share > 1), default=0)
        if not fitting:
            # The last question is whether 1 fits, however many were wanted: 0 is an answer, not a giving up.
            n = int(n / max(2, n ** (1 / max(COMPILATIONS - len(shares), 1))))
        elif too_many and (too_many <= fitting[-1] + 1 or too_many / fitting[-1] <= CLOSE):
            break
        else:
            n = next_guess(shares, fitting, too_many)
        if n < 1:
            break
    return max((n for n, share in shares.items() if share <= 1), default=0)


def next_guess(shares: dict[int, float], fitting: list[int], too_many: int) -> int:
    """The n whose share is 1 by the line through the two largest that fit, within what is known."""
    most = fitting[-1]
    # One point has no slope: twice as many.
    guess = 2 * most
    if len(fitting) > 1 and shares[most] > shares[fitting[-2]]:
        slope = (shares[most] - shares[fitting[-2]]) / (most - fitting[-2])
        # A little short of the line, for a guess that is just too large would teach little.
        guess = most + int(0.98 * (1 - shares[most]) / slope)
    if too_many:
        return min(max(guess, most + 1), max((most + too_many) // 2, most + 1))
    # Far from what is known, lines are not to be trusted.
    return min(max(guess, most + 1), 8 * most)


def with_batch_size(program: StageProgram, batch_size: int) -> StageProgram:
    """The program of this stage alone, with minibatches of that size."""
    recipe = program.recipe
    # Growth may have a batch size of its own for each resolution, which would win.
    stage = replace(program.stage, batch_size=batch_size)
    single = replace(recipe, stages=(stage,), batch_size=batch_size, growth=type(recipe.growth)())
    return stage_programs(single, program.data, program.rate)[0]


def largest_batch(program: StageProgram, mesh: Mesh, chip: Chip) -> int:
    """The largest batch over all devices that a stage can have there, as far as a search tells."""
    unit = mesh.size * program.recipe.accumulate

    def fits(n: int) -> float:
        try:
            memory = footprint.read_memory(compile_for(with_batch_size(program, n * unit), mesh), mesh)
        except InputError:
            return float("inf")
        return memory.total / chip.memory

    return unit * find_largest(fits, max(program.stage.batch_size // unit, 1))
