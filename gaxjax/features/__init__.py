"""Features: functions from images to vectors, for the metrics."""

from pathlib import Path

from gaxjax.errors import InputError
from gaxjax.features.features import Features

__all__ = ["Features", "named"]


def named(name: str, weights: Path | None = None, data_directory: str = "") -> Features:
    """The features of that name; InputError, with the known ones, for any other.

    weights: a file of weights for inception or a classifier, in place of the one kept in ~/.cache/gaxjax.
    data_directory: where the set is that a classifier is trained on, if it has to be trained.
    """
    kind, _, argument = name.strip().removesuffix(")").partition("(")
    if kind == "classifier":
        from gaxjax.features.classifier import classifier

        return classifier(argument or "mnist", weights, data_directory)
    if name == "inception":
        from gaxjax.features.inception import inception

        return inception(weights)
    if weights is not None:
        raise InputError(f"{name!r} takes no file of weights; inception and classifier do")
    if ".py:" in name:
        from gaxjax.features.custom import custom

        return custom(name)
    if name == "pixels":
        from gaxjax.features.pixels import pixels

        return pixels()
    raise InputError(
        f"no features are called {name!r}; known: pixels, inception, classifier (that is classifier(mnist)), "
        "classifier(fashion_mnist), classifier(digits), FILE.py:function"
    )
