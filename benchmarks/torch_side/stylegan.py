"""The games of StyleGAN and StyleGAN2 in PyTorch, with mixed styles, lazy R1 and lazy path length."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gaxjax.gans.stylegan import StyleGAN as Twin
from gaxjax.objectives import Nonsaturating
from gaxjax.penalties import R1, Lazy
from torch_side.draws import Draws
from torch_side.game import Batch, Due, Game, Players
from torch_side.levels import Discriminator
from torch_side.style import Generator

R1_DUE, PATH_LENGTH_DUE = "r1", "path_length"


class StyleGAN(Game):
    """The non-saturating objective; at full size, where nothing fades."""

    def __init__(self, gan: Twin, state: Any, layout: torch.memory_format) -> None:
        generator = Generator(gan.generator, state.params["generator"], layout)
        discriminator = Discriminator(gan.discriminator, state.params["discriminator"], layout)
        super().__init__(gan, {"generator": generator, "discriminator": discriminator})
        (self.lazy,) = gan.adversary.penalties
        assert isinstance(self.lazy, Lazy) and isinstance(self.lazy.penalty, R1)
        assert gan.mixing and gan.adversary.objective == Nonsaturating() and gan.fade == (0, 0)
        self.register_buffer("lengths", torch.zeros(()))
        self.register_buffer("numbers", torch.arange(gan.generator.layers)[:, None, None])

    def due(self, players: Players, number: int) -> Due:
        if players == ("discriminator",):
            return (R1_DUE,) if number % self.lazy.every == 0 else ()
        rule = self.gan.path_length
        return (PATH_LENGTH_DUE,) if rule.weight and number % rule.every == 0 else ()

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        real, discriminator = batch["image"], self.networks["discriminator"]
        if players == ("generator",):
            loss = functional.softplus(-discriminator(self.generate(len(real), draws))).mean()
            return [loss + self.path_length_penalty(len(real), draws) if PATH_LENGTH_DUE in due else loss]
        # The discriminator's turn moves no generator.
        with torch.no_grad():
            fake = self.generate(len(real), draws)
        if R1_DUE in due:
            real = real.detach().requires_grad_()
        fake_logits, real_logits = discriminator(fake), discriminator(real)
        loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        if R1_DUE in due:
            # Of the logits that the loss has already, where gaxjax asks the discriminator once more.
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            weight = self.lazy.every * self.lazy.penalty.weight / 2
            loss = loss + weight * slope.square().sum((1, 2, 3)).mean()
        return [loss]

    def generate(self, examples: int, draws: Draws) -> Tensor:
        """Images of fresh latents."""
        styles, w = self.mix_styles(examples, draws)
        self.networks["generator"].track_mean(w)
        return self.networks["generator"](styles, draws)

    def mix_styles(self, examples: int, draws: Draws) -> tuple[Tensor, Tensor]:
        """Styles [layers, B, S] of two latents, the second's from a random layer on; and w of the first."""
        size = self.gan.latents.size
        latents = torch.cat([draws.take(examples, size), draws.take(examples, size)])
        w, others = self.networks["generator"].map(latents).chunk(2)
        crossover, is_mixed = draws.take(examples, 1), draws.take(examples, 1) < self.gan.mixing
        return torch.where(is_mixed & (self.numbers >= crossover), others, w), w

    def path_length_penalty(self, examples: int, draws: Draws) -> Tensor:
        """The penalty of the path length, of a smaller minibatch; moves its running mean."""
        rule = self.gan.path_length
        styles, _ = self.mix_styles(max(1, examples // rule.shrink), draws)
        images = self.networks["generator"](styles, draws)
        # Karras et al. 2020, section 3.2: y ~ N(0, I), over the root of the number of pixels.
        noise = draws.take(*images.shape) / (images.shape[2] * images.shape[3]) ** 0.5
        (slopes,) = torch.autograd.grad(images, styles, noise, create_graph=True)
        lengths = (slopes.square().sum(-1).mean(0) + 1e-12).sqrt()
        mean = torch.lerp(self.lengths, lengths.mean(), rule.decay)
        # After the loss has used it with its gradient, as gaxjax's statistics move.
        self.lengths.copy_(mean.detach())
        return rule.weight * rule.every * (lengths - mean).square().mean()
