"""Pairs that training shuffles apart are compared as pairs."""

from pathlib import Path

import games
import numpy as np
import pytest
from games import Times
from PIL import Image

from gaxjax.data import Data, normalize, open_source
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.gans import CycleGAN
from gaxjax.recipe.evaluation import Evaluation

GAN = CycleGAN(Times(1.0), Times(1.0), Times(1.0), Times(1.0))
"""Its translations are the images themselves."""


@pytest.mark.parametrize("layout", ["halves", "domains"])
def test_translations_are_compared_with_their_own_partners(tmp_path: Path, layout: str) -> None:
    """Both pictures of a pair are the same, and no two pairs: what is compared out of order would differ."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 6, 12, 12, 3), dtype=np.uint8)
    for split, images in zip(("train", "test"), noise, strict=True):
        for number, image in enumerate(images):
            files = {f"{split}A/{number}.png": image, f"{split}B/{number}.png": image}
            if layout == "halves":
                files = {f"{split}/{number}.png": np.concatenate([image, image], axis=1)}
            for name, pixels in files.items():
                (tmp_path / name).parent.mkdir(exist_ok=True)
                Image.fromarray(pixels).save(tmp_path / name)
    data = Data("folder", (12, 12, 3), str(tmp_path), layout=layout, paired=False)  # type: ignore[arg-type]
    source = open_source(data)
    state = games.begin(GAN, batch=normalize(source.take(np.arange(2), seed=0)))
    asked = Evaluation("psnr,ssim", split="test", n=6, output="a to b", reference="b", seed=3)
    found = {
        result.metric: result.value for result in Evaluator(asked, data, source)(GAN, state, source, 0, "")
    }
    assert found == {"psnr": np.inf, "ssim": pytest.approx(1)}
