"""LPIPS against plain NumPy in float64 and against its authors' package, and the files that it refuses."""

import hashlib
import importlib
import importlib.util
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch_files

from gaxjax.errors import InputError
from gaxjax.features import Features, load_distance, lpips
from gaxjax.features.lpips import NETWORKS

CHANNELS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}
VGG = "C0 R C2 R t P2 C5 R C7 R t P2 C10 R C12 R C14 R t P2 C17 R C19 R C21 R t P2 C24 R C26 R C28 R t"
ALEX = "C0 R t P3 C3 R t P3 C6 R t C8 R t C10 R t"
STEPS = {"vgg": VGG.split(), "alex": ALEX.split()}
"""Convolutions by number, relus, pools by size, and where images are compared."""
STRIDES = {("alex", 0): (4, 2), ("alex", 3): (1, 2)}
"""Stride and padding of the layers that have not 1 and 1."""
SIDES = {"vgg": (21, 16), "alex": (31, 40)}

State = dict[str, np.ndarray]


def weights(network: str) -> tuple[State, State]:
    """Random ones, of the network and of the linear layers."""
    random, state, inputs = np.random.default_rng(0), {}, 3
    for block in NETWORKS[network]:
        for layer in block.layers:
            shape = (layer.channels, inputs, layer.kernel, layer.kernel)
            deviation = math.sqrt(2 / math.prod(shape[1:]))
            state[f"features.{layer.number}.weight"] = deviation * random.standard_normal(shape, np.float32)
            bias = 0.1 * random.standard_normal(layer.channels, np.float32)
            state[f"features.{layer.number}.bias"] = bias
            inputs = layer.channels
    state["classifier.0.bias"] = np.zeros(5, np.float32)  # which the file of torchvision has too
    linear = {
        f"lin{i}.model.1.weight": random.uniform(0, 1, (1, c, 1, 1)) for i, c in enumerate(CHANNELS[network])
    }
    return state, linear


@pytest.fixture(scope="module", params=["vgg", "alex"])
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ours(network: str, tmp_path_factory: pytest.TempPathFactory) -> Features:
    folder, (state, linear) = tmp_path_factory.mktemp("weights"), weights(network)
    files = torch_files.write(folder / "net.pth", state), torch_files.write(folder / "lin.pth", linear)
    name = "lpips" if network == "vgg" else f"lpips({network})"
    made = load_distance(name, *map(str, files))
    files[0].unlink()  # 59 MB
    return made


def images(network: str, count: int = 2, channels: int = 3) -> np.ndarray:
    """Pairs that differ a little, and in the end a lot."""
    random = np.random.default_rng(1)
    first = random.uniform(-1, 1, (count, *SIDES[network], channels))
    steps = np.linspace(0.05, 1, count)[:, None, None, None]
    return np.stack([first, np.clip(first + steps * random.standard_normal(first.shape), -1, 1)])


def between(features: Features, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    seen = [features.apply(features.params, jnp.asarray(x, jnp.float32), ("lpips",))["lpips"] for x in (a, b)]
    return np.asarray(jnp.sum((seen[0] - seen[1]) ** 2, axis=1))


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """x [N, C, H, W], kernel [O, C, h, w]."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows[:, :, ::stride, ::stride], kernel, optimize=True)


def reference(network: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Step by step, as the paper and torchvision's numbers of layers have it."""
    state, linear = weights(network)
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    x = ((np.concatenate([a, b]) - shift) / scale).transpose(0, 3, 1, 2)
    total, taps = np.zeros(len(a)), 0
    for step in STEPS[network]:
        if step == "R":
            x = np.maximum(x, 0)
        elif step == "t":
            unit = x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-10)
            difference = (unit[: len(a)] - unit[len(a) :]) ** 2 * linear[f"lin{taps}.model.1.weight"]
            total += difference.sum(axis=1).mean(axis=(1, 2))
            taps += 1
        elif step[0] == "P":
            size = int(step[1:])
            windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
            x = windows[:, :, ::2, ::2].max(axis=(4, 5))
        else:
            number = int(step[1:])
            kernel, bias = (state[f"features.{number}.{part}"] for part in ("weight", "bias"))
            x = convolved(x, kernel, *STRIDES.get((network, number), (1, 1))) + bias[:, None, None]
    assert taps == 5
    return total


def test_the_squared_distance_is_lpips(network: str, ours: Features) -> None:
    a, b = images(network)
    expected = reference(network, a, b)
    assert expected.min() > 1e-3
    np.testing.assert_allclose(between(ours, a, b), expected, rtol=1e-4)
    assert ours.level == "lpips" and len(ours.weights) == 25


def test_the_name_is_for_the_published_weights(
    network: str, ours: Features, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ours.name == f"lpips-{network}-other"
    files = [torch_files.write(tmp_path / f"{i}.pth", state) for i, state in enumerate(weights(network))]
    first, second = (hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    for published, name in (((first[:8], second), ""), ((first[:8], first), "-other")):
        monkeypatch.setitem(lpips.PUBLISHED, network, published)
        assert load_distance(f"lpips({network})", *map(str, files)).name == f"lpips-{network}{name}"


def test_a_step_of_a_path_is_seen(network: str, ours: Features) -> None:
    """Images 1e-4 of the way apart have about 1e-8 of the distance, a length of 1, and float32 must tell."""
    a, b = (x[1:] for x in images(network))  # not the pair that is close already, nearer than any path's
    near = a + 1e-4 * (b - a)
    expected = reference(network, a, near)
    assert 1e-9 < expected[0] < 1e-7
    np.testing.assert_allclose(between(ours, a, near), expected, rtol=1e-2)


def test_gray_images_are_gray_in_color(network: str, ours: Features) -> None:
    a, b = images(network, channels=1)
    colored = [np.broadcast_to(x, (*x.shape[:-1], 3)) for x in (a, b)]
    np.testing.assert_allclose(between(ours, a, b), reference(network, *colored), rtol=1e-4)


def test_small_images_are_refused(network: str, ours: Features) -> None:
    least = {"vgg": 16, "alex": 31}[network]
    for shape in ((1, least - 1, 64, 3), (1, 64, 64, 2), (64, 64, 3)):
        with pytest.raises(InputError, match=rf"lpips\({network}\) takes .* at least {least} pixels"):
            ours.apply(ours.params, jnp.zeros(shape), ("lpips",))
    smallest = ours.apply(ours.params, jnp.ones((1, least, least, 3)), ("lpips",))["lpips"]
    assert np.isfinite(np.asarray(smallest)).all()


def package(network: str) -> Any:
    """The authors' LPIPS with random weights of the network and its own linear ones."""
    torch = pytest.importorskip("torch")
    if importlib.util.find_spec("lpips") is None:
        pytest.skip("needs lpips")
    layers: list[Any] = []
    inputs = 3
    for step in STEPS[network]:
        if step[0] == "C":
            layer = next(
                layer for b in NETWORKS[network] for layer in b.layers if layer.number == int(step[1:])
            )
            stride, padding = STRIDES.get((network, layer.number), (1, 1))
            layers.append(torch.nn.Conv2d(inputs, layer.channels, layer.kernel, stride, padding))
            inputs = layer.channels
        elif step != "t":
            layers.append(torch.nn.ReLU() if step == "R" else torch.nn.MaxPool2d(int(step[1:]), 2))
    whole = torch.nn.Module()
    whole.features = torch.nn.Sequential(*layers, torch.nn.MaxPool2d(2, 2))
    whole.load_state_dict({k: torch.from_numpy(v) for k, v in weights(network)[0].items()}, strict=False)
    models, torchvision = ModuleType("torchvision.models"), ModuleType("torchvision")
    for name in ("vgg16", "alexnet"):
        setattr(models, name, lambda **_: whole)
    torchvision.models = models  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setitem(sys.modules, "torchvision", torchvision)
        patch.setitem(sys.modules, "torchvision.models", models)
        warnings.simplefilter("ignore")
        authors = importlib.import_module("lpips")
        patch.setattr(authors.pretrained_networks, "tv", models)
        return authors.LPIPS(net=network, pnet_rand=True, verbose=False)


def test_the_authors_package_says_the_same(network: str, tmp_path: Path) -> None:
    theirs = package(network)
    import torch

    linear = Path(sys.modules["lpips"].__path__[0]) / f"weights/v0.1/{network}.pth"
    net = tmp_path / "net.pth"
    torch.save({k: torch.from_numpy(v) for k, v in weights(network)[0].items()}, net)
    made = load_distance(f"lpips({network})", str(net), str(linear))
    found = hashlib.sha256(linear.read_bytes()).hexdigest()
    assert found == lpips.PUBLISHED[network][1]
    a, b = images(network)
    with torch.inference_mode():
        x, y = (torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2) for x in (a, b))
        expected = theirs(x, y).flatten().numpy()
    np.testing.assert_allclose(between(made, a, b), expected, rtol=1e-4)


def spoiled(change: Callable[[State, State], object]) -> tuple[State, State]:
    state, linear = weights("alex")
    change(state, linear)
    return state, linear


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda net, lin: net.pop("features.8.bias"),
            r"net\.pth has other weights in it: no features\.8\.bias",
        ),
        (
            lambda net, lin: net.update({"features.3.weight": np.zeros((64, 64, 3, 3))}),
            r"net\.pth .* features\.3\.weight of shape \(64, 64, 3, 3\); expected \(192, 64, 5, 5\)",
        ),
        (
            lambda net, lin: net.update({"features.0.bias": np.full(64, np.nan)}),
            r"net\.pth has other weights",
        ),
        (lambda net, lin: lin.pop("lin4.model.1.weight"), r"lin\.pth has other weights in it: no lin4"),
        (
            lambda net, lin: lin.update({"lin0.model.1.weight": np.full((1, 64, 1, 1), -0.1)}),
            r"lin\.pth has weights below 0",
        ),
    ],
)
def test_other_weights_are_refused(
    change: Callable[[State, State], object], message: str, tmp_path: Path
) -> None:
    net, lin = spoiled(change)
    files = torch_files.write(tmp_path / "net.pth", net), torch_files.write(tmp_path / "lin.pth", lin)
    with pytest.raises(InputError, match=message):
        load_distance("lpips(alex)", *map(str, files))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("lpips",),
            "lpips needs two PyTorch files.*give lpips_network and lpips_linear, or another distance",
        ),
        (("lpips", "net.pth"), "lpips needs two PyTorch files"),
        (
            ("lpips(squeeze)", "net.pth", "lin.pth"),
            r"no lpips\(squeeze\); there are lpips\(vgg\), lpips\(alex\)",
        ),
        (("lpips", "nowhere.pth", "lin.pth"), r"nowhere\.pth"),
        (("pixels", "net.pth", "lin.pth"), "lpips_network and lpips_linear are files of lpips"),
        (("inception",), "inception rounds images to whole numbers and sees no small change"),
        (("pixel",), "no features are called 'pixel'"),
    ],
)
def test_distances_that_there_are_not(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_distance(*arguments)
