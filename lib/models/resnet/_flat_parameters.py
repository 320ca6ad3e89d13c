"""All numbers of a network, flat, as native kernels take them; to and from the torch network that has the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lib.models import resnet


class FlatParameters:
    """The weights that exist, then scale and shift of the BatchNorms, then the last bias.

    Parameters
    ----------
    network : lib.models.resnet.ResNet
        Whose weights, masks and BatchNorm these are.

    Attributes
    ----------
    masks : dict of ndarray of bool
        Which weights exist, by layer, as masks of convolutions.
    slices : dict of slice
        Where a layer's weights, a BatchNorm's "scale" and "shift" and the "bias" stand, by name.
    n_weights : int
        Weights that exist.
    values : ndarray of float32
        All numbers.
    running : dict of (ndarray, ndarray)
        Running mean and variance, by BatchNorm.

    """

    def __init__(self, network: resnet.ResNet):
        self.architecture, self.masks = network.architecture, _masks_of(network)
        self.slices, n = {}, 0
        for name, mask in self.masks.items():
            self.slices[name] = slice(n, n := n + int(mask.sum()))
        self.n_weights = n
        for name, norm in network.norms.items():
            for part in ("scale", "shift"):
                self.slices[f"{name}.{part}"] = slice(n, n := n + norm.num_features)
        self.slices["bias"] = slice(n, n := n + self.architecture.n_classes)
        self.values = np.zeros(n, np.float32)
        self.running = {name: (np.zeros(norm.num_features, np.float32), np.ones(norm.num_features, np.float32))
                        for name, norm in network.norms.items()}
        self.load(network)

    def _named(self, network: resnet.ResNet) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor | None]]:
        """The place in the flat array, the tensor of the network and its mask, of each part."""
        if network.architecture != self.architecture:
            raise ValueError(f"expected a network with {self.architecture}, got {network.architecture}; try "
                             "SparseResNet(network, n_images, image_size)")
        for name, mask in _masks_of(network).items():
            if not np.array_equal(mask, self.masks[name]):
                raise ValueError(f"expected a network with the same masks, got others in layer {name!r}; try "
                                 "SparseResNet(network, n_images, image_size)")
        for name, part in network.layers.items():
            yield self.slices[name], part.weight.data, torch.from_numpy(self.masks[name]).reshape(part.weight.shape)
        for name, norm in network.norms.items():
            yield self.slices[f"{name}.scale"], norm.weight.data, None
            yield self.slices[f"{name}.shift"], norm.bias.data, None
        yield self.slices["bias"], network.layers["linear"].bias.data, None

    def load(self, network: resnet.ResNet) -> None:
        """Take over the network's parameters and running statistics; `ValueError` for other masks or another form."""
        for place, tensor, mask in self._named(network):
            self.values[place] = (tensor if mask is None else tensor[mask]).cpu().numpy()
        for name, norm in network.norms.items():
            self.running[name][0][:] = norm.running_mean.cpu().numpy()
            self.running[name][1][:] = norm.running_var.cpu().numpy()

    def store(self, network: resnet.ResNet) -> None:
        """Give the network these parameters and running statistics; `ValueError` as for `load`."""
        for place, tensor, mask in self._named(network):
            values = torch.from_numpy(self.values[place].copy()).to(tensor)
            if mask is None:
                tensor.copy_(values)
            else:
                tensor[mask] = values
        for name, norm in network.norms.items():
            norm.running_mean.copy_(torch.from_numpy(self.running[name][0]))
            norm.running_var.copy_(torch.from_numpy(self.running[name][1]))


def _masks_of(network: resnet.ResNet) -> dict[str, np.ndarray]:
    masks = {}
    for name, part in network.layers.items():
        mask = np.ones(part.weight.shape, bool) if part.mask is None else part.mask.cpu().numpy().copy()
        masks[name] = mask.reshape(*mask.shape, 1, 1) if mask.ndim == 2 else mask
    return masks
