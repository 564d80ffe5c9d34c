"""gaxjax show CONFIG[:name] [--any.field value]"""

import json

from gaxjax.cli.parsing import parse, recipe_argument


def main(arguments: list[str]) -> None:
    """Prints the parameters of each network, and the recipe as JSON with every field."""
    target, flags = recipe_argument(arguments, "show CONFIG[:name]")
    from gaxjax.recipe import Recipe
    from gaxjax.recipe.serialization import describe, load_recipe

    recipe = parse(Recipe, flags, f"show {target}", default=load_recipe(target)[0])
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    # Shapes of the networks follow from those of the data alone: no set need be there.
    from gaxjax.bench.parameters import parameters
    from gaxjax.data import spec_of
    from gaxjax.programs.program import stage_programs

    print(parameters(stage_programs(recipe, spec_of(recipe.data))))
    print(json.dumps(describe(recipe), indent=2))
