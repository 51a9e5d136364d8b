"""Handwritten digits: `digits`, 8 x 8, which need no network, and `mnist`, 28 x 28.

scikit-learn and what downloads are imported only by the functions that need them.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import operator
import os
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backprop._idx import DataError, parse_idx, read_idx

__all__ = ["DataError", "DataUnavailable", "Dataset", "digits", "mnist", "read_idx"]

#: The four files of MNIST and their SHA-256.
_FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}

#: Where they are served; tried in this order.
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

#: How long a mirror may keep silent, in seconds.
_PATIENCE = 30


class DataUnavailable(OSError):  # noqa: N818
    """The data are not on this machine and could not be downloaded; the message says both ways.

    Source: chapter 13.
    """


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images of the digits 0 to 9, one a row, apart for training and for testing.

    The arrays are new in each call and may be changed.

    Attributes:
        train_images: (n, rows * columns) float32, from 0 (background) to 1 (ink), row by row.
        train_labels: (n,) int64, from 0 to 9.
        test_images: (m, rows * columns), as for training.
        test_labels: (m,), as for training.
        name: what the data are called.
        image_shape: (rows, columns), to draw an image: ``train_images[0].reshape(image_shape)``.

    Source: chapter 13.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    name: str
    image_shape: tuple[int, int]

    def __repr__(self) -> str:
        """The name and the sizes, without the numbers."""
        rows, columns = self.image_shape
        return (
            f"Dataset({self.name!r}, {len(self.train_labels)} images for training, "
            f"{len(self.test_labels)} for testing, {rows} x {columns})"
        )


def digits(seed: int = 0) -> Dataset:
    """The 1,797 real handwritten digits of 8 x 8 pixels in scikit-learn's wheel.

    They are the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and
    C. Kaynak, UCI Machine Learning Repository), so no division of them into training and test
    is documented. Here chance decides, digit by digit: a fifth of each digit's images, rounded,
    is for testing, the others for training, both in the order in which they come. The 13 people
    who wrote them are therefore on both sides, which makes these digits easier than those of
    people never seen.

    Args:
        seed: an integer of 0 or more; the same one gives the same division.

    Returns:
        A `Dataset` of 1,438 images for training and 359 for testing; (n, 64), the original
        shades from 0 to 16 divided by 16.

    Raises:
        TypeError, ValueError: if ``seed`` is no integer, or is negative.
        ImportError: without scikit-learn.

    Source: chapter 13.
    """
    rng = np.random.default_rng(operator.index(seed))
    images, labels = _module("sklearn.datasets", "scikit-learn").load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    labels = labels.astype(np.int64)
    for_test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        places = np.flatnonzero(labels == digit)
        for_test[rng.permutation(places)[: round(len(places) / 5)]] = True
    train, test = (images[~for_test], labels[~for_test]), (images[for_test], labels[for_test])
    return Dataset(*train, *test, name="digits", image_shape=(8, 8))


def mnist() -> Dataset:
    """MNIST: 70,000 real handwritten digits of 28 x 28 pixels.

    They are "The MNIST database of handwritten digits" of Y. LeCun, C. Cortes and C. Burges. The
    four files are taken from the user's cache folder (``backprop-book``); else from the folder
    that the environment variable ``BACKPROP_DATA`` names, and then from nowhere else; else
    they are downloaded into the cache, with a progress bar. Wherever they come from, their
    SHA-256 must be the known ones.

    Returns:
        A `Dataset` of 60,000 images for training and 10,000 for testing; (n, 784), the original
        shades from 0 to 255 divided by 255.

    Raises:
        DataUnavailable: if ``BACKPROP_DATA`` names a folder without the four files, or if
            nothing could be downloaded.
        DataError: if a file in that folder is altered, truncated or another one.
        ImportError: without pooch, tqdm and filelock, if there is something to download.
        OSError: if a file in that folder cannot be read.

    Source: chapter 13.
    """
    cache, named = _cache_folder(), os.environ.get("BACKPROP_DATA")
    # Nobody vouches for the cache: whatever is wrong there, the files can be had elsewhere.
    with contextlib.suppress(DataError, OSError):
        return _mnist_in(cache)
    if named:
        return _mnist_in(_folder_named(named))
    _download(cache)
    return _mnist_in(cache)


def _folder_named(name: str) -> Path:
    """The folder that ``BACKPROP_DATA`` names, if the four files are in it."""
    folder = Path(os.path.expanduser(name)).absolute()
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        what = f"lacks {', '.join(missing)}" if folder.is_dir() else "is not there"
        raise DataUnavailable(
            f"BACKPROP_DATA names the folder {folder}, which {what}. Either put "
            f"{', '.join(_FILES)} there, named so and as they are served, not unpacked; or unset "
            "BACKPROP_DATA, connect to the network and call mnist() again."
        )
    return folder


def _mnist_in(folder: Path) -> Dataset:
    """MNIST from the four files in ``folder``, each read once, checked, and unpacked."""
    arrays = []
    for name, expected in _FILES.items():
        raw = (folder / name).read_bytes()
        came = hashlib.sha256(raw).hexdigest()
        if came != expected:
            other = next((other for other in _FILES if _FILES[other] == came), None)
            raise DataError(
                f"{folder / name} is not the file that it should be: its SHA-256 is {came}"
                f"{f', that of {other}' if other else ''}; expected {expected}. Copy or download "
                "it again."
            )
        arrays.append(parse_idx(raw, folder / name))
    train_images, train_labels, test_images, test_labels = arrays
    return Dataset(
        _scaled(train_images),
        train_labels.astype(np.int64),
        _scaled(test_images),
        test_labels.astype(np.int64),
        name="mnist",
        image_shape=train_images.shape[1:],
    )


def _scaled(images: np.ndarray) -> np.ndarray:
    """Bytes (n, rows, columns) as float32 (n, rows * columns) in [0, 1], in one step."""
    return np.divide(images.reshape(len(images), -1), np.float32(255), dtype=np.float32)


def _cache_folder() -> Path:
    return Path(_module("platformdirs", "platformdirs").user_cache_dir("backprop-book"))


def _download(folder: Path) -> None:
    """Complete the four files in ``folder``: what is there and right is not downloaded again.

    pooch writes to a temporary file, checks it, and only then gives it its name.
    """
    _module("tqdm", "tqdm")
    filelock = _module("filelock", "filelock")
    with warnings.catch_warnings():
        # Without widgets the progress bar is made of text, which needs no warning.
        warnings.simplefilter("ignore")
        pooch = _module("pooch", "pooch")
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=_PATIENCE)
    tried = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "download.lock"):
            # Whoever holds the lock is alone: these are from a process that was killed.
            for leftover in folder.glob("tmp*"):
                leftover.unlink()
            for mirror in _MIRRORS:
                try:
                    for name, digest in _FILES.items():
                        pooch.retrieve(mirror + name, digest, name, folder, downloader=downloader)
                    return
                except (OSError, ValueError) as error:
                    tried.append(f"{mirror}: {textwrap.shorten(str(error), 300)}")
    except OSError as error:
        tried.append(f"the folder cannot be used: {error}")
    raise DataUnavailable(
        f"MNIST is not in the cache folder {folder} and could not be downloaded. Either put "
        f"{', '.join(_FILES)} into a folder, named so and as they are served, not unpacked, and "
        "set the environment variable BACKPROP_DATA to that folder; or connect to the network "
        "and call mnist() again. What was tried:\n- " + "\n- ".join(tried)
    )


def _module(name: str, package: str) -> Any:
    """The module ``name``; if it is missing, an error that says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} cannot be imported ({error}); pip install {package}", name=name
        ) from error
