"""The other side of `sparse_networks`: a ResNet-18 whose convolutions are those of SparseProp.

Started as `python sparse_networks_peer.py ROOT FACTOR`, in an environment that has it. Writes "ready sparseprop", then
answers each line with the seconds of a training step. Of SparseProp's two loops each layer takes the faster one, by a
step of that layer alone.
"""

import sys
import time

import numpy as np
import torch
from sparseprop.modules.conv2d import SparseConv2d

sys.path.insert(0, sys.argv[1])

from lib.models import resnet  # noqa: E402
from tests.benchmarks import sparse_networks  # noqa: E402

torch.set_num_threads(sparse_networks.THREADS)
net = sparse_networks.sparse_twin(int(sys.argv[2]))
shapes = {layer.name: layer for layer in resnet.layers(net.architecture, sparse_networks.SIZE)}


def seconds(layer, x):
    """Of a step of one layer, the second one."""
    for _ in range(2):
        began = time.perf_counter()
        layer(x).sum().backward()
        taken = time.perf_counter() - began
    return taken


for name, part in list(net.layers.items()):
    if part.weight.ndim == 4:
        weight = torch.where(part.mask, part.weight, 0.0).detach()
        size = shapes[name].out_size * part.stride
        x = torch.randn(sparse_networks.BATCH, weight.shape[1], size, size, requires_grad=True)
        both = [SparseConv2d(weight, None, weight.shape[-1] // 2, part.stride, loop) for loop in (False, True)]
        with torch.no_grad():
            torch.testing.assert_close(both[0](x), part(x), rtol=1e-3, atol=1e-3)
        net.layers[name] = min(both, key=lambda layer: seconds(layer, x))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
images, labels = sparse_networks.minibatch(sparse_networks.BATCH, sparse_networks.SIZE)
images, labels = torch.from_numpy(images), torch.from_numpy(np.asarray(labels, np.int64))
net.train()
print("ready sparseprop", flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()
    print(time.perf_counter() - began, flush=True)
