"""Inception-v3 against an independent implementation, and its files of weights: whole, damaged, malicious."""

import hashlib
import importlib.util
import io
import math
import sys
import types
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.features import Features, inception_weights, load_features
from gaxjax.features.inception import (
    LEVELS,
    apply,
    average_pool,
    interpolation,
    resize_input,
)
from gaxjax.features.inception_weights import EPSILON, layers

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
STEM = {"conv": (3, 3, 3, 32), "conv_1": (3, 3, 32, 32), "conv_2": (3, 3, 32, 64)}


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    """torch-fidelity's network with random weights and statistics; uint8 [N, 3, H, W] -> its levels."""
    torch = pytest.importorskip("torch")
    found = importlib.util.find_spec("torch_fidelity")
    if found is None or found.submodule_search_locations is None:
        pytest.skip("needs torch-fidelity")
    # A bare package of that name: its own imports torchvision, which the one module that is needed does not.
    package = types.ModuleType("torch_fidelity")
    package.__path__ = list(found.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setitem(sys.modules, "torch_fidelity", package)
        module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        kind = module.FeatureExtractorInceptionV3
        patch.setattr(module, "load_state_dict_from_url", lambda *args, **options: {})
        patch.setattr(kind, "load_state_dict", lambda self, state: None)
        network = kind("inception", ["64", "192", "768", "2048", "logits_unbiased"])
    for name in [name for name in sys.modules if name.startswith("torch_fidelity.")]:
        del sys.modules[name]
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            deviation = math.sqrt(2 / layer.weight[0].numel())
            layer.weight.data.normal_(0, deviation, generator=generator)
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.weight.data.uniform_(0.5, 1.5, generator=generator)
            layer.bias.data.normal_(0.1, 0.1, generator=generator)
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
    yield network


@pytest.fixture(scope="module")
def random(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Features:
    """Ours with the weights of that network, from a file that PyTorch wrote."""
    import torch

    file = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(network.state_dict(), file)
    features = load_features("inception", weights=file)
    assert features.weights == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    file.unlink()  # 95 MB
    return features


def compare(params: Any, network: Any, absolute: float) -> None:
    """Every level of ours, to 1e-4 of what the network of PyTorch makes of the same uint8 images."""
    import torch

    with torch.inference_mode():
        expected = network(torch.from_numpy(IMAGES).permute(0, 3, 1, 2))
    found = ours(params, IMAGES / np.float32(127.5) - 1, tuple(LEVELS))
    for level, right in zip(LEVELS, expected, strict=True):
        np.testing.assert_allclose(found[level], right.numpy(), 1e-4, absolute, err_msg=level)
        assert np.std(right.numpy()) > 100 * absolute, level


ours = jax.jit(apply, static_argnums=2)


def test_every_level_is_that_of_another_implementation(network: Any, random: Features) -> None:
    assert dict(random.levels) == LEVELS
    assert random.level == "2048"
    compare(random.params, network, absolute=1e-4)


def test_the_real_weights_up_to_768(network: Any, random: Features, shared_data: Path) -> None:
    import torch

    file = shared_data / "inception" / "inception_v3_2015_bnfolded_to_mixed7.npz"
    features = load_features("inception", weights=file)
    assert dict(features.levels) == {"64": 64, "192": 192, "768": 768}
    assert features.level == "768"
    state = network.state_dict()
    for name, place in layers():
        if place in features.params:
            kernel, bias = (np.array(features.params[place][part]) for part in ("kernel", "bias"))
            state[f"{name}.conv.weight"].copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1)))
            for part, value in {"weight": 1, "running_mean": 0, "running_var": 1 - EPSILON}.items():
                state[f"{name}.bn.{part}"].fill_(value)
            state[f"{name}.bn.bias"].copy_(torch.from_numpy(bias))
    compare({**random.params, **features.params}, network, absolute=1e-5)


@pytest.mark.parametrize("size", [1, 32, 299, 512])
def test_interpolation(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    expected = []
    for place in range(299):
        source = place * size / 299
        low = math.floor(source)
        high = min(low + 1, size - 1)
        expected.append(values[low] + (values[high] - values[low]) * (source - low))
    np.testing.assert_allclose(interpolation(size) @ values, expected, atol=1e-4)
    if size == 299:
        np.testing.assert_array_equal(interpolation(size), np.eye(299))


def test_images_become_whole_numbers_of_three_channels() -> None:
    gray = np.random.default_rng(0).integers(1, 255, (1, 299, 299, 1)).astype(np.float32)
    nearby = (gray + 0.4) / 127.5 - 1
    np.testing.assert_array_equal(resize_input(nearby), np.repeat(gray, 3, axis=-1))
    white = resize_input(jnp.full((1, 8, 8, 3), 1.7))
    np.testing.assert_allclose(white, np.full((1, 299, 299, 3), 255), rtol=1e-6)
    with pytest.raises(InputError, match=r"1 or 3 channels, not \(1, 8, 8, 4\)"):
        resize_input(jnp.zeros((1, 8, 8, 4)))


def test_average_pools_leave_out_the_padding() -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    pooled = np.asarray(average_pool(x))[0, :, :, 0]
    assert pooled[0, 0] == np.mean([0, 1, 4, 5])
    assert pooled[0, 1] == np.mean([0, 1, 2, 4, 5, 6])
    assert pooled[1, 2] == np.mean([1, 2, 3, 5, 6, 7, 9, 10, 11])
    assert pooled[2, 3] == np.mean([6, 7, 10, 11])


def stem(path: Path, **others: np.ndarray) -> Path:
    """A file with the weights that the first level needs, and others."""
    random = np.random.default_rng(0)
    arrays = {f"{name}/kernel": random.normal(0, 0.1, shape) for name, shape in STEM.items()}
    arrays |= {f"{name}/bias": np.zeros(shape[-1]) for name, shape in STEM.items()}
    np.savez(path, **{**arrays, **others})
    return path


def test_nothing_deeper_is_computed_than_asked_for(tmp_path: Path) -> None:
    features = load_features("inception", weights=stem(tmp_path / "stem.npz"))
    assert dict(features.levels) == {"64": 64}
    vectors = ours(features.params, IMAGES / np.float32(127.5) - 1, ("64",))  # deeper layers are not there
    assert {level: vector.shape for level, vector in vectors.items()} == {"64": (2, 64)}
    with pytest.raises(InputError, match="no level '2048' with these weights; it has 64"):
        features.check(("64", "2048"))


def test_the_file_can_be_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stem(tmp_path / "stem.npz")
    monkeypatch.setenv("GAXJAX_INCEPTION", str(file))
    assert load_features("inception").weights == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    monkeypatch.setenv("GAXJAX_INCEPTION", str(tmp_path / "absent.pth"))
    with pytest.raises(InputError, match=r"absent\.pth cannot be read"):
        load_features("inception")


def test_weights_of_other_networks(tmp_path: Path) -> None:
    wrong = {
        "shape": {"conv_1/kernel": np.zeros((3, 3, 31, 32))},
        "layer": {"AuxLogits/kernel": np.zeros((1, 1, 768, 128))},
        "number": {"conv/bias": np.full(32, np.nan)},
        "size": {"conv_2/kernel": np.zeros((3, 3, 32, 48)), "conv_2/bias": np.zeros(48)},
    }
    for name, others in wrong.items():
        file = stem(tmp_path / f"{name}.npz", **others)
        with pytest.raises(InputError, match="is damaged, or has the weights of another network"):
            load_features("inception", weights=file)


def test_damaged_files(tmp_path: Path) -> None:
    whole = stem(tmp_path / "stem.npz").read_bytes()
    contents = {"empty": b"", "text": b"not a file of weights", "half": whole[: len(whole) // 2]}
    contents |= {"changed": whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name} is no (PyTorch )?file of weights, or is damaged"):
            load_features("inception", weights=tmp_path / name)
    promising = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    promising.write_bytes(whole)
    with pytest.raises(InputError, match=r"is damaged: its SHA-256 is [0-9a-f]{64}, not as its name says"):
        load_features("inception", weights=promising)


class Answer(io.BytesIO):
    """What a server sends."""

    headers: dict[str, str] = {}


def test_the_published_file_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = stem(tmp_path / "stem.npz").read_bytes()
    asked: list[str] = []

    def answer(url: str, timeout: float) -> Answer:
        asked.append(url)
        return Answer(content)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GAXJAX_INCEPTION", raising=False)
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(InputError, match=r"what came is not pt_inception-2015-12-05-6726825d\.pth"):
        load_features("inception")
    assert not [path for path in (tmp_path / ".cache").rglob("*") if path.is_file()]
    monkeypatch.setattr(inception_weights, "DIGEST", hashlib.sha256(content).hexdigest()[:8])
    monkeypatch.setattr(inception_weights, "FILE", "weights.npz")
    load_features("inception")
    assert (tmp_path / ".cache" / "gaxjax" / "weights.npz").read_bytes() == content
    load_features("inception")
    assert len(asked) == 2


def test_without_a_network_it_says_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, timeout: float) -> Answer:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GAXJAX_INCEPTION", raising=False)
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(InputError) as caught:
        load_features("inception")
    for part in ("no route to host", inception_weights.URL, "--weights PATH", "GAXJAX_INCEPTION=PATH"):
        assert part in str(caught.value)
