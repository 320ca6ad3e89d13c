"""Sparse networks against masked dense torch: the perceptron, ResNet-18 (time and memory), and single layers.

The networks do the same steps on both sides: the same images, masks, starting weights and rule of SGD. One thread, the
ResNet two. `peer` is the masked dense one; for single layers in torch, and chains of them, the fastest of dense torch,
torch.sparse, and the packages SparseProp and SparseLab. Before the rows a table of single layers is printed: what pays
on this machine.
"""

from __future__ import annotations

import math
import os
import statistics
import time

import numpy as np
import torch
from torch.nn import functional

from lib import rng
from lib.models import mlp, resnet
from lib.models.sparse import choice
from lib.study.provenance import processor
from tests.benchmarks import sparse_layers, sparse_networks, sparse_table
from tests.benchmarks.peaks import peaks

PEER = f"torch {torch.__version__}, masked dense"
FACTORS = {1: 0.9, 2: 1.5, 4: 2.4, 8: 6.0, 16: 20.0}  # widening factor: goal
MEMORY = 1.67  # of masked dense torch over ours
#: kernel, stride, channels in and out, pixels a side; part of the weights; images; goal
SINGLE = [((1, 1, 784, 640, 1), 0.0079, 100, 1.3), ((1, 1, 784, 640, 1), 0.05, 100, 1.0),
          ((3, 1, 64, 64, 32), 0.016, 128, 2.0), ((3, 1, 512, 512, 4), 0.016, 128, 2.0),
          ((3, 1, 64, 64, 4), 0.016, 128, 1.2)]
#: channels, pixels a side; part of the weights; images; goal
CHAINS = [((64, 32), 0.016, 128, 2.0), ((128, 16), 0.016, 128, 2.0)]
BATCH, N_STEPS, RATE = 100, 100, 0.1
_LAYER_DENSITY = 0.05  # at which the row of all single layers compares


def perceptron(width: int) -> mlp.SparseMLP:
    """The net of 3970 weights (figure 3.5) with the last layer as full as its first layer allows."""
    connectivity = min(1.0, 3970 / 2 / (10 * width))
    return mlp.SparseMLP.random(mlp.Architecture(width), *mlp.split(width, connectivity), seed=1)


def dense_epoch(net: mlp.SparseMLP, images: torch.Tensor, labels: torch.Tensor, order: np.ndarray):
    """The same steps by dense torch with masked gradients. Returns a call, and the parameters, which it changes.

    Weights that begin at zero stay there if their gradients are zero; to mask the weights in every forward pass gives
    the same steps, and takes a third longer.
    """
    parameters = [part.clone().requires_grad_() for part in net.dense()]
    masks = [parameters[0] != 0, None, parameters[2] != 0, None]
    optimizer = torch.optim.SGD(parameters, lr=RATE)

    def epoch():
        for rows in torch.from_numpy(order).split(BATCH):
            w, b, v, c = parameters
            logits = functional.linear(functional.linear(images[rows], w, b).relu(), v, c)
            optimizer.zero_grad()
            functional.cross_entropy(logits, labels[rows]).backward()
            for part, mask in zip(parameters, masks):
                if mask is not None:
                    part.grad *= mask
            optimizer.step()
    return epoch, parameters


def compare_perceptron(runs: int) -> list[dict]:
    """Rows of the perceptron; both sides see random images of MNIST's size."""
    numbers = rng.stream(1, "benchmarks", "perceptron")
    images = numbers.standard_normal((N_STEPS * BATCH, 784), np.float32)
    labels = numbers.integers(0, 10, len(images))
    settings, nets = mlp.MLPSettings(epochs=1, batch_size=BATCH, learning_rate=RATE), (perceptron(5), perceptron(640))
    order = rng.stream(1, "train", "order", 1).permutation(len(images))  # that of mlp.train
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    epoch, parameters = dense_epoch(nets[1], *tensors, order)
    epoch()
    trained = mlp.train(nets[1], images, labels, settings, seed=1).model
    for ours, theirs in zip(trained.dense(), parameters):  # or the times would compare different things
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-3, atol=1e-4)
    ours: list[list[float]] = [[], []]
    peer: list[float] = []
    for _ in range(runs):
        for net, seconds in zip(nets, ours):
            seconds.append(mlp.train(net, images, labels, settings, seed=1).seconds / N_STEPS)
        side = {"dense": dense_epoch(nets[1], *tensors, order)[0]}
        peer.append(sparse_layers.interleaved(1, side, time.perf_counter)["dense"] / N_STEPS)  # the clock of mlp.train
    narrow, wide, dense = statistics.median(ours[0]), statistics.median(ours[1]), statistics.median(peer)
    common = {"runs": runs, "threads": 1, "unit": "seconds a step"}
    return [{"name": "perceptron step, 3970 weights, width 640, batch 100", "peer": PEER, "ratio": dense / wide,
             "goal": 25.0, "seconds_ours": wide, "seconds_peer": dense} | common
            | sparse_layers.speeds(wide, 6 * 3970 * BATCH),
            {"name": "perceptron step, width 640 against twice that of width 5", "peer": "promised: below twice",
             "ratio": 2 * narrow / wide, "goal": 1.0, "seconds_ours": wide, "seconds_peer": 2 * narrow} | common]


def compare_resnet(factor: int, runs: int) -> list[dict]:
    """A row of the ResNet: the path that the table chooses, and the native one beside it; and one for SparseProp."""
    architecture, remaining = sparse_networks.architecture(factor)
    native = choice.native_network_pays(architecture, sparse_networks.SIZE, remaining)
    seconds = sparse_networks.run("time", factor, runs)
    dense = min(seconds["dense"], seconds["channels_last"])  # torch's two layouts: the faster one is the peer
    ours = seconds["native"] if native else dense
    operations = 6 * sparse_networks.BATCH * resnet.multiply_adds(architecture, sparse_networks.SIZE, remaining)
    name, common = f"ResNet-18 step, base 8, factor {factor}, batch 128, 32x32", {
        "runs": runs, "threads": sparse_networks.THREADS, "factor": factor, "unit": "seconds a step"}
    beside = [] if "sparseprop" not in seconds else [common | {
        "name": f"{name}, beside SparseProp", "peer": "SparseProp convolutions in torch", "goal": 3.0,
        "ratio": seconds["sparseprop"] / ours, "seconds_ours": ours, "seconds_peer": seconds["sparseprop"]}]
    return [common | {"name": name, "peer": PEER, "ratio": dense / ours, "goal": FACTORS[factor],
            "path": "native" if native else "dense", "seconds_ours": ours, "seconds_peer": dense,
            "seconds_native": seconds["native"], "seconds_nchw": seconds["dense"],
            "seconds_channels_last": seconds["channels_last"]
            } | sparse_layers.speeds(seconds["native"], operations), *beside]


def compare_memory(factor: int) -> dict:
    """A row: how far the memory of a fresh process rises in such steps."""
    ours, peer = (sparse_networks.run("memory", factor, side)["bytes"] for side in ("native", "dense"))
    return {"name": f"peak memory of this step, factor {factor}", "peer": PEER, "ratio": peer / ours,
            "goal": MEMORY, "runs": 1, "threads": sparse_networks.THREADS, "bytes_ours": ours, "bytes_peer": peer,
            "factor": factor, "unit": "bytes"}


def compare_layers(layers: list[tuple[int, ...]], runs: int, quick: bool) -> dict:
    """All single layers in one row, with what the table of `lib.models.sparse.choice` is made of."""
    measured = [sparse_layers.measure(layer, runs) for layer in layers]
    ours, peer = (math.exp(statistics.mean(math.log(seconds) for seconds in series)) for series in (
        [row["seconds_layout"][row["densities"].index(_LAYER_DENSITY)] for row in measured],
        [row["seconds_dense"] for row in measured]))
    return {"name": f"single layers with {100 * _LAYER_DENSITY:g}% of their weights, geometric mean of {len(layers)}",
            "peer": PEER, "ratio": peer / ours, "goal": None, "runs": runs, "threads": 1, "seconds_ours": ours,
            "seconds_peer": peer, "unit": "seconds a step of the layer", "layers": measured,
            "norms": sparse_layers.measure_norms(runs), "peaks": peaks(quick)}


def benchmark(quick: bool = False) -> list[dict]:
    """All rows of this group. quick: fewer runs, factors and layers, to see that it works."""
    torch.set_num_threads(1)
    held = os.environ.get("ATEN_CPU_CAPABILITY") == "avx2"
    choice.HAS_AVX512 &= not held
    runs = 3 if quick else 9
    rows = compare_perceptron(runs)
    rows += [row for factor in FACTORS if not quick or factor == 2
             for row in compare_resnet(factor, 1 if quick else 7 if factor <= 8 else 2)]
    rows += [compare_memory(factor) for factor in FACTORS if not quick or factor == 2]
    rows += [sparse_layers.compare_peers(*case, runs) for case in SINGLE if not quick or case[0][-1] < 32]
    rows += [sparse_layers.compare_chain(*places, *rest, runs) for places, *rest in CHAINS
             if not quick or places[1] < 32]
    if not held:  # the table is that of the whole processor
        rows.append(compare_layers(sparse_layers.QUICK if quick else sparse_layers.LAYERS, 1 if quick else 3, quick))
        print(sparse_table.choices(rows), flush=True)
    machine = f"{processor()}{' held to AVX2' if held else ''}, {os.cpu_count()} cores"
    for row in rows:
        row |= {"dtype": "float32", "machine": machine}
    return _rounded(rows)


def _rounded(value):
    """Numbers with five digits."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
