"""Sparse convolutions and linear layers for any torch model: static masks, and time for the weights that exist alone.

`SparseConv2d` and `SparseLinear` stand where Conv2d and Linear do; the convolution has no bias unless asked for one, as
BatchNorm brings its own. Their parameter lists the weights where the mask is True, and nothing else: no momentum, decay
or optimizer can bring back the others. On the CPU the native path (the kernels of `lib.models.sparse`) takes images
into the layout of the kernels and back, in every layer; runs of convolution, BatchNorm and ReLU stay in it in a
`lib.models.sparse.sequential.SparseSequential`, a whole network in `lib.models.resnet.native`. The dense path fills a
dense tensor with the weights and leaves the rest to torch: the plain reference, and the path on a GPU and in other
precisions.

    mask = torch.rand(64, 32, 3, 3) < 0.05
    net = torch.nn.Sequential(SparseConv2d(mask, stride=2, seed=1), torch.nn.BatchNorm2d(64), torch.nn.ReLU())
    net(torch.rand(100, 32, 16, 16)).sum().backward()

`lib.models.sparse.conversion` makes a network of dense layers such a one and back,
`lib.models.sparse.dynamic_masks` moves the weights of these layers while they learn.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from lib.models.sparse._layer import PATHS, SparseLayer, check_csr, with_csr

__all__ = ["PATHS", "SparseConv2d", "SparseLinear"]


def _check_tensor(x) -> None:
    if not isinstance(x, torch.Tensor):
        raise ValueError(f"expected a torch tensor, got {type(x).__name__}; try torch.as_tensor(x)")


class SparseConv2d(SparseLayer):
    """A convolution with the weights where mask is True: images NCHW to images NCHW.

    The padding is kernel // 2. A state_dict carries the mask, and loads where it is equal.

    Parameters
    ----------
    mask : Tensor or ndarray of bool, shape (n_out, n_in, kernel, kernel)
        Where weights exist, kernel odd.
    stride : {1, 2}
        An image of `size` pixels becomes one of ceil(size / stride); 1 by default.
    bias : bool
        Whether it has one, False by default.
    seed : int, >= 0
        Weights, and the bias where there is one, start uniform between +-1/sqrt(fan_in p), p the
        density; layers of one net need seeds of their own (``rng.child_seed(seed, name)``).
    path : {"auto", "native", "dense"}
        "native" is float32 on the CPU; "auto", the default, is what `path_for` tells.

    Attributes
    ----------
    weight : torch.nn.Parameter, shape (n_weights,)
        In the order of ``mask.nonzero()``.

    Raises
    ------
    ValueError
        For what does not fit.

    """

    def __init__(self, mask, stride: int = 1, bias: bool = False, *, seed: int, path: str = "auto"):
        super().__init__(mask, 4, stride, bias, seed, path)

    @classmethod
    def from_csr(cls, matrix: torch.Tensor, kernel: int, stride: int = 1, bias=None, *, path: str = "auto"):
        """A layer with the weights of a CSR matrix as `to_csr` gives it; listed zeros count.

        Parameters
        ----------
        matrix : Tensor, layout torch.sparse_csr, shape (n_out, n_in kernel^2)
            The weights, each place at most once.
        kernel : int, odd
            Pixels a side.
        stride : {1, 2}
            As of the class, 1 by default.
        bias : Tensor, shape (n_out,), or None
            None, the default, is a layer without.
        path : {"auto", "native", "dense"}
            As of the class.

        Returns
        -------
        SparseConv2d

        Raises
        ------
        ValueError
            For what is no such matrix.

        """
        check_csr(matrix)
        n_out, n_columns = matrix.shape
        if kernel < 1 or n_columns % kernel**2:
            raise ValueError(f"expected a matrix of n_in kernel^2 columns, got {n_columns} for kernel={kernel}; try "
                             "SparseLinear.from_csr for a linear layer")
        return with_csr(lambda mask: cls(mask.view(n_out, -1, kernel, kernel), stride, bias is not None, seed=0,
                                          path=path), matrix, bias)

    def _check(self, images: torch.Tensor):
        _check_tensor(images)
        if images.ndim != 4 or images.shape[1] != self.mask.shape[1] or 0 in images.shape[1:]:
            raise ValueError(f"expected images (n_images, {self.mask.shape[1]}, height, width), got "
                             f"{tuple(images.shape)}; try "
                             + ("images[None] for a single one" if images.ndim == 3 else
                                "a mask of shape (n_out, n_in, kernel, kernel) for them"))

    def path_for(self, images: torch.Tensor) -> str:
        """Which path such images take, by shapes, density, dtype and device alone.

        Parameters
        ----------
        images : Tensor, shape (n_images, n_in, height, width)
            Their values do not count.

        Returns
        -------
        str
            "native" or "dense".

        Raises
        ------
        ValueError
            For images of another shape, and where path="native" cannot take them.

        """
        self._check(images)
        return self._choose(len(images), *images.shape[2:], images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The convolution of images, and the bias where there is one.

        Parameters
        ----------
        images : Tensor, shape (n_images, n_in, height, width)
            Of the dtype of the weights and on their device.

        Returns
        -------
        Tensor, shape (n_images, n_out, ceil(height / stride), ceil(width / stride))

        Raises
        ------
        ValueError
            For images of another shape, dtype or device.

        """
        if self.path_for(images) == "dense":
            return functional.conv2d(images, self._dense_for(images), self.bias, self.stride, self.mask.shape[-1] // 2)
        height, width = (-(-n // self.stride) for n in images.shape[2:])
        out = self._native(images, tuple(images.shape[1:]), (len(images), len(self.mask), height, width))
        return out if self.bias is None else out + self.bias[:, None, None]


class SparseLinear(SparseLayer):
    """A linear layer with the weights where mask is True: (..., n_in) to (..., n_out).

    Parameters
    ----------
    mask : Tensor or ndarray of bool, shape (n_out, n_in)
        Where weights exist.
    bias : bool
        Whether it has one, True by default.
    seed : int, >= 0
        As of `SparseConv2d`.
    path : {"auto", "native", "dense"}
        As of `SparseConv2d`.

    Attributes
    ----------
    weight : torch.nn.Parameter, shape (n_weights,)
        In the order of ``mask.nonzero()``.

    Raises
    ------
    ValueError
        For what does not fit.

    """

    def __init__(self, mask, bias: bool = True, *, seed: int, path: str = "auto"):
        super().__init__(mask, 2, 1, bias, seed, path)

    @classmethod
    def from_csr(cls, matrix: torch.Tensor, bias=None, *, path: str = "auto"):
        """A layer with the weights of a CSR matrix, as `SparseConv2d.from_csr`.

        Parameters
        ----------
        matrix : Tensor, layout torch.sparse_csr, shape (n_out, n_in)
            The weights, each place at most once.
        bias : Tensor, shape (n_out,), or None
            None, the default, is a layer without.
        path : {"auto", "native", "dense"}
            As of `SparseConv2d`.

        Returns
        -------
        SparseLinear

        Raises
        ------
        ValueError
            For what is no such matrix.

        """
        check_csr(matrix)
        return with_csr(lambda mask: cls(mask, bias is not None, seed=0, path=path), matrix, bias)

    def _check(self, x: torch.Tensor):
        _check_tensor(x)
        if x.ndim == 0 or x.shape[-1] != self.mask.shape[1]:
            raise ValueError(f"expected an input (..., {self.mask.shape[1]}), got {tuple(x.shape)}; try a mask of "
                             "shape (n_out, n_in) for it")

    def path_for(self, x: torch.Tensor) -> str:
        """Which path such an input takes, "native" or "dense".

        Parameters
        ----------
        x : Tensor, shape (..., n_in)
            The input.

        Returns
        -------
        str

        """
        self._check(x)
        return self._choose(math.prod(x.shape[:-1]), 1, 1, x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (..., n_in) -> (..., n_out).

        Parameters
        ----------
        x : Tensor, shape (..., n_in)
            The input.

        Returns
        -------
        Tensor, shape (..., n_out)

        """
        if self.path_for(x) == "dense":
            return functional.linear(x, self._dense_for(x), self.bias)
        out = self._native(x, (x.shape[-1], 1, 1), (*x.shape[:-1], len(self.mask)))
        return out if self.bias is None else out + self.bias
