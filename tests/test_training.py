"""Training: what an epoch does, what the table says, and how it ends early."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from backprop import training
from backprop.layers import Linear, ReLU
from backprop.losses import SoftmaxCrossEntropy
from backprop.network import NeuralNet
from backprop.training import DivergenceError, score, train

BOTH = pytest.mark.parametrize("to", [np.array, torch.tensor])


def blobs(to=np.array, n=130):
    """Three groups of points that a small network can tell apart."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=2 * n)
    points = np.array([[2.0, 0], [-2, 1], [0, -2]])[labels] + rng.normal(size=(2 * n, 2))
    return SimpleNamespace(
        train_images=to(points[:n]),
        train_labels=to(labels[:n]),
        test_images=to(points[n:]),
        test_labels=to(labels[n:]),
    )


def network():
    return NeuralNet([Linear(2, 8, 0), ReLU(), Linear(8, 3, 1)], SoftmaxCrossEntropy())


@BOTH
def test_the_table_holds_what_a_plain_loop_measures(to):
    data, net, plain = blobs(to), network(), network()
    table = train(net, data, 3, 32, lambda epoch: 0.5 / epoch, rng=7, progress=False)
    rng = np.random.default_rng(7)
    expected = []
    for epoch in (1, 2, 3):
        order, losses, right = rng.permutation(130), [], 0
        for start in range(0, 130, 32):
            chosen = to(order[start : start + 32])
            x, y = data.train_images[chosen], data.train_labels[chosen]
            right += int((plain(x).argmax(1) == y).sum())
            losses += [float(plain.evaluate(x, y))] * len(y)
            plain.gradient_descent(0.5 / epoch)
        expected.append((epoch, "running", np.mean(losses), right / 130))
        for split in ("train", "test"):
            x, y = (getattr(data, f"{split}_{part}") for part in ("images", "labels"))
            hits = plain(x).argmax(1) == y
            expected.append((epoch, split, float(plain.evaluate(x, y)), int(hits.sum()) / 130))
    columns = ["epoch", "split", "loss", "accuracy"]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=columns), rtol=1e-12)
    assert table.accuracy.iloc[-1] > 0.85


def test_the_same_seed_gives_the_same_table_and_another_one_another():
    tables = [train(network(), blobs(), 2, rng=seed, progress=False) for seed in (1, 1, 2)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_samples_are_counted_not_batches(monkeypatch):
    data, net = blobs(), network()
    whole = score(net, data.train_images, data.train_labels)
    monkeypatch.setattr(training, "CHUNK", 50)  # 50, 50 and 30 samples
    parts = score(net, data.train_images, data.train_labels)
    assert parts.accuracy == whole.accuracy
    assert parts.loss == pytest.approx(whole.loss, rel=1e-13)
    before = [W.copy() for W in net.parameters]
    score(net, data.train_images, data.train_labels)
    assert all(map(np.array_equal, before, net.parameters))


def test_a_loss_that_is_not_finite_stops_it():
    data, order = blobs(), np.random.default_rng(0).permutation(130)
    data.train_images[order[70]] = np.nan
    with pytest.raises(DivergenceError, match=r"loss is nan in batch 2 of epoch 1.*than 0\.1"):
        train(network(), data, 2, rng=0, progress=False)
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="smaller learning rate"):
        train(network(), blobs(), 50, learning_rate=1e200, progress=False)


def test_a_last_step_that_destroys_the_network_is_noticed():
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="after epoch 1, over the"):
        train(network(), blobs(), 1, batch_size=130, learning_rate=1e200, progress=False)


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_samples_at_all_are_refused_and_one_is_enough(split):
    data, images, labels = blobs(), f"{split}_images", f"{split}_labels"
    for name in (images, labels):
        setattr(data, name, getattr(data, name)[:1])
    assert len(train(network(), data, 1, progress=False)) == 3
    for name in (images, labels):
        setattr(data, name, getattr(data, name)[:0])
    with pytest.raises(
        ValueError, match="0 images and 0 labels; expected as many of both, at least 1"
    ):
        train(network(), data, 1, progress=False)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("rest", [0, 129])
def test_images_without_labels_are_refused(split, rest):
    data = blobs()
    setattr(data, f"{split}_labels", getattr(data, f"{split}_labels")[:rest])
    with pytest.raises(ValueError, match=f"130 images and {rest} labels; expected as many"):
        train(network(), data, 1, progress=False)


def test_an_interruption_returns_what_was_done(monkeypatch):
    calls = iter(range(100))
    real = training.score

    def interrupted(*arguments):
        if next(calls) == 9:  # after the fifth epoch's training samples were looked at
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training, "score", interrupted)
    table = train(network(), blobs(), 5, rng=0, progress=False)
    assert table.epoch.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    monkeypatch.undo()
    assert table.equals(train(network(), blobs(), 4, rng=0, progress=False))


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"^{name} is 0; expected a whole number, at least 1"):
        train(network(), blobs(), **{"epochs": 1, name: 0}, progress=False)


def test_batches_have_64_samples_where_nothing_else_is_said():
    tables = [
        train(network(), blobs(), 2, rng=0, progress=False, **size)
        for size in ({}, {"batch_size": 64}, {"batch_size": 65})
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_progress_is_shown_where_it_is_asked_for(capsys):
    train(network(), blobs(), 1, progress=False)
    assert capsys.readouterr() == ("", "")
    train(network(), blobs(), 1)
    shown = capsys.readouterr().err
    assert "1/1" in shown
    assert "epoch/s" in shown
