"""Where MNIST comes from, and that nothing but the right bytes is taken for it.

No test uses the network: the mirrors are servers on this machine, the four files small ones.
"""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pooch
import pytest
from kinds import refused
from mirrors import FILES, HASHES, NAMES, Mirrors

from backprop import datasets
from backprop.datasets import DataError, DataUnavailable, digits, mnist


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


def test_without_platformdirs_the_cache_folder_is_not_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    with refused(ImportError, "; pip install platformdirs"):
        datasets._cache_folder()


def test_the_cache_folder_is_the_users():
    assert datasets._cache_folder().is_absolute()
    assert "backprop-book" in datasets._cache_folder().parts
