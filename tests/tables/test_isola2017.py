"""The table of Isola et al. 2017: what its rows are, and what stands beside which."""

from dataclasses import replace

from gaxjax.tables.isola2017 import COLUMNS, PRINTED, VARIANTS, rows


def test_rows() -> None:
    found = rows(16)
    assert len(found) == len(VARIANTS) * len(COLUMNS)
    printed = {row.name: str(row.printed) for row in found if row.printed and row.metric == "pixel_accuracy"}
    assert printed == {"l1": "0.86 [memory]", "cgan": "0.74 [memory]", "recipe": "0.83 [memory]"}
    assert set(printed) == set(PRINTED)
    recipes = {row.name: row.recipe() for row in found if row.recipe}
    for recipe in recipes.values():
        assert (recipe.data.swap, recipe.gan.generator.features) == (False, 16)
    games = {name: recipe.gan for name, recipe in recipes.items()}
    terms = {name: (gan.weight, gan.l1, gan.conditional) for name, gan in games.items()}
    # GAN and cGAN differ by what the discriminator sees, the last row by skips alone.
    assert terms == {
        "l1": (0, 100, True),
        "gan": (1, 0, False),
        "cgan": (1, 0, True),
        "l1_gan": (1, 100, False),
        "recipe": (1, 100, True),
        "encoder_decoder": (1, 100, True),
    }
    without = replace(games["recipe"].generator, skips=False)
    assert games["encoder_decoder"] == replace(games["recipe"], generator=without)
