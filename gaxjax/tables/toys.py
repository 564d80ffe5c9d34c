"""Objectives x solvers on a ring of 8 and a grid of 25 Gaussians: which modes are found, by many seeds.

All seeds of a cell are trained at once, in one program. Every cell has the same networks, steps, minibatches
and learning rates, so it shows what a choice does and not the best that can be had of it.
"""

import csv
import dataclasses
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax import game, landscape, parallel, pictures, solvers
from gaxjax.data.points import DEFAULTS, centers
from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.game import State
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.optimizers import Optimizer
from gaxjax.penalties import DRAGAN, R1, R2, GradientPenalty

Budget = Literal["smoke", "small", "paper"]

OBJECTIVES: dict[str, dict[str, Any]] = {
    "minimax": {"objective": "minimax", "zero_sum": True},
    "non-saturating": {},
    "least squares": {"objective": "least_squares"},
    "Wasserstein, clipped": {"objective": "wasserstein", "discriminator_bounds": "clip(0.1)"},
    "Wasserstein, gradient penalty": {"objective": "wasserstein", "penalties": (GradientPenalty(0.1),)},
    "hinge, spectral norm": {"objective": "hinge", "discriminator_weights": "spectral"},
    "DRAGAN": {"penalties": (DRAGAN(),)},
    "R3GAN": {"objective": "relativistic_paired", "penalties": (R1(0.1), R2(0.1))},
}
"""Fields of the game. The gradient penalty's weight is that of its authors' toys."""
SOLVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "alternating": ("alternating", {}),
    "simultaneous": ("simultaneous", {}),
    "optimistic": ("simultaneous", {"optimism": 1.0}),
    "extragradient": ("extragradient", {}),
    "unrolled(5)": ("unrolled(5)", {}),
    "competitive (ACGD)": ("competitive(iterations=3)", {"b1": 0.0, "b2": 0.99, "eps": 1e-5}),
}
"""The solver, and what it changes in the optimizers."""
STEPS = {"smoke": 20, "small": 1_500, "paper": 20_000}
WIDTH, BATCH, LATENTS = 64, 128, 16
SAMPLES, SHOWN, FOUND = 10_000, 1_000, 20
"""Samples that are measured, and drawn; those within 3 deviations of a mode that make it a found one."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One objective, played one way, on one set of points."""

    data: str
    objective: str
    solver: str
    steps: int
    seeds: int

    @property
    def name(self) -> str:
        """Of its file; says all that may differ."""
        words = f"{self.data} {self.objective} {self.solver} {self.steps} steps {self.seeds} seeds"
        return "".join(c if c.isalnum() else "_" for c in words)

    def parts(self) -> tuple[Adversarial, dict[str, Any], Any]:
        """The game, the optimizers and the train step."""
        gan = Adversarial(
            generator=Generator((2,), (WIDTH, WIDTH), "tanh", output="none"),
            discriminator=Discriminator((WIDTH, WIDTH), "tanh"),
            latents=Latents(LATENTS),
            **OBJECTIVES[self.objective],
        )
        solver, options = SOLVERS[self.solver]
        # eps_root, since the virtual updates of unrolling are differentiated through
        rule = Optimizer(**{"learning_rate": 1e-3, "eps_root": 1e-12, **options}).build(1.0)
        optimizers = dict.fromkeys(gan.players, rule)
        return gan, optimizers, solvers.named(solver)(gan, optimizers, dict.fromkeys(gan.players, 1))


def make(out: Path, budget: Budget = "small", seeds: int = 10, only: str = "", whole: bool = False) -> str:
    """Objectives x solvers on the ring and the grid: modes found, share near them, distance to the data.

    Args:
        out: directory of toys.md, toys.csv, ring.png and grid.png; finished cells are kept in it.
        budget: smoke: a few steps of two pairs. small: every objective with alternating moves, every solver
            with minimax. paper: every pair, for longer.
        seeds: runs of each cell, in one program.
        whole: every pair of an objective and a solver, whatever the budget.
        only: comma-separated words; cells whose objective or solver begins with none of them are left out.
    """
    if seeds < 1:
        raise InputError(f"seeds must be at least 1; got {seeds}")
    chosen = list(cells(budget, seeds, [word.strip() for word in only.split(",") if word.strip()], whole))
    if not chosen:
        known = f"objectives: {', '.join(OBJECTIVES)}; solvers: {', '.join(SOLVERS)}"
        raise InputError(f"--only {only!r} leaves no cell of this budget; {known}")
    found = {}
    for number, cell in enumerate(chosen, 1):
        path = out / "cells" / f"{cell.name}.npz"
        if not path.exists():
            start = time.monotonic()
            result = play(cell)
            result["seconds"] = np.array(time.monotonic() - start)
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **result)
            write_bytes(path, buffer.getvalue())
        with np.load(path) as stored:
            found[cell] = dict(stored)
        what, values = f"{cell.data}, {cell.objective}, {cell.solver}", found[cell]
        how = f"{values['modes'].mean():.1f} modes, {values['seconds']:.0f} s"
        print(f"{number} of {len(chosen)}: {what}: {how}", flush=True)
    for data in dict.fromkeys(cell.data for cell in chosen):
        draw({cell: values for cell, values in found.items() if cell.data == data}, out / f"{data}.png")
    write_bytes(out / "toys.csv", as_csv(found).encode())
    text = as_markdown(found, budget)
    write_bytes(out / "toys.md", text.encode())
    return text


def cells(budget: Budget, seeds: int, only: list[str], whole: bool = False) -> Iterator[Cell]:
    """The cells of a budget, ring first."""
    for data in ("ring", "grid"):
        for objective in OBJECTIVES:
            for solver in SOLVERS:
                least = objective == "minimax" and solver in ("alternating", "unrolled(5)")
                cross = objective == "minimax" or solver == "alternating"
                wanted = {"smoke": least, "small": cross, "paper": True}[budget]
                named = any(x.startswith(word) for word in only for x in (objective, solver))
                if (wanted or whole) and (named or not only):
                    yield Cell(data, objective, solver, STEPS[budget], seeds)


def play(cell: Cell) -> dict[str, np.ndarray]:
    """Trains every seed of a cell; returns its measures [seeds], and points and verdicts of the first one."""
    gan, optimizers, step = cell.parts()
    draw_real = mixture(cell.data)
    places = landscape.places({"image": jax.device_get(draw_real(jax.random.key(0), SHOWN))})

    def run(seed: Array) -> dict[str, Any]:
        begin, play_key, data_key, end = jax.random.split(jax.random.key(seed), 4)
        state = game.init(gan, optimizers, begin, {"image": jax.ShapeDtypeStruct((BATCH, 2), jnp.float32)})

        def body(state: State, number: Array) -> tuple[State, None]:
            points = draw_real(jax.random.fold_in(data_key, number), 2 * BATCH)
            return step(state, {"image": points.reshape(2, BATCH, 2)}, play_key)[0], None

        state, _ = jax.lax.scan(body, state, jnp.arange(cell.steps))
        made = game.sample(gan, state, {"n": SAMPLES}, end)
        verdict = game.judge(gan, state, places)
        return {
            **measures(made, draw_real(jax.random.fold_in(end, 1), SAMPLES), cell.data),
            "made": made[:SHOWN],
            **{f"verdict {name}": values for name, values in verdict.items()},
        }

    mesh = parallel.make_mesh(cell.seeds) if cell.seeds > 1 else parallel.make_mesh()
    sharding = parallel.state_sharding(mesh)
    result = jax.device_get(jax.jit(jax.vmap(run), in_shardings=sharding)(jnp.arange(cell.seeds)))
    return {name: x[0] if name == "made" or name.startswith("verdict") else x for name, x in result.items()}


def mixture(name: str) -> Callable[[Array, int], Array]:
    """(key, n) -> n points [n, 2] of the ring or the grid, as `gaxjax.data.points` has them."""
    modes, spread, deviation = DEFAULTS[name]
    means = jnp.asarray(centers(name, modes, spread), jnp.float32)

    def draw(key: Array, n: int) -> Array:
        which, noise = jax.random.split(key)
        return means[jax.random.randint(which, (n,), 0, modes)] + deviation * jax.random.normal(noise, (n, 2))

    return draw


def measures(made: Array, real: Array, data: str) -> dict[str, Array]:
    """Modes found, share of the samples within 3 deviations of one, and sliced Wasserstein distance."""
    modes, spread, deviation = DEFAULTS[data]
    means = jnp.asarray(centers(data, modes, spread), jnp.float32)
    apart = jnp.sqrt(jnp.sum((made[:, None] - means[None]) ** 2, axis=-1))
    near = jnp.min(apart, axis=1) < 3 * deviation
    counts = jnp.zeros(modes).at[jnp.argmin(apart, axis=1)].add(near)
    return {
        "modes": jnp.sum(counts >= FOUND),
        "near": jnp.mean(near),
        "distance": sliced_distance(made, real),
        "floor": sliced_distance(real[0::2], real[1::2]),
        "finite": jnp.all(jnp.isfinite(made)),
    }


def sliced_distance(a: Array, b: Array, angles: int = 32) -> Array:
    """The mean 1-D Wasserstein distance of projections [n, 2] onto evenly spread directions."""
    angle = np.pi * np.arange(angles) / angles
    directions = jnp.asarray([np.cos(angle), np.sin(angle)], jnp.float32)
    return jnp.mean(jnp.abs(jnp.sort(a @ directions, axis=0) - jnp.sort(b @ directions, axis=0)))


def as_csv(found: dict[Cell, dict[str, np.ndarray]]) -> str:
    """One line for every seed of every cell."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["data", "objective", "solver", "steps", "seed", "modes", "near", "distance"])
    for cell, values in found.items():
        for seed in range(cell.seeds):
            measured = [f"{values[name][seed]:.6g}" for name in ("modes", "near", "distance")]
            rows.writerow([cell.data, cell.objective, cell.solver, cell.steps, seed, *measured])
    return text.getvalue()


def as_markdown(found: dict[Cell, dict[str, np.ndarray]], budget: str) -> str:
    """A table for each set of points, mean and standard deviation over seeds."""
    some = next(iter(found))
    lines = [
        f"Toys, budget {budget}: {some.steps:,} steps, {some.seeds} seeds (mean ± standard deviation), "
        f"minibatches of {BATCH}, networks of 2 x {WIDTH} tanh, {LATENTS} latents, Adam at 1e-3 for both "
        f"players (b1 = 0.5; ACGD: b1 = 0, b2 = 0.99).",
        f"Of {SAMPLES:,} samples: a mode is found if {FOUND} of them are within 3 deviations of it; near: "
        f"share within 3 deviations of any; distance: sliced Wasserstein distance to as many real points.",
        f"All cells together: {sum(float(values['seconds']) for values in found.values()) / 60:.1f} minutes.",
    ]
    for data in dict.fromkeys(cell.data for cell in found):
        floor = np.mean([values["floor"].mean() for cell, values in found.items() if cell.data == data])
        title = f"{data}: {DEFAULTS[data][0]} modes; distance between halves of the data {floor:.3f}"
        head = "| objective | solver | modes | near | distance | not finite | seconds |"
        lines += ["", title, "", head, "|---|---|---|---|---|---|---|"]
        for cell, values in found.items():
            if cell.data == data:
                measured = " | ".join(
                    f"{values[name].mean():.{digits}f} ± {values[name].std():.{digits}f}"
                    for name, digits in (("modes", 1), ("near", 2), ("distance", 2))
                )
                broken = int((~values["finite"]).sum())
                seconds = f"{values['seconds']:.0f}"
                lines.append(f"| {cell.objective} | {cell.solver} | {measured} | {broken} | {seconds} |")
    return "\n".join(lines) + "\n"


def draw(found: dict[Cell, dict[str, np.ndarray]], path: Path) -> Path:
    """The first seed's samples of every cell over the data, and what the discriminator says of the plane."""
    columns = 4
    figure, axes = pictures.new_figure(-(-len(found) // columns), columns)
    for axis in axes.flat[len(found) :]:
        axis.set_axis_off()
    for axis, (cell, values) in zip(axes.flat, found.items(), strict=False):
        real = jax.device_get(mixture(cell.data)(jax.random.key(0), SHOWN))
        surface = {
            name.removeprefix("verdict "): x for name, x in values.items() if name.startswith("verdict")
        }
        finite = bool(values["finite"][0])
        landscape.draw_plane(axis, values["made"] if finite else real[:0], real, surface if finite else {})
        axis.set_title(
            f"{cell.objective}\n{cell.solver}: {values['modes'].mean():.1f} modes", fontsize="medium"
        )
    return pictures.save_figure(figure, path)
