"""What convolutions and linear layers with static masks share: the mask, the paths, CSR matrices, saved states.

The layers themselves are in `layers`; `conversion` and `dynamic_masks` treat both alike.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch.nn import functional

from lib import rng
from lib.checks import as_tensor
from lib.models.sparse import _memory, _native, choice, threads
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Layout
from lib.native.tiles import LANES

PATHS = ("auto", "native", "dense")
_MOST_PLANS = 4  # index lists that a layer keeps, one for each size of its images
_MOST_NUMBERS = 2**30  # of sixteen images, for "auto"; offsets in them are int32


class SparseLayer(torch.nn.Module):
    """What both layers share; _shape is that of the mask as a convolution's."""

    def __init__(self, mask, n_axes: int, stride: int, bias: bool, seed: int, path: str):
        super().__init__()
        if isinstance(mask, torch.Tensor) and mask.is_meta:
            raise ValueError("expected a mask with values, got one on the device meta; try the mask of a saved state")
        mask = as_tensor(mask, "mask").detach().clone()
        odd = n_axes == 2 or (mask.ndim == 4 and mask.shape[2] == mask.shape[3] and mask.shape[2] % 2 == 1)
        if mask.dtype != torch.bool or mask.ndim != n_axes or not odd or not mask.any():
            wanted = "(n_out, n_in)" if n_axes == 2 else "(n_out, n_in, kernel, kernel) with an odd kernel"
            raise ValueError(f"expected a bool mask {wanted}, True somewhere, got {mask.dtype} of shape "
                             f"{tuple(mask.shape)} with {int((mask != 0).sum())} of its values; try "
                             + ("mask != 0" if mask.dtype != torch.bool and mask.ndim == n_axes and not mask.all() else
                                "lib.pruning.masks.random_mask(shape, n_remaining, rng=...)"))
        if path not in PATHS:
            raise ValueError(f'expected path as one of {PATHS}, got {path!r}; try path="auto"')
        if isinstance(stride, bool) or stride not in (1, 2):
            raise ValueError(f"expected stride 1 or 2, got {stride!r}; try torch.nn.Conv2d")
        self.path, self.stride, self._plans, self._last_size, self._memory = path, int(stride), {}, None, None
        self.register_buffer("mask", mask)
        self.register_buffer("_places", mask.flatten().nonzero()[:, 0], persistent=False)
        n_weights, fan_in = len(self._places), math.prod(mask.shape[1:])
        bound = 1 / math.sqrt(fan_in * n_weights / mask.numel())

        def uniform(name, n):
            values = rng.stream(seed, "sparse layer", name).uniform(-bound, bound, n)
            return torch.nn.Parameter(torch.from_numpy(values.astype(np.float32)).to(mask.device))
        self.weight = uniform("weights", n_weights)
        self.bias = uniform("bias", len(mask)) if bias else None

    @property
    def density(self) -> float:
        """Weights that exist over those of the dense layer."""
        return len(self.weight) / self.mask.numel()

    def dense(self) -> torch.Tensor:
        """The weights as a dense tensor of the mask's shape, 0 where none exists; differentiable."""
        return torch.zeros_like(self.mask, dtype=self.weight.dtype).flatten().scatter(
            0, self._places, self.weight).view(self.mask.shape)

    def to_csr(self) -> torch.Tensor:
        """The weights as a torch.sparse CSR matrix, which has a memory of its own.

        A convolution is its product with unfolded images: ``torch.nn.functional.unfold(images,
        kernel, 1, padding, stride)``. `from_csr` is the way back.

        Returns
        -------
        Tensor, layout torch.sparse_csr, shape (n_out, n_in kernel^2)

        """
        n_out, n_columns = len(self.mask), math.prod(self.mask.shape[1:])
        ends = torch.bincount(self._places // n_columns, minlength=n_out).cumsum(0)
        with warnings.catch_warnings():  # that CSR is in beta state
            warnings.simplefilter("ignore", UserWarning)
            return torch.sparse_csr_tensor(functional.pad(ends, (1, 0)), self._places % n_columns,
                                           self.weight.detach().clone(), (n_out, n_columns))

    def change_mask(self, mask) -> torch.Tensor:
        """Other places for as many weights: those that stay keep their values, new ones begin at 0.

        The parameter stays the same object; its gradient is dropped.

        Parameters
        ----------
        mask : Tensor or ndarray of bool
            Of the shape of the layer's mask, with as many weights.

        Returns
        -------
        Tensor of int64, shape (n_weights,)
            Where each weight stood in the list before, -1 for a new one.

        Raises
        ------
        ValueError
            For a mask of another shape or number of weights.

        """
        mask = as_tensor(mask, "mask").detach().to(self.mask.device)
        n_weights = len(self.weight)
        if mask.dtype != torch.bool or mask.shape != self.mask.shape or int(mask.count_nonzero()) != n_weights:
            raise ValueError(f"expected a bool mask {tuple(self.mask.shape)} with {n_weights} weights, got "
                             f"{mask.dtype} {tuple(mask.shape)} with {int(mask.count_nonzero())}; try a new layer for "
                             "another number")
        before = torch.full((mask.numel(),), -1, device=mask.device)
        before[self._places] = torch.arange(n_weights, device=mask.device)
        places = mask.flatten().nonzero()[:, 0]
        before = before[places]
        with torch.no_grad():
            self.weight.copy_(torch.where(before >= 0, self.weight[before], 0))
        self.mask.copy_(mask)
        self._places, self.weight.grad = places, None
        self._plans.clear()
        return before

    def extra_repr(self) -> str:
        more = f"{f', stride={self.stride}' if self.stride > 1 else ''}{'' if self.bias is None else ', bias'}"
        return f"{'x'.join(map(str, self.mask.shape))}, {len(self.weight)} weights{more}, path={self.path!r}"

    def _possible(self, n_images: int, height: int, width: int, like: torch.Tensor) -> bool:
        """Whether the kernels can and may do it; ValueError where they have to (path="native") and cannot."""
        weight = self.weight
        fits = like.dtype == weight.dtype == torch.float32 and like.device.type == weight.device.type == "cpu"
        if self.path == "native" and not fits:
            raise ValueError(f"expected float32 on the CPU for the native path, got {like.dtype} on {like.device} and "
                             f'weights in {self.weight.dtype} on {self.weight.device}; try path="auto"')
        if len(weight) != len(self._places):
            raise ValueError(f"expected {len(self._places)} weights, as the mask has, got {len(self.weight)}; try "
                             "a new layer for other weights")
        if self.path == "dense" or not fits or n_images == 0:
            return False
        numbers = 2 * LANES * max(self.mask.shape[:2]) * (height + 4) * (width + 4)
        return self.path == "native" or numbers <= _MOST_NUMBERS and choice.HAS_KERNELS and threads.usable()

    def _choose(self, n_images: int, height: int, width: int, like: torch.Tensor) -> str:
        if not self._possible(n_images, height, width, like):
            return "dense"
        if self.path == "native":
            return "native"
        filled = n_images / (-(-n_images // LANES) * LANES)  # empty lanes take as long as others
        out_size = math.sqrt(-(-height // self.stride) * -(-width // self.stride))
        pays = choice.native_pays(tuple(self.mask.shape), self.stride, out_size, self.density / filled)
        return "native" if pays else "dense"

    def _dense_for(self, x: torch.Tensor) -> torch.Tensor:
        """The dense weights, for such an input."""
        mixed = x.dtype != self.weight.dtype and not torch.is_autocast_enabled(x.device.type)
        if mixed or x.device != self.weight.device:
            raise ValueError(f"expected numbers like the weights, {self.weight.dtype} on {self.weight.device}, got "
                             f"{x.dtype} on {x.device}; try x.to(layer.weight)")
        if self.path == "auto" and x.device.type != "cpu":
            warnings.warn(f"a sparse layer on {x.device} takes the masked dense way: all {self.mask.numel()} weights "
                          f'are computed, not {len(self.weight)}; path="dense" says the same without this warning',
                          stacklevel=3)
        return self.dense()

    def _native(self, x: torch.Tensor, size: tuple[int, int, int], shape: tuple[int, ...]) -> torch.Tensor:
        """Without bias; x: images of this size (n_in, height, width) in any shape; shape: that of the result."""
        # Attributes of a module are looked up slowly, and set more slowly still: a tenth of a small layer's time.
        memory = self.__dict__["_memory"] = _memory.shared()
        return _native.Native.apply(x, self._parameters["weight"], self._passes(*size), shape, memory)

    def _passes(self, *size: int) -> _native.Passes:
        """What it needs for images of this size (n_in, height, width)."""
        passes = self._plans.get(size)
        if passes is not None and size == self._last_size:
            return passes
        with threads.one_at_a_time():
            passes = self._plans.pop(size, None)
            if passes is None:
                kernel = self.mask.shape[-1] if self.mask.ndim == 4 else 1
                exists = np.zeros(self.mask.numel(), bool)
                exists[self._places.numpy()] = True  # not `mask`, which somebody may have changed in place
                exists = exists.reshape(*self.mask.shape[:2], kernel, kernel)
                layout = Layout(LANES, *size, border=kernel // 2)
                passes = _native.Passes(SparseConvolution(exists, self.stride, layout))
            self._plans[size], self._last_size = passes, size
            while len(self._plans) > _MOST_PLANS:
                del self._plans[next(iter(self._plans))]
        return passes

    def __getstate__(self):  # a copy makes its own index lists
        return {**self.__dict__, "_plans": {}, "_memory": None}

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                              error_msgs):
        mask = state_dict.get(f"{prefix}mask")
        if self.mask.is_meta:
            error_msgs.append(f"expected a layer with a mask to load {prefix}mask, got one on the device meta; try "
                              f"{type(self).__name__}(state_dict['{prefix}mask'], ...), then load")
            return
        nothing = mask is None and not any(key.startswith(prefix) for key in state_dict)
        if nothing:  # strict or not, torch has the words for it
            pass
        elif mask is None or mask.shape != self.mask.shape or not torch.equal(mask.to(self.mask), self.mask):
            got = "none" if mask is None else f"{tuple(mask.shape)} with {int(mask.count_nonzero())} weights"
            where = f"{prefix}mask" if mask is None or mask.shape != self.mask.shape else f"another {prefix}mask"
            error_msgs.append(f"expected {prefix}mask as in this layer, {tuple(self.mask.shape)} with "
                              f"{len(self.weight)} weights, got {where}: {got}; try "
                              f"{type(self).__name__}(state_dict['{prefix}mask'], ...), then load")
            return
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                                      error_msgs)


def check_csr(matrix) -> None:
    if not isinstance(matrix, torch.Tensor) or matrix.layout != torch.sparse_csr or matrix.ndim != 2:
        got = f"{matrix.layout} {tuple(matrix.shape)}" if isinstance(matrix, torch.Tensor) else type(matrix).__name__
        raise ValueError(f"expected a torch.sparse CSR matrix, got {got}; try matrix.to_sparse_csr()")


def with_csr(make, matrix: torch.Tensor, bias) -> SparseLayer:
    """The layer that `make` makes of a mask, with the numbers of the matrix."""
    n_rows, n_columns = matrix.shape
    counts = matrix.crow_indices().diff()
    places = torch.repeat_interleave(torch.arange(n_rows, device=counts.device), counts) * n_columns
    places = places + matrix.col_indices()
    mask = torch.zeros(n_rows * n_columns, dtype=torch.bool, device=places.device)
    mask[places] = True
    if int(mask.sum()) != len(places):
        raise ValueError(f"expected a CSR matrix with each place at most once, got {len(places) - int(mask.sum())} "
                         "twice; try matrix.to_sparse_coo().coalesce().to_sparse_csr()")
    return with_values(make(mask.view(n_rows, n_columns)), matrix.values()[places.argsort()], bias)


def with_values(layer: SparseLayer, values: torch.Tensor, bias: torch.Tensor | None) -> SparseLayer:
    """The layer with these numbers, on their device and in their precision."""
    layer = layer.to(values.device, values.dtype)
    with torch.no_grad():
        layer.weight.copy_(values)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer
