"""The table of Tulyakov et al. 2018: what stands beside which, and what clips are measured."""

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
