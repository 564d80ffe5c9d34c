"""What games of one generator and one discriminator have in common."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax import losses
from gaxjax.augmentations import Augment
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, features, pure, size
from gaxjax.latents import Latents
from gaxjax.penalties import Penalty

PLAYERS: dict[str, tuple[str, ...]] = {
    "discriminator": ("discriminator",),
    "generator": ("generator",),
}


class Duel(GAN):
    """A generator of latents against a discriminator: any objective and penalties. Abstract.

    A game says what its generator makes (`generated`), and how its networks are told labels (`told`,
    `chosen`); its players' losses are made of `judging` and `deceiving`.
    """

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

    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.discriminator(self.told(self.augmented(self.generate(batch), 0), batch))

    def drawn(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), size(batch))

    def generated(self, latents: Array, batch: Batch) -> Array:
        """What the generator makes of latents [B, L], and of the batch's labels."""
        raise NotImplementedError(f"{type(self).__name__} must define generated(latents, batch)")

    def generate(self, batch: Batch) -> Array:
        """As many examples as the batch has, as the players see them: from fresh latents and its labels."""
        return self.generated(self.drawn(batch), batch)

    def real(self, batch: Batch, step: Array) -> Array:
        """The batch's examples, as the players see them."""
        return batch["image"]

    def label(self, batch: Batch, classes: int) -> Array | None:
        """The batch's labels, where networks are told them."""
        if classes and "label" not in batch:
            raise InputError(f"classes={classes} needs data with labels; the data has {sorted(batch)}")
        return batch["label"] if classes else None

    def told(self, x: Array, batch: Batch) -> Array:
        """What a network is given of latents or examples: they alone, unless it is told labels."""
        return x

    def chosen(self, outputs: Array, batch: Batch) -> Array:
        """The logits [B] among the discriminator's outputs."""
        return outputs

    def logits(self, examples: Array, batch: Batch) -> Array:
        """The discriminator's verdict on each example, [B]."""
        return self.one_each(self.chosen(self.discriminator(self.told(examples, batch)), batch), examples)

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

    def judging(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        """The discriminator's loss, with its penalties."""
        real, fake = self.real(batch, step), self.generate(batch)
        if real.shape != fake.shape:
            came, expected = fake.shape[1:], real.shape[1:]
            raise InputError(
                f"generator makes examples of shape {came}, but the data's are {expected}: "
                f"set the generator's shape or the data's to the other"
            )
        # Made examples first, as `deceiving` has them: the same draws where the players move at once.
        fake, real = self.augmented(fake, step), self.augmented(real, step)
        fake_logits, real_logits = self.logits(fake, batch), self.logits(real, batch)
        loss = losses.named(self.objective).discriminator(real_logits, fake_logits)
        logs = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
        logs |= self.augment.observe(real_logits) if self.augment.transformations else {}
        if self.penalties:
            refuse_mixing(self.discriminator, self.penalties)
            network = pure(self.discriminator)

        def critic(x: Array) -> Array:
            return self.chosen(network(self.told(x, batch)), batch)

        for penalty in self.penalties:
            value = penalty(critic, real, fake, self.make_rng(PLAY), step)
            logs[type(penalty).__name__.lower()] = value
            loss = loss + value
        return loss, logs

    def deceiving(self, batch: Batch, step: Array, zero_sum: bool = False) -> tuple[Array, Logs]:
        """The generator's loss; zero-sum: the discriminator's, without penalties, negated."""
        objective = losses.named(self.objective)
        needs = ("real_logits", "fake_logits") if zero_sum else objective.needs
        examples = {"fake": self.augmented(self.generate(batch), step)}
        if any(name.startswith("real") for name in needs):
            examples["real"] = self.augmented(self.real(batch, step), step)
        given = {}
        for kind, x in examples.items():
            if f"{kind}_features" in needs:
                outputs, given[f"{kind}_features"] = features(self.discriminator)(self.told(x, batch))
                given[f"{kind}_logits"] = self.one_each(self.chosen(outputs, batch), x)
            else:
                given[f"{kind}_logits"] = self.logits(x, batch)
        if zero_sum:
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
