"""Times one DCGAN train step (discriminator, then generator) here and in PyTorch: same maths, same weights.

    python benchmarks/dcgan_step.py [--size 64] [--features 64] [--batch 32] [--rounds 10] [--loops]

The step is the package's own `alternating` on its own `Adversarial`: 4x4 stride-2 convolutions, batch norm,
the non-saturating loss, Adam(2e-4, 0.5). First the losses of all candidates must agree; then they are timed
interleaved, one step of each in turn, so that whatever else the machine does hits them alike. PyTorch is
optional (`pip install gaxjax[torch]`). On a machine that others use too, `taskset -c 0` before it compares
one core each: threads that wait for one another lose the most when a core is taken away.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unittest import mock

import jax
import numpy as np
import optax

from gaxjax import parallel
from gaxjax.game import State, init
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks import convolution, dcgan
from gaxjax.solvers import alternating

LEARNING_RATE, BETA = 2e-4, 0.5
TOLERANCE = 1e-4  # relative, of the losses of the first step
WARM_UP = 3  # steps
LATENTS = 100

Losses = tuple[float, float]
Step = Callable[[], Losses]


@dataclass(frozen=True)
class SameLatents(Latents):
    """The same latents at every draw, so that PyTorch can be given them."""

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        return super().draw(jax.random.key(0), n)


def jax_step(gan: Adversarial, state: State, images: np.ndarray, family: bool, loops: bool = True) -> Step:
    """The package's step; family: with its own convolutions for the CPU, or else with XLA's as they come.

    loops: a player's moves are a loop in the program, as the solver writes it, or else unrolled: XLA's own
    gradients of convolutions are slow inside loops.
    """
    optimizers = {player: optax.adam(LEARNING_RATE, BETA) for player in gan.players}
    mesh = parallel.make_mesh()
    step = parallel.pmapped(alternating(gan, optimizers, dict.fromkeys(gan.players, 1)), mesh)
    batches = parallel.shard({"image": np.stack([images, images])}, mesh)
    key = parallel.replicate(jax.random.key(0), mesh)
    state = parallel.replicate(state, mesh)
    on_cpu = convolution._is_cpu()

    scan = jax.lax.scan if loops else partial(jax.lax.scan, unroll=True)

    def run() -> Losses:
        nonlocal state
        # Both are looked up when the step is traced, which is at its first call.
        ours = mock.patch.object(convolution, "_is_cpu", lambda: family and on_cpu)
        with ours, mock.patch.object(jax.lax, "scan", scan):
            state, logs = step(state, batches, key)
        return float(logs["discriminator/loss"]), float(logs["generator/loss"])

    return run


def torch_step(gan: Adversarial, state: State, images: np.ndarray, channels_last: bool) -> Step:
    """The same step in PyTorch, from the same weights, in its default or its channels-last layout."""
    import torch
    from torch import nn
    from torch.nn import functional

    layout = torch.channels_last if channels_last else torch.contiguous_format
    params = jax.device_get(state.params)

    def tensor(x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(x))

    class Network(nn.Module):
        """Layers by the names of the tree they come from; kernels as PyTorch has them."""

        def __init__(self, tree: dict) -> None:
            super().__init__()
            self.layers = nn.ModuleDict()
            for name, leaves in tree.items():
                kind, bias = name.split("_")[0], leaves.get("bias")
                kernel = leaves.get("kernel")
                layer: nn.Module
                if kind == "BatchNorm":
                    layer = nn.BatchNorm2d(len(leaves["scale"]), momentum=0.1)
                    kernel = leaves["scale"]
                elif kind == "Conv":
                    kernel = kernel.transpose(3, 2, 0, 1)
                    layer = nn.Conv2d(*kernel.shape[1::-1], kernel.shape[2:], 2, 1, bias=bias is not None)
                elif kind == "ConvTranspose":
                    kernel = kernel.transpose(3, 2, 0, 1)
                    layer = nn.ConvTranspose2d(
                        *kernel.shape[:2], kernel.shape[2:], 2, 1, bias=bias is not None
                    )
                else:
                    kernel = by_channel(kernel).T
                    layer = nn.Linear(*kernel.shape[::-1], bias=bias is not None)
                layer.weight.data = tensor(kernel)
                if bias is not None:
                    layer.bias.data = tensor(bias)
                self.layers[name] = layer
            self.to(memory_format=layout)

    def by_channel(kernel: np.ndarray) -> np.ndarray:
        """A dense kernel from or to [H, W, C], as PyTorch flattens it: [C, H, W]."""
        channels = gan.generator.features * 2 ** (gan.generator.depth - 1)
        if kernel.shape[1] == 1:
            return kernel.reshape(-1, channels).T.reshape(-1, 1)
        pixels = kernel.shape[1] // channels
        return kernel.reshape(-1, pixels, channels).swapaxes(1, 2).reshape(len(kernel), -1)

    class Generator(Network):
        def forward(self, latents: torch.Tensor) -> torch.Tensor:
            layers, depth = self.layers, gan.generator.depth
            side = gan.generator.shape[0] // 2**depth
            x = layers["Dense_0"](latents).view(len(latents), -1, side, side).contiguous(memory_format=layout)
            for level in range(depth):
                x = functional.relu(layers[f"BatchNorm_{level}"](x))
                x = layers[f"ConvTranspose_{level}"](x)
            return torch.tanh(x)

    class Discriminator(Network):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for level in range(gan.discriminator.depth):
                x = self.layers[f"Conv_{level}"](x)
                if level:
                    x = self.layers[f"BatchNorm_{level - 1}"](x)
                x = functional.leaky_relu(x, 0.2)
            return self.layers["Dense_0"](x.flatten(1))[:, 0]

    generator, discriminator = Generator(params["generator"]), Discriminator(params["discriminator"])
    adam = [
        torch.optim.Adam(network.parameters(), LEARNING_RATE, (BETA, 0.999), fused=True)
        for network in (discriminator, generator)
    ]
    real = tensor(images.transpose(0, 3, 1, 2)).contiguous(memory_format=layout)
    latents = tensor(jax.device_get(gan.latents.draw(jax.random.key(0), len(images))))

    def run() -> Losses:
        with torch.no_grad():
            fake = generator(latents)
        loss = (
            functional.softplus(-discriminator(real)).mean() + functional.softplus(discriminator(fake)).mean()
        )
        adam[0].zero_grad()
        loss.backward()
        adam[0].step()

        discriminator.requires_grad_(False)  # no gradients of kernels that the generator does not move
        generator_loss = functional.softplus(-discriminator(generator(latents))).mean()
        adam[1].zero_grad()
        generator_loss.backward()
        adam[1].step()
        discriminator.requires_grad_(True)
        return loss.item(), generator_loss.item()

    return run


def candidates(size: int, features: int, batch: int, loops: bool) -> dict[str, Step]:
    """Every candidate's step, from the same weights on the same images; loops: XLA's own inside loops too."""
    gan = Adversarial(
        generator=dcgan.Generator((size, size, 3), features=features),
        discriminator=dcgan.Discriminator(features=features),
        latents=SameLatents(LATENTS),
    )
    images = np.random.default_rng(0).uniform(-1, 1, (batch, size, size, 3)).astype(np.float32)
    optimizers = {player: optax.adam(LEARNING_RATE, BETA) for player in gan.players}
    state = jax.jit(lambda key: init(gan, optimizers, key, {"image": images}))(jax.random.key(0))
    steps = {
        "gaxjax": jax_step(gan, state, images, family=True),
        "XLA's own convolutions, unrolled": jax_step(gan, state, images, family=False, loops=False),
    }
    if loops:
        steps["XLA's own convolutions, in loops"] = jax_step(gan, state, images, family=False)
    try:
        steps["PyTorch"] = torch_step(gan, state, images, channels_last=False)
        steps["PyTorch, channels last"] = torch_step(gan, state, images, channels_last=True)
    except ImportError as error:
        print(f"without PyTorch ({error}); pip install gaxjax[torch] to compare with it\n")
    return steps


def check(steps: dict[str, Step]) -> None:
    """Takes the first steps, which are the warm-up too; raises if the losses of the first step differ.

    The generator's loss follows the discriminator's move, so it checks gradients too. In later steps Adam
    makes rounding errors of small gradients as large as its moves, in any two programs: only printed.
    """
    for number in range(WARM_UP):
        losses = {name: step() for name, step in steps.items()}
        first = next(iter(losses.values()))
        apart = max(abs(a / b - 1) for found in losses.values() for a, b in zip(found, first, strict=True))
        print(
            f"step {number + 1}: losses {first[0]:.5f} {first[1]:.5f}, relative differences up to {apart:.1e}"
        )
        if number == 0 and apart > TOLERANCE:
            raise SystemExit(f"the candidates do not compute the same: {losses}")


def measure(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step, one of each in turn."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def table(times: dict[str, list[float]]) -> str:
    """Medians, quartiles and ratios to the fastest PyTorch (or, without it, to the fastest) in Markdown."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    against = [m for name, m in medians.items() if name.startswith("PyTorch")] or list(medians.values())
    lines = ["| | median ms | quartiles | fastest | ratio |", "|---|---|---|---|---|"]
    for name, values in times.items():
        low, _, high = statistics.quantiles(values, n=4)
        ratio = medians[name] / min(against)
        lines.append(
            f"| {name} | {medians[name]:.0f} | {low:.0f} to {high:.0f} | {min(values):.0f} | {ratio:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64, help="side of the images, a multiple of 16")
    parser.add_argument("--features", type=int, default=64, help="channels next to the image")
    parser.add_argument("--batch", type=int, default=32, help="images in a minibatch")
    parser.add_argument("--rounds", type=int, default=10, help="timed steps of each candidate")
    parser.add_argument("--loops", action="store_true", help="XLA's own inside loops too, which is slow")
    arguments = parser.parse_args()
    steps = candidates(arguments.size, arguments.features, arguments.batch, arguments.loops)
    check(steps)
    print("\n" + table(measure(steps, arguments.rounds)))


if __name__ == "__main__":
    main()
