"""The weights of Inception-v3: where they come from, and from their files to a parameter tree.

The tree has the names of the TensorFlow graph: {"mixed_4_tower_1_conv_2": {"kernel": [h, w, I, O], "bias":
[O]}}, with "logits": {"kernel": [2048, 1008]}.
"""

import hashlib
import http.client
import os
import re
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax.errors import InputError
from gaxjax.features.features import file_digest
from gaxjax.features.torch_file import read_tensors
from gaxjax.files import write_bytes
from gaxjax.parallel.cache import cache_path
from gaxjax.transforms import Tree

DIGEST = "6726825d"
"""How the SHA-256 of the published weights begins."""
FILE = f"pt_inception-2015-12-05-{DIGEST}.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
VARIABLE = "GAXJAX_INCEPTION"
EPSILON = 0.001
"""Batch norm's, added to the variance."""

STEM = {
    "Conv2d_1a_3x3": "conv",
    "Conv2d_2a_3x3": "conv_1",
    "Conv2d_2b_3x3": "conv_2",
    "Conv2d_3b_1x1": "conv_3",
    "Conv2d_4a_3x3": "conv_4",
}
BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
TOWERS = {
    "5": {"": "1x1", "_tower": "5x5_1 5x5_2", "_tower_1": "3x3dbl_1 3x3dbl_2 3x3dbl_3", "_tower_2": "_pool"},
    "6a": {"": "3x3", "_tower": "3x3dbl_1 3x3dbl_2 3x3dbl_3"},
    "6": {
        "": "1x1",
        "_tower": "7x7_1 7x7_2 7x7_3",
        "_tower_1": "7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5",
        "_tower_2": "_pool",
    },
    "7a": {"_tower": "3x3_1 3x3_2", "_tower_1": "7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4"},
    "7": {
        "": "1x1",
        "_tower": "3x3_1",
        "_tower_mixed": "3x3_2a 3x3_2b",
        "_tower_1": "3x3dbl_1 3x3dbl_2",
        "_tower_1_mixed": "3x3dbl_3a 3x3dbl_3b",
        "_tower_2": "_pool",
    },
}
"""The branches of the PyTorch blocks, by the towers that they are in TensorFlow."""
NEEDS = {"64": "conv_2", "192": "conv_4", "768": "mixed_7_tower_2_conv", "2048": "mixed_10_tower_2_conv"}
"""The last layer that each level needs, in the order of `layers`."""


def layers() -> Iterator[tuple[str, str]]:
    """The convolutions from shallow to deep: their names in the PyTorch file and in the tree."""
    yield from STEM.items()
    for number, name in enumerate(BLOCKS):
        block = f"mixed_{number}" if number else "mixed"
        for tower, branches in (TOWERS.get(name) or TOWERS[name[0]]).items():
            for place, branch in enumerate(branches.split()):
                suffix = f"_{place}" if place else ""
                # TensorFlow numbers what has the same name in a scope: conv, conv_1, conv_2.
                yield f"Mixed_{name}.branch{branch}", f"{block}{tower}_conv{suffix}"


def load_weights(path: Path) -> tuple[Tree, dict[str, int], str]:
    """Parameters, the levels that they reach with their sizes, and the beginning of the file's SHA-256.

    Either kind of file. InputError for one that is damaged or has other weights in it.
    """
    sha256 = file_digest(path)
    # PyTorch's convention: the name ends in the beginning of the content's SHA-256. A download that was cut
    # off is noticed by it.
    promised = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    if promised and not sha256.startswith(promised[1]):
        raise InputError(f"{path} is damaged: its SHA-256 is {sha256}, not as its name says; remove it")
    params = load_npz(path) if has_arrays(path) else load_torch(path)
    return jax.tree.map(jnp.asarray, params), check_weights(params, path), sha256[:12]


def has_arrays(path: Path) -> bool:
    """Whether it is a file of NumPy's; the other kind can be a zip archive too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def load_npz(path: Path) -> Tree:
    """From `<name>/kernel` and `<name>/bias`, with batch norm in them already."""
    params: dict[str, dict[str, np.ndarray]] = {}
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            for key in arrays:
                layer, _, kind = key.partition("/")
                params.setdefault(layer, {})[kind] = arrays[key].astype(np.float32)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no file of weights, or is damaged: {error}") from error
    return params


def load_torch(path: Path) -> Tree:
    """From the state dict of a PyTorch file, folding batch norm into kernel and bias."""
    state = read_tensors(path)
    params = {}
    try:
        for theirs, ours in layers():
            params[ours] = fold_batch_norm(state, theirs)
        # [O, I] in PyTorch, [I, O] here; the bias has no use, see `inception`.
        params["logits"] = {"kernel": state.pop("fc.weight").T}
        state.pop("fc.bias")
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} has other weights in it than {FILE}: {error}") from error
    # What is left was not expected. Only batch norm's counters of minibatches may be, which nothing computes
    # with.
    others = [name for name in state if not name.endswith(".num_batches_tracked")]
    if others:
        raise InputError(f"{path} has other weights in it than {FILE}, such as {others[0]}")
    return params


def fold_batch_norm(state: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Takes a convolution and its batch norm out of the state: one kernel [h, w, I, O] and bias [O]."""
    # In float64, and rounded once at the end.
    kernel = state.pop(f"{name}.conv.weight").astype(np.float64)
    scale, shift, mean, variance = (
        state.pop(f"{name}.bn.{part}").astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    # scale (W x - mean) / sqrt(variance + epsilon) + shift is one convolution.
    factor = scale / np.sqrt(variance + EPSILON)
    # [O, I, h, w] -> [h, w, I, O], where the factor [O] stands at the end.
    kernel = kernel.transpose(2, 3, 1, 0) * factor
    return {"kernel": kernel.astype(np.float32), "bias": (shift - mean * factor).astype(np.float32)}


def check_weights(params: Tree, path: Path) -> dict[str, int]:
    """The levels that the parameters reach, with their sizes; InputError if they are of another network."""
    from gaxjax.features.inception import LEVELS, apply

    names = [ours for _, ours in layers()]
    # Files may end early, and hold the network up to a level: all layers up to the last that the level needs.
    levels = [level for level, last in NEEDS.items() if params.keys() >= set(names[: names.index(last) + 1])]
    if "2048" in levels and "logits" in params:
        levels.append("logits")
    others = sorted(params.keys() - {*names, "logits"})
    wrong = InputError(f"{path} is damaged, or has the weights of another network than {FILE}")
    if others or not levels or not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
        raise wrong
    try:
        # Shapes of a forward pass catch what names do not: kernels that were transposed, or of other widths.
        images = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
        vectors = jax.eval_shape(lambda images: apply(params, images, tuple(levels)), images)
    except (TypeError, ValueError, KeyError) as error:
        raise wrong from error
    sizes = {level: vectors[level].shape[1] for level in levels}
    if sizes != {level: LEVELS[level] for level in levels}:
        raise wrong
    return sizes


def find_weights() -> Path:
    """The file that GAXJAX_INCEPTION names, or the published one, downloaded the first time."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    path = cache_path(FILE)
    return path if path.is_file() else download_weights(path)


def download_weights(path: Path) -> Path:
    """Fetches the published weights, 91 MB; InputError without a network, or if something else came."""
    from tqdm import tqdm

    advice = f"fetch {FILE} from\n  {URL}\nand give it with --weights PATH or {VARIABLE}=PATH"
    print(f"downloading the weights of inception from {URL}", flush=True)
    content = bytearray()
    try:
        with urllib.request.urlopen(URL, timeout=30) as answer:
            total = int(answer.headers.get("Content-Length") or 0) or None
            with tqdm(total=total, unit="B", unit_scale=True) as bar:
                # By pieces, for the progress bar alone; all of it is checked in memory before any of it is
                # written.
                while chunk := answer.read(2**18):
                    content += chunk
                    bar.update(len(chunk))
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"the weights of inception could not be downloaded ({error}); {advice}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if not sha256.startswith(DIGEST):
        raise InputError(
            f"what came is not {FILE}: {len(content):,} bytes, their SHA-256 is {sha256[:12]}...; {advice}"
        )
    return write_bytes(path, bytes(content))
