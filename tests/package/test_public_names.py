"""`import gaxjax`: its names, and what they cost."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import gaxjax


@pytest.mark.parametrize("name", gaxjax.NAMES)
def test_every_name_is_what_it_says(name: str) -> None:
    where, _, attribute = gaxjax.NAMES[name].partition(":")
    if importlib.util.find_spec(where) is None:
        pytest.skip(f"there is no {where} yet")
    value = getattr(gaxjax, name)
    assert value is (getattr(sys.modules[where], attribute) if attribute else sys.modules[where])
    assert name in dir(gaxjax) and name in gaxjax.__all__


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'gaxjax' has no attribute 'Recipee'"):
        gaxjax.Recipee  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from gaxjax import nothing  # type: ignore[attr-defined]  # noqa: F401


def test_checkers_are_told_the_same_names() -> None:
    """By the imports that are for them alone."""
    module = ast.parse(Path(gaxjax.__file__).read_text())
    block = next(node for node in module.body if isinstance(node, ast.If))
    imports = {
        alias.asname: node.module if node.module == "gaxjax" else f"{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    imports["load"] = imports.pop("_open")
    expected = {name: where if ":" in where else "gaxjax" for name, where in gaxjax.NAMES.items()}
    assert imports == expected


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    """Neither by the package nor by the command, its usage, its list of recipes or a verb's own help."""
    code = """
import sys
import gaxjax
from gaxjax import cli
assert "GAN" in dir(gaxjax)
assert cli.main(["--help"]) == cli.main(["train", "--list"]) == 0
assert cli.main(["train", "quikstart"]) == 2
for verb in ("sample", "evaluate", "classifier", "prepare"):
    try:
        cli.main([verb, "--help"])
    except SystemExit as ended:
        assert ended.code == 0
slow = {"jax", "flax", "optax", "orbax", "matplotlib", "tensorflow_datasets"}
sys.exit(f"imported: {slow & set(sys.modules)}" if slow & set(sys.modules) else 0)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "did you mean quickstart?" in ended.stderr
