"""The other side of `sparse_layers.compare_peers` and `compare_chain`: SparseProp and SparseLab time their layers when
they are told to.

Started as `python sparse_layers_peer.py FOLDER`, in an environment that has both. Reads x.npy, g.npy and weight.npy (a
dense array with zeros; five axes are a chain of convolutions, each with BatchNorm and ReLU) from the folder and writes
"ready" with the names of its sides; then answers each line NAME REPEATS with the seconds of a training step, the mean
over so many.
"""

import sys
import time

import numpy as np
import torch
from sparseprop.modules.conv2d import SparseConv2d
from sparseprop.modules.linear import SparseLinear

torch.set_num_threads(1)
folder = sys.argv[1]
x, g, weight = (torch.from_numpy(np.load(f"{folder}/{name}.npy")) for name in ("x", "g", "weight"))
layers = {}
if weight.ndim == 2:
    from sparselab import SparseLinear as PaddedLinear

    layers["sparseprop"] = SparseLinear(weight)
    # Its masks are its own: as many weights, the same number in each row.
    n_weights = int((weight != 0).sum())
    layers["sparselab"] = PaddedLinear(*weight.T.shape, sparsity=1 - n_weights / weight.numel(), bias=False)
else:
    for over_images in (False, True):  # both of its loops
        def convolution(one, over_images=over_images):
            return SparseConv2d(one, None, one.shape[2] // 2, 1, over_images)

        layers[f"sparseprop{int(over_images)}"] = convolution(weight) if weight.ndim == 4 else torch.nn.Sequential(
            *(module for one in weight for module in (convolution(one), torch.nn.BatchNorm2d(len(one)),
                                                      torch.nn.ReLU())))


def dense(x):
    """What the layers have to give."""
    if weight.ndim == 2:
        return torch.nn.functional.linear(x, weight)
    for one in weight if weight.ndim == 5 else [weight]:
        x = torch.nn.functional.conv2d(x, one, padding=one.shape[2] // 2)
        if weight.ndim == 5:
            x = torch.nn.functional.batch_norm(x, None, None, training=True).relu()
    return x


def step(layer):
    x.grad = None
    for parameter in layer.parameters():
        parameter.grad = None
    layer(x).backward(g)


x.requires_grad_()
# The same numbers as a dense layer, or the times would compare different things.
with torch.no_grad():
    expected = dense(x)
    for name in layers:
        if name != "sparselab":
            torch.testing.assert_close(layers[name](x), expected, rtol=1e-3, atol=1e-3)
print("ready", *layers, flush=True)
for line in sys.stdin:
    name, repeats = line.split()
    began = time.process_time()
    for _ in range(int(repeats)):
        step(layers[name])
    print((time.process_time() - began) / int(repeats), flush=True)
