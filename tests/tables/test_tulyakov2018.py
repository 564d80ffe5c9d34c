"""The table of Tulyakov et al. 2018: what stands beside which, and what clips are measured."""

import pytest

from gaxjax.evaluation.protocol import describe_options
from gaxjax.metrics.catalog import METRICS
from gaxjax.tables.tulyakov2018 import rows


def test_rows() -> None:
    found = rows("small")
    printed = {(row.name, row.metric): str(row.printed) for row in found}
    assert printed == {
        ("vgan", "acd"): "5.02 [memory]",
        ("vgan", "acd_real"): "0 [memory]",
        ("mocogan", "acd"): "1.79 [memory]",
        ("mocogan", "acd_real"): "0 [memory]",
        ("tgan", "acd"): "2.08 [memory]",
    }
    # TGAN is quoted alone; two numbers of one name are of one run, measured once.
    assert [row.name for row in found if not row.recipe] == ["tgan"]
    for name, output in (("vgan", "video"), ("mocogan", "")):
        (one, other) = [row.evaluation for row in found if row.name == name]
        assert one and one == other and (one.output, one.reference) == (output, "video")
    (recipe,) = [row.recipe() for row in found if row.recipe and (row.name, row.metric) == ("mocogan", "acd")]
    assert recipe.data.shape == (16, 32, 32, 3) and recipe.gan.generator.features == 8


@pytest.mark.parametrize("variant", ["small", "recipe"])
def test_all_clips_of_a_column_are_measured_alike(variant: str) -> None:
    """Else the table is refused, and that only after all has been trained."""
    lines = [(row.recipe(), row.evaluation) for row in rows(variant) if row.recipe and row.evaluation]
    recipes, ways = zip(*lines, strict=True)
    assert len({recipe.data for recipe in recipes}) == 1
    assert len({describe_options(METRICS["acd"], way) for way in ways}) == 1
    assert recipes[-1].gan.frames == recipes[0].gan.generator.shape[0] == recipes[0].data.shape[0]
