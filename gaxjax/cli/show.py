"""gaxjax show CONFIG[:name] [--any.field value]"""

import json

from gaxjax.cli.parsing import parse, recipe_argument


def run(arguments: list[str]) -> None:
    """Prints the parameters of each network, and the recipe as JSON with every field."""
    target, flags = recipe_argument(arguments, "show CONFIG[:name]")
    from gaxjax.plain import describe, load_recipe
    from gaxjax.recipe import Recipe

    recipe = parse(Recipe, flags, f"show {target}", default=load_recipe(target)[0])
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.data import spec_of
    from gaxjax.program import stage_programs
    from gaxjax.show import parameters

    print(parameters(stage_programs(recipe, spec_of(recipe.data))))
    print(json.dumps(describe(recipe), indent=2))
