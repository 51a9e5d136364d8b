"""Where the digits come from, and that nothing but the right bytes is taken for them.

No test uses the network: the mirrors are servers on this machine, the four files small ones.
"""

import gzip
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pooch
import pytest
from kinds import refused

from backprop import datasets
from backprop.datasets import DataError, Dataset, DataUnavailable, digits, mnist

#: Where the real files may be, before the tests look away from it.
REAL = os.environ.get("BACKPROP_DATA")
NAMES = list(datasets._FILES)


def small_files():
    """Files like the four of MNIST, by name: 5 images of 4 x 3 for training and 2 for testing."""
    rng = np.random.default_rng(1)
    files = {}
    for name, n in zip(NAMES, (5, 5, 2, 2), strict=True):
        shape, top = ((n, 4, 3), 256) if "images" in name else ((n,), 10)
        header = b"\0\0\x08" + bytes([len(shape)])
        header += b"".join(size.to_bytes(4, "big") for size in shape)
        body = rng.integers(0, top, shape, dtype=np.uint8).tobytes()
        files[name] = gzip.compress(header + body, mtime=0)
    return files


FILES = small_files()
HASHES = {name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()}


class Mirrors(http.server.ThreadingHTTPServer):
    """Two mirrors, /one/ and /two/, on a free port of this machine."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.over = threading.Event()
        self.asked, self.manner = [], {"one": "good", "two": "good"}
        self.urls = [f"http://127.0.0.1:{self.server_port}/{mirror}/" for mirror in self.manner]


class Answer(http.server.BaseHTTPRequestHandler):
    """Serves the files in the manner of the mirror."""

    def do_GET(self):
        _, mirror, name = self.path.split("/")
        self.server.asked.append(f"{mirror}/{name}")
        manner, body = self.server.manner[mirror], FILES[name]
        if manner == "slow":
            time.sleep(0.3)
        if manner == "altered":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if manner == "login page":
            body = b"<html>Please log in</html>"
        self.send_response(404 if manner == "gone" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = manner in ("breaks off", "hangs", f"breaks off at {name}")
        self.wfile.write(body[: len(body) // 2] if half else body)
        if manner == "hangs" and not self.server.over.wait(30):
            self.server.asked.append("nobody lost patience")

    def log_message(self, *args):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder that is not there yet; small files are the right ones, no mirror answers."""
    monkeypatch.setattr(datasets, "_FILES", HASHES)
    monkeypatch.setattr(datasets, "_MIRRORS", ["http://127.0.0.1:9/one/", "http://127.0.0.1:9/2/"])
    monkeypatch.setattr(datasets, "_cache_folder", lambda: tmp_path / "up" / "cache")
    monkeypatch.delenv("BACKPROP_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Its messages go to the stream of the test that imported it first.
    monkeypatch.setattr(pooch.get_logger(), "disabled", True)
    return tmp_path / "up" / "cache"


@pytest.fixture
def mirrors(cache, monkeypatch):
    with Mirrors() as server:
        monkeypatch.setattr(datasets, "_MIRRORS", server.urls)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def named(cache, tmp_path, monkeypatch):
    """The folder that BACKPROP_DATA names, with the files in it."""
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path / "named"))
    return filled(tmp_path / "named")


def filled(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in FILES.items():
        (folder / name).write_bytes(raw)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


def from_all(mirror):
    return [f"{mirror}/{name}" for name in NAMES]


def check(data):
    """``data`` is what the small files say, in the promised shapes and dtypes."""
    assert repr(data) == "Dataset('mnist', 5 images for training, 2 for testing, 4 x 3)"
    assert (data.name, data.image_shape) == ("mnist", (4, 3))
    for name, values in zip(
        NAMES,
        [data.train_images, data.train_labels, data.test_images, data.test_labels],
        strict=True,
    ):
        raw = gzip.decompress(FILES[name])
        if "images" in name:
            expected = np.array([byte / 255 for byte in raw[16:]]).reshape(-1, 12)
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, expected, rtol=1e-7)
        else:
            assert values.dtype == np.int64
            assert values.tolist() == list(raw[8:])
        values[0] = 1  # the arrays are the caller's own


# Where the files are looked for


def test_the_cache_comes_first(cache, mirrors, named, monkeypatch):
    filled(cache)
    (named / NAMES[0]).write_bytes(b"not even gzip")
    check(mnist())
    monkeypatch.delenv("BACKPROP_DATA")
    check(mnist())
    assert not mirrors.asked


@pytest.mark.parametrize("cached", ["nothing", "three files", "an altered file"])
def test_the_named_folder_comes_second(cache, mirrors, named, cached):
    if cached != "nothing":
        filled(cache)
        (cache / NAMES[3]).unlink()
    if cached == "an altered file":
        (cache / NAMES[3]).write_bytes(FILES[NAMES[2]])
    check(mnist())
    assert not mirrors.asked


def test_the_named_folder_may_be_relative_or_start_at_home(named, monkeypatch):
    monkeypatch.chdir(named.parent)
    monkeypatch.setenv("BACKPROP_DATA", "named")
    check(mnist())
    monkeypatch.setenv("HOME", str(named.parent))
    monkeypatch.setenv("USERPROFILE", str(named.parent))
    monkeypatch.chdir("/")
    monkeypatch.setenv("BACKPROP_DATA", os.path.join("~", "named"))
    check(mnist())


def test_a_named_folder_without_the_files(mirrors, named):
    (named / NAMES[1]).unlink()
    (named / NAMES[2]).rename(named / NAMES[2].removesuffix(".gz"))
    told = f"BACKPROP_DATA names the folder {named}, which lacks {NAMES[1]}, {NAMES[2]}. Either put"
    with refused(DataUnavailable, told) as caught:
        mnist()
    assert "or unset BACKPROP_DATA, connect to the network and call mnist()" in str(caught.value)
    assert caught.value.__context__ is None
    assert not mirrors.asked


def test_a_named_folder_that_is_not_there(mirrors, named, monkeypatch):
    monkeypatch.setenv("BACKPROP_DATA", str(named / "deeper"))
    told = f"names the folder {named / 'deeper'}, which is not there. Either put {', '.join(NAMES)}"
    with refused(DataUnavailable, told):
        mnist()
    assert not mirrors.asked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("harm", ["altered", "truncated", "unpacked", "another"])
def test_a_named_folder_with_a_wrong_file(mirrors, named, name, harm):
    raw = FILES[name]
    other = NAMES[NAMES.index(name) - 2]
    changed = {
        "altered": raw[:20] + bytes([raw[20] ^ 1]) + raw[21:],
        "truncated": raw[:-1],
        "unpacked": gzip.decompress(raw),
        "another": FILES[other],
    }[harm]
    (named / name).write_bytes(changed)
    told = (
        f"{named / name} is not the file that it should be: its SHA-256 is "
        f"{hashlib.sha256(changed).hexdigest()}{f', that of {other}' if harm == 'another' else ''}"
        f"; expected {HASHES[name]}. Copy or"
    )
    with refused(DataError, told) as caught:
        mnist()
    assert caught.value.__context__ is None
    assert not mirrors.asked
    assert contents(named) == {**FILES, name: changed}


def test_files_with_the_right_digest_are_still_read_with_care(named, monkeypatch):
    raw = gzip.compress(b"\0\0\x08\x03" + bytes(12), mtime=0)
    (named / NAMES[0]).write_bytes(raw)
    monkeypatch.setitem(datasets._FILES, NAMES[0], hashlib.sha256(raw).hexdigest())
    with refused(DataError, f"{named / NAMES[0]} announces the dimensions (0, 0, 0)"):
        mnist()


# Downloads


def test_a_download_fills_the_cache_and_happens_once(cache, mirrors, capfd):
    check(mnist())
    assert mirrors.asked == from_all("one")
    assert contents(cache) == FILES
    assert capfd.readouterr().err.count("100%") >= 4  # the progress bars
    check(mnist())
    assert mirrors.asked == from_all("one")


def test_an_empty_variable_names_no_folder(mirrors, monkeypatch):
    monkeypatch.setenv("BACKPROP_DATA", "")
    check(mnist())
    assert mirrors.asked == from_all("one")


def test_only_what_is_missing_or_wrong_is_downloaded(cache, mirrors):
    filled(cache)
    (cache / NAMES[0]).write_bytes(FILES[NAMES[0]][:-9])
    (cache / NAMES[2]).unlink()
    check(mnist())
    assert mirrors.asked == [f"one/{NAMES[0]}", f"one/{NAMES[2]}"]
    assert contents(cache) == FILES


@pytest.mark.parametrize("manner", ["gone", "altered", "login page", "breaks off", "hangs"])
def test_the_second_mirror_helps_out(cache, mirrors, monkeypatch, manner):
    mirrors.manner["one"] = manner
    if manner == "hangs":
        monkeypatch.setattr(datasets, "_PATIENCE", 2)
    check(mnist())
    assert mirrors.asked == [f"one/{NAMES[0]}", *from_all("two")]
    assert contents(cache) == FILES


def test_the_second_mirror_continues_where_the_first_broke_off(cache, mirrors):
    mirrors.manner["one"] = f"breaks off at {NAMES[2]}"
    check(mnist())
    assert mirrors.asked == [*from_all("one")[:3], *from_all("two")[2:]]


def test_a_mirror_that_does_not_exist(cache, mirrors, monkeypatch):
    monkeypatch.setattr(datasets, "_MIRRORS", ["http://127.0.0.1:9/one/", mirrors.urls[1]])
    check(mnist())
    assert mirrors.asked == from_all("two")


def test_a_broken_download_leaves_nothing_and_can_be_repeated(cache, mirrors):
    mirrors.manner.update(one=f"breaks off at {NAMES[2]}", two="breaks off")
    with pytest.raises(DataUnavailable):
        mnist()
    assert contents(cache) == {name: FILES[name] for name in NAMES[:2]}
    mirrors.manner.update(one="good")
    check(mnist())
    assert mirrors.asked[-2:] == from_all("one")[2:]
    assert contents(cache) == FILES


def test_without_network_and_files_one_error_says_both_ways_out(cache, mirrors, monkeypatch):
    mirrors.manner.update(one="gone")
    monkeypatch.setattr(datasets, "_MIRRORS", [mirrors.urls[0], "http://127.0.0.1:9/2/"])
    with pytest.raises(DataUnavailable) as caught:
        mnist()
    message = str(caught.value)
    assert f"MNIST is not in the cache folder {cache} and could not be downloaded." in message
    assert f"Either put {', '.join(NAMES)} into a folder, named so" in message
    assert "set the environment variable BACKPROP_DATA to that folder; or connect to the" in message
    first, second = message.split("What was tried:\n")[1].split("\n")
    assert first.startswith(f"- {mirrors.urls[0]}: 404 Client Error")
    assert second.startswith("- http://127.0.0.1:9/2/: ")
    assert "refused" in second
    assert caught.value.__context__ is None
    assert not contents(cache)


def test_a_cache_that_cannot_be_made(cache, mirrors):
    cache.parent.write_text("a file where the folder should be")
    with refused(DataUnavailable, "\n- the folder cannot be used: ") as caught:
        mnist()
    assert str(cache) in str(caught.value)
    assert not mirrors.asked


#: What a process of its own runs: mnist() with the cache folder and the mirrors of a test.
PROCESS = """
import json, sys
from pathlib import Path
from backprop import datasets
settings = json.loads(sys.argv[1])
datasets._FILES, datasets._MIRRORS = settings["files"], settings["mirrors"]
datasets._cache_folder = lambda: Path(settings["cache"])
print(datasets.mnist())
"""


def process(cache, mirrors):
    settings = {"files": HASHES, "mirrors": mirrors.urls, "cache": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, json.dumps(settings)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(datasets.__file__).parents[1])},
        text=True,
    )


def test_two_processes_at_once_download_once(cache, mirrors):
    mirrors.manner["one"] = "slow"
    pair = [process(cache, mirrors) for _ in range(2)]
    for one in pair:
        assert one.communicate(timeout=120)[0].startswith("Dataset('mnist', 5 images")
        assert one.returncode == 0
    assert mirrors.asked == from_all("one")
    assert contents(cache) == FILES


def test_a_process_that_is_killed_leaves_no_lock_and_nothing_that_stays(cache, mirrors):
    mirrors.manner["one"] = "hangs"
    one = process(cache, mirrors)
    try:
        deadline = time.monotonic() + 60
        while not mirrors.asked and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        one.kill()
        one.communicate()
    assert contents(cache)  # half a file
    mirrors.manner["one"] = "good"
    check(mnist())
    assert contents(cache) == FILES


# Packages that are missing


@pytest.mark.parametrize(
    ("module", "call", "package"),
    [
        ("sklearn.datasets", digits, "scikit-learn"),
        ("pooch", mnist, "pooch"),
        ("tqdm", mnist, "tqdm"),
        ("filelock", mnist, "filelock"),
    ],
)
def test_a_missing_package_is_named(mirrors, monkeypatch, module, call, package):
    monkeypatch.setitem(sys.modules, module, None)
    with refused(ImportError, f"; pip install {package}") as caught:
        call()
    assert str(caught.value).startswith(f"{module} cannot be imported (")
    assert caught.value.name == module
    assert not mirrors.asked


def test_the_named_folder_needs_nothing_that_downloads(named, monkeypatch):
    for module in ("pooch", "tqdm", "filelock"):
        monkeypatch.setitem(sys.modules, module, None)
    check(mnist())


def test_importing_is_light():
    code = "import sys, backprop.datasets; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(datasets.__file__).parents[1])}
    loaded = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    heavy = {"sklearn", "scipy", "pandas", "pooch", "tqdm", "filelock", "requests", "torch"}
    assert not heavy & set(loaded.split())


def test_the_cache_folder_is_the_users():
    assert datasets._cache_folder().is_absolute()
    assert "backprop-book" in datasets._cache_folder().parts


# The real data


def test_digits_are_those_of_the_wheel_each_once():
    from sklearn.datasets import load_digits

    data = digits()
    assert repr(data) == "Dataset('digits', 1438 images for training, 359 for testing, 8 x 8)"
    assert (data.name, data.image_shape) == ("digits", (8, 8))
    assert data.train_images.shape == (1438, 64)
    assert data.test_images.shape == (359, 64)
    assert data.train_images.dtype == data.test_images.dtype == np.float32
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    assert data.train_images.min() == 0
    assert data.train_images.max() == 1
    original = load_digits()
    rows = np.vstack([data.train_images, data.test_images]) * 16
    labels = np.concatenate([data.train_labels, data.test_labels])
    ours = np.column_stack([rows, labels]).astype(int)
    theirs = np.column_stack([original.data, original.target]).astype(int)
    assert sorted(ours.tolist()) == sorted(theirs.tolist())
    # Both sides keep the order in which the images come.
    place = {tuple(image): place for place, image in enumerate(original.data.tolist())}
    for images in (data.train_images, data.test_images):
        places = [place[tuple(image)] for image in (images * 16).tolist()]
        assert places == sorted(places)


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_digits_are_divided_by_the_seed_a_fifth_of_each(seed):
    data, again, other = digits(seed), digits(np.int64(seed)), digits(seed + 1)
    for digit in range(10):
        test, train = (data.test_labels == digit).sum(), (data.train_labels == digit).sum()
        assert abs(test - (test + train) / 5) <= 0.5
    np.testing.assert_array_equal(data.train_images, again.train_images)
    np.testing.assert_array_equal(data.test_labels, again.test_labels)
    assert data.test_images.shape == other.test_images.shape
    assert not np.array_equal(data.test_images, other.test_images)
    data.train_images[:] = 0
    assert digits(seed).train_images.any()


@pytest.mark.parametrize("seed", [None, 1.0, "1", [1]])
def test_seeds_that_are_no_integers(seed):
    with pytest.raises(TypeError, match="integer"):
        digits(seed)
    with pytest.raises(ValueError, match="non-negative"):
        digits(-1)


def test_a_dataset_cannot_be_changed_and_is_equal_to_itself_alone():
    arrays = [np.zeros((1, 2)), np.zeros(1), np.zeros((1, 2)), np.zeros(1)]
    one, two = (Dataset(*arrays, name="a", image_shape=(1, 2)) for _ in range(2))
    with pytest.raises(AttributeError):
        one.name = "b"
    assert one == one
    assert one != two


def test_the_digests_and_mirrors_are_those_of_four_files():
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in datasets._FILES.values())
    assert len(set(datasets._FILES.values())) == len(NAMES) == 4
    assert all(re.fullmatch(r"https://[^/]+/[a-z/-]+/", mirror) for mirror in datasets._MIRRORS)


@pytest.mark.skipif(not REAL, reason="BACKPROP_DATA names no folder with the files of MNIST")
def test_the_real_mnist(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "_cache_folder", lambda: tmp_path)
    data = mnist()
    assert repr(data) == "Dataset('mnist', 60000 images for training, 10000 for testing, 28 x 28)"
    for images, labels, n in [
        (data.train_images, data.train_labels, 60000),
        (data.test_images, data.test_labels, 10000),
    ]:
        assert (images.shape, images.dtype) == ((n, 784), np.float32)
        assert (labels.shape, labels.dtype) == ((n,), np.int64)
        assert (images.min(), images.max()) == (0, 1)
        assert np.unique(labels).tolist() == list(range(10))
    # The first digits of both sides, and the mean that is often quoted.
    assert data.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.train_images.mean(dtype=float) == pytest.approx(0.1307, abs=5e-5)
