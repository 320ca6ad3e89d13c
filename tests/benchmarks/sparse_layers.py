"""Single sparse layers on one thread: in the layout of the kernels, in a torch network, dense, and by other packages.

What is timed is a training step of the layer: forward, and the gradients by input and weights; dense is the faster of
torch's two orders of images, NCHW and channels last. The clock is that of the process, on one thread, which others on
the machine disturb less. From these numbers come the table of `lib.models.sparse.choice`
(see `tests.benchmarks.sparse_table`) and the page about sparse layers.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from lib import rng
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layers import SparseConv2d, SparseLinear
from lib.models.sparse.layout import Layout
from lib.models.sparse.sequential import SparseSequential
from lib.native import batch_norm
from lib.pruning.masks import random_mask
from tests.benchmarks.peer import PEERS, Peer, environment

DENSITIES = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.008)
LAYERS = [  # kernel, stride, channels in, out, pixels a side of the output
    *[(3, 1, channels, channels, 32) for channels in (8, 16, 32, 64, 128)],
    *[(3, 1, channels, channels, 16) for channels in (16, 32, 64, 128, 256)],
    *[(3, 1, channels, channels, 8) for channels in (32, 64, 128, 256, 512)],
    *[(3, 1, channels, channels, 4) for channels in (64, 128, 256, 512)],
    *[(kernel, 2, channels // 2, channels, size) for kernel in (3, 1)
      for size, channels in ((16, 32), (16, 128), (8, 64), (8, 256), (4, 128), (4, 512))],
    *[(1, 1, channels, channels, size) for size, channels in ((32, 32), (32, 128), (8, 64), (8, 256))],
    *[(1, 1, n_in, n_out, 1) for n_in, n_out in ((784, 80), (784, 640), (1024, 1024))]]
QUICK = [(3, 1, 16, 16, 32), (3, 1, 64, 64, 8), (3, 2, 32, 64, 8), (1, 2, 32, 64, 8), (1, 1, 784, 640, 1)]
# Larger layers get fewer images, and larger ones still no full masks.
_MOST_MULTIPLY_ADDS, _MOST_NUMBERS, _MOST_WEIGHTS = 2e9, 8e6, 1.2e6  # of a dense forward pass, its input, a mask
# Seconds of a timed run. The first call after another side takes a millisecond more than the next ones: processes that
# take turns need longer runs.
_SHORTEST, _SHORTEST_TURN = 1e-2, 1e-1


def interleaved(runs: int, sides: dict, clock: Callable[[], float] = time.process_time,
                shortest: float = _SHORTEST) -> dict:
    """Median seconds of each side: a call that does its work once. Each round times all of them, for so long at least.
    """
    def timed(call, repeats):
        if isinstance(call, functools.partial):  # a peer in another process, which has its own clock
            return call.func(f"{call.args[0]} {repeats}")
        began = clock()
        for _ in range(repeats):
            call()
        return (clock() - began) / repeats

    repeats, seconds = {}, {name: [] for name in sides}
    for name, call in sides.items():
        timed(call, 1)  # compiles, allocates
        repeats[name] = max(1, round(shortest / timed(call, 1)))
    for _ in range(runs):
        for name, call in sides.items():
            seconds[name].append(timed(call, repeats[name]))
    return {name: statistics.median(values) for name, values in seconds.items()}


def dense_sides(layer: Callable, parameters: list[torch.Tensor], x: torch.Tensor) -> dict[str, Callable[[], None]]:
    """A step of a dense torch layer in either of torch's orders of images; the parameters are made anew for each."""
    sides = {}
    for name, order in (("nchw", torch.contiguous_format), ("channels last", torch.channels_last)):
        own = [part.detach().clone() for part in parameters]
        own = [(part.to(memory_format=order) if part.ndim == 4 else part).requires_grad_() for part in own]
        sides[name] = in_torch(lambda x, own=own: layer(x, *own), own, x.clone().to(memory_format=order))
    return sides


def images_of(layer: tuple[int, ...]) -> int:
    """Images in the minibatch of a layer: 128, or fewer of a large one."""
    kernel, stride, n_in, n_out, size = layer
    most = min(_MOST_MULTIPLY_ADDS / (n_in * n_out * kernel**2 * size**2), _MOST_NUMBERS / (n_in * (stride * size)**2))
    return max(32, min(128, int(most) // 16 * 16))


def _numbers(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.stream(1, "benchmarks", "layers", name).standard_normal(shape, np.float32))


def in_layout(mask: np.ndarray, stride: int, n_images: int, size: int) -> Callable[[], None]:
    """A step of the layer in the layout of the kernels."""
    x_layout = Layout(n_images, mask.shape[1], size * stride, size * stride, border=mask.shape[2] // 2)
    layer = SparseConvolution(mask, stride, x_layout)
    g_layout = layer.out._replace(border=layer.padding)
    x, out, g = x_layout.zeros(), layer.out.zeros(), g_layout.zeros()
    by_x, by_weights = x_layout._replace(border=0).zeros(), np.zeros(layer.n_weights, np.float32)
    x_layout.view(x)[:], g_layout.view(g)[:] = 0.5, 0.25
    weights = np.full(layer.n_weights, 0.1, np.float32)

    def step():
        layer.forward(weights, x, out)
        layer.weight_gradient(x, g, layer.padding, by_weights)
        layer.backward(weights, g, layer.padding, by_x)
    return step


def in_torch(layer: Callable, parameters: list[torch.Tensor], x: torch.Tensor) -> Callable[[], None]:
    """A step of a torch layer (or function) of x."""
    x = x.requires_grad_()
    out = layer(x).detach()
    g = torch.empty_like(out).copy_(_numbers("g", *out.shape))  # in the order in memory of the result

    def step():
        x.grad = None
        for parameter in parameters:
            parameter.grad = None
        layer(x).backward(g)
    return step


def in_csr(mask: np.ndarray, x: torch.Tensor) -> Callable[[], None]:
    """A step of a linear layer as a torch.sparse CSR matrix, whose gradient has its pattern."""
    with warnings.catch_warnings():  # that CSR is in beta state
        warnings.simplefilter("ignore", UserWarning)
        matrix = torch.from_numpy(mask / 100).float().to_sparse_csr().requires_grad_()
    return in_torch(lambda x: torch.sparse.mm(matrix, x.t()).t(), [matrix], x)


def measure(layer: tuple[int, ...], runs: int) -> dict:
    """Seconds of a layer at each density, in the layout, in torch and dense; speeds of the first."""
    kernel, stride, n_in, n_out, size = layer
    n_images, shape = images_of(layer), (n_out, n_in, kernel, kernel)
    x = _numbers("x", n_images, n_in, size * stride, size * stride)
    weight = _numbers("weight", *shape) / 100
    sides = dense_sides(lambda x, weight: functional.conv2d(x, weight, None, stride, kernel // 2), [weight], x)
    densities = [density for density in DENSITIES if density * weight.numel() <= _MOST_WEIGHTS]
    counts = [round(density * weight.numel()) for density in densities]
    for n in counts:
        mask = random_mask(shape, n, rng=rng.stream(1, "benchmarks", "layers", "mask"))
        module = SparseConv2d(mask, stride, seed=1, path="native")
        sides["layout", n] = in_layout(mask, stride, n_images, size)
        sides["torch", n] = in_torch(module, [module.weight], x.clone())
        if kernel == size == 1:
            sides["csr", n] = in_csr(mask[:, :, 0, 0], x[:, :, 0, 0].clone())
    seconds = interleaved(runs, sides)
    dense = min(seconds["nchw"], seconds["channels last"])  # the faster one is the peer
    layout = [seconds["layout", n] for n in counts]
    csr = {"seconds_csr": [seconds["csr", n] for n in counts]} if kernel == size == 1 else {}
    # Each of the three passes reads two of input, output and their gradients, or reads one and writes another.
    n_bytes = 3 * 4 * n_images * size**2 * (n_in * stride**2 + n_out)
    return {"kernel": kernel, "stride": stride, "n_in": n_in, "n_out": n_out, "out_size": size, "images": n_images,
            "densities": densities, "seconds_dense": dense, "seconds_nchw": seconds["nchw"],
            "seconds_channels_last": seconds["channels last"], "seconds_layout": layout,
            "seconds_torch": [seconds["torch", n] for n in counts],
            "gflops": [6e-9 * n * size**2 * n_images / t for n, t in zip(counts, layout)],
            "gflops_dense": 6e-9 * weight.numel() * size**2 * n_images / dense,
            "gbytes": [1e-9 * n_bytes / t for t in layout]} | csr


def measure_norms(runs: int) -> dict[str, float]:
    """Nanoseconds a number of BatchNorm with ReLU, both ways, for images larger than the caches."""
    n_images, channels, size = 128, 32, 32
    z_layout = Layout(n_images, channels, size, size)
    a_layout = z_layout._replace(border=1)
    z, a, error, g = (layout.zeros() for layout in (z_layout, a_layout, z_layout, a_layout))
    place, inner, pixels = a_layout.place, z_layout.place, z_layout.pixels
    scale, shift, mean, inverse, by_scale, by_shift = (np.ones(channels, np.float32) for _ in range(6))
    x = _numbers("x", n_images, channels, size, size)
    z_layout.view(z)[:] = x.numpy().reshape(8, 16, channels, size, size).transpose(0, 2, 3, 4, 1)

    def native():
        batch_norm.forward(z, inner, pixels, scale, shift, mean, inverse, True, 1e-5, True, a, place, False, a, place)
        batch_norm.backward(error, inner, a, place, True, z, inner, pixels, scale, mean, inverse, g, place, by_scale,
                        by_shift, True)

    def norm(x, scale, shift):
        return functional.batch_norm(x, None, None, scale, shift, training=True).relu()
    sides = {"native": native} | dense_sides(norm, [torch.ones(channels), torch.zeros(channels)], x)
    seconds = {name: 1e9 * seconds / x.numel() for name, seconds in interleaved(runs, sides).items()}
    return {"native": seconds["native"], "dense": min(seconds["nchw"], seconds["channels last"])}


def compare_peers(layer: tuple[int, ...], density: float, n_images: int, goal: float, runs: int) -> dict:
    """A row of bench.json: a layer of stride 1 in torch against the fastest of dense torch, CSR, and other packages."""
    kernel, _, n_in, n_out, size = layer
    numbers, shape = rng.stream(1, "benchmarks", "layers", "mask"), (n_out, n_in, kernel, kernel)
    mask = random_mask(shape, round(density * math.prod(shape)), rng=numbers)
    weight = torch.from_numpy(mask * numbers.standard_normal(shape, np.float32) / 10)
    x, name = _numbers("x", n_images, n_in, size, size), f"3x3 convolution of {n_in} channels, {size}x{size}"
    sides, convolve = {}, lambda x, weight: functional.conv2d(x, weight, None, 1, kernel // 2)
    if kernel == 1:
        name, mask, weight, x = f"linear layer {n_in} to {n_out}", mask[:, :, 0, 0], weight[:, :, 0, 0], x[:, :, 0, 0]
        sides["csr"] = in_csr(mask, x.clone())
        convolve = functional.linear
    module = (SparseConv2d if kernel > 1 else functools.partial(SparseLinear, bias=False))(mask, seed=1, path="native")
    if kernel > 1:
        sides |= dense_sides(convolve, [weight], x)
    else:
        own = weight.clone().requires_grad_()
        sides["dense"] = in_torch(lambda x: convolve(x, own), [own], x.clone())
    sides["ours"] = in_torch(module, [module.weight], x.clone())
    seconds = _beside_packages(sides, x, _numbers("g", *module(x).shape), weight, runs)
    row = _row(f"{name}, {100 * density:.2g}% of its weights, {n_images} images, in torch", seconds, goal, runs)
    # Forward reads images and writes others, backward reads both kinds and writes the first.
    return row | speeds(row["seconds_ours"], 6 * int(mask.sum()) * size**2 * n_images, n_images * size**2 * (
        3 * n_in + 2 * n_out))


def compare_chain(channels: int, size: int, density: float, n_images: int, goal: float, runs: int) -> dict:
    """A row of bench.json: four convolutions, each with BatchNorm and ReLU, as a `SparseSequential` against the same
    modules with dense torch and SparseProp convolutions. Our own layers one by one are among the sides, no peer."""
    numbers, shape = rng.stream(1, "benchmarks", "layers", "chain"), (channels, channels, 3, 3)
    masks = [random_mask(shape, round(density * math.prod(shape)), rng=numbers) for _ in range(4)]
    weights = [torch.from_numpy(mask * numbers.standard_normal(shape, np.float32) / 10) for mask in masks]
    x, g = (_numbers(name, n_images, channels, size, size) for name in "xg")

    def modules(convolutions):
        return [part for convolution in convolutions
                for part in (convolution, torch.nn.BatchNorm2d(channels), torch.nn.ReLU())]
    nets = {"ours": SparseSequential(*modules(SparseConv2d(mask, seed=1, path="native") for mask in masks))}
    nets["our layers one by one"] = torch.nn.Sequential(*copy.deepcopy(list(nets["ours"])))
    sides = {name: in_torch(net, list(net.parameters()), x.clone()) for name, net in nets.items()}
    for name, order in (("nchw", torch.contiguous_format), ("channels last", torch.channels_last)):
        net = torch.nn.Sequential(*modules(torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False) for _ in masks))
        with torch.no_grad():
            for place, weight in enumerate(weights):
                net[3 * place].weight.copy_(weight)
        net.to(memory_format=order)
        sides[name] = in_torch(net, list(net.parameters()), x.clone().to(memory_format=order))
    seconds = _beside_packages(sides, x, g, torch.stack(weights), runs)
    name = f"four 3x3 convolutions of {channels} channels, {size}x{size}, with BatchNorm and ReLU"
    row = _row(f"{name}, {100 * density:.2g}% of their weights, {n_images} images, in torch", seconds, goal, runs)
    # Each block: two of the convolution and two of BatchNorm, four and four on the way back; the ends: eight.
    n_weights = sum(int(mask.sum()) for mask in masks)
    return row | speeds(row["seconds_ours"], 6 * n_weights * size**2 * n_images, (12 * 4 + 8) * x.numel())


def _beside_packages(sides: dict, x: torch.Tensor, g: torch.Tensor, weight: torch.Tensor, runs: int) -> dict:
    """Seconds of these sides and of the layers of other packages, in turns. Where those cannot be installed (SparseProp
    is built from its sources, with a C++ compiler for AVX2), that is said, and the others stand alone."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for what, tensor in {"x": x, "g": g, "weight": weight}.items():
            np.save(f"{folder}/{what}.npy", tensor.numpy())
        try:
            python = environment("sparse-layers", PEERS, beside_ours=True)
            peer = stack.enter_context(contextlib.closing(Peer(python, "sparse_layers_peer.py", folder)))
        except (OSError, subprocess.CalledProcessError, RuntimeError) as problem:
            print(f"{' and '.join(PEERS[1:])} do not run here and are left out: {problem}", flush=True)
        else:
            sides = sides | {side: functools.partial(peer.seconds, side) for side in peer.said}
        return interleaved(runs, sides, shortest=_SHORTEST_TURN)


def speeds(seconds: float, operations: float, numbers: float = 0) -> dict[str, float]:
    """10^9 operations a second (a multiply-add is two), and 10^9 bytes a second: those of the images alone, each read
    or written once where a step has to."""
    return {"gflops": 1e-9 * operations / seconds} | ({"gbytes": 4e-9 * numbers / seconds} if numbers else {})


def _row(name: str, seconds: dict[str, float], goal: float, runs: int) -> dict:
    best = min((side for side in seconds if not side.startswith("our")), key=seconds.get)
    return {"name": name, "peer": f"best: {best}", "ratio": seconds[best] / seconds["ours"], "goal": goal,
            "runs": runs, "threads": 1, "seconds_ours": seconds["ours"], "seconds_peer": seconds[best],
            "sides": seconds, "unit": "seconds a step of the layer"}
