"""Objectives x solvers on a ring of 8 and a grid of 25 Gaussians: which modes are found, by many seeds.

Every run has the same networks, steps, minibatches and learning rates, so it shows what a choice does and not
the best that can be had of it.
"""

import functools
from pathlib import Path
from typing import Any

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.transformed import Transformed
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import Hinge, LeastSquares, Minimax, RelativisticPaired, Wasserstein, ZeroSum
from gaxjax.penalties import DRAGAN, R1, R2, GradientPenalty
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.solvers import Alternating, Competitive, Extragradient, Simultaneous, Solver, Unrolled
from gaxjax.tables.reproduction import reproduce
from gaxjax.tables.verdict import Budget, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers
from gaxjax.transforms import Clip, Spectral

OBJECTIVES: dict[str, tuple[Adversary, dict[str, Any]]] = {
    "minimax": (Adversary(ZeroSum(Minimax())), {}),
    "non-saturating": (Adversary(), {}),
    "least squares": (Adversary(LeastSquares()), {}),
    "Wasserstein, clipped": (Adversary(Wasserstein()), {"bounds": Clip(0.1)}),
    "Wasserstein, gradient penalty": (Adversary(Wasserstein(), (GradientPenalty(0.1),)), {}),
    "hinge, spectral norm": (Adversary(Hinge()), {"transform": Spectral()}),
    "DRAGAN": (Adversary(penalties=(DRAGAN(),)), {}),
    "R3GAN": (Adversary(RelativisticPaired(), (R1(0.1), R2(0.1))), {}),
}
"""The adversary, and what is done to the discriminator's weights.

The gradient penalty's weight is that of its authors' toys.
"""
SOLVERS: dict[str, tuple[Solver, dict[str, Any]]] = {
    "alternating": (Alternating(), {}),
    "simultaneous": (Simultaneous(), {}),
    "optimistic": (Simultaneous(), {"optimism": 1.0}),
    "extragradient": (Extragradient(), {}),
    "unrolled(5)": (Unrolled(5), {}),
    "competitive (ACGD)": (Competitive(iterations=3), {"b1": 0.0, "b2": 0.99, "eps": 1e-5}),
}
"""The solver, and what it changes in the optimizers."""
DATA = {"ring": "8 Gaussians on a ring of radius 2", "grid": "25 Gaussians on a grid, 2 apart"}
# Three numbers of one run, which is measured once.
METRICS = ("modes found", "high quality", "sliced distance")
STEPS, BATCH, WIDTH, LATENTS = 20_000, 128, 64, 16
ABOUT = f"""\
Objectives x solvers, {{data}}: no paper prints numbers for these settings, which are ours, and so is the
length that shares are told of, {STEPS:,} steps: minibatches of {BATCH}, networks of 2 x {WIDTH} tanh,
{LATENTS} latents, Adam at 1e-3 for both players (b1 = 0.5; ACGD: b1 = 0, b2 = 0.99), no moving average. Of
modes and quality higher is better, of the distance lower. The papers claim that a GAN loses modes of such
mixtures and unrolling brings them back (Metz et al. 2017), and that relativistic pairs with R1 and R2 lose
none (Huang et al. 2024, of stacked MNIST)."""


def recipe(data: str, objective: str, solver: str) -> Recipe:
    """One objective, played one way, on the ring or the grid."""
    moves, options = SOLVERS[solver]
    adversary, transforms = OBJECTIVES[objective]
    # eps_root, since the virtual updates of unrolling are differentiated through
    adam = Optimizer("adam", **{"learning_rate": 1e-3, "eps_root": 1e-12, **options})
    # Lengths below are in steps, as the papers of toys count; recipes count in thousands of examples.
    kimg = BATCH / 1000  # a step
    return Recipe(
        gan=Adversarial(
            generator=Generator((2,), (WIDTH, WIDTH), "tanh", output="none"),
            discriminator=Transformed(Discriminator((WIDTH, WIDTH), "tanh"), **transforms),
            latents=Latents(LATENTS),
            adversary=adversary,
        ),
        optimizers={"discriminator": adam, "generator": adam},
        data=Data(data, shape=(2,), workers=0),  # points are made faster than threads hand them over
        solver=moves,
        batch_size=BATCH,
        half_life=0,
        kimg=STEPS * kimg,
        log_kimg=100 * kimg,
        sample_kimg=500 * kimg,
        checkpoint_kimg=500 * kimg,
        samples=1_000,
    )


def rows(data: str, pairs: str, only: str) -> list[Row]:
    """Three numbers of every run of the ring or the grid.

    pairs: "least", "cross" (every objective with alternating moves, every solver with minimax), or "all".
    """
    words = [word.strip() for word in only.split(",") if word.strip()]
    table = []
    for objective in OBJECTIVES:
        for solver in SOLVERS:
            # The name is a folder's.
            name = "".join(c if c.isalnum() else "_" for c in f"{objective} {solver}")
            # The two that Metz et al. compare on the ring.
            least = objective == "minimax" and solver in ("alternating", "unrolled(5)")
            cross = objective == "minimax" or solver == "alternating"
            matches = any(x.startswith(word) for word in words for x in (objective, solver, f"{data}/{name}"))
            if {"least": least, "cross": cross, "all": True}[pairs] and (matches or not words):
                table += [
                    Row(
                        name=f"{data}/{name}",
                        title=f"{objective}; {solver}",
                        metric=metric,
                        printed=None,
                        recipe=functools.partial(recipe, data, objective, solver),
                        evaluation=Evaluation("points", n=10_000),
                        better="lower" if metric == "sliced distance" else "higher",
                    )
                    for metric in METRICS
                ]
    return table


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 10,
    together: bool = True,
    only: str = "",
    whole: bool = False,
    workers: WorkerFlags = Workers(),
) -> str:
    """Plays objectives x solvers on points: OUT/toys_ring.md and toys_grid.md, with .csv, .json, .png each.

    Args:
        out: directory of the tables and their runs
        budget: smoke (two pairs), small (1,500 of 20,000 steps; every objective with alternating moves, every
            solver with minimax), paper (20,000 steps, every pair), or a share such as 0.4
        seeds: runs of each pair
        together: all seeds in one program
        only: beginnings of objectives, solvers or runs, comma-separated, such as DRAGAN,ring/minimax; empty
            for all
        whole: every pair of an objective and a solver, whatever the budget
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.001, 1_000), small=Budget(0.075))
    pairs = "all" if whole else {"smoke": "least", "small": "cross"}.get(budget, "all")
    tables = {data: rows(data, pairs, only) for data in DATA}
    if not any(tables.values()):
        known = f"objectives: {', '.join(OBJECTIVES)}; solvers: {', '.join(SOLVERS)}"
        raise InputError(f"--only {only!r} leaves no run of this budget; {known}")
    return "\n".join(
        reproduce(
            out, f"toys_{data}", ABOUT.format(data=DATA[data]), table, training, seeds, "", together, workers
        )
        for data, table in tables.items()
        if table
    )
