"""One of several processes dies: the others are aborted a minute or more later, by JAX, in its words.

Right: they end at once, in one line, which says who is gone and which checkpoint is kept; their status is 3.
"""

from pathlib import Path

import runs
from launching import job


def test_the_other_process_names_the_one_that_is_gone(tmp_path: Path) -> None:
    recipe, workdir = runs.write_recipe(tmp_path), tmp_path / "run"
    # Process 0, whose death JAX answers at once, with an abort, would leave the other no time for a word.
    command = ("train", recipe, "--workdir", workdir, "--kimg", "100")
    first, second = [runs.start(*command, **environment) for environment in job(2)]
    runs.until(lambda: runs.steps(workdir), first)
    first.kill()
    status, _, errors = runs.finish(second, 60)
    runs.finish(first)
    *_, line = errors.splitlines()
    assert status == 3
    assert line == f"error: process 0 is gone; checkpoint {runs.steps(workdir)[-1]} is kept"
    assert "Traceback" not in errors and "terminating" not in errors.lower(), errors
