"""From the statistics of real and fake examples to the numbers of each metric, with their errors."""

from collections.abc import Callable

import numpy as np

from gaxjax.metrics import (
    disentanglement,
    inception_score,
    kernel,
    matching,
    modes,
    neighbors,
    parzen,
    points,
    separability,
    similarity,
    sliced,
)
from gaxjax.metrics.content_distance import content_distance
from gaxjax.metrics.frechet import frechet_distance
from gaxjax.metrics.path_length import path_length
from gaxjax.metrics.samples import BOUNDS, PATHS, SPACES, Samples, Value

LEAST = 20
"""Samples near a mode of a mixture that make it a found one."""


def fid(samples: Samples) -> dict[str, Value]:
    """Needs moments, of the features' level."""
    assert samples.real.moments and samples.fake.moments
    return {"fid": Value(frechet_distance(samples.real.moments, samples.fake.moments))}


def kid(samples: Samples) -> dict[str, Value]:
    """Needs vectors."""
    # The numbers of `Metric.options`, as torch-fidelity has them by default.
    found = kernel.kernel_distance(samples.real.arrays["vectors"], samples.fake.arrays["vectors"], 100, 1000)
    return {"kid": Value(found.mean, found.standard_deviation)}


def prdc(samples: Samples) -> dict[str, Value]:
    """Needs vectors; four numbers."""
    found = neighbors.neighbors(samples.real.arrays["vectors"], samples.fake.arrays["vectors"], 5)
    return {name: Value(value) for name, value in found._asdict().items()}


def inception_mean(samples: Samples) -> dict[str, Value]:
    """The Inception Score; needs the logits of fakes."""
    found = inception_score.inception_score(samples.fake.arrays["logits"], 10)
    return {"inception score": Value(found.mean, found.standard_deviation)}


def average_content_distance(samples: Samples) -> dict[str, Value]:
    """How much the mean color changes within clips, fake and real; needs frame colors."""
    colors = {"acd": samples.fake.arrays["frame_colors"], "acd_real": samples.real.arrays["frame_colors"]}
    return {name: mean_value(content_distance(x), f"{x.shape[1]} frames") for name, x in colors.items()}


def swd(samples: Samples) -> dict[str, Value]:
    """The mean over a pyramid's levels, and each of them; needs images."""
    real, fake = samples.real.arrays["images"], samples.fake.arrays["images"]
    # As many of each, as in the paper; `sliced_wasserstein` refuses others.
    n = min(len(real), len(fake))
    found = sliced.sliced_wasserstein(real[:n], fake[:n], samples.seed)
    by_side = ", ".join(f"{side} px {value:.4g}" for side, value in found.items())
    return {"swd": Value(float(np.mean(list(found.values()))), None, f"mean of {by_side}")}


def ms_ssim(samples: Samples) -> dict[str, Value]:
    """The similarity of fakes with one another; needs images."""
    return {"ms_ssim": Value(similarity.diversity(samples.fake.arrays["images"], 10_000, samples.seed))}


def class_ms_ssim(samples: Samples) -> dict[str, Value]:
    """The similarity of images with others of their class, fake and real; needs images and labels."""
    fake, real = (
        similarity.class_diversity(side.arrays["images"], side.arrays["labels"], 10_000, samples.seed)
        for side in (samples.fake, samples.real)
    )
    # Class by class, as the paper's figure has them: its claim is of the share of classes.
    less = sum(value < real.get(number, -1) for number, value in fake.items())
    details = f"fake more varied than real in {less} of {len(fake)} classes; " + ", ".join(
        f"{number}: {value:.3f} ({real.get(number, float('nan')):.3f})" for number, value in fake.items()
    )
    return {
        "class_ms_ssim": Value(float(np.mean(list(fake.values()))), None, details),
        "class_ms_ssim_real": Value(float(np.mean(list(real.values())))),
    }


def class_accuracy(samples: Samples) -> dict[str, Value]:
    """Images that a classifier reads as the class that they are of, fake and real; classes and labels."""
    names = {"class_accuracy": samples.fake, "class_accuracy_real": samples.real}
    return {name: share(side.arrays["classes"] == side.arrays["labels"]) for name, side in names.items()}


def test_accuracy(samples: Samples) -> dict[str, Value]:
    """Of the game itself as a classifier of real images; needs readings."""
    readings, labels = samples.fake.arrays["readings"].T
    right = share(readings == labels)
    # Counted, as n (1 - share) is no whole number.
    wrong, error = float(np.sum(readings != labels)), len(labels) * (right.error or 0.0)
    return {"test_accuracy": right, "misclassified": Value(wrong, error)}


def average(need: str, name: str) -> Callable[[Samples], dict[str, Value]]:
    """The mean of a number that is kept of each example, with its standard error; needs that."""

    def compute(samples: Samples) -> dict[str, Value]:
        return {name: mean_value(np.asarray(samples.fake.arrays[need], np.float64))}

    return compute


def mean_value(each: np.ndarray, details: str = "") -> Value:
    """The mean of numbers of independent examples, [N], with the standard error."""
    return Value(float(np.mean(each)), float(np.std(each) / np.sqrt(len(each))), details)


def share(each: np.ndarray) -> Value:
    """How many of independent yes and no are yes, of all, with the standard error."""
    return Value(value := float(np.mean(each)), standard_error(value, len(each)))


def standard_error(value: float, n: int) -> float:
    """Of a share of n that are independent."""
    return float(np.sqrt(value * (1 - value) / n))


def code_error(samples: Samples) -> dict[str, Value]:
    """Of the game's code as a classifier of real images; needs readings."""
    codes, labels = samples.fake.arrays["readings"].T
    found = matching.match_codes(codes, labels)
    error = standard_error(found.error, len(codes))
    by_class = ", ".join(f"{label}: {code}" for label, code in enumerate(found.codes))
    return {
        "code_error": Value(found.error, error, f"code of each class {by_class}"),
        "classes found": Value(found.classes_found),
    }


def log_likelihood(samples: Samples) -> dict[str, Value]:
    """Of test images under Parzen windows on fakes; needs pixels."""
    # Three sets: the width is chosen on images that it is not measured on.
    test, validation, fake = (s.arrays["pixels"] for s in (samples.real, samples.validation, samples.fake))
    found = parzen.parzen(test, validation, fake)
    return {"parzen": Value(found.mean, found.standard_error, f"sigma {found.sigma:.3f}")}


def count_modes(samples: Samples) -> dict[str, Value]:
    """Of stacked or single digits; needs digits, the classes of channels."""
    digits = samples.fake.arrays["digits"]
    found = modes.modes(
        # [N, 3] of stacked digits, 1,000 classes; [N, 1] of single ones, 10.
        modes.stacked_labels(digits) if digits.shape[1] == 3 else digits[:, 0],
        10 ** digits.shape[1],
    )
    return {"modes": Value(found.classes_found), "modes kl": Value(found.kl)}


def compare_points(samples: Samples) -> dict[str, Value]:
    """Against the mixture that the real points are of; needs points."""
    real, fake = samples.real.arrays["points"], samples.fake.arrays["points"]
    assert samples.mixture
    found = points.find_modes(fake, samples.mixture, LEAST)
    # What sampling alone comes to: no model is expected to be nearer.
    halves = points.sliced_distance(real[0::2], real[1::2])
    return {
        "modes found": Value(found.modes),
        "high quality": Value(found.high_quality),
        "sliced distance": Value(
            points.sliced_distance(real, fake), None, f"{halves:.3g} between halves of the real points"
        ),
    }


def path_lengths(samples: Samples) -> dict[str, Value]:
    """In z and w, along whole paths and at their ends; needs paths."""
    # Of w only where the game has one: z alone is measured of others.
    found = {name: path_length(samples.fake.arrays[name]) for name in PATHS if name in samples.fake.arrays}
    return {name: Value(mean, standard_error) for name, (mean, standard_error) in found.items()}


def separate_classes(samples: Samples) -> dict[str, Value]:
    """Of each class from the rest, in z and in w; needs spaces."""
    logits = separability.one_vs_rest(samples.fake.arrays["class_logits"])
    found = {}
    for name in SPACES:
        space = name.removeprefix("separability_")
        if space in samples.fake.arrays:
            # Not the paper's half of all: of a class that a tenth of the images have, the surest half lacks
            # it.
            score, entropies = separability.separability(samples.fake.arrays[space], logits, either=True)
            how = ", ".join(f"{entropy:.3f}" for entropy in entropies)
            found[name] = Value(score, None, f"entropies {how}")
    return found


def lower_bound(samples: Samples) -> dict[str, Value]:
    """The evidence lower bound of real images, in nats an image; needs bounds."""
    error, divergence = (np.asarray(samples.fake.arrays[name], np.float64) for name in BOUNDS)
    bound = -error - divergence
    details = f"error {np.mean(error):.2f}, KL {np.mean(divergence):.2f}"
    return {"elbo": mean_value(bound, details)}


def gap_of_encodings(samples: Samples) -> dict[str, Value]:
    """MIG of what the game reads of real images; needs encodings."""
    arrays = samples.fake.arrays
    return {"mig": _gap(samples, arrays["encoded"], arrays["factors"])}


def error_of_encodings(samples: Samples) -> dict[str, Value]:
    """L2 of the same; needs encodings."""
    arrays = samples.fake.arrays
    return {"l2": _error(samples, arrays["encoded"], arrays["factors"])}


def gap_of_generations(samples: Samples) -> dict[str, Value]:
    """MIG of codes and of what their images are; needs generations."""
    arrays = samples.fake.arrays
    # Information is of values: what lies between two is one of them, as a real image's factor is.
    values = disentanglement.nearest_values(arrays["read"], samples.factor_sizes)
    return {"mig_gen": _gap(samples, arrays["asked"], values)}


def error_of_generations(samples: Samples) -> dict[str, Value]:
    """L2 of the same, as read; needs generations."""
    arrays = samples.fake.arrays
    return {"l2_gen": _error(samples, arrays["asked"], arrays["read"])}


def _gap(samples: Samples, codes: np.ndarray, factors: np.ndarray) -> Value:
    found = disentanglement.mutual_information_gap(codes, factors)
    return Value(found.mean, None, disentanglement.format_by_factor(samples.factor_names, found.by_factor))


def _error(samples: Samples, codes: np.ndarray, factors: np.ndarray) -> Value:
    found = disentanglement.factor_error(codes, factors)
    # Root mean squares, whose squares add up to the mean square of the norm.
    by_factor = disentanglement.format_by_factor(samples.factor_names, found.by_factor)
    return Value(found.mean, found.standard_error, by_factor)
