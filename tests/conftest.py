from pathlib import Path

import jax
import pytest

# [batch, 1] against [batch] must fail wherever it happens, not broadcast to a matrix.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; skips the test where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the folder of real data {folder}")
    return folder
