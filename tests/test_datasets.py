"""The digits of the wheel, the real MNIST where it is at hand, and what holds them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backprop import datasets
from backprop.datasets import Dataset, digits, mnist

#: Where the real files may be.
REAL = os.environ.get("BACKPROP_DATA")


def test_importing_is_light():
    code = "import sys, backprop.datasets; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(datasets.__file__).parents[1])}
    loaded = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    heavy = {"sklearn", "scipy", "pandas", "pooch", "tqdm", "filelock", "requests", "torch"}
    assert not heavy & set(loaded.split())


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
    assert len(set(datasets._FILES.values())) == 4
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
