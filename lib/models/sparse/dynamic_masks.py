"""Masks that move while a network learns: SET and RigL for the layers of `lib.models.sparse.layers`.

Both drop the weights of smallest magnitude in each layer and grow as many elsewhere, so that every layer keeps exactly
the number of weights that it has, as water-filling has shared them out (`lib.pruning.masks.layer_masks`). SET grows at
random (Mocanu et al., Nature Communications 9, 2383 (2018)), RigL where the gradient of the dense layer is largest
(Evci et al., ICML 2020). Any place without a weight may get one, those just left among them.

    with dense_gradients(net) as gradients:
        loss(net(images), labels).backward()
    rigl_step(net, 0.3, gradients, optimizer=optimizer)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch

from lib.checks import check_number
from lib.models.sparse._layer import SparseLayer


def set_step(model: torch.nn.Module, fraction: float, *, rng: np.random.Generator,
             optimizer: torch.optim.Optimizer | None = None) -> int:
    """Move a part of the weights of each sparse layer to random places.

    Parameters
    ----------
    model : torch.nn.Module
        With layers of `lib.models.sparse.layers`.
    fraction : float, 0 to 1
        Of each layer's weights, rounded down.
    rng : numpy.random.Generator
        Decides the places, all equally likely, and the new values, uniform between +-1/sqrt(fan_in
        p) as at the start.
    optimizer : torch.optim.Optimizer or None
        What it remembers of a weight (momentum) stays with it, and is 0 for new ones.

    Returns
    -------
    int
        How many moved in all.

    Raises
    ------
    ValueError
        For other fractions, a model without sparse layers, and an rng that is no Generator.

    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng to be a numpy Generator, got {type(rng).__name__}; "
                         'try rng=stream(1, "masks", 0) with lib.rng.stream')

    def grown(name: str, layer: SparseLayer, free: torch.Tensor, n: int) -> torch.Tensor:
        return free[torch.from_numpy(rng.choice(len(free), n, replace=False))]

    def values(layer: SparseLayer, n: int) -> torch.Tensor:
        bound = 1 / math.sqrt(layer.density * math.prod(layer.mask.shape[1:]))
        return torch.from_numpy(rng.uniform(-bound, bound, n))
    return _step(model, fraction, grown, values, optimizer)


def rigl_step(model: torch.nn.Module, fraction: float, gradients: Mapping[str, torch.Tensor], *,
              optimizer: torch.optim.Optimizer | None = None) -> int:
    """Move a part of the weights of each sparse layer to where the gradient is largest.

    New ones begin at 0.

    Parameters
    ----------
    model : torch.nn.Module
        With layers of `lib.models.sparse.layers`.
    fraction : float, 0 to 1
        As in `set_step`.
    gradients : dict of str to Tensor
        Of each dense layer by its name, from `dense_gradients`.
    optimizer : torch.optim.Optimizer or None
        As in `set_step`.

    Returns
    -------
    int
        How many moved in all.

    Raises
    ------
    ValueError
        For other fractions, a model without sparse layers, and a layer without a gradient of the
        shape of its mask.

    """
    def grown(name: str, layer: SparseLayer, free: torch.Tensor, n: int) -> torch.Tensor:
        gradient = gradients.get(name)
        if gradient is None or gradient.shape != layer.mask.shape:
            got = "none" if gradient is None else tuple(gradient.shape)
            raise ValueError(f"expected a gradient {tuple(layer.mask.shape)} for layer {name!r}, got {got}; try a "
                             "backward pass within dense_gradients(model)")
        return free[gradient.flatten()[free].abs().argsort(descending=True, stable=True)[:n]]
    return _step(model, fraction, grown, None, optimizer)


def cosine_fraction(step: int, n_steps: int, start: float = 0.3) -> float:
    """The fraction that RigL moves at a step, 0 from n_steps on.

    It is start / 2 (1 + cos(pi step / n_steps)).

    Parameters
    ----------
    step, n_steps : int
        The step, and the number of them.
    start : float
        The fraction at step 0, 0.3 by default.

    Returns
    -------
    float

    """
    return start / 2 * (1 + math.cos(math.pi * min(step, n_steps) / n_steps))


@contextlib.contextmanager
def dense_gradients(model: torch.nn.Module) -> Iterator[dict[str, torch.Tensor]]:
    """Within it, backward passes also add up the gradients by the weights that do not exist.

    All sparse layers take the dense path meanwhile. Gradients of the parameters are there as
    always.

    Parameters
    ----------
    model : torch.nn.Module
        With layers of `lib.models.sparse.layers`.

    Yields
    ------
    dict of str to Tensor
        Gradients by the dense weights of each sparse layer, by its name.

    Raises
    ------
    ValueError
        For a model without sparse layers.

    """
    gradients: dict[str, torch.Tensor] = {}
    layers = _layers(model)
    paths = [layer.path for _, layer in layers]

    def recorded(name: str, layer: SparseLayer) -> Callable[[], torch.Tensor]:
        def add(gradient: torch.Tensor) -> None:
            gradients[name] = gradients[name] + gradient if name in gradients else gradient.detach().clone()

        def dense() -> torch.Tensor:
            weight = type(layer).dense(layer)
            if weight.requires_grad:
                weight.register_hook(add)
            return weight
        return dense
    try:
        for name, layer in layers:
            layer.path, layer.dense = "dense", recorded(name, layer)
        yield gradients
    finally:
        for (_, layer), path in zip(layers, paths, strict=True):
            layer.path = path
            layer.__dict__.pop("dense", None)


def _layers(model: torch.nn.Module) -> list[tuple[str, SparseLayer]]:
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, SparseLayer)]
    if not layers:
        raise ValueError(f"expected a model with sparse layers, got {type(model).__name__} without; try "
                         "lib.models.sparse.layers.convert(model, masks)")
    return layers


def _step(model, fraction, grown, values, optimizer) -> int:
    """Drop in each layer, let `grown` choose places and `values` (None: 0) numbers for as many."""
    fraction, n_moved = check_number(fraction, "fraction", least=0, hint="fraction=0.3"), 0
    if fraction > 1:
        raise ValueError(f"expected fraction from 0 to 1, got {fraction:g}; try fraction=0.3")
    for name, layer in _layers(model):
        n = int(fraction * len(layer.weight))
        if n == 0:
            continue
        kept = layer._places[layer.weight.detach().abs().argsort(stable=True)[n:]]
        exists = torch.zeros(layer.mask.numel(), dtype=torch.bool, device=layer.mask.device)
        exists[kept] = True
        new = grown(name, layer, (~exists).nonzero()[:, 0], n)
        exists[new] = True
        before = layer.change_mask(exists.view(layer.mask.shape))
        exists[kept] = False
        is_new = exists[layer._places]  # also where a weight comes back to the place that it has just left
        with torch.no_grad():
            layer.weight[is_new] = 0 if values is None else values(layer, n).to(layer.weight)
        _move_state(optimizer, layer.weight, torch.where(is_new, -1, before))
        n_moved += n
    return n_moved


def _move_state(optimizer: torch.optim.Optimizer | None, weight: torch.nn.Parameter, before: torch.Tensor) -> None:
    """What the optimizer remembers of each weight goes where the weight has gone; 0 where before is -1."""
    state = {} if optimizer is None else optimizer.state.get(weight, {})
    for name, value in state.items():
        if isinstance(value, torch.Tensor) and value.shape == weight.shape:
            state[name] = torch.where(before >= 0, value[before], 0).to(value)
