"""The sparse perceptron by other means: dense matrices by plain loops, training by autograd in float64."""

import dataclasses

import numpy as np
import torch

from lib import rng
from lib.models.mlp import Architecture, SparseMLP

SMALL = Architecture(width=9, n_inputs=12, n_classes=5)


def make_data(n_images, architecture=SMALL, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(n_images, architecture.n_inputs))
    return images, generator.integers(0, architecture.n_classes, n_images)


def make_model(seed=47, dtype=np.float64, n_first=40, n_last=17, **changes):
    """Sparse enough that one unit reads no pixel, one is read by no class, and others have from 1 to 9 weights."""
    return SparseMLP.random(dataclasses.replace(SMALL, **changes), n_first, n_last, seed=seed, dtype=dtype)


def matrices(model):
    """Dense matrices and masks by plain loops over the lists: W (width, n_inputs), V (n_classes, width)."""
    a = model.architecture
    first, last = np.zeros((a.width, a.n_inputs)), np.zeros((a.n_classes, a.width))
    masks = np.zeros_like(first), np.zeros_like(last)
    for j in range(a.width):
        for k in range(model.first.starts[j], model.first.starts[j + 1]):
            first[j, model.first.index[k]] = model.first.weights[k]
            masks[0][j, model.first.index[k]] += 1
        for k in range(model.last.starts[j], model.last.starts[j + 1]):
            last[model.last.index[k], j] = model.last.weights[k]
            masks[1][model.last.index[k], j] += 1
    return first, last, *masks


def torch_logits(a, x, first, hidden_bias, last, class_bias):
    hidden = torch.nn.functional.linear(x, first, hidden_bias)
    return torch.nn.functional.linear(hidden.relu() if a.activation == "relu" else hidden, last, class_bias)


def twin(model, images, labels, orders, batch_size, rates=(0.1, 0.1)):
    """Masked dense SGD by autograd in float64, and the mean loss and accuracy of each epoch, before each step."""
    first, last, *masks = matrices(model)
    values = [torch.tensor(value, dtype=torch.float64, requires_grad=True)
              for value in (first, model.hidden_bias, last, model.class_bias)]
    first_mask, last_mask = (torch.from_numpy(mask) for mask in masks)
    learns = float(model.architecture.bias)
    factors = rates[0] * first_mask, rates[0] * learns, rates[1] * last_mask, rates[1] * learns
    history = []
    for order in orders:
        losses, right = 0.0, 0
        for begin in range(0, len(order), batch_size):
            rows = order[begin:begin + batch_size]
            logits = torch_logits(model.architecture, torch.tensor(images[rows], dtype=torch.float64), *values)
            target = torch.from_numpy(labels[rows])
            loss = torch.nn.functional.cross_entropy(logits, target)
            gradients = torch.autograd.grad(loss, values)
            with torch.no_grad():
                for value, gradient, factor in zip(values, gradients, factors):
                    value -= factor * gradient
            losses += float(loss.detach()) * len(rows)
            right += int((logits.argmax(1) == target).sum())
        history.append((losses / len(order), right / len(order)))
    return [value.detach().numpy() for value in values], history


def orders(seed, n_images, epochs):
    return [rng.stream(seed, "train", "order", epoch).permutation(n_images) for epoch in range(1, epochs + 1)]


def values(model):
    first, last, *_ = matrices(model)
    return first, model.hidden_bias, last, model.class_bias
