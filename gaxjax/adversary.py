"""What a discriminator and a generator owe each other: an objective, penalties and augmentations, as a value.

    adversary = Adversary(Hinge(), penalties=(R1(1.0),), augment=Augment(DIFFERENTIABLE))
    loss, logs, outputs = adversary.discriminator_loss(discriminator, real, fake, step, key=key)
    loss, logs, outputs = adversary.generator_loss(discriminator, real, fake, step, key=key)

A discriminator is a network of a game, or any function `(x)` or `(x, condition)` of an array of examples, or
of a tree of them (a pyramid, a pair), to logits, or to outputs by name with "logits" among them. Logits are
[B], or [B, ...], one for each patch; a tree of them (scales, domains) has a loss for each, which are added.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.augmentations import Augment
from gaxjax.errors import InputError
from gaxjax.game import PLAY, Logs, Tree, pure
from gaxjax.layers.dtypes import check_floating
from gaxjax.layers.mode import errors_are_asked
from gaxjax.layers.modules import call_network, mixing_of, visit_modules
from gaxjax.objectives import AnyObjective, NamedOutputs, Nonsaturating, Objective
from gaxjax.penalties import Penalty

Network = Callable[..., Any]


class Outputs(NamedTuple):
    """A discriminator's outputs, by name, for real and for fake examples."""

    real: dict[str, Any]
    fake: dict[str, Any]


class Adversary(nn.Module):
    """The rules between a discriminator and a generator; holds no network.

    A field of a game, or used by itself. Only an adaptive augmentation has a state, which then needs a game,
    or `apply`.
    """

    objective: AnyObjective = Nonsaturating()
    """what both players minimize: Hinge, LeastSquares(a=-1, b=1, c=0), Nonsaturating(real_target=0.9)"""
    penalties: tuple[Penalty, ...] = ()
    """added to the discriminator's loss"""
    augment: Augment = Augment()
    """what is done to all examples, real and fake, on their way to a discriminator"""

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            known = "such as Hinge() or LeastSquares(a=-1, b=1, c=0)"
            raise InputError(f"objective is a value of gaxjax.objectives, {known}; got {self.objective!r}")
        penalties: Any = self.penalties
        if not (isinstance(penalties, tuple) and all(isinstance(each, Penalty) for each in penalties)):
            known = "such as (R1(0.1),) or (R1(1.0), Drift())"
            raise InputError(f"penalties are a tuple of gaxjax.penalties, {known}; got {penalties!r}")
        if not isinstance(self.augment, Augment):
            known = "such as Augment(DIFFERENTIABLE)"
            raise InputError(f"augment is a value of gaxjax.augmentations, {known}; got {self.augment!r}")
        super().__post_init__()

    def __call__(
        self,
        discriminator: Network,
        x: Tree,
        step: Array | int = 0,
        condition: Tree = None,
        *,
        key: Array | None = None,
    ) -> dict[str, Any]:
        """A discriminator's outputs, by name, for examples as augmented."""
        return outputs_of(discriminator, self.augment(x, self.key_for(key), step), condition)

    def discriminator_loss(
        self,
        discriminator: Network,
        real: Tree,
        fake: Tree,
        step: Array | int,
        condition: Tree = None,
        *,
        key: Array | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, Logs, Outputs]:
        """The discriminator's loss with its penalties, a scalar; what to log; and its outputs.

        key: of augmentations and penalties; in a game it may be left out, and both players' losses have one.
        mask: which real examples the objective is of, [B] bool (`counted_rows`); outputs are of all.
        """
        check_step(step)
        # A convolutional discriminator takes images of either size, and nothing else would say so.
        check_shapes(real, fake)
        check_dtypes(real, fake)
        fake_key, real_key, *keys = jax.random.split(self.key_for(key), 2 + len(self.penalties))
        # Fakes first, as in the generator's loss: where players move at once, the same draws of dropout.
        fake, real = self.augment(fake, fake_key, step), self.augment(real, real_key, step)
        of_fake = outputs_of(discriminator, fake, condition)
        outputs = Outputs(outputs_of(discriminator, real, condition), of_fake)
        counted = outputs
        if mask is not None:
            rows = counted_rows(mask, len(jax.tree.leaves(fake)[0]))
            counted = Outputs(jax.tree.map(lambda x: x[rows], outputs.real), of_fake)
        loss = sum_losses(self.objective.discriminator, counted)
        logs = {
            "real_logits": mean_logit(counted.real["logits"]),
            "fake_logits": mean_logit(outputs.fake["logits"]),
        }
        logs |= errors_of(counted) if errors_are_asked() else {}
        logs |= self.augment.observe(outputs.real["logits"]) if self.augment.transformations else {}
        for penalty, penalty_key in zip(self.penalties, keys, strict=True):
            with forbid_mixing(discriminator, penalty):
                # At the examples as augmented: where the discriminator's loss is taken, its slope is
                # penalized.
                value = penalty(critic_of(discriminator, condition), real, fake, penalty_key, step)
            if jnp.shape(value) != ():
                name = type(penalty).__name__
                raise InputError(f"{name} returned shape {jnp.shape(value)}; expected a scalar")
            loss, logs[log_name(penalty, logs)] = loss + value, value
        return loss, logs, outputs

    def generator_loss(
        self,
        discriminator: Network,
        real: Tree,
        fake: Tree,
        step: Array | int,
        condition: Tree = None,
        *,
        key: Array | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, Logs, Outputs]:
        """The generator's loss, a scalar; what to log; and the discriminator's outputs.

        The discriminator is asked about real examples for a relative objective alone: its batch statistics
        would follow, and compiling take longer. For others, `outputs.real` is empty.
        mask: which real examples it is asked about, [B] bool; as many as there are fakes (`counted_rows`).
        """
        check_step(step)
        check_dtypes(real, fake)
        # Split as for the discriminator: players that move at once judge the same augmented fakes, computed
        # once.
        fake_key, real_key, *_ = jax.random.split(self.key_for(key), 2 + len(self.penalties))
        of_fake = self(discriminator, fake, step, condition, key=fake_key)
        of_real = {}
        if self.objective.relative:
            if mask is not None:
                rows = counted_rows(mask, len(jax.tree.leaves(fake)[0]))
                real = jax.tree.map(lambda x: x[rows], real)
            of_real = self(discriminator, real, step, condition, key=real_key)
        outputs = Outputs(of_real, of_fake)
        return sum_losses(self.objective.generator, outputs), {}, outputs

    def judge(self, discriminator: Network, x: Tree, condition: Tree = None) -> dict[str, Array]:
        """Each example's verdict, [B]: "D", the probability of being real, or if it has none the "critic"."""
        logits = critic_of(discriminator, condition)(x)
        return {"D": jax.nn.sigmoid(logits)} if self.objective.probabilities else {"critic": logits}

    def key_for(self, key: Array | None) -> Array:
        """The key, or where none is given, one of the game's."""
        if key is not None:
            return key
        if self.scope is not None:
            return self.make_rng(PLAY)
        if self.penalties or self.augment.transformations:
            raise InputError("outside of a game, penalties and augmentations need a key: give key=...")
        return jax.random.key(0)  # of nothing


def outputs_of(discriminator: Network, x: Tree, condition: Tree = None) -> dict[str, Any]:
    """A discriminator's outputs by name; without a condition, it is called with examples alone."""
    outputs = call_network(discriminator, x, condition)
    # A network that says one thing need not name it.
    outputs = outputs if isinstance(outputs, dict) else {"logits": outputs}
    n = jax.tree.leaves(x)[0].shape[0]
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(outputs.get("logits"))]
    # [B, 1] passes, as one patch; what has lost the examples' axis would broadcast in every loss.
    if not shapes or any(shape[:1] != (n,) for shape in shapes):
        raise InputError(f"discriminator must return logits [{n}, ...], one each; got {shapes or 'none'}")
    return outputs


def counted_rows(mask: Array, n: int) -> Array:
    """Of a minibatch, `n` rows that count, [n]: each as often as another, or once more; all if none counts.

    >>> counted_rows(jnp.array([False, True, False, True]), 5)
    Array([1, 3, 1, 3, 1], dtype=int32)
    """
    # Those that count first, and around again: losses are means, which so need to know of no mask.
    order = jnp.argsort(~mask, stable=True)
    count = jnp.where(jnp.any(mask), jnp.sum(mask), len(mask))
    return order[jnp.arange(n) % count]


def critic_of(discriminator: Network, condition: Tree = None) -> Callable[[Tree], Array]:
    """A discriminator as penalties take it: examples -> [B], the sum of each example's logits."""
    # jax.grad of a bound module would leak tracers.
    function = pure(discriminator) if isinstance(discriminator, nn.Module) else discriminator

    def critic(x: Tree) -> Array:
        logits = jax.tree.leaves(outputs_of(function, x, condition)["logits"])
        sums = [
            jnp.sum(each.reshape(each.shape[0], -1), axis=1) if each.ndim > 1 else each for each in logits
        ]
        return sum(sums[1:], start=sums[0])

    return critic


def log_name(penalty: Penalty, logs: Logs) -> str:
    """What a penalty is logged as: r1; a second one of its class r1_2."""
    name = type(penalty).__name__.lower()
    # By the name's beginning: r1 and r1_2 are of one class, r1 and r2 are not.
    count = sum(other == name or other.startswith(f"{name}_") for other in logs)
    return f"{name}_{count + 1}" if count else name


def sum_losses(loss: Callable[[NamedOutputs, NamedOutputs], Array], outputs: Outputs) -> Array:
    """The sum of the losses of each array of logits, all its patches side by side."""

    # Losses are of [batch]: here each patch counts as an example, as in the mean over patches of Isola et al.
    # 2017, section 3.2.2.
    def by_array(outputs: NamedOutputs) -> list[NamedOutputs]:
        return [{**outputs, "logits": x.reshape(-1)} for x in jax.tree.leaves(outputs["logits"])]

    fake = by_array(outputs.fake)
    real = by_array(outputs.real) if outputs.real else [{}] * len(fake)
    losses = [loss(r, f) for r, f in zip(real, fake, strict=True)]
    return sum(losses[1:], start=losses[0])


def mean_logit(logits: Tree) -> Array:
    """The mean of all logits, each array's the same weight."""
    # Not of all in one: the scale with the most patches would drown the others.
    return jnp.mean(jnp.stack([jnp.mean(each) for each in jax.tree.leaves(logits)]))


def errors_of(outputs: Outputs) -> Logs:
    """The cross-entropy of a discriminator whose logits are log-odds, on real and on fake examples apart.

    log 2 is chance; above it are more verdicts wrong than right. Each array of logits has the same weight.
    """
    signs = {"real": -1, "fake": 1}
    logits = {"real": outputs.real["logits"], "fake": outputs.fake["logits"]}
    return {
        f"{side}_error": mean_logit(jax.tree.map(lambda x, s=signs[side]: jax.nn.softplus(s * x), tree))
        for side, tree in logits.items()
    }


def add_prefix(prefix: str, logs: Logs) -> Logs:
    """The same, for one of several discriminators: {"video_real_logits": ...}."""
    return {f"{prefix}_{name}": value for name, value in logs.items()}


def check_step(step: Any) -> None:
    """Refuses a random key in the step's place, where it would be taken for none at all."""
    # Of the older kind, a key is an array of two numbers.
    if jnp.shape(step) != () or jnp.issubdtype(jnp.result_type(step), jax.dtypes.prng_key):
        raise InputError("step is a number, the fourth argument; a random key goes by name: give key=...")


def check_shapes(real: Tree, fake: Tree) -> None:
    """Refuses examples that are not of one shape, leaf by leaf."""
    shapes = [jax.tree.map(lambda x: x.shape[1:], tree) for tree in (fake, real)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"generator makes examples of shape {shapes[0]}, but the data's are {shapes[1]}: "
            f"set the generator's shape or the data's to the other"
        )


def check_dtypes(real: Tree, fake: Tree) -> None:
    """Refuses whole numbers, but in a leaf where both sides have them: labels among the examples."""
    for x, y in zip(jax.tree.leaves(real), jax.tree.leaves(fake), strict=False):
        if x.dtype != y.dtype or x.dtype == jnp.uint8:
            check_floating(x, "a leaf of the real examples")
            check_floating(y, "a leaf of the fake examples")


def forbid_mixing(discriminator: Network, penalty: Penalty) -> AbstractContextManager[None]:
    """Refuses meanwhile, for a penalty per example, a network whose examples depend on each other."""
    name = getattr(discriminator, "name", None) or "the discriminator"

    # Asked of the modules that are really called: which these are depends on fields and branches.
    def check(module: nn.Module) -> None:
        mixing = mixing_of(module)
        if mixing is not None:
            raise InputError(
                f"{type(penalty).__name__} is a penalty per example, but {name} "
                f"({type(discriminator).__name__}) has {mixing.layer}, which mixes examples: use "
                f"{mixing.instead}, or no penalty"
            )

    return visit_modules(check) if penalty.of_gradients else nullcontext()
