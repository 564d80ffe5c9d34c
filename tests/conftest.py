import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import quick
import styled

# Here and in the processes that this one starts.
os.environ["XLA_FLAGS"] = quick.flags(*os.environ.get("XLA_FLAGS", "").split())
if "PYTEST_XDIST_WORKER" not in os.environ:
    # What this session has compiled, for its processes and those that they start, and for no later session.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
# Nor where in which file each operation comes from, which takes a fifth of lowering.
os.environ["JAX_TRACEBACK_IN_LOCATIONS_LIMIT"] = "0"
jax.config.update("jax_traceback_in_locations_limit", 0)
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

# Tracing makes many objects that stay: to look for garbage as often as by default takes a tenth of the time.
gc.set_threshold(50_000, 20, 50)

# [batch, 1] against [batch] must fail wherever it happens, not broadcast to a matrix.
jax.config.update("jax_numpy_rank_promotion", "raise")


LONGEST = (
    "recipes",
    "meshes",
    "readme",
    "solvers_together",
    "resume",
    "style",
    "edit",
    "train",
    "parallel",
)
"""Files whose tests take the longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process is left with it at the end."""

    def rank(item: pytest.Item) -> int:
        name = item.path.stem.removeprefix("test_")
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; skips the test where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the folder of real data {folder}")
    return folder


@pytest.fixture
def ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every normal number is 1, and every uniform one the largest."""
    monkeypatch.setattr(jax.random, "normal", lambda key, shape=(): jnp.ones(shape))
    monkeypatch.setattr(
        jax.random, "uniform", lambda key, shape=(), minval=0.0, maxval=1.0: jnp.full(shape, maxval)
    )


@pytest.fixture
def float64() -> Iterator[None]:
    """What the test makes is float64; for what a module made before there is `rounding.widest`."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def float16() -> None:
    """Skips the test where XLA does not compile for float16, as for processors without AVX."""
    try:
        jax.jit(lambda x: x.astype(jnp.float32))(jnp.ones(4, jnp.float16)).block_until_ready()
    except jax.errors.JaxRuntimeError as error:
        pytest.skip(f"XLA does not compile for float16 here: {str(error)[:60]}")


@pytest.fixture(scope="module")
def shared_programs() -> Iterator[None]:
    """Starts of a recipe in this process trace its steps once between them, as if they were one start.

    For modules that train one recipe again and again, and change nothing in it meanwhile.
    """
    from gaxjax.programs import program  # not before the flags above are set
    from gaxjax.training import train as training

    kept: list[tuple[Any, list[Any]]] = []

    def stage_programs(*inputs: Any) -> list[Any]:
        for others, programs in kept:
            if others == inputs:
                return programs
        kept.append((inputs, program.stage_programs(*inputs)))
        return kept[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "stage_programs", stage_programs)
        yield


@pytest.fixture(scope="session")
def style_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a StyleGAN of 8 pixels, `styled.STYLE`; not to be changed."""
    return styled.trained_once(tmp_path_factory, "style", styled.STYLE)


@pytest.fixture(scope="session")
def conditional_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a conditional DCGAN of 8 pixels, `styled.CONDITIONAL`; not to be changed."""
    return styled.trained_once(tmp_path_factory, "conditional", styled.CONDITIONAL)


@pytest.fixture(scope="session")
def coded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of an InfoGAN of 8 pixels, `styled.CODED`; not to be changed."""
    return styled.trained_once(tmp_path_factory, "coded", styled.CODED)
