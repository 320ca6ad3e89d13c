"""Sparse convolutions, each with BatchNorm and ReLU behind it, that stay in the layout of the kernels.

`SparseSequential` stands where torch.nn.Sequential does, with the same modules, parameters and state_dict. A run of
SparseConv2d, BatchNorm2d and, where there is one, ReLU is one function of autograd: images go into the layout of
`lib.models.sparse` once, through all blocks of the run, and back once. BatchNorm, ReLU and both their gradients are one
pass each way (`lib.native.batch_norm`, as in `lib.models.resnet.native`).

    net = SparseSequential(SparseConv2d(mask1, seed=1), torch.nn.BatchNorm2d(64), torch.nn.ReLU(),
                           SparseConv2d(mask2, seed=2), torch.nn.BatchNorm2d(64), torch.nn.ReLU())
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch

from lib.models.sparse import _memory, _native, choice, threads
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layers import SparseConv2d
from lib.models.sparse.layout import Layout
from lib.native import batch_norm

_MOST_PLANS = 4  # of a run, one for each size of its minibatches


class _Block(NamedTuple):
    """A convolution with what follows."""

    convolution: SparseConv2d
    norm: torch.nn.BatchNorm2d
    relu: torch.nn.ReLU | None

    @property
    def by_images(self) -> bool:
        """Whether mean and deviation are those of the minibatch."""
        return self.norm.training or self.norm.running_mean is None

    @property
    def parameters(self) -> tuple[torch.Tensor | None, ...]:
        return self.convolution.weight, self.convolution.bias, self.norm.weight, self.norm.bias


class _Step(NamedTuple):
    """A block for minibatches of one size: its convolution, and the layouts of what it gives and of its gradient."""

    convolution: SparseConvolution
    a: Layout
    g: Layout


class SparseSequential(torch.nn.Sequential):
    """Sequential whose runs of SparseConv2d, BatchNorm2d and ReLU stay in the kernels' layout.

    Takes what torch.nn.Sequential takes, any modules among them; a slice of it is such a one, too.
    Those outside of runs are called as always, and so is a run that the kernels cannot do: with a
    convolution of path="dense", with hooks, on another device or in another precision. Where the
    paths are "auto", `choice.chain_pays` decides by shapes and densities. Results are NCHW.
    Double backward is refused, as by the native path of single layers.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the modules make of x, one after another.

        Parameters
        ----------
        x : Tensor
            What the first module takes.

        Returns
        -------
        Tensor
            What the last one returns.

        """
        for part in _parts(list(self)):
            if isinstance(part, list):
                x = self._run(part, x)
            else:
                x = part(x)
        return x

    def paths_for(self, x: torch.Tensor) -> list[str]:
        """For each run, whether such images go through it as one or module by module.

        Parameters
        ----------
        x : Tensor, shape (n_images, n_channels, height, width)
            What `forward` would take.

        Returns
        -------
        list of str
            "native" for a run as one, "modules" for one module by module.

        """
        paths = []
        with torch.no_grad():
            for part in _parts(list(self)):
                if isinstance(part, list):
                    paths.append("native" if _pays(part, x) else "modules")
                    out = _sizes(part, x)[-1]
                    x = x.new_empty(len(x), len(part[-1].convolution.mask), *out)
                else:
                    x = copy.deepcopy(part)(x)  # BatchNorm outside of runs must not learn from this
        return paths

    def _run(self, blocks: list[_Block], x: torch.Tensor) -> torch.Tensor:
        if not _pays(blocks, x):
            for block in blocks:
                for module in block:
                    x = x if module is None else module(x)
            return x
        parameters = [parameter for block in blocks for parameter in block.parameters]
        keep = torch.is_grad_enabled() and any(
            part is not None and part.requires_grad for part in (x, *parameters))
        self._memory = _memory.shared()
        return _Run.apply(x, blocks, self._steps(blocks, x), self._memory, keep, *parameters)

    def _steps(self, blocks: list[_Block], x: torch.Tensor) -> list[_Step]:
        """The blocks for minibatches like x; kept, while the layers have the same index lists."""
        sizes, plans = _sizes(blocks, x), self.__dict__.setdefault("_plans", {})
        passes = [block.convolution._passes(block.convolution.mask.shape[1], *size)
                  for block, size in zip(blocks, sizes)]
        key = id(blocks[0].convolution), len(blocks), len(x), sizes[0]
        known = plans.pop(key, None)
        if known is None or any(a is not b for a, b in zip(known[0], passes)):
            convolutions = [each.convolution.of_images(len(x)) for each in passes]
            borders = [convolution.padding for convolution in convolutions[1:]] + [0]
            known = passes, [_Step(convolution, convolution.out._replace(border=border),
                                   convolution.out._replace(border=convolution.padding))
                             for convolution, border in zip(convolutions, borders)]
        plans[key] = known
        while len(plans) > _MOST_PLANS:
            del plans[next(iter(plans))]
        return known[1]

    def __getstate__(self):  # a copy makes its own
        return {name: value for name, value in self.__dict__.items() if name not in ("_plans", "_memory")}


def _parts(modules: list[torch.nn.Module]) -> list[torch.nn.Module | list[_Block]]:
    """The modules, those that form a run as a list of blocks."""
    parts, i = [], 0
    while i < len(modules):
        kinds = [type(module) for module in modules[i:i + 3]]
        if kinds[:2] != [SparseConv2d, torch.nn.BatchNorm2d]:
            parts.append(modules[i])
            i += 1
            continue
        relu = modules[i + 2] if kinds[2:] == [torch.nn.ReLU] else None
        if not parts or not isinstance(parts[-1], list):
            parts.append([])
        parts[-1].append(_Block(modules[i], modules[i + 1], relu))
        i += 2 if relu is None else 3
    return parts


def _sizes(blocks: list[_Block], x: torch.Tensor) -> list[tuple[int, int]]:
    """Height and width of what goes into each block, and of what leaves the last."""
    sizes = [tuple(x.shape[2:])]
    for block in blocks:
        sizes.append(tuple(-(-n // block.convolution.stride) for n in sizes[-1]))
    return sizes


def _pays(blocks: list[_Block], x: torch.Tensor) -> bool:
    """Whether the kernels can do these blocks, and should. What torch has words for is left to the modules."""
    blocks[0].convolution._check(x)
    n_channels, layers, sizes = x.shape[1], [], _sizes(blocks, x)
    for block, before, after in zip(blocks, sizes, sizes[1:]):
        layer, norm = block.convolution, block.norm
        tensors = [part for part in (layer.bias, norm.weight, norm.bias, norm.running_mean) if part is not None]
        plain = all(part.dtype == torch.float32 and part.device.type == "cpu" for part in tensors)
        hooked = any(module is not None and (module._forward_hooks or module._forward_pre_hooks or
                                             module._backward_hooks or module._backward_pre_hooks) for module in block)
        if not plain or hooked or layer.mask.shape[1] != n_channels or norm.num_features != len(layer.mask) \
                or block.by_images and len(x) * after[0] * after[1] < 2 or not layer._possible(len(x), *before, x):
            return False
        n_channels = len(layer.mask)
        layers.append((tuple(layer.mask.shape), layer.stride, (after[0] * after[1])**0.5, len(layer.weight)))
    return any(block.convolution.path == "native" for block in blocks) or choice.chain_pays(layers, len(x))


def _vector(parameter: torch.Tensor | None, n: int, default: float) -> np.ndarray:
    return np.full(n, default, np.float32) if parameter is None else _native.flat(parameter)


class _Run(torch.autograd.Function):
    """Blocks of float32 images on the CPU, with all gradients. parameters: four of each block, None where it has none.
    """

    @staticmethod
    def forward(ctx, x, blocks, steps, memory, keep, *parameters):
        n_images, first, last = len(x), steps[0].convolution.x, steps[-1].a
        arrays, statistics = [], []
        with threads.one_at_a_time():
            a = _native.Images.of(first).pack(_native.flat(x), 0, n_images, memory.take(first))
            for i, (block, step) in enumerate(zip(blocks, steps)):
                weight, bias, scale, shift = parameters[4 * i:4 * i + 4]
                z = memory.take(step.convolution.out)
                step.convolution.forward_unchecked(_native.flat(weight), a, z)
                arrays += [a, z] if keep else []
                a = memory.take(step.a)
                statistics.append(_normalize(block, step, z, a, bias, scale, shift))
            result = memory.take((n_images, last.n_channels, last.height, last.width))
            _native.Images.of(last).unpack(a, result.reshape(-1), 0, n_images)
        if keep:
            # As tensors, so that they go with the graph and nobody goes through it twice without asking.
            ctx.save_for_backward(*parameters, *map(torch.from_numpy, [*arrays, a]))
        ctx.blocks, ctx.steps, ctx.memory, ctx.statistics, ctx.x_shape = blocks, steps, memory, statistics, x.shape
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx, grad_output):
        _native.refuse_second_derivatives()
        n_blocks, needed, saved = len(ctx.steps), ctx.needs_input_grad, ctx.saved_tensors
        parameters, arrays = saved[:4 * n_blocks], [part.numpy() for part in saved[4 * n_blocks:]]
        wanted, memory = needed[5:], ctx.memory
        lowest = 0 if needed[0] else next(i for i in range(n_blocks) if any(wanted[4 * i:4 * i + 4]))
        results: list = [None] * (4 * n_blocks)
        with threads.one_at_a_time():
            layout, by_x = ctx.steps[-1].a, None
            grad = _native.Images.of(layout).pack(_native.flat(grad_output), 0, ctx.x_shape[0],
                                                   memory.take(layout))
            for i in reversed(range(lowest, n_blocks)):
                own = slice(4 * i, 4 * i + 4)
                x, z, a = arrays[2 * i:2 * i + 3]
                step, g = ctx.steps[i], memory.take(ctx.steps[i].g)
                results[own] = _through_norm(step, parameters[own], ctx.statistics[i], grad, z, a, g)
                convolution, weight, grad = step.convolution, _native.flat(parameters[4 * i]), None
                if wanted[4 * i]:
                    results[4 * i] = np.empty(len(weight), np.float32)
                    convolution.weight_gradient_unchecked(x, g, convolution.padding, results[4 * i],
                                                          memory.partial(len(weight)))
                if i > lowest or needed[0]:
                    layout = convolution.x._replace(border=0)
                    grad = memory.take(layout)
                    convolution.backward_unchecked(weight, g, convolution.padding, grad)
            if needed[0]:
                by_x = memory.take(tuple(ctx.x_shape))
                _native.Images.of(layout).unpack(grad, by_x.reshape(-1), 0, ctx.x_shape[0])
        results = [None if result is None or not want else torch.from_numpy(result)
                   for result, want in zip(results, wanted)]
        return (None if by_x is None else torch.from_numpy(by_x), None, None, None, None, *results)


class _Statistics(NamedTuple):
    """Of a block in one forward pass."""

    mean: np.ndarray
    inverse: np.ndarray
    by_images: bool
    relu: bool


def _normalize(block: _Block, step: _Step, z, a, bias, scale, shift) -> _Statistics:
    """a = relu(BatchNorm(z)), and the running statistics as torch moves them; a bias of the convolution moves the mean.
    """
    norm, out = block.norm, step.convolution.out
    n, bias = out.n_channels, _vector(bias, out.n_channels, 0)
    statistics = _Statistics(np.zeros(n, np.float32), np.ones(n, np.float32), block.by_images, block.relu is not None)
    mean, inverse = statistics[:2]
    if not block.by_images:
        mean[:] = _native.flat(norm.running_mean) - bias
        inverse[:] = 1 / np.sqrt(_native.flat(norm.running_var) + norm.eps)
    batch_norm.forward(z, out.place, out.pixels, _vector(scale, n, 1), _vector(shift, n, 0), mean, inverse,
                   block.by_images, norm.eps, statistics.relu, a, step.a.place, False, a, step.a.place)
    if norm.training and norm.running_mean is not None:
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
        part = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
        count = out.n_images * out.height * out.width
        variance = (1 / inverse.astype(np.float64)**2 - norm.eps) * count / (count - 1)
        for running, value in ((norm.running_mean, mean + bias), (norm.running_var, variance)):
            running.lerp_(torch.from_numpy(value.astype(np.float32)), part)
    return statistics


def _through_norm(step: _Step, parameters, statistics: _Statistics, grad, z, a, g) -> list[np.ndarray | None]:
    """The gradient by what the convolution gives, into g; gradients by bias, scale and shift, None for the weights."""
    out = step.convolution.out
    by_scale, by_shift = (np.empty(out.n_channels, np.float32) for _ in range(2))
    scale = _vector(parameters[2], out.n_channels, 1)
    batch_norm.backward(grad, step.a._replace(border=0).place, a, step.a.place, statistics.relu, z, out.place,
                    out.pixels, scale, statistics.mean, statistics.inverse, g, step.g.place, by_scale, by_shift,
                    statistics.by_images)
    # A shift of all pixels changes nothing where their mean is subtracted.
    by_bias = np.zeros_like(by_shift) if statistics.by_images else by_shift * scale * statistics.inverse
    return [None, by_bias, by_scale, by_shift]
