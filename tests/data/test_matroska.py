"""Whether elements of Matroska follow one another, in files that are written here by hand."""

import io

import pytest

from gaxjax.data.images import DamagedError
from gaxjax.data.matroska import check_elements

UNKNOWN = b"\x01" + b"\xff" * 7


def element(identifier: str, content: bytes, length: bytes | None = None) -> bytes:
    """Its length in two bytes, of which the first begins with 01, or as given."""
    return bytes.fromhex(identifier) + (length or (0x4000 + len(content)).to_bytes(2, "big")) + content


def film(length: bytes | None = None) -> bytes:
    """Two clusters of a time, two blocks and a group of one, and an index; of known lengths or not."""
    blocks = element("a3", b"first") + element("a3", b"second") + element("a0", element("a1", b"third"))
    cluster = element("1f43b675", element("e7", b"\0") + blocks, length)
    return element("1a45dfa3", b"webm") + element(
        "18538067", 2 * cluster + element("1c53bb6b", b"cues"), length
    )


@pytest.mark.parametrize("data", [film(), film(UNKNOWN), film() + b"what another program added"])
def test_whole_files(data: bytes) -> None:
    check_elements(io.BytesIO(data))


@pytest.mark.parametrize("length", [None, UNKNOWN])
@pytest.mark.parametrize(
    ("before", "change", "step"),
    [
        (b"second", b"\0\0\0", 0),  # no element at all
        (b"second", b"\xa3\x50\0", 0),  # a block of 4096 bytes
        (b"second", b"\xa3\x40\x07", 10),  # a byte more than it has: no element begins where it ends
        (b"\xa1\x40\x05third", b"\xa0\x40\x20", 0),  # a group of more than there is
    ],
)
def test_damage(length: bytes | None, before: bytes, change: bytes, step: int) -> None:
    """Of a header of an element in the last cluster."""
    data = film(length)
    place = data.rindex(before) - 3
    damaged = data[:place] + change + data[place + 3 :]
    with pytest.raises(DamagedError, match=f"^it is damaged at byte {place + step} of {len(data)}$"):
        check_elements(io.BytesIO(damaged))


def test_cut_file() -> None:
    whole = film()
    for length in (len(whole) - 1, len(whole) // 2):
        with pytest.raises(DamagedError, match=f"^it was cut: it has {length} of {len(whole)} bytes$"):
            check_elements(io.BytesIO(whole[:length]))
