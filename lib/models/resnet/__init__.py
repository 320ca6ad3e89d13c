"""ResNet-18 of any width and its three ways to widen at a fixed number of weights (sections 3.4.1 and 3.4.2).

`architecture`   its layers as a list; weights and multiply-adds counted
`network`        the torch module
`native`         the same network in the layout of the sparse kernels
`training_settings`, `training`  one loop for all trainers
`trainers`, `resident`  a step by torch, by the native kernels, or all of it on a GPU
`imagenet`       the same loop for images that are read and cropped meanwhile
`checkpoints`    trained networks on disk, without pickle
"""

from lib.models.resnet.architecture import (
    BLOCKS,
    VARIANTS,
    Architecture,
    Layer,
    layers,
    multiply_adds,
    n_weights,
    sparse_counts,
    widened,
)
from lib.models.resnet.network import ResNet

__all__ = ["BLOCKS", "VARIANTS", "Architecture", "Layer", "ResNet", "layers", "multiply_adds", "n_weights",
           "sparse_counts", "widened"]
