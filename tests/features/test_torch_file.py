"""Files of weights in PyTorch's two formats: read without PyTorch, and refused where they hold more."""

import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.features.torch_file import MAGIC, read_tensors

# A state dict of one tensor in pickle's own words: a function, what it takes, and a call.
STATE = (
    b"(dVweight\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI4\ntQ"
    b"I%d\n(I2\nI2\nt(I%d\nI%d\ntI00\nNtRs."
)
NUMBERS = np.arange(4, dtype="<f4").tobytes()


def state(offset: int = 0, strides: tuple[int, int] = (2, 1)) -> bytes:
    """A pickle of {"weight": [2, 2]} over a storage of four numbers."""
    return STATE % (offset, *strides)


def stream(state: bytes, count: int = 4) -> bytes:
    """The older format of PyTorch's files."""
    head = b"".join(pickle.dumps(part) for part in (MAGIC, 1001, {}))
    return head + state + pickle.dumps(["0"]) + count.to_bytes(8, "little") + NUMBERS


def archive(state: bytes) -> bytes:
    """The newer format."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", state)
        archive.writestr("archive/data/0", NUMBERS)
    return buffer.getvalue()


@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_writes(zipped: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 2), torch.nn.BatchNorm2d(5))
    state = network.state_dict()
    state["again"] = state["0.weight"]
    state["strided"] = state["0.weight"].transpose(0, 1)[1:, ::2]
    file = tmp_path / "weights.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(state, file, _use_new_zipfile_serialization=zipped)
    found = read_tensors(file)
    assert found.keys() == state.keys() >= {"0.bias", "1.running_var", "1.num_batches_tracked"}
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.numpy())
        assert found[name].dtype == value.numpy().dtype


@pytest.mark.parametrize("form", [stream, archive])
def test_only_the_tensors_of_a_file_are_read(form: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(form(state(strides=(1, 2))))
    np.testing.assert_array_equal(read_tensors(file)["weight"], [[0, 2], [1, 3]])
    for outside in (state(1), state(-1), state(strides=(3, 1)), state(strides=(-1, 1)), state(2**62)):
        file.write_bytes(form(outside))
        with pytest.raises(InputError, match=r"weights\.pth is no PyTorch file of weights, or is damaged"):
            read_tensors(file)
    file.write_bytes(form(state().removesuffix(b".") + b"Vnumber\nI3\ns."))
    with pytest.raises(InputError, match="something other than named tensors"):
        read_tensors(file)


def test_tensors_as_pytorch_wrote_them_before_0_4(tmp_path: Path) -> None:
    older = state().replace(b"_rebuild_tensor_v2", b"_rebuild_tensor").replace(b"tI00\nNtRs", b"ttRs")
    (tmp_path / "weights.pth").write_bytes(stream(older))
    np.testing.assert_array_equal(read_tensors(tmp_path / "weights.pth")["weight"], [[0, 1], [2, 3]])


@pytest.mark.parametrize("form", [stream, archive])
def test_nothing_in_a_file_is_run(form: Callable[[bytes], bytes], tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "made"),)

    file = tmp_path / "weights.pth"
    file.write_bytes(form(pickle.dumps({"weight": Malicious()})))
    with pytest.raises(InputError, match=rf"{os.name}\.mkdir, which a file of weights does not need"):
        read_tensors(file)
    assert not (tmp_path / "made").exists()


def test_damaged_files(tmp_path: Path) -> None:
    older, newer = stream(state()), archive(state())
    contents = {"empty": b"", "text": b"no file of weights", "other": pickle.dumps(3)}
    contents |= {f"older{cut}": older[:cut] for cut in range(1, len(older))}
    contents |= {f"newer{cut}": newer[:cut] for cut in range(1, len(newer), 8)}
    contents |= {"flipped": newer.replace(NUMBERS, bytes(16)), "count": stream(state(), count=3)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name} is no PyTorch file of weights, or is damaged"):
            read_tensors(tmp_path / name)
