"""What a stage takes of a device, told before its first call, of a program that is compiled once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import runs
import tiny

from gaxjax import parallel
from gaxjax.game import State
from gaxjax.training.memory import describe_memory


def test_memory_is_told_and_nothing_is_compiled_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled: list[str] = []

    def listen(event: str, seconds: float, **more: Any) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(more["fun_name"])

    recipe = runs.write_recipe(tmp_path)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        assert tiny.train(f"{recipe}:short", tmp_path / "run") == 0
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert compiled.count("jit(advance)") == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("memory")]
    # Painter 4 x 12 + 12, batch norm 2 x 12, 12 x 64 + 64; critic 3 x 3 x 4 + 4, 2 x 4, 64 + 1; Adam has 2.
    assert 4 * (916 + 113) == 4116
    assert "parameters 4.0 KiB" in line and "optimizers 8.0 KiB" in line and "temporaries" in line


def test_kinds_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums are of the parts, and the limit is told where the device tells it."""
    kib = jnp.zeros(256)
    state = State(jnp.int32(0), jnp.int32(0), {"g": [kib] * 4}, {}, {"g": (kib,) * 8}, {"g": kib})
    inputs = parallel.CallInput({"image": jnp.zeros(1000, "uint8")}, {"image": kib}, jnp.int32(1))
    analysis = SimpleNamespace(
        argument_size_in_bytes=0,
        output_size_in_bytes=5 * 2**20,
        alias_size_in_bytes=4 * 2**20,
        temp_size_in_bytes=2 * 2**20,
    )
    device = SimpleNamespace(memory_stats=lambda: {"bytes_limit": 16 * 2**30})
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    said = describe_memory(SimpleNamespace(memory_analysis=lambda: analysis), state, inputs)
    assert said == (
        "memory on each device: parameters 4.0 KiB, optimizers 8.0 KiB, average 1.0 KiB, data 1,000 B, "
        "batches 2.0 KiB, temporaries 3.0 MiB; in all 3.0 MiB of 16.0 GiB"
    )
    device.memory_stats = lambda: None
    said = describe_memory(SimpleNamespace(memory_analysis=lambda: None), state, inputs)
    assert said.endswith("batches 2.0 KiB; in all 16.0 KiB")
