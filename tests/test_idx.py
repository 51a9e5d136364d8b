"""The reader of IDX files gives back what was written, and refuses everything else."""

import gzip
import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import quickly, refused

from backprop.datasets import DataError, read_idx

IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
MAGIC = {IMAGES: 0x803, LABELS: 0x801}
thoroughly = settings(quickly, max_examples=150)


def unpacked(values, magic=None, shape=None):
    """An IDX file before compression, with another magic number or other dimensions if given."""
    magic = 0x800 + values.ndim if magic is None else magic
    shape = values.shape if shape is None else shape
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + values.tobytes()


def zipped(content, level=9):
    # Without the time of day, so that each process has the same bytes.
    return gzip.compress(content, level, mtime=0)


def packed(*args, **kwargs):
    return zipped(unpacked(*args, **kwargs))


def some(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Read bytes as the file of a name."""
    folder = tmp_path_factory.mktemp("idx")

    def read(raw, name=IMAGES):
        (folder / name).write_bytes(raw)
        return read_idx(folder / name)

    return read


@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 1, 1), (2000, 28, 28), (7,), (1,), (70000,)])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_what_was_written_is_read(read, shape, level):
    written = some(*shape)
    name = IMAGES if len(shape) == 3 else LABELS
    values = read(zipped(unpacked(written), level), name)
    assert values.dtype == np.uint8
    assert not values.flags.writeable
    assert values.shape == shape
    np.testing.assert_array_equal(values, written)


def test_the_path_may_be_text_and_gzip_may_name_the_file(tmp_path):
    path = tmp_path / LABELS
    with open(path, "wb") as file, gzip.GzipFile("a name", "wb", fileobj=file) as packer:
        packer.write(unpacked(some(9)))
    np.testing.assert_array_equal(read_idx(str(path)), some(9))


SOUND, LONG = unpacked(some(5, 4, 3)), packed(some(90, 9, 9))
ZIP = zipped(SOUND)
HUGE = packed(some(5, 4, 3), shape=(2**32 - 1,) * 3)
#: Bytes, and what is said about them as a file of images of 76 bytes, after its name.
REFUSED = {
    "empty": (b"", "is not a gzip file: it begins with b''; expected the file as it is served"),
    "not compressed": (SOUND, r"is not a gzip file: it begins with b'\x00\x00\x08\x03"),
    "a byte": (ZIP[:1], r"is not a gzip file: it begins with b'\x1f'; expected"),
    "cut in the header": (ZIP[:10], "is truncated: it unpacks to 0 bytes; expected a header of 16"),
    "cut in the trailer": (ZIP[:-1], "is truncated: its gzip data has no end"),
    "cut in the data": (ZIP[:-20], "is truncated: its gzip data has no end"),
    "nothing in it": (zipped(b""), "is truncated: it unpacks to 0 bytes; expected a header of 16"),
    "short header": (zipped(SOUND[:15]), "is truncated: it unpacks to 15 bytes; expected a header"),
    "a byte less": (zipped(SOUND[:-1]), "unpacks to 75 bytes; expected 76, as its dimensions"),
    "header alone": (zipped(SOUND[:16]), "unpacks to 16 bytes; expected 76, as its dimensions"),
    "a byte more": (
        zipped(SOUND + b"a"),
        "unpacks to more bytes than its dimensions announce; expected 76",
    ),
    "a byte after": (ZIP + b"\0", "has 1 bytes after the end of its gzip data; expected 0"),
    "padded": (ZIP + bytes(9000), "has 9000 bytes after the end of its gzip data; expected 0"),
    "bytes after steps": (LONG + b"abc", "has 3 bytes after the end of its gzip data; expected 0"),
    "two members": (ZIP * 2, f"has {len(ZIP)} bytes after the end of its gzip data; expected 0"),
    "labels": (
        packed(some(4), shape=(4, 4, 3), magic=0x801),
        "begins with the number 0x00000801; expected 0x00000803, IDX data of bytes with as many "
        "dimensions as its name says: 3",
    ),
    "floats": (packed(some(5, 4, 3), magic=0xD03), "begins with the number 0x00000d03; expected"),
    "lowest byte first": (
        packed(some(5, 4, 3), magic=0x03080000),
        "begins with the number 0x03080000; expected 0x00000803",
    ),
    "no images": (
        packed(some(0, 4, 3)),
        "announces the dimensions (0, 4, 3); expected at least 1 each, and",
    ),
    "empty and huge": (
        packed(some(1, 2, 3), shape=(0, 2**32 - 1, 2**32 - 1)),
        "announces the dimensions (0, 4294967295, 4294967295); expected at least 1 each, and",
    ),
    "huge": (
        HUGE,
        "announces the dimensions (4294967295, 4294967295, 4294967295); expected at least 1 each, "
        f"and together no more than {len(HUGE)} bytes of gzip can hold",
    ),
    "an image less": (packed(some(5, 4, 3), shape=(6, 4, 3)), "unpacks to 76 bytes; expected 88"),
    "an image more": (packed(some(5, 4, 3), shape=(4, 4, 3)), "unpacks to more bytes than its dim"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_told_with_the_name_of_the_file(tmp_path, case):
    raw, told = REFUSED[case]
    (tmp_path / IMAGES).write_bytes(raw)
    with refused(DataError, f"{tmp_path / IMAGES} {told}"):
        read_idx(tmp_path / IMAGES)


def test_labels_named_as_images_and_images_named_as_labels(read):
    with refused(DataError, "begins with the number 0x00000801; expected 0x00000803"):
        read(packed(some(90)), IMAGES)
    with refused(DataError, "begins with the number 0x00000803; expected 0x00000801"):
        read(packed(some(5, 4, 3)), LABELS)


@pytest.mark.parametrize(
    "name",
    [
        "t10k-images-idx3-ubyte",
        "t10k-images-idx3-ubyte.gz.txt",
        "t10k-images-idx2-ubyte.gz",
        "t10k-images-idx33-ubyte.gz",
        "t10k-images.gz",
        "images",
        "-idx3-ubyte.gz",
        "t10k-images-idx3-ubyteXgz",
    ],
)
def test_files_that_are_not_named_like_idx_data(read, name):
    with refused(DataError, f"{name} is not named like IDX data; expected a name that ends in -id"):
        read(packed(some(5, 4, 3)), name)


@pytest.mark.parametrize("part", ["reserved flag", "compressed data", "checksum", "length"])
def test_damage_anywhere_is_noticed(read, part):
    place = {"reserved flag": 3, "compressed data": 40, "checksum": -8, "length": -4}[part]
    raw = bytearray(packed(some(50, 8, 8)))
    raw[place] ^= 0x80
    with refused(DataError, f"{IMAGES} is damaged: Error -3 while decompressing data: "):
        read(bytes(raw))


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match=IMAGES):
        read_idx(tmp_path / IMAGES)


# Whatever the bytes are

SMALL = st.builds(
    lambda shape, seed: np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8),
    st.one_of(st.tuples(st.integers(1, 9)), st.tuples(*[st.integers(1, 9)] * 3)),
    st.integers(0, 99),
)
NUMBER = st.one_of(
    st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 28, 0x801, 0x803, 2**31, 2**32 - 1])
)
names = st.sampled_from([IMAGES, LABELS])


def original(raw):
    """What Python's own gzip makes of the bytes, the whole file being one member; or None."""
    stream = zlib.decompressobj(31)
    try:
        content = stream.decompress(raw)
    except zlib.error:
        return None
    return content if stream.eof and not stream.unused_data else None


def judge(read, raw, name):
    """`read_idx` refuses with DataError, or gives exactly what the bytes mean."""
    values, message = None, name
    try:
        values = read(raw, name)
    except DataError as error:
        message = str(error)
    assert name in message
    content = original(raw) or b""
    rank = 3 if name == IMAGES else 1
    header = struct.unpack(f">{1 + rank}I", content[: 4 + 4 * rank].ljust(4 + 4 * rank, b"\0"))
    sound = (
        header[0] == MAGIC[name]
        and 0 not in header
        and len(content) == 4 + 4 * rank + math.prod(header[1:])
    )
    assert (values is not None) == sound
    if sound:
        assert values.shape == header[1:]
        assert values.tobytes() == content[4 + 4 * rank :]


@thoroughly
@given(raw=st.binary(max_size=300), name=names, front=st.sampled_from([b"", b"\x1f\x8b\x08\0"]))
def test_random_bytes(read, raw, name, front):
    judge(read, front + raw, name)


@thoroughly
@given(content=st.binary(max_size=40), name=names, whole=st.booleans())
def test_random_contents(read, content, name, whole):
    front = struct.pack(">I", MAGIC[name]) if whole else b""
    judge(read, zipped(front + content), name)


@thoroughly
@given(values=SMALL, name=names, magic=NUMBER | st.none(), shape=st.lists(NUMBER, max_size=4))
def test_other_headers(read, values, name, magic, shape):
    judge(read, packed(values, magic, shape or None), name)


@thoroughly
@given(values=SMALL, name=names, data=st.data())
def test_flipped_bits_and_lost_ends(read, values, name, data):
    raw = bytearray(packed(values))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[place] ^= data.draw(st.integers(1, 255))
    judge(read, bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))]), name)


@thoroughly
@given(values=SMALL, name=names, data=st.data())
def test_changes_under_sound_compression(read, values, name, data):
    content = bytearray(unpacked(values))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    judge(read, zipped(bytes(content[:end])), name)


@thoroughly
@given(values=SMALL, name=names, cut=st.integers(0, 300), more=st.binary(max_size=9))
def test_members_in_a_row(read, values, name, cut, more):
    content = unpacked(values)
    judge(read, zipped(content[:cut]) + zipped(content[cut:]) + more, name)


# Memory

BIG = 40_000_000


def peak(read, raw):
    """The most memory that reading takes, in bytes, and whether the file was accepted."""
    tracemalloc.start()
    try:
        read(raw)
        accepted = True
    except DataError:
        accepted = False
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most, accepted


def test_memory_stays_with_what_the_file_unpacks_to(read):
    raw = packed(np.zeros((BIG // 4000, 40, 100), np.uint8))
    assert 1000 * len(raw) < BIG  # as good as the best ratio
    most, accepted = peak(read, raw)
    assert accepted
    assert BIG < most < 1.25 * BIG + 2 * len(raw)


def test_a_file_that_unpacks_to_more_than_it_announces_is_not_unpacked(read):
    raw = packed(np.zeros((BIG // 4000, 40, 100), np.uint8), shape=(1, 1, 1))
    most, accepted = peak(read, raw)
    assert not accepted
    assert most < 3 * len(raw) + 100_000


@pytest.mark.parametrize("rows", [2000, 2**32 - 1])
def test_dimensions_alone_take_no_memory(read, rows):
    # Bytes of pure chance do not shrink: the file is as large as what is in it.
    raw = packed(some(50, 40, 100), shape=(rows, 40, 100))
    assert (rows * 4000 < 1032 * len(raw)) == (rows == 2000)
    most, accepted = peak(read, raw)
    assert not accepted
    assert most < 4 * len(raw) + 100_000


@quickly
@given(values=SMALL, data=st.data())
def test_memory_of_small_files(read, values, data):
    raw = bytearray(packed(values, shape=data.draw(st.lists(NUMBER, min_size=3, max_size=3))))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(0, 255))
    assert peak(read, bytes(raw))[0] < 100_000
