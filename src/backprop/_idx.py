"""Read gzip-compressed IDX files, the format that MNIST comes in, and trust nothing in them.

An IDX file of bytes begins with the number 0x00000803 (three dimensions: images) or 0x00000801
(one: labels) and with each dimension, as unsigned 32-bit numbers, the highest byte first; then
come the entries, row by row. Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of
handwritten digits". The compression is that of RFC 1952 around RFC 1951.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np

#: The number in front, and how many dimensions it announces.
_MAGIC = {0x00000803: 3, 0x00000801: 1}

#: Deflate codes at most 258 bytes in two bits, so nothing grows by more than this factor.
_LARGEST_RATIO = 1032

#: Compressed bytes unpacked at a time: what one step can yield stays below 5 MB.
_STEP = 4096

#: ``wbits`` of zlib for a gzip header and trailer around the data.
_GZIP = 31


class DataError(ValueError):
    """A data file is not what its name says: altered, truncated, wrongly named, not gzip.

    Source: chapter 13.
    """


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in a gzip-compressed IDX file of bytes.

    Nothing that stands in the file makes this crash, hang, or take more memory than the file
    and what it unpacks to: unpacking stops at the size that the dimensions announce, and
    dimensions that so small a file cannot hold are refused before it.

    Args:
        path: a file whose name ends in ``-idx3-ubyte.gz`` for images or ``-idx1-ubyte.gz`` for
            labels.

    Returns:
        A read-only array of uint8, either images (n, rows, columns), entries 0 (background) to
        255, or labels (n,).

    Raises:
        DataError: if the file is not named so, is not gzip, is damaged or truncated, does not
            begin with the number that belongs to its name, announces an empty dimension, or
            holds fewer or more bytes than its dimensions announce.
        OSError: if it cannot be opened.

    Source: chapter 13.
    """
    return parse_idx(Path(path).read_bytes(), path)


def parse_idx(raw: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """As `read_idx`, for the bytes of a file that were read already; ``path`` names it."""
    named = re.fullmatch(r".+-idx([13])-ubyte\.gz", Path(path).name, re.DOTALL)
    if not named:
        raise DataError(
            f"{path} is not named like IDX data; expected a name that ends in -idx3-ubyte.gz "
            "(images) or -idx1-ubyte.gz (labels)"
        )
    if not raw.startswith(b"\x1f\x8b"):
        raise DataError(
            f"{path} is not a gzip file: it begins with {raw[:8]!r}; expected the file as it is "
            "served, not unpacked"
        )
    try:
        shape = _shape(raw, path, int(named[1]))
        header = 4 + 4 * len(shape)
        body = _unpack(raw, path, header + math.prod(shape))
    except zlib.error as error:
        raise DataError(f"{path} is damaged: {error}; copy or download it again") from None
    values = np.frombuffer(body, np.uint8, offset=header).reshape(shape)
    values.flags.writeable = False
    return values


def _shape(raw: bytes, path: object, rank: int) -> tuple[int, ...]:
    """The dimensions in the header of a file whose name promises ``rank`` of them."""
    head = zlib.decompressobj(_GZIP).decompress(raw, 4 + 4 * rank)
    if len(head) < 4 + 4 * rank:
        raise DataError(
            f"{path} is truncated: it unpacks to {len(head)} bytes; expected a header of "
            f"{4 + 4 * rank}"
        )
    magic, *shape = struct.unpack(f">{1 + rank}I", head)
    if _MAGIC.get(magic) != rank:
        expected = next(number for number in _MAGIC if _MAGIC[number] == rank)
        raise DataError(
            f"{path} begins with the number {magic:#010x}; expected {expected:#010x}, IDX data of "
            f"bytes with as many dimensions as its name says: {rank}"
        )
    size = 4 + 4 * rank + math.prod(shape)
    if 0 in shape or size > _LARGEST_RATIO * len(raw):
        raise DataError(
            f"{path} announces the dimensions {tuple(shape)}; expected at least 1 each, and "
            f"together no more than {len(raw)} bytes of gzip can hold"
        )
    return tuple(shape)


def _unpack(raw: bytes, path: object, size: int) -> bytearray:
    """All that ``raw`` unpacks to, if that is ``size`` bytes in one gzip member."""
    stream = zlib.decompressobj(_GZIP)
    body = bytearray()
    for start in range(0, len(raw), _STEP):
        body += stream.decompress(raw[start : start + _STEP], size + 1 - len(body))
        if len(body) > size:
            raise DataError(
                f"{path} unpacks to more bytes than its dimensions announce; expected {size}"
            )
        if stream.eof:
            trailing = len(raw) - min(start + _STEP, len(raw)) + len(stream.unused_data)
            break
    else:
        raise DataError(f"{path} is truncated: its gzip data has no end")
    if trailing:
        raise DataError(f"{path} has {trailing} bytes after the end of its gzip data; expected 0")
    if len(body) < size:
        raise DataError(
            f"{path} unpacks to {len(body)} bytes; expected {size}, as its dimensions announce"
        )
    return body
