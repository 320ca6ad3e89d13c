"""Networks of dense layers made sparse and back: `convert` and `to_masked`."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch.nn.utils import prune

from lib.checks import as_tensor
from lib.models.sparse._layer import SparseLayer, with_values
from lib.models.sparse.layers import SparseConv2d, SparseLinear


def convert(model: torch.nn.Module, masks: Mapping[str, object] | None = None, *,
            path: str = "auto") -> torch.nn.Module:
    """A copy of a network in which some dense layers have become sparse ones with the same weights.

    The network itself stays as it is; an optimizer of it knows nothing of the copy.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    masks : dict of str to Tensor or ndarray of bool, or None
        For each layer its name, as ``model.named_modules()`` gives it ("" is the model itself), and
        its mask, of the shape of its weight; weights outside are left behind. None, the default:
        those of ``torch.nn.utils.prune``.
    path : {"auto", "native", "dense"}
        Of the sparse layers, as in `SparseConv2d`.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        For names that are none, masks of another shape or without weights, layers that stand in
        several places or share their weights, and those that `SparseConv2d` cannot do.

    """
    names, users = {}, {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    for module in names:
        for parameter in module._parameters.values():
            if parameter is not None:
                users[parameter] = users.get(parameter, 0) + 1
    modules = {name: module for module, its in names.items() for name in its}
    if masks is None:
        masks = {its[0]: module.weight_mask for module, its in names.items() if hasattr(module, "weight_mask")}
    if not masks:
        raise ValueError("expected masks by the names of layers, got none; try "
                         '{"conv1": mask}, with names of model.named_modules()')
    replaced = {}
    for name, mask in masks.items():
        if name not in modules:
            layers = [known for known, module in modules.items() if type(module) in _DENSE]
            raise ValueError(f"expected names of layers in masks, got {name!r}; try one of {', '.join(layers[:8])}")
        module = modules[name]
        own = [parameter for parameter in module._parameters.values() if parameter is not None]
        if len(names[module]) > 1 or any(users[parameter] > 1 for parameter in own):
            raise ValueError(f"expected layers that stand in one place with weights of their own, got {name!r}, which "
                             f"is shared ({', '.join(names[module])}); try a layer for each place")
        replaced[id(module)] = _sparse(name, module, mask, path)
    return copy.deepcopy(model, replaced)


def to_masked(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of a network with each sparse layer a dense one, masked by `torch.nn.utils.prune`.

    `convert` without masks is the way back.

    Parameters
    ----------
    model : torch.nn.Module
        With sparse layers anywhere in it; stays as it is.

    Returns
    -------
    torch.nn.Module

    """
    return copy.deepcopy(model, {id(module): _masked(module) for module in model.modules()
                                 if isinstance(module, SparseLayer)})


_DENSE = torch.nn.Linear, torch.nn.Conv2d


def _sparse(name: str, module: torch.nn.Module, mask, path: str) -> SparseLayer:
    """The sparse layer in the place of a dense one."""
    if type(module) not in _DENSE:
        raise ValueError(f"expected Linear or Conv2d at {name!r}, got {type(module).__name__}; try other names")
    pruned = hasattr(module, "weight_orig")
    weight = module.weight_orig if pruned else module.weight
    hooks = [*module._forward_hooks.values(), *module._backward_hooks.values(),
             *(hook for hook in module._forward_pre_hooks.values() if not isinstance(hook, prune.BasePruningMethod))]
    if not isinstance(weight, torch.nn.Parameter) or hooks or hasattr(module, "bias_orig"):
        raise ValueError(f"expected a layer without hooks whose weight is a parameter at {name!r}, got other; try to "
                         "remove its hooks and its spectral or weight norm first")
    mask = as_tensor(mask, f"the mask of {name!r}")
    mask = mask != 0 if pruned and mask.dtype == weight.dtype else mask
    if mask.dtype != torch.bool or mask.shape != weight.shape or not mask.any():
        raise ValueError(f"expected a bool mask {tuple(weight.shape)} at {name!r}, True somewhere, got {mask.dtype} "
                         f"{tuple(mask.shape)} with {int(mask.count_nonzero())} weights; try "
                         f"lib.pruning.masks.random_mask({tuple(weight.shape)}, n_remaining, rng=...)")
    mask, bias = mask.to(weight.device), module.bias
    if isinstance(module, torch.nn.Conv2d):
        size, half, stride = module.kernel_size, tuple(n // 2 for n in module.kernel_size), module.stride
        padding = half if module.padding == "same" and stride == (1, 1) else module.padding
        if size[0] != size[1] or size[0] % 2 == 0 or padding != half or stride not in ((1, 1), (2, 2)) \
                or module.dilation != (1, 1) or module.groups != 1 or module.padding_mode != "zeros":
            raise ValueError(f"expected an odd square kernel, padding kernel // 2 of zeros, stride 1 or 2, no dilation "
                             f"and no groups at {name!r}, got {module}; try to leave that layer dense")
        layer = SparseConv2d(mask, stride[0], bias is not None, seed=0, path=path)
    else:
        layer = SparseLinear(mask, bias is not None, seed=0, path=path)
    layer = with_values(layer, weight.detach()[mask], bias).train(module.training)
    layer.weight.requires_grad_(weight.requires_grad)
    if bias is not None:
        layer.bias.requires_grad_(bias.requires_grad)
    return layer


def _masked(layer: SparseLayer) -> torch.nn.Module:
    """The masked dense layer in the place of a sparse one."""
    n_out, n_in = layer.mask.shape[:2]
    more = {"bias": layer.bias is not None, "device": layer.weight.device, "dtype": layer.weight.dtype}
    if layer.mask.ndim == 2:
        module = torch.nn.Linear(n_in, n_out, **more)
    else:
        kernel = layer.mask.shape[-1]
        module = torch.nn.Conv2d(n_in, n_out, kernel, layer.stride, kernel // 2, **more)
    with torch.no_grad():
        module.weight.copy_(layer.dense())
        if layer.bias is not None:
            module.bias.copy_(layer.bias)
    module.weight.requires_grad_(layer.weight.requires_grad)
    if layer.bias is not None:
        module.bias.requires_grad_(layer.bias.requires_grad)
    exists = torch.zeros_like(layer.mask).flatten()
    exists[layer._places] = True
    return prune.custom_from_mask(module, "weight", exists.view(layer.mask.shape)).train(layer.training)
