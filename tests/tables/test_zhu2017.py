"""CycleGAN's ablations and pix2pix: rows that differ in what they are named by, and in nothing else."""

from gaxjax.gans import CycleGAN
from gaxjax.tables import zhu2017


def test_rows_of_the_ablations() -> None:
    rows = zhu2017.rows(features=8)
    assert [row.title for row in rows[::3]] == [
        "Cycle alone",
        "GAN alone",
        "GAN + forward cycle",
        "GAN + backward cycle",
        "CycleGAN",
        "pix2pix",
    ]
    assert [row.metric for row in rows[:3]] == ["pixel_accuracy", "per_class_accuracy", "class_iou"]
    assert [str(row.printed) for row in rows[-3:]] == [f"{x} [secondary]" for x in (0.85, 0.4, 0.32)]
    recipes = {row.name: row.recipe() for row in rows[::3] if row.recipe}
    weights = {
        name: (gan.adversarial, gan.forward_cycle, gan.backward_cycle, gan.identity)
        for name, gan in ((name, recipe.gan) for name, recipe in recipes.items())
        if isinstance(gan, CycleGAN)
    }
    # a is the photograph: the paper's forward cycle, from a label map, is from b.
    assert weights == {
        "cycle_alone": (0, 10, 10, 0),
        "gan_alone": (1, 0, 0, 0),
        "label_cycle": (1, 0, 10, 0),
        "photo_cycle": (1, 10, 0, 0),
        "cyclegan": (1, 10, 10, 0),
    }
    for name, recipe in recipes.items():
        data, is_paired = recipe.data, name == "pix2pix"
        assert (recipe.kimg, recipe.batch_size, data.paired, data.swap) == (40, 4, is_paired, False)
        widths = {
            getattr(recipe.gan, field).features for moved in recipe.gan.players.values() for field in moved
        }
        assert widths == {8}
