"""What a run is measured by, as plain data: every field is a command-line flag and is stored with the run."""

from dataclasses import dataclass
from typing import Literal

from gaxjax import expressions
from gaxjax.errors import InputError, check_seed


@dataclass(frozen=True)
class Evaluation:
    """Metrics, the features that they see images by, and how many images of what."""

    metrics: str = ""
    """comma-separated: fid, kid, prdc, is, swd, ms_ssim, parzen, multiscale_parzen, modes, points, ppl,
    separability, elbo, mig, l2, mig_gen, l2_gen, class_ms_ssim, code_error, pixel_agreement, diversity,
    class_accuracy, test_accuracy; accuracy: the last two, as far as the game has them; of pairs: psnr, ssim,
    psnr_y, ssim_y, perceptual, pixel_accuracy; of clips: acd, and with features of clips fid, kid, prdc and
    is; empty: nothing is measured"""
    features: str = "inception"
    """what fid, kid, prdc, is and perceptual see: inception, classifier(mnist), pixels, FILE.py:function (of
    clips one of the last two); or, for class_accuracy, classifier(data), which is trained on the data's own
    labels; of perceptual also lpips, with its two files. For separability classes of a classifier, each
    against the rest: not comparable with the paper's attributes"""
    level: str = ""
    """of the features (inception: 64, 192, 768, 2048); empty: the deepest that the weights have"""
    weights: str = ""
    """file of the features' weights; empty: GAXJAX_INCEPTION, the file downloaded before, or a download"""
    distance: str = "lpips"
    """of two images, for ppl (of z, and of w if the game has styles) and diversity: lpips, that is
    lpips(vgg), or lpips(alex), both with files, or the squared distance of pixels, classifier(mnist) or
    FILE.py:function; for diversity alone also of inception"""
    lpips_network: str = ""
    """file of torchvision's weights of lpips's network (vgg16-397923af.pth)"""
    lpips_linear: str = ""
    """file of LPIPS's own weights, version 0.1 (vgg.pth)"""
    crop: Literal["none", "face"] = "none"
    """part of the images that ppl compares; face: StyleGAN's, rows 3/8 to 7/8 and columns 2/8 to 6/8"""
    n: int = 10_000
    """samples that are measured"""
    real: int = 0
    """images that they are compared with; 0: as many as the split has"""
    split: str = ""
    """of the data that samples are compared with ("test"); empty: what the run trains on"""
    validation: str = "train[50000:51000]"
    """of the data, for what a metric has to choose (sigma of parzen and multiscale_parzen)"""
    shape: tuple[int, ...] = ()
    """(height, width, channels) of the images that are measured, of networks that take any size: whole
    photographs (256, 256, 3), say, of crops trained on; empty: the data's. Of two folders of clips their
    (frames, height, width, channels)"""
    border: int = 0
    """pixels at each side that psnr_y and ssim_y leave out (4 at scale 4)"""
    output: str = ""
    """which of a game's outputs is measured, where there are several ("a to b")"""
    reference: str = "image"
    """what of the data it is compared with ("b"; of clips "video")"""
    back: str = ""
    """directory of a run that translates samples first, such as photographs into the label maps that they are
    then compared with, if they are of some; empty: samples are measured as they are"""
    palette: str = "facades"
    """colors of the classes of label maps, for pixel_accuracy: facades, or RRGGBB,RRGGBB,..."""
    balanced: bool = False
    """whether samples are of all classes alike; if not, they are of the data's labels"""
    sampling: str = ""
    """how samples are drawn, as options of the game ("psi=0.7, cutoff=8", "frames=32"); empty: its own way"""
    seed: int = 0
    """of the samples"""
    best: str = ""
    """number by which the best checkpoint is chosen and kept during training (fid); empty: none"""

    def __post_init__(self) -> None:
        if self.n < 2:
            raise InputError(
                f"n, how many samples are measured, is at least 2; got {self.n}: give more (--n, or of a "
                "recipe --evaluation.n)"
            )
        if self.real < 0 or self.border < 0:
            raise InputError(
                f"real and border are at least 0; got {self.real} and {self.border}: leave out what is below"
            )
        check_seed(self.seed)
        expressions.parse_options(self.sampling)
        if self.best and not self.metrics:
            raise InputError(f"best={self.best!r} needs metrics that give it; metrics is empty")
