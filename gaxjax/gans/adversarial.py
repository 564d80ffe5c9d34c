"""A generator against a discriminator: the game of Goodfellow et al. 2014, any objective and penalties."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax import losses, transforms
from gaxjax.augmentations import Augment
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, Tree, features, pure, size
from gaxjax.latents import Latents
from gaxjax.penalties import Penalty


class Adversarial(GAN):
    """Two players, two networks: DCGAN, LSGAN, WGAN, EBGAN, R3GAN and everything that differs by a loss."""

    generator: nn.Module
    """latents [B, L] -> examples"""
    discriminator: nn.Module
    """examples -> logits [B]"""
    latents: Latents = Latents()
    """what the generator starts from"""
    objective: str = "nonsaturating"
    """name of a pair of functions in gaxjax.losses, with numbers: nonsaturating(real_target=0.9)"""
    penalties: tuple[Penalty, ...] = ()
    """added to the discriminator's loss"""
    augment: Augment = Augment()
    """what is done to all examples, real and made, before the discriminator sees them"""
    discriminator_weights: str = "none"
    """transform of the discriminator's parameters on their way to the network: spectral(iterations)"""
    discriminator_bounds: str = "none"
    """transform of the discriminator's parameters after each of its moves: clip(bound)"""
    zero_sum: bool = False
    """the generator minimizes the discriminator's loss negated, its real term too, in place of its own: for
    solvers that look through the discriminator's answer (Metz et al. 2017, section 2.2)"""
    classes: int = 0
    """label classes that both networks are told, one-hot; 0 for none. Mirza and Osindero 2014, section 3.2"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.discriminator(self.told(self.augmented(self.generate(batch), 0), batch))

    def weights(self, params: Tree, step: Array) -> Tree:
        """The discriminator's as its network sees them."""
        seen = transforms.named(self.discriminator_weights)(params["discriminator"])
        return {**params, "discriminator": seen}

    def project(self, params: Tree) -> Tree:
        """The discriminator's within their bounds."""
        kept = transforms.named(self.discriminator_bounds)(params["discriminator"])
        return {**params, "discriminator": kept}

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Examples, one for each of the batch, from latents of their own."""
        return self.generate(batch)

    def generate(self, batch: Batch) -> Array:
        """As many examples as the batch has, from fresh latents and its labels."""
        return self.generated(self.drawn(batch), batch)

    def drawn(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), size(batch))

    def generated(self, latents: Array, batch: Batch) -> Array:
        """What the generator makes of latents [B, L], and of the batch's labels."""
        return self.generator(self.told(latents, batch))

    def told(self, x: Array, batch: Batch) -> Array:
        """What a network is given, [..., C]; with classes, more channels say which, all over the image."""
        if not self.classes:
            return x
        if "label" not in batch:
            raise InputError(f"classes={self.classes} needs data with labels; the data has {sorted(batch)}")
        label = jax.nn.one_hot(batch["label"], self.classes, dtype=x.dtype)
        label = label.reshape(label.shape[0], *(1,) * (x.ndim - 2), self.classes)
        return jnp.concatenate([x, jnp.broadcast_to(label, (*x.shape[:-1], self.classes))], axis=-1)

    def logits(self, examples: Array, batch: Batch) -> Array:
        """The discriminator's verdict on each example, [B]."""
        return self.one_each(self.discriminator(self.told(examples, batch)), examples)

    def judge(self, batch: Batch) -> dict[str, Array]:
        """The discriminator's verdict, as the probability "D" if that is what the objective makes of a logit.

        Otherwise the logit itself, as "critic". Nothing if there are classes and the batch has no labels.
        """
        if self.classes and "label" not in batch:
            return {}
        logits = self.logits(batch["image"], batch)
        if losses.named(self.objective).of_probabilities:
            return {"D": jax.nn.sigmoid(logits)}
        return {"critic": logits}

    def one_each(self, logits: Array, examples: Array) -> Array:
        """Logits, if they are one for each example."""
        if logits.shape != examples.shape[:1]:
            came, expected = logits.shape, examples.shape[:1]
            raise InputError(f"discriminator must return one logit each, shape {expected}; got {came}")
        return logits

    def augmented(self, examples: Array, step: Array | int) -> Array:
        """Examples as the discriminator sees them."""
        if not self.augment.transformations:
            return examples
        return self.augment(examples, self.make_rng(PLAY), step)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake = batch["image"], self.generate(batch)
        if real.shape != fake.shape:
            came, expected = fake.shape[1:], real.shape[1:]
            raise InputError(
                f"generator makes examples of shape {came}, but the data's are {expected}: "
                f"set the generator's shape or the data's to the other"
            )
        real, fake = self.augmented(real, step), self.augmented(fake, step)
        real_logits, fake_logits = self.logits(real, batch), self.logits(fake, batch)
        loss = losses.named(self.objective).discriminator(real_logits, fake_logits)
        logs = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
        logs |= self.augment.observe(real_logits) if self.augment.transformations else {}
        if self.penalties:
            refuse_mixing(self.discriminator, self.penalties)
            network = pure(self.discriminator)
        for penalty in self.penalties:
            value = penalty(lambda x: network(self.told(x, batch)), real, fake, self.make_rng(PLAY), step)
            logs[type(penalty).__name__.lower()] = value
            loss = loss + value
        return loss, logs

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        objective = losses.named(self.objective)
        needs = ("real_logits", "fake_logits") if self.zero_sum else objective.needs
        examples = {"fake": self.augmented(self.generate(batch), step)}
        if any(name.startswith("real") for name in needs):
            examples["real"] = self.augmented(batch["image"], step)
        given = {}
        for kind, x in examples.items():
            if f"{kind}_features" in needs:
                logits, given[f"{kind}_features"] = features(self.discriminator)(self.told(x, batch))
                given[f"{kind}_logits"] = self.one_each(logits, x)
            else:
                given[f"{kind}_logits"] = self.logits(x, batch)
        if self.zero_sum:
            return -objective.discriminator(given["real_logits"], given["fake_logits"]), {}
        return objective.generator(*(given[name] for name in needs)), {}


def refuse_mixing(critic: nn.Module, penalties: tuple[Penalty, ...]) -> None:
    """Refuses, under a penalty per example, what makes an example's gradient depend on the others."""
    names = ", ".join(type(penalty).__name__ for penalty in penalties if penalty.of_gradients)
    paths = jax.tree_util.tree_leaves_with_path(critic.variables)
    layers = {"batch_stats": "batch norm", "MinibatchDiscrimination": "minibatch discrimination"}
    for mark, layer in layers.items():
        if names and any(mark in jax.tree_util.keystr(path) for path, _ in paths):
            raise InputError(
                f"{names} is a penalty per example, but {critic.name} ({type(critic).__name__}) has {layer}, "
                f'which mixes examples: use norm="layer", "instance" or "none" and no minibatch kernels in '
                f"{critic.name}, or no penalty"
            )
