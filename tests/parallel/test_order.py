"""Which examples a step sees, in which order, does not depend on processes or on how devices are numbered.

The processes are stand-ins: each makes the mesh of devices of which some are its own, and the feed that
training makes, as if it were alone; what they load is laid where the mesh has their devices.
"""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from gaxjax import parallel
from gaxjax.data import Data, open_source
from gaxjax.data.source import Batch, Source
from gaxjax.parallel.devices import batch_sharding
from gaxjax.programs.feed import Feed

DEVICES, MINIBATCHES, BATCH, STEPS = 8, 2, 16, 3
NUMBERINGS: dict[str, Callable[[int, int], int]] = {
    # Of device i, one of n processes: as counted, in turns, and as some TPU hosts have them (0, 1 and 4, 5).
    "in blocks": lambda i, n: i * n // DEVICES,
    "in turns": lambda i, n: i % n,
    "in halves": lambda i, n: i * 2 * n // DEVICES % n,
}


class Device(SimpleNamespace):
    """As JAX has one: its number and process, and, of the client, which process asks."""

    __hash__ = object.__hash__


def devices_of(process: int, processes: int, numbering: str) -> list[Device]:
    """All devices, as that process sees them."""
    client = SimpleNamespace(process_index=lambda: process, platform="cpu")
    return [
        Device(
            id=i,
            process_index=NUMBERINGS[numbering](i, processes),
            platform="cpu",
            device_kind="cpu",
            client=client,
        )
        for i in range(DEVICES)
    ]


def load(
    monkeypatch: pytest.MonkeyPatch, source: Source, resident: float, processes: int, numbering: str
) -> list[Batch]:
    """The global batches of some steps in the middle of a run, put together of what each process loads."""
    whole: list[Batch] = [{} for _ in range(STEPS)]
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    for process in range(processes):
        devices = devices_of(process, processes, numbering)
        monkeypatch.setattr(jax, "devices", lambda here=devices: here)
        mesh = parallel.make_mesh()
        recipe: Any = SimpleNamespace(
            seed=3, seeds=1, steps_per_call=1, data=replace(DATA, flip=True, resident=resident)
        )
        stage = SimpleNamespace(shape=DATA.shape, batch_size=BATCH)
        program: Any = SimpleNamespace(
            recipe=recipe, stage=stage, minibatches=MINIBATCHES, mesh=mesh, number=0
        )
        feed = Feed(program, source, steps=40)
        # Which rows of the global batch the sharding lays on this process's devices.
        places = batch_sharding(mesh).addressable_devices_indices_map((MINIBATCHES, BATCH))
        rows = [place[1].indices(BATCH) for place in places.values() if place]
        assert len(rows) == DEVICES // processes
        first = min(start for start, _, _ in rows)
        for step in whole:
            for name, local in next(feed).items():
                array = step.setdefault(
                    name, np.full((MINIBATCHES, BATCH, *local.shape[2:]), 255, local.dtype)
                )
                for start, stop, _ in rows:
                    array[:, start:stop] = local[:, start - first : stop - first]
        feed.close()
    return whole


DATA = Data("digits", (8, 8, 1))


@pytest.mark.parametrize("resident", [0.0, 1.0])
def test_order(monkeypatch: pytest.MonkeyPatch, resident: float) -> None:
    """Loaded as images, and as the numbers of those that live on the devices."""
    source = open_source(DATA)
    expected = load(monkeypatch, source, resident, 1, "in blocks")
    assert len({name for step in expected for name in step}) >= 2
    for processes in (1, 2, 4):
        for numbering in NUMBERINGS:
            for step, other in zip(
                expected, load(monkeypatch, source, resident, processes, numbering), strict=True
            ):
                np.testing.assert_equal(other, step, f"{processes} processes, {numbering}")
