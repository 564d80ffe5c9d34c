"""Metrics of a game's codes: what it reads of real images, and what its own are of what is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array

from gaxjax.data import normalize
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import GAN, Batch, State, call_averaged
from gaxjax.metrics.metric import Metric
from gaxjax.metrics.samples import OF_FACTORS


@dataclass(frozen=True, eq=False)
class FactorMetrics:
    """What is asked of a game about factors, and the encoder that its images are seen by."""

    encodings: bool
    """whether real images are shown to it"""
    encoder: Features | None
    """of factors, trained on real images; None: no image is asked for"""
    aligned: bool
    """whether they are compared one by one: code i with factor i"""
    seed: int
    """of the latents"""

    of: ClassVar = "images"
    of_real: ClassVar = True

    @property
    def params(self) -> dict[str, Any]:
        """Of the encoder."""
        return self.encoder.params if self.encoder else {}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """Arrays [B, F] over the examples of a batch, by name, given the state and `params`.

        Of real images "factors", and "encoded", what the game reads of them. Of as many latents "asked", the
        factors that they ask for, and "read", those of their images by the encoder.
        """
        # Here, where shapes alone come first: a run is refused before it is trained.
        # Before anything is asked, with all methods that are missing in one message.
        check_codes(gan)
        state, params = held
        arrays: dict[str, Array] = {}
        real, key = normalize(batch), jax.random.fold_in(jax.random.key(self.seed), number)
        if self.encodings:
            # The encoder has no moving average, as a discriminator has none: this is its last state.
            encoded = call_averaged(gan, state, key, "encode", real["image"])
            arrays |= {FACTORS: real[FACTORS], "encoded": encoded}
        if self.encoder:
            # One key throughout, as in sampling: the noise of an image is another stream than its latents.
            latents = call_averaged(gan, state, key, "sample_latents", real)
            images = call_averaged(gan, state, key, "generate", latents, gan.condition_of(real))
            read = self.encoder.apply(params, images, (self.encoder.level,))[self.encoder.level]
            arrays |= {"asked": call_averaged(gan, state, key, "factors_of", latents), "read": read}
        codes, factors = arrays["encoded" if self.encodings else "asked"].shape[1], real[FACTORS].shape[1]
        # MIG asks for no order, nor for as many codes as factors.
        if self.aligned and codes != factors:
            raise InputError(
                f"l2 and l2_gen compare each factor with its code: the game has {codes} codes and the data "
                f"have {factors} factors; give the game as many codes, or measure mig and mig_gen"
            )
        return arrays


def check_codes(gan: GAN) -> None:
    """InputError for a game whose codes are not of factors."""
    # By methods, not by class: a game of one's own may have codes too.
    needed = {
        "encode": "images",
        "factors_of": "latents",
        "sample_latents": "batch",
        "generate": "latents, condition",
    }
    missing = [f"{method}({what})" for method, what in needed.items() if not hasattr(gan, method)]
    if missing:
        raise InputError(
            f"{type(gan).__name__} has no codes of factors to measure: it needs the methods "
            f"{', '.join(missing)}, as SemiStyleGAN has them"
        )


def refuse_factors(metrics: Mapping[str, Metric], data: str) -> None:
    """InputError for metrics of factors, of data without them."""
    names = [name for name, metric in metrics.items() if OF_FACTORS & {*metric.fake}]
    if names:
        raise InputError(
            f"{', '.join(names)}: the data, {data}, have no factors; use shapes, or a folder with "
            "factors.csv or factors.npz"
        )
