"""A classifier of the labels of the data themselves, as a folder's subfolders are, trained on real images.

What says of images that were made, or translated, whether they are of the class that was asked for; trained
once for each set and size of images. Numbers compare where they were measured with the same file of weights.
"""

import functools

from gaxjax.data import Data, open_source
from gaxjax.data.config import as_stored, with_all_labels
from gaxjax.errors import InputError
from gaxjax.features.factor_encoder import describe_examples, load_encoder, read_logits, train_encoder
from gaxjax.features.features import Features, file_digest
from gaxjax.parallel.cache import cache_path

NAME = "classifier(data)"
"""What an evaluation calls it."""
STEPS = 2_000
"""Of minibatches of 64."""


def label_classifier(data: Data) -> Features:
    """The classifier of a set's labels at its size, from ~/.cache/gaxjax, trained if it is not there yet.

    InputError for a set without labels, or of two domains.
    """
    data = with_all_labels(as_stored(data))
    source = open_source(data)
    # Of two domains there are labels too, and no images that are simply called so.
    if not source.classes or "image" not in source.spec:
        raise InputError(
            f"{NAME} is of images with labels, and the data, {data.name}, have {', '.join(source.spec)}: use "
            "layout=classes, or a set by name, without domain_b"
        )
    # A hash of which images there are, whose folders say their labels.
    path = cache_path("classifiers", f"{data.name}-{describe_examples(data, source, STEPS)}.npz")
    if not path.is_file():
        print(f"training a classifier of the {source.classes} classes of {data.name}, once", flush=True)
        train_encoder(source, path, steps=STEPS, target="label")
    params, note = load_encoder(path)
    return Features(
        f"classifier-{data.name}-{data.shape[0]}px",
        {"logits": source.classes},
        "logits",
        # Of every tenth image, which it is not trained on.
        f"none; misreads {note['error']:.1%} of real images held out",
        file_digest(path)[:12],
        params,
        functools.partial(read_logits, source.classes),
    )
