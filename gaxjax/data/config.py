"""What a run reads, as plain data: every field is a command-line flag and is stored with the run."""

from dataclasses import dataclass, replace
from typing import Literal

Layout = Literal["auto", "flat", "classes", "halves", "domains", "frames", "strips"]
Fit = Literal["crop", "resize"]
Filter = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Data:
    """The examples of a run and how they become arrays."""

    name: str = "digits"
    """"digits" (built in), "ring", "grid" or "mixture" (points), "folder" (images of your own), or the name
    of a tensorflow-datasets set, such as "cifar10", "celeb_a" or "lsun/bedroom"; "stacked_mnist" is made of
    "mnist", three digits to an image; "shapes" are rendered from factors (built in); "moving_digits" and
    "moving_mnist" are clips of "digits" and of "mnist"."""
    shape: tuple[int, ...] = (32, 32, 3)
    """What the networks get: (height, width, channels) with 1, 3 or 4 channels; (2,) for ring and grid, (1,)
    for mixture; (frames, height, width, channels) for clips."""
    directory: str = ""
    """The folder of images, which may hold their factors (factors.csv or .npz), or where tensorflow-datasets
    keeps its sets (empty: its own default)."""
    split: str = "train"
    """tensorflow-datasets syntax ("train[:90%]"). For a folder, the subfolder of that name; without a
    subfolder "train", the folder itself is "train"; empty: the folder with all that is in it."""
    layout: Layout = "auto"
    """Folders: "flat" takes every image below the folder; "classes" makes each subfolder a label; "halves"
    makes a pair {a, b} of the left and right half of each image; "domains" takes a from the subfolder trainA
    and b from trainB (or of another split), or from the split's subfolders a and b; "auto" takes classes
    where every image is in one of two or more subfolders, else flat.
    Clips: each file, a GIF or an MP4 say, is one; "frames" takes each lowest folder of images as a clip, in
    the order of their names, "strips" each image as squares side by side; both have labels as "auto" has."""
    stride: int = 1
    """Clips: of so many frames one is taken, from a first one that (seed, position) chooses."""
    first_frames: bool = False
    """Clips: they begin with their first frame, as they do where clips are measured."""
    digits: int = 2
    """Moving digits: how many are in a clip; one is its label."""
    attributes: tuple[str, ...] = ()
    """Folders: columns of attributes.csv, or of CelebA's list_attr_celeba.txt or .csv, which is in the folder
    of images or beside it; batches then have "attributes", [B, A]: 0, 1, or -1 where the file says nothing. A
    column of other values is an attribute for each of them (skin_tone=0)."""
    paired: bool = True
    """Halves and domains: whether b[i] belongs to a[i], of domains by their name; if not, b comes in an order
    of its own (unpaired translation). Of domain_b: whether b[i] is made of a[i]; if not, a is of one half of
    the images and b of the other."""
    domain_b: str = ""
    """Makes two domains of images, a and b, with labels "label" and "label_b": b are the "edges" or the
    "negatives" of the images of the set, or another set, by its name (then paired is off); empty: none."""
    swap: bool = False
    """Halves and domains: a is the right half, or from the folder of b, and b the other."""
    fit: Fit = "crop"
    """"crop" cuts the center at the aspect ratio of `shape`, then resizes; "resize" stretches."""
    filter: Filter = "lanczos"
    """Resampling filter, antialiased (all but "nearest")."""
    scale: int = 1
    """Super-resolution: b is cut out of each image, as it is stored, and a is b reduced so many times
    (bicubic, antialiased); at a place chosen by (seed, position). Nothing else is resized. 1: no pairs."""
    centered: bool = False
    """Super-resolution: crops are at the center, as they are where images are measured."""
    flip: bool = False
    """Mirror half of the images left to right, chosen by (seed, position)."""
    jitter: int = 0
    """Height to which images are enlarged, their width in proportion, before a crop of `shape` is taken at
    random, by (seed, position), for training alone: 286 for 256. 0: none."""
    labeled: int | None = None
    """How many examples come with their labels, as many of each class as of another; batches then have
    "labeled", [B] bool, and labels of the others are -1 (and factors 0). None: all."""
    labeled_seed: int = 0
    """Which examples these are."""
    labeled_share: float = 0.0
    """The part of each minibatch that is drawn from the labeled examples, in an order of their own, evenly
    among the rest, which is drawn from all without their labels; 0: as they lie among the others."""
    strict: bool = True
    """A file that cannot be used stops the run before the first step; otherwise it is left out and named."""
    workers: int = 2
    """Threads that decode and assemble batches; 0 does it between the steps."""
    memory: float = 2.0
    """GiB. A set that fits, decoded, is decoded once and kept; a larger one is decoded as it is needed."""
    resident: float = 0.25
    """GiB. A set that is kept and fits lives on the devices, where the step gathers its batches."""
    modes: int | None = None
    """Points: number of Gaussians (ring 8, grid 25, mixture 5)."""
    spread: float | None = None
    """Points: radius of the ring (2), distance between neighbors in the grid (2) and in the mixture (2)."""
    deviation: float | None = None
    """Points: standard deviation of each Gaussian (ring 0.02, grid 0.05, mixture 0.1)."""


def has_two_images(data: Data) -> bool:
    """Whether examples are images a and b, as a folder has them; layouts are of folders alone."""
    return data.name == "folder" and data.layout in ("halves", "domains")


def has_clips(data: Data) -> bool:
    """Whether examples are clips, and not images or points."""
    return len(data.shape) == 4


def frames_taken(data: Data) -> int:
    """How many frames a clip is cut out of.

    >>> frames_taken(Data("folder", (16, 64, 64, 3), stride=2))
    31
    """
    return (data.shape[0] - 1) * data.stride + 1


def with_all_labels(data: Data) -> Data:
    """The same examples, none of whose labels is withheld or drawn more often."""
    return replace(data, labeled=None, labeled_seed=0, labeled_share=0.0)


def as_stored(data: Data) -> Data:
    """The same examples without what training does to them at random."""
    return replace(data, flip=False, jitter=0, centered=data.scale > 1, first_frames=has_clips(data))
