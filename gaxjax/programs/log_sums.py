"""Sums of a step's logs since the last row of metrics, which go from step to step beside the state."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.game import Batch
from gaxjax.solvers import Step


def with_log_sums(step: Step) -> Callable[[Any, Batch, jax.Array], Any]:
    """The step with sums of logs since the last row beside the state: a resumed run logs the same means."""

    def step_with_sums(carry: Any, batches: Batch, key: jax.Array) -> Any:
        state, totals = carry
        state, logs = step(state, batches, key)
        # Summed on the device: means of a row cost no transfer at each step.
        return (
            state,
            {"sums": jax.tree.map(jnp.add, totals["sums"], logs), "count": totals["count"] + 1},
        ), {}

    return step_with_sums


def mean_logs(totals: Any) -> dict[str, float]:
    """Of the logs since the last row, over the seeds too; none right after a row."""
    if not np.all(parallel.fetch(totals["count"])):  # 0 / 0 otherwise
        return {}
    return {name: float(np.mean(x)) for name, x in parallel.fetch(divide_sums(totals)).items()}


@jax.jit
def divide_sums(totals: Any) -> Any:
    """The means since the last row."""
    return jax.tree.map(lambda x: x / totals["count"].astype(x.dtype), totals["sums"])
