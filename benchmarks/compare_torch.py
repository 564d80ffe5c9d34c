"""Times whole train steps of gaxjax beside the same steps in PyTorch, once both compute the same.

    python benchmarks/compare_torch.py [--cases mlp,dcgan] [--rounds 10] [--no-compile]

A case (`cases.py`) is a game with its networks, losses, penalties and optimizers, as a recipe has them; its
PyTorch twin is in `torch_side/`. First, from the same weights, images and random numbers, the loss of every
player and its gradient in every parameter must agree to 1e-4 of that gradient's largest entry, in float64,
where rounding decides nothing (`agreement.py` says what holds of float32, the timed precision); where
penalties are lazy, at a step of each kind. Then steps are timed interleaved, each candidate in turn,
so that whatever else the machine does hits them alike. In the timed steps both sides draw random numbers of
their own, of the same kinds and shapes, and move an average of the generator.

gaxjax is the step that `gaxjax train` runs, with the allocator's options that it sets. PyTorch is eager in
its default layout, eager in channels last, and compiled where that works; its optimizers are fused and
gradients reach the mover's parameters alone. PyTorch is optional: `pip install gaxjax[torch]`. It runs on
CUDA if both see it, else on the CPU. On a machine that others use too, `taskset -c 0` before it compares one
core each: threads that wait for one another lose the most when a core is taken away.
"""

import argparse
import copy
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import torch
from agreement import Plan, Reference, check_step, plan_draws
from cases import CASES, Case
from torch_side import game_of
from torch_side.game import Batch, Trainer, split_minibatches

from gaxjax import parallel
from gaxjax.game import State
from gaxjax.parallel import memory

WARM_UP = 2  # steps of each kind
TURN = 0.25  # seconds; shorter steps are taken several at a time
OURS = "gaxjax"

Step = Callable[[int], Any]
"""Takes one step, of that number where penalties are lazy, and waits for it."""


def choose_device() -> torch.device:
    """CUDA if both have it, else the CPU for both; called before JAX has looked for devices."""
    if torch.cuda.is_available() and jax.default_backend() == "gpu":
        if len(jax.devices()) > 1:
            raise SystemExit("one device is compared with one: set CUDA_VISIBLE_DEVICES=0")
        # Both in whole float32: by default only some of their products are in TF32, and not the same ones.
        jax.config.update("jax_default_matmul_precision", "highest")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        return torch.device("cuda")
    if not torch.cuda.is_available():
        jax.config.update("jax_platforms", "cpu")
    if jax.default_backend() != "cpu":
        raise SystemExit("JAX has an accelerator that PyTorch has not: set JAX_PLATFORMS=cpu")
    return torch.device("cpu")


def our_step(case: Case, state: State, batches: dict[str, np.ndarray]) -> Step:
    """The package's own step, as `gaxjax train` maps it over devices."""
    mesh = parallel.make_mesh()
    updates = {player: rule.updates for player, rule in case.optimizers.items()}
    solver = case.solver
    step = parallel.pmapped(solver(case.gan, case.rules(), updates, case.half_life), mesh)
    # On the devices before the first step: what is timed moves no state and no images.
    current, sharding = parallel.replicate(state, mesh), parallel.state_sharding(mesh)
    inputs, key = parallel.shard(batches, mesh), parallel.replicate(jax.random.key(0), mesh)

    def take_step(number: int) -> Any:
        nonlocal current
        # Elsewhere no step differs, and setting the number costs a little.
        if len(case.phases) > 1:
            current = current._replace(step=jax.device_put(np.int32(number), sharding))
        current, logs = step(current, inputs, key)
        # Dispatch returns at once; the whole new state is what a step is for.
        jax.block_until_ready(current)
        return {name: float(value) for name, value in logs.items() if name.endswith("/loss")}

    return take_step


def their_steps(
    case: Case, state: State, batches: dict[str, np.ndarray], where: torch.device, compiled: bool
) -> Iterator[tuple[str, Step]]:
    """PyTorch's candidates, each checked against gaxjax's gradients first."""
    ours = Reference(case, state, batches)
    plan: Plan = {}
    kinds = [("PyTorch", torch.contiguous_format), ("PyTorch, channels last", torch.channels_last)]
    for name, layout in kinds + [("PyTorch, compiled", torch.contiguous_format)] * compiled:
        inputs = [
            {key: x.to(where) for key, x in batch.items()} for batch in split_minibatches(batches, layout)
        ]
        game = game_of(case.gan, state, layout).to(where)
        # Once, of the first candidate: which numbers a loss takes depends on no layout.
        if not plan:
            plan = plan_draws(case, ours, game, inputs)
            print(f"gaxjax: float32 differs from float64 by {ours.rounding(game):.1e}")
        trainer = Trainer(game, case.optimizers, case.turns, case.half_life, name.endswith("compiled"))
        try:
            differences = check_candidate(name, case, ours, trainer, plan, inputs)
        # Compilers fail in many ways. A candidate that is compiled may drop out; one that is not has a
        # mistake.
        except Exception as error:
            if not name.endswith("compiled"):
                raise
            reason = next(iter(str(error).splitlines()), "")
            print(f"{name}: left out, it does not compile: {type(error).__name__}: {reason}", flush=True)
            continue
        print(f"{name}: losses and gradients differ from gaxjax's by {differences}", flush=True)

        # Defaults keep this candidate's own: a closure would see those of the last.
        def take_step(
            number: int, trainer: Trainer = trainer, inputs: Any = inputs, plan: Plan = plan
        ) -> Any:
            losses = trainer.step(inputs, plan, number)
            # As JAX is waited for.
            if where.type == "cuda":
                torch.cuda.synchronize()
            return losses

        yield name, take_step


def check_candidate(
    name: str, case: Case, ours: Reference, trainer: Trainer, plan: Plan, inputs: list[Batch]
) -> str:
    """By how much a candidate differs from gaxjax, relatively; SystemExit if by too much.

    What is compiled is checked in float32 alone: in float64 it would be another program.
    """
    differences = ""
    if not name.endswith("compiled"):
        # A copy: `double` converts a module in place.
        wide = Trainer(copy.deepcopy(trainer.game).double(), case.optimizers, case.turns, case.half_life)
        doubled = [{key: x.double() for key, x in batch.items()} for batch in inputs]
        differences = f"{check_step(f'{name}, float64', case, ours, wide, plan, doubled):.1e} in float64, "
    return f"{differences}{check_step(name, case, ours, trainer, plan, inputs):.1e} in float32"


def measure(
    case: Case, steps: dict[str, Step], rounds: int, clock: Callable[[], float]
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of a step by phase and candidate, each candidate in turn.

    For a few milliseconds after a step its threads still spin, and the next candidate's have to be woken:
    where steps are short, a turn is several of them, as many for each, after one that is not timed.
    """
    times: dict[str, dict[str, list[float]]] = {phase: {name: [] for name in steps} for phase in case.phases}

    def turn(step: Step, number: int, repeats: int) -> float:
        start = clock()
        for _ in range(repeats):
            step(number)
        return (clock() - start) / repeats

    repeats = dict.fromkeys(case.phases, 1)
    for _ in range(WARM_UP):
        for phase, (number, _) in case.phases.items():
            # By the slowest, and the same for all candidates of a phase.
            longest = max(turn(step, number, 1) for step in steps.values())
            repeats[phase] = math.ceil(TURN / longest)
    for _ in range(rounds):
        for phase, (number, _) in case.phases.items():
            for name, step in steps.items():
                if repeats[phase] > 1:
                    step(number)
                # One turn of each candidate a round: what else the machine does in a round hits them alike.
                times[phase][name].append(1000 * turn(step, number, repeats[phase]))
    if len(case.phases) > 1:
        shares = {phase: share for phase, (_, share) in case.phases.items()}
        # Round by round, so that quartiles of ratios are of the same moments.
        times["mean over a period"] = {
            name: [sum(shares[p] * times[p][name][i] for p in shares) for i in range(rounds)]
            for name in steps
        }
    return times


def format_times(times: dict[str, list[float]]) -> str:
    """Medians, quartiles, fastest, in Markdown; and the ratio of gaxjax to the fastest PyTorch.

    That ratio is of the medians; behind it the quartiles of the ratios of single rounds.
    """
    medians = {name: statistics.median(values) for name, values in times.items()}
    fastest = min((name for name in times if name != OURS), key=medians.__getitem__)
    lines = ["| | median ms | quartiles | fastest | gaxjax / fastest PyTorch |", "|---|---|---|---|---|"]
    for name, values in times.items():
        low, high = quartiles(values)
        ratio = ""
        if name == OURS:
            # Of one round each, in which both met the same machine.
            rounds = [ours / theirs for ours, theirs in zip(values, times[fastest], strict=True)]
            ratio = "{:.2f} ({:.2f} to {:.2f})".format(medians[OURS] / medians[fastest], *quartiles(rounds))
        lines.append(
            f"| {name} | {medians[name]:.1f} | {low:.1f} to {high:.1f} | {min(values):.1f} | {ratio} |"
        )
    return "\n".join(lines)


def quartiles(values: list[float]) -> tuple[float, float]:
    """The first and the third; of a single value that value."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES), help=f"some of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=10, help="timed steps of each kind; 0: only the check")
    parser.add_argument("--batch", type=int, default=0, help="examples of a minibatch; 0: the case's own")
    parser.add_argument("--small", action="store_true", help="small networks and images, to try it out")
    parser.add_argument(
        "--no-compile", action="store_true", help="without torch.compile, which takes minutes"
    )
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="of all threads together, not the time that passes",
    )
    arguments = parser.parse_args()
    names = [name.strip() for name in arguments.cases.split(",")]
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    memory.keep_freed_memory()
    where = choose_device()
    clock = time.process_time if arguments.processor_time else time.perf_counter
    print(
        f"jax {jax.__version__}, torch {torch.__version__}, {where.type}, {torch.get_num_threads()} threads"
    )
    for name in names:
        case = CASES[name](arguments.small, arguments.batch)
        print(f"\n## {name}, minibatches of {case.batch}\n", flush=True)
        state, batches = case.state(), case.minibatches()
        steps = dict(their_steps(case, state, batches, where, not arguments.no_compile))
        if not arguments.rounds:
            continue
        steps = {OURS: our_step(case, state, batches), **steps}
        for phase, times in measure(case, steps, arguments.rounds, clock).items():
            print(f"\n{phase + chr(10) * 2 if phase else ''}{format_times(times)}", flush=True)


if __name__ == "__main__":
    main()
