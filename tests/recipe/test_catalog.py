"""Recipes that come with gaxjax, by name, and paths beside them."""

from pathlib import Path

import pytest
import shrinking

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.recipe import catalog
from gaxjax.recipe.serialization import describe, load_recipe
from gaxjax.runs.record import open_run, read_run


def test_the_list_has_every_recipe() -> None:
    """As `gaxjax train` takes it, with its variants and the first line of its file."""
    variants: dict[str, set[str]] = {}
    for target in shrinking.recipes():
        file, _, variant = target.partition(":")
        variants.setdefault(file.removesuffix(".py"), set()).add(variant)
    listed: dict[str, set[str]] = {}
    for line in catalog.listing().splitlines()[2:]:
        words = line.split()
        if words[0] == "variants:":
            listed[name] |= {word.strip(",") for word in words[1:]}
        else:
            name = words[0]
            listed[name] = {"recipe"}
            (first,) = Path(catalog.folder(), f"{name}.py").read_text().splitlines()[:1]
            assert first.removeprefix('"""') == line[26:]
    assert listed == variants


def test_a_name_is_the_recipe_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any folder, whatever else is in that."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lucic2018").mkdir()
    (tmp_path / "lucic2018.py").write_text("recipe = None")
    for name in ("lucic2018", "lucic2018:wgan"):
        recipe, path = load_recipe(name)
        file, _, variant = name.partition(":")
        by_path, _ = load_recipe(f"{shrinking.CONFIGS / file}.py:{variant}")
        assert describe(recipe) == describe(by_path)
        assert path == shrinking.CONFIGS / "lucic2018.py"
    with pytest.raises(InputError, match=r"^lucic2018\.py has no recipe 'recipe'; it has none"):
        load_recipe("lucic2018.py")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("quikstart", "no recipe is named 'quikstart'; did you mean quickstart? gaxjax train --list"),
        ("dcgan_mnist:wide", "did you mean dcgan_fashion_mnist or cgan_mnist or cogan_mnist or acgan_mnist?"),
        ("mine", "did you mean mine.py? gaxjax train --list shows the names, and a file of your own"),
        ("xyzzy", "no recipe is named 'xyzzy'; gaxjax train --list shows"),
        ("", "no recipe is named ''; gaxjax train --list shows"),
        ("lucic2018:w_gan", "lucic2018.py has no recipe 'w_gan'; it has ns_gan, recipe, mm_gan"),
        ("./lucic2018", "no recipe file './lucic2018'"),
        ("quickstart.py", "no recipe file 'quickstart.py'"),
    ],
)
def test_what_there_is_not(
    target: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").touch()
    assert cli.main(["train", target, "--workdir", "run"]) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("error: ") and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_run_by_name_keeps_its_recipe(tmp_path: Path) -> None:
    """As one by path does: the file as it is, and what is read again is the recipe."""
    recipe, path = load_recipe("unrolled_ring:plain")
    open_run(tmp_path / "run", recipe, path)
    assert {file.name for file in (tmp_path / "run").iterdir()} == {"recipe.json", "config.py"}
    assert (tmp_path / "run/config.py").read_bytes() == path.read_bytes()
    assert read_run(tmp_path / "run") == recipe
