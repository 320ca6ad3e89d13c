"""Calls that are watched while an experiment runs, small data sets in its readers' formats, sums over networks."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch

from lib import datasets


class Call(NamedTuple):
    arguments: tuple
    named: dict
    result: Any


@contextlib.contextmanager
def watched(owner: Any, name: str) -> Iterator[list[Call]]:
    """The calls of owner.name within the block, with what they gave."""
    real, calls = getattr(owner, name), []

    def call(*arguments, **named):
        calls.append(Call(arguments, named, real(*arguments, **named)))
        return calls[-1].result

    with mock.patch.object(owner, name, call):
        yield calls


@contextlib.contextmanager
def small_mnist(n_train: int, n_test: int) -> Iterator[None]:
    """The four files of MNIST, with so few images whose labels one bright bar tells, for the real reader."""
    dice = np.random.default_rng(11)
    parts = {part: (*names[:2], count) for (part, names), count in zip(datasets._PARTS.items(), (n_train, n_test))}
    with tempfile.TemporaryDirectory() as folder:
        for images, labels, count in parts.values():
            classes = dice.integers(0, 10, count, dtype=np.uint8)
            pixels = dice.integers(0, 90, (count, 28, 28), dtype=np.uint8)
            pixels[np.arange(count), 2 * classes + 4, 6:22] += 120
            for name, values in ((images, pixels), (labels, classes)):
                lengths = b"".join(length.to_bytes(4, "big") for length in values.shape)
                (Path(folder) / name).write_bytes(bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes())
        with mock.patch.object(datasets, "_PARTS", parts), \
                mock.patch.object(datasets, "mnist", partial(datasets.mnist, folder=Path(folder))):
            yield


def norm(arrays) -> float:
    """The root of the sum of all squares, in float64."""
    parts = [np.asarray(array.detach().cpu() if isinstance(array, torch.Tensor) else array) for array in arrays]
    return float(np.sqrt(sum(np.sum(part.astype(np.float64) ** 2) for part in parts)))


def margin(logits) -> float:
    """The smallest distance between the two largest logits of an image, over the size of all: who wins is no rounding.
    """
    logits = np.sort(np.asarray(logits, dtype=np.float64), axis=1)
    return float((logits[:, -1] - logits[:, -2]).min() / np.abs(logits).max())


def perceptron(call: Call) -> dict:
    """What a call of `mlp.train` gave: each epoch, the net that came out, and how clearly it decides."""
    (_, images, _, _), named, (model, history, _) = call
    values = (model.first.weights, model.last.weights, model.hidden_bias, model.class_bias)
    logits = model.forward(named["test"][0]).numpy()
    return {"loss": [epoch.train_loss for epoch in history],
            "accuracies": [list(epoch[2:]) for epoch in history],
            "norms": [norm([value]) for value in values], "logits": logits[:2].tolist(), "margin": margin(logits)}
