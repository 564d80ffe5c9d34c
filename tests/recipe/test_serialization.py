"""Recipes as JSON and back, their differences, and the files that they come from."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.penalties import R1, GradientPenalty, Lazy
from gaxjax.recipe import Data, Recipe, Stage
from gaxjax.recipe.optimizers import Exponential, Linear, Optimizer
from gaxjax.recipe.serialization import describe, differences, load_recipe, rebuild

GAN = Adversarial(
    generator=Generator((2,), features=(4, 5)),
    discriminator=Discriminator(features=()),
    latents=Latents(3, "uniform", bound=0.1),
    adversary=Adversary(penalties=(Lazy(R1(0.3), 4), GradientPenalty(sided="one"))),
)
OPTIMIZERS = {
    "discriminator": Optimizer("sgd", Exponential(0.1, 20, stairs=True), Linear(0.5, 0.7, 0, 100), updates=2),
    "generator": Optimizer(),
}
RECIPE = Recipe(GAN, OPTIMIZERS, Data("ring", shape=(2,), modes=5), batch_size=8, kimg=1e-3)


def through_json(value: Any) -> Any:
    return rebuild(json.loads(json.dumps(describe(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0.1,
        -3,
        "text",
        (),
        (1, (2.5, "x"), None),
        {"a": (1,), "b": {}},
        Latents(7),
        Linear(0.5, 0.7, 0, 100),
        Lazy(GradientPenalty(1.0, 0.0, "one"), 3),
        Generator((28, 20, 3), features=()),
        GAN,
        RECIPE,
        replace(
            RECIPE,
            stages=(Stage(GAN, 4, 1.0, OPTIMIZERS), Stage(replace(GAN, condition="label"), 8, 2, OPTIMIZERS)),
        ),
    ],
)
def test_there_and_back(value: Any) -> None:
    back = through_json(value)
    assert back == value
    assert type(back) is type(value)


def test_every_field_is_written_and_nothing_else() -> None:
    described = describe(RECIPE)
    assert described["class"] == "gaxjax.recipe:Recipe"
    assert described["gan"]["class"] == "gaxjax.gans:Adversarial"
    # A module's place in the tree of modules is not what it is.
    assert set(described["gan"]["generator"]) == {
        "class",
        "shape",
        "features",
        "activation",
        "output",
        "bound",
        "precision",
    }
    assert described["gan"]["generator"]["features"] == [4, 5]
    assert described["optimizers"]["discriminator"]["b1"] == {
        "class": "gaxjax.recipe:Linear", "start": 0.5, "end": 0.7, "from_kimg": 0, "to_kimg": 100,
    }  # fmt: skip


@pytest.mark.parametrize("value", [math.sqrt, {1, 2}, b"bytes", Latents])
def test_what_is_not_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="plain data alone"):
        describe({"field": (value,)})


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"class": "gaxjax.latents:Normal"}, "gaxjax.latents:Normal with"),
        ({"class": "gaxjax.nowhere:Thing"}, "gaxjax.nowhere"),
        ({"class": "gaxjax.latents:Latents", "sice": 3}, "sice"),
        ({"class": "gaxjax.recipe:Linear", "start": 1.0}, "needs gaxjax.recipe:Linear"),
    ],
)
def test_what_this_version_does_not_know_is_refused(stored: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rebuild([stored])


# Differences


def compared(other: Recipe) -> list[str]:
    return differences(json.loads(json.dumps(describe(RECIPE))), describe(other))


def test_the_same_recipe_has_no_differences() -> None:
    assert compared(RECIPE) == []
    assert compared(through_json(RECIPE)) == []


def test_each_difference_is_named_with_both_values() -> None:
    gan = replace(
        GAN,
        generator=Generator((2,), features=(4, 6)),
        adversary=replace(GAN.adversary, penalties=GAN.adversary.penalties[:1]),
    )
    other = replace(RECIPE, gan=gan, kimg=2, optimizers={**OPTIMIZERS, "generator": Optimizer("sgd")})
    found = {line.split(":")[0]: line for line in compared(other)}
    assert set(found) == {
        "gan.generator.features.1",
        "gan.adversary.penalties.1",
        "kimg",
        "optimizers.generator.name",
    }
    assert found["kimg"] == "kimg: 0.001 there, 2 asked for"
    assert found["gan.generator.features.1"].endswith("5 there, 6 asked for")
    assert found["gan.adversary.penalties.1"].endswith("None asked for")


def test_a_class_in_place_of_another_is_a_difference() -> None:
    found = compared(replace(RECIPE, gan=replace(GAN, discriminator=Generator((2,), features=()))))
    assert any(line.startswith("gan.discriminator.class:") for line in found)


def test_an_empty_tuple_is_not_a_missing_field() -> None:
    assert differences({"a": []}, {"a": [1]}) == ["a.0: None there, 1 asked for"]
    assert differences({"a": []}, {"a": {}}) == []
    assert differences({"a": []}, {"a": 1}) != []


def test_where_data_are_may_change_and_what_they_are_may_not() -> None:
    assert (
        compared(replace(RECIPE, data=replace(RECIPE.data, directory="/elsewhere", workers=0, memory=9)))
        == []
    )
    (line,) = compared(replace(RECIPE, data=replace(RECIPE.data, flip=True)))
    assert line.startswith("data.flip:")


# Files

FILE = """
from gaxjax.gans.adversarial import Adversarial
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

class Own(Generator):
    width: int = {width}

recipe = Recipe(
    gan=Adversarial(Own((2,), features=(3,)), Discriminator(features=(3,))),
    optimizers={{"discriminator": Optimizer(), "generator": Optimizer()}},
    data=Data("ring", shape=(2,)),
    batch_size=4,
    kimg=1,
)
other = Recipe(recipe.gan, recipe.optimizers, recipe.data, 8, 1)
number = 3
"""


def write(path: Path, width: int = 1) -> Path:
    path.write_text(FILE.format(width=width))
    return path


def test_recipes_of_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "config.py")
    recipe, path = load_recipe(str(file))
    assert (recipe.batch_size, path) == (4, file)
    assert load_recipe(f"{file}:recipe")[0].batch_size == 4
    assert load_recipe(f"{file}:other")[0].batch_size == 8
    for name in ("nothing", "number"):
        with pytest.raises(InputError, match=f"no recipe '{name}'; it has recipe, other"):
            load_recipe(f"{file}:{name}")


def test_a_file_without_recipes(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="no recipe 'recipe'; it has none"):
        load_recipe(str(tmp_path / "empty.py"))
    (tmp_path / "notes.txt").write_text("recipe")
    with pytest.raises(InputError, match=r"notes.txt is not a Python file"):
        load_recipe(str(tmp_path / "notes.txt"))


def test_a_misspelt_file_is_found(tmp_path: Path) -> None:
    write(tmp_path / "wgan_mnist.py")
    with pytest.raises(InputError, match=r"no recipe file .*wgan_mnits.py'; did you mean .*wgan_mnist.py\?"):
        load_recipe(str(tmp_path / "wgan_mnits.py"))
    with pytest.raises(InputError, match=r"no recipe file 'nowhere/at_all.py'$"):
        load_recipe("nowhere/at_all.py")


def test_a_class_of_the_recipe_file_itself_is_rebuilt_from_it(tmp_path: Path) -> None:
    first, second = (write(tmp_path / f"{width}.py", width) for width in (1, 2))
    stored = json.dumps(describe(load_recipe(str(first))[0]))
    assert '"gaxjax_config:Own"' in stored
    load_recipe(str(second))  # another file has been read since
    # A field that is not stored comes from the class, and so shows whose it is.
    described = json.loads(stored)
    del described["gan"]["generator"]["width"]
    rebuilt = rebuild(described, first)
    assert rebuilt.gan.generator.width == 1
    assert type(rebuilt.gan.generator).__name__ == "Own"
    assert describe(rebuilt) == json.loads(stored)
