"""Values written as text: what they may hold, and tuples of them as flags."""

from dataclasses import dataclass

import pytest

from gaxjax.adversary import Adversary
from gaxjax.augmentations import Augment, Noise, Translation
from gaxjax.cli.parsing import parse
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.objectives import Hinge, Objective
from gaxjax.penalties import R1, Drift, GradientPenalty, Lazy, Penalty
from gaxjax.solvers import Competitive, Solver


@pytest.mark.parametrize(
    ("text", "base", "message"),
    [
        ("LeastSquares(a='x')", Objective, "LeastSquares(a='x'): must be a number"),
        ("LeastSquares(0, 1, True)", Objective, "LeastSquares(c=True): must be a number"),
        ("LeastSquares(a=Hinge())", Objective, "LeastSquares(a=Hinge()): must be a number"),
        ("ZeroSum(3)", Objective, "ZeroSum(objective=3): must be a value of Objective"),
        ("Unrolled('5')", Solver, "Unrolled(k='5'): must be a whole number"),
        ("Unrolled(5.0)", Solver, "Unrolled(k=5.0): must be a whole number"),
        (
            "FeatureMatching('cubic')",
            Objective,
            "FeatureMatching(distance='cubic'): must be 'squared' or 'absolute'",
        ),
        ("Lazy(R1(weight=None))", Penalty, "R1(weight=None): must be a number"),
    ],
)
def test_a_value_of_another_type_is_refused(text: str, base: type, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_value(text, base)
    assert str(error.value) == message


def test_values_of_their_types_are_taken() -> None:
    assert parse_value("GradientPenalty(1, sided='one')", Penalty) == GradientPenalty(1, sided="one")
    assert parse_value("Lazy(R1(0.5), every=4)", Penalty) == Lazy(R1(0.5), 4)
    assert parse_value("Competitive(3, 1e-3)", Solver) == Competitive(3, 1e-3)


@dataclass(frozen=True)
class Options:
    """With a tuple of values inside."""

    adversary: Adversary = Adversary(Hinge(), (R1(), Drift()), Augment((Noise(),)))
    number: int = 1


def parsed(*flags: str) -> Options:
    return parse(Options, list(flags), "options", default=Options())


PENALTIES = "--adversary.penalties"


@pytest.mark.parametrize(
    ("flags", "penalties"),
    [
        ([], (R1(), Drift())),
        ([PENALTIES, "R1(1)"], (R1(1),)),
        ([PENALTIES, "Lazy(R1(1), 4)", "drift(0.5)", "--number", "2"], (Lazy(R1(1), 4), Drift(0.5))),
        ([PENALTIES], ()),
        ([PENALTIES, "", "--number", "2"], ()),
        ([f"{PENALTIES}.1.weight", "5"], (R1(), Drift(5))),
    ],
)
def test_a_tuple_of_values_is_a_flag(flags: list[str], penalties: tuple[Penalty, ...]) -> None:
    options = parsed(*flags)
    assert options.adversary.penalties == penalties
    assert options.adversary.augment == Options().adversary.augment
    assert options.number == 1 + ("--number" in flags)


def test_any_tuple_of_values_is_one() -> None:
    augment = parsed("--adversary.augment.transformations", "Translation(0.25)", "noise").adversary.augment
    assert augment.transformations == (Translation(0.25), Noise())


def test_tuples_that_are_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    def error_of(*flags: str) -> str:
        with pytest.raises(SystemExit) as stop:
            parsed(*flags)
        assert stop.value.code == 2
        return " ".join(capsys.readouterr().err.replace("│", " ").split())

    assert "R1(weight='x'): must be a number" in error_of(PENALTIES, "R1('x')")
    assert "'R3(1)' is not one of: R1(weight)" in error_of(PENALTIES, "R1(1)", "R3(1)")
    both = error_of(PENALTIES, "R1(1)", f"{PENALTIES}.0.weight", "5")
    assert "R1(weight=1) is all of them: leave out the flags of single fields" in both
