"""LAPGAN beside a plain GAN: rows that differ in the game and in nothing else."""

from gaxjax.evaluation.protocol import describe_options
from gaxjax.gans import LAPGAN, Adversarial
from gaxjax.layers.modules import submodules
from gaxjax.metrics.catalog import METRICS
from gaxjax.recipe import Linear, Optimizer, Recipe
from gaxjax.tables import denton2015


def widths(module: object) -> set[int]:
    """Of every layer that has a width."""
    own = getattr(module, "features", ())
    inner = [widths(each) for each in submodules(module).values()]  # type: ignore[arg-type]
    return {own} if isinstance(own, int) else set(own).union(*inner)


def test_rows() -> None:
    small = {"features": 4, "hidden": 16, "adam": 1e-3, "batch_size": 32}
    rows = denton2015.rows(folder=True, **small)
    assert [(row.name, row.metric, str(row.printed or "")) for row in rows] == [
        ("gan", "parzen", "-3617 ± 353 [memory]"),
        ("gan", "multiscale_parzen", ""),
        ("lapgan", "parzen", ""),
        ("lapgan", "multiscale_parzen", "-1799 ± 826 [memory]"),
    ]
    recipes: dict[str, Recipe] = {row.name: row.recipe() for row in rows if row.recipe}
    gan, lapgan = recipes["gan"], recipes["lapgan"]
    assert isinstance(gan.gan, Adversarial) and isinstance(lapgan.gan, LAPGAN)
    assert widths(gan.gan) == {16} and widths(lapgan.gan) == {4, 16}
    assert lapgan.optimizers == gan.optimizers == dict.fromkeys(gan.optimizers, Optimizer("adam", 1e-3))
    assert (lapgan.kimg, lapgan.batch_size, lapgan.data) == (gan.kimg, 32, gan.data)
    assert (gan.data.name, gan.data.layout, gan.data.split) == ("folder", "classes", "train")
    # One protocol, but for which of the outputs it is: the finest.
    ways = [row.evaluation for row in rows if row.evaluation]
    assert [way.output for way in ways] == ["", "", "level 2", "level 2"]
    assert {(way.metrics, way.n, way.real, way.split, way.validation) for way in ways} == {
        ("parzen,multiscale_parzen", 10_000, 2_000, "test", "val")
    }
    # Which is no other protocol: numbers of both stand in one column.
    assert len({describe_options(METRICS["parzen"], way) for way in ways}) == 1
    by_default = denton2015.rows(folder=False, **{**small, "adam": 0.0})[0]
    assert by_default.recipe and by_default.evaluation
    rule = by_default.recipe().optimizers["generator"]
    assert rule.name == "sgd" and isinstance(rule.b1, Linear) and by_default.recipe().data.name == "cifar10"
    assert by_default.evaluation.validation == "train[45000:46000]"
