"""`JAX_PLATFORMS=cuda` on a machine without a card ends in a traceback.

Right: one line that says which kind of device there is none of, and what to do.
"""

from pathlib import Path

import jax
import pytest
import runs


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="there is one")
def test_said_in_a_line(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path)
    status, output, errors = runs.finish(runs.start("show", recipe, JAX_PLATFORMS="cuda"))
    assert (status, output) == (2, "")
    advice = "JAX_PLATFORMS is 'cuda': unset it, or make it cpu"
    assert errors.splitlines()[-1] == f"error: JAX finds no device, and {advice}"
    assert "Traceback" not in errors
