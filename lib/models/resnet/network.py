"""ResNet-18 as a torch module: any width, masks that stay, BatchNorm and ReLU (appendix F)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from lib import rng
from lib.checks import as_array
from lib.models.resnet.architecture import BLOCKS, STEMS, Architecture, Layer, layers


class ResNet(torch.nn.Module):
    """The network of `layers`, with BatchNorm and ReLU: from images to logits.

    Weights, and the last bias, start uniform between +-1/sqrt(fan_in p), p the fraction of its
    weights that a layer has. The thesis's public code does so where it removes weights and leaves
    dense layers to torch, whose own choice is this rule at p = 1; appendix C has normal weights of
    1.7 times this deviation. BatchNorm starts at 1 and 0, as torch's does. Each layer draws from
    its own stream of the seed, and nothing from torch's. The net is float32 until it is moved.

    Parameters
    ----------
    architecture : Architecture
        The dense net.
    masks : sequence of (None or ndarray of bool), optional
        For each layer None or an array of its shape, True where the weight exists. A masked weight
        is 0, its gradient is 0, and so is all that momentum and weight decay make of them; the mask
        is a buffer, so that it follows the weights to a device, a copy or a file.
    seed : int
        Of the random numbers.

    Attributes
    ----------
    architecture : Architecture
        As given.
    layers : torch.nn.ModuleDict
        By name, each with weight and mask.
    norms : torch.nn.ModuleDict
        The BatchNorms, by the plain name of the convolution that each follows.

    Raises
    ------
    ValueError
        For masks that do not fit, or leave a layer no weight.

    """

    def __init__(self, architecture: Architecture, masks: Sequence[np.ndarray | None] | None = None, *, seed: int):
        super().__init__()
        table = layers(architecture)
        masks = [None] * len(table) if masks is None else list(masks)
        if len(masks) != len(table):
            raise ValueError(f"expected {len(table)} masks, one for each layer, got {len(masks)}; try "
                             "layer_masks([layer.shape for layer in layers(architecture)], n_removed, seed=1)")
        self.architecture = architecture
        self.layers = torch.nn.ModuleDict({layer.name: _Weights(layer, mask, seed)
                                           for layer, mask in zip(table, masks)})
        self.norms = torch.nn.ModuleDict({
            layer.name.removesuffix("_out"): torch.nn.BatchNorm2d(layer.shape[0], dtype=torch.float32)
            for layer in table if layer.kind == "conv" and layer.name[-3:] != "_in"})

    @property
    def n_weights(self) -> int:
        """Weights that exist: all but the masked ones, without BatchNorm and bias."""
        layers = self.layers.values()
        return sum(layer.weight.numel() if layer.mask is None else int(layer.mask.sum()) for layer in layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images.

        Parameters
        ----------
        images : Tensor, shape (n_images, 3, height, width)
            In the dtype and on the device of the weights.

        Returns
        -------
        Tensor, shape (n_images, n_classes)

        Raises
        ------
        ValueError
            For images of another shape, or too small for the stem.

        """
        smallest = STEMS[self.architecture.stem][2] + 1
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < smallest:
            raise ValueError(f"expected images of shape (n_images, 3, height, width) with {smallest} pixels or more a "
                             f"side, got {tuple(images.shape)}; try images[None] for a single one, three equal "
                             "channels for grey ones" + ("" if self.architecture.stem == "cifar" else
                                                         ', larger ones, or stem="cifar"'))
        x = self._normalized("stem", images).relu()
        if self.architecture.stem == "imagenet":
            x = functional.max_pool2d(x, 3, stride=2, padding=1)
        for block in BLOCKS:
            inner = self._normalized(f"{block}_conv1", x).relu()
            shortcut = self._normalized(f"{block}_shortcut", x) if f"{block}_shortcut" in self.norms else x
            x = (self._normalized(f"{block}_conv2", inner) + shortcut).relu()
        return self.layers["linear"](x.mean((2, 3)))

    def _normalized(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """A convolution of the plain net, or the two that stand in its place, then BatchNorm."""
        for part in [name] if name in self.layers else [f"{name}_in", f"{name}_out"]:
            x = self.layers[part](x)
        return self.norms[name](x)


class _Weights(torch.nn.Module):
    """The weights of one layer, with its mask (or None) and for the linear layer its bias, as `ResNet` says."""

    def __init__(self, layer: Layer, mask: np.ndarray | None, seed: int):
        super().__init__()
        self.stride = layer.stride
        exists = np.ones(layer.shape, bool) if mask is None else np.array(as_array(mask, "mask"))
        if exists.dtype != bool or exists.shape != layer.shape or not exists.any():
            raise ValueError(f"expected a bool mask of shape {layer.shape} for {layer.name}, True somewhere, got "
                             f"{exists.dtype} of shape {exists.shape} with {np.count_nonzero(exists)} of its values; "
                             "try lib.pruning.masks.random_mask(layer.shape, n_remaining, rng=...)")
        bound = 1 / math.sqrt(layer.fan_in * exists.mean())
        weight = np.zeros(layer.shape, np.float32)
        weight[exists] = rng.stream(seed, "resnet", layer.name, "weights").uniform(-bound, bound, exists.sum())
        self.weight = torch.nn.Parameter(torch.from_numpy(weight))
        self.register_buffer("mask", None if mask is None else torch.from_numpy(exists))
        if layer.kind == "linear":
            bias = rng.stream(seed, "resnet", layer.name, "bias").uniform(-bound, bound, layer.shape[0])
            self.bias = torch.nn.Parameter(torch.from_numpy(bias.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The mask acts here and not in a hook: no optimizer, copy or loaded file gets round it.
        weight = self.weight if self.mask is None else torch.where(self.mask, self.weight, 0.0)
        if weight.ndim == 2:
            return functional.linear(x, weight, self.bias)
        return functional.conv2d(x, weight, stride=self.stride, padding=weight.shape[-1] // 2)


def check_labels(labels: np.ndarray, n_images: int, n_classes: int) -> np.ndarray:
    """Labels as an array of integers.

    Parameters
    ----------
    labels : array_like of int, shape (n_images,)
        From 0 to below n_classes.
    n_images, n_classes : int
        How many there must be, and of how many classes.

    Returns
    -------
    ndarray of int, shape (n_images,)

    Raises
    ------
    ValueError
        For others.

    """
    labels = as_array(labels, "labels")
    if labels.shape != (n_images,) or labels.dtype.kind not in "iu":
        raise ValueError(f"expected {n_images} integer labels, one an image, got {labels.dtype} of shape "
                         f"{labels.shape}; try those of the same rows, as integers")
    if labels.min() < 0 or labels.max() >= n_classes:
        hint = "classes counted from 0" if labels.min() < 0 else f"Architecture(..., n_classes={int(labels.max()) + 1})"
        raise ValueError(f"expected integer labels from 0 to {n_classes - 1}, got {labels.dtype} from {labels.min()} "
                         f"to {labels.max()}; try {hint}")
    return labels
