"""Matroska's files, WebM among them: whether their elements follow one another, as they do in a whole one.

They have no checksums, and where one is damaged, FFmpeg goes on at the next cluster that it finds: seconds
are missing. Times do not tell, for a recording may have fewer frames where nothing moves.
"""

from typing import BinaryIO

from gaxjax.data.images import DamagedError

# RFC 9559, 5.1: a segment, a cluster and a group of blocks, whose elements are looked at; and these, and
# EBML's own (RFC 8794, 11.2 and 11.3), which are passed over.
SEGMENT = 0x18538067
OPENED = {SEGMENT, 0x1F43B675, 0xA0}
PASSED = {
    *(0x1A45DFA3, 0xEC, 0xBF),
    *(0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),
    *(0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xAF),
    *(0xA1, 0xA2, 0x75A1, 0x9B, 0xFA, 0xFB, 0xFD, 0xA4, 0x75A2, 0x8E, 0xC8),
}


def check_elements(file: BinaryIO) -> None:
    """DamagedError where no element begins at the end of another, or one goes beyond that which it is in.

    What blocks hold is not looked at.
    """
    place, size = 0, file.seek(0, 2)
    ends = [size]  # of all that the next element is in
    while place < ends[0]:
        file.seek(place)
        head = file.read(12)  # an identifier of at most 4 bytes, a length of at most 8
        start = count_bytes(head)
        after = start + count_bytes(head[start:])
        identifier = int.from_bytes(head[:start], "big")
        damage = DamagedError(f"it is damaged at byte {place} of {size}")
        if identifier not in OPENED | PASSED or after > len(head):
            raise damage
        bits = 7 * (after - start)  # the first bits say how many bytes there are
        length = int.from_bytes(head[start:after], "big") % (1 << bits)
        # All ones: it is not known, as of what is recorded live, and ends with what it is in.
        end = place + after + length if length < (1 << bits) - 1 else ends[-1]
        if end > ends[-1]:
            cut = f"it was cut: it has {size} of {end} bytes"
            raise DamagedError(cut) if identifier == SEGMENT else damage
        place = place + after if identifier in OPENED else end
        if identifier == SEGMENT:
            ends = [end]  # what comes after it is none of the film
        elif identifier in OPENED:
            ends.append(end)
        while len(ends) > 1 and place == ends[-1]:
            ends.pop()


def count_bytes(head: bytes) -> int:
    """How many bytes a number has, by its first (RFC 8794, 4); more than there are where it is none."""
    return 9 - head[0].bit_length() if head else 9
