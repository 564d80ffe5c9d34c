"""The games of the comparison in PyTorch, one file per family of networks. See `compare_torch.py`."""

from typing import Any

import torch

from gaxjax.game import GAN
from gaxjax.gans import adversarial as twin_adversarial
from gaxjax.gans import cyclegan as twin_cyclegan
from gaxjax.gans import pix2pix as twin_pix2pix
from gaxjax.gans import srgan as twin_srgan
from gaxjax.gans import stylegan as twin_stylegan
from gaxjax.gans import vgan as twin_vgan
from torch_side.adversarial import Adversarial
from torch_side.game import Game
from torch_side.stylegan import StyleGAN
from torch_side.super_resolution import SuperResolution
from torch_side.translation import CycleGAN
from torch_side.unet import Pix2Pix
from torch_side.vgan import VGAN

GAMES: dict[type[GAN], Any] = {
    twin_adversarial.Adversarial: Adversarial,
    twin_cyclegan.CycleGAN: CycleGAN,
    twin_pix2pix.Pix2Pix: Pix2Pix,
    twin_srgan.SuperResolution: SuperResolution,
    twin_stylegan.StyleGAN: StyleGAN,
    twin_vgan.VGAN: VGAN,
}
"""gaxjax's -> PyTorch's."""


def game_of(gan: GAN, state: Any, layout: torch.memory_format) -> Game:
    """The same game in PyTorch with the parameters of that state, images in that layout."""
    found: Game = GAMES[type(gan)](gan, state, layout)
    return found
