"""Features: functions from images to vectors, for the metrics."""

from pathlib import Path

from gaxjax.errors import InputError
from gaxjax.features.features import Features

__all__ = ["Features", "load_distance", "load_features"]


def load_features(name: str, weights: Path | None = None, data_directory: str = "") -> Features:
    """The features of that name; InputError, with the known ones, for any other.

    weights: a file of weights for inception or a classifier, in place of the one kept in ~/.cache/gaxjax.
    data_directory: where the set is that a classifier is trained on, if it has to be trained.
    """
    kind, _, argument = name.strip().removesuffix(")").partition("(")
    if kind == "classifier":
        # Each kind is imported when it is asked for: Inception brings a reader of PyTorch's files, the
        # classifier data.
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


def load_distance(name: str, network: str = "", linear: str = "", data_directory: str = "") -> Features:
    """Features whose squared Euclidean distance sees a change as small as a path's step.

    name: lpips, with the files of torchvision's network and of LPIPS's own weights, or as in `load_features`.
    """
    kind, _, argument = name.strip().removesuffix(")").partition("(")
    others = "another distance: pixels, classifier(mnist), FILE.py:function"
    if kind == "lpips":
        from gaxjax.features.lpips import lpips

        if not (network and linear):
            raise InputError(
                "lpips needs two PyTorch files, torchvision's weights of its network and LPIPS's own: "
                f"give lpips_network and lpips_linear, or {others}"
            )
        return lpips(argument or "vgg", Path(network).expanduser(), Path(linear).expanduser())
    if network or linear:
        raise InputError(f"lpips_network and lpips_linear are files of lpips; distance is {name!r}")
    # Its input is rounded to 8 bits as in FID's protocol, and a path's step of 1e-4 moves few pixels by a
    # level.
    if kind == "inception":
        raise InputError(f"inception rounds images to whole numbers and sees no small change: take {others}")
    return load_features(name, None, data_directory)
