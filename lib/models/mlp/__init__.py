"""Perceptrons with one hidden layer and static sparse weights (section 3.4.3, figure 3.5).

`architecture`     the dense net, and how many weights each layer keeps
`network`          which weights exist, and their values
`training`         stochastic gradient descent
`_kernels`         an epoch as fused numba loops, and the checks of what they are given
`parametrization`  standard (LeCun) and NTK form of a layer (appendix C)
"""

from lib.models.mlp.architecture import Architecture, split, valid_cells
from lib.models.mlp.network import SparseLayer, SparseMLP
from lib.models.mlp.training import Epoch, MLPResult, MLPSettings, train

__all__ = ["Architecture", "Epoch", "MLPResult", "MLPSettings", "SparseLayer", "SparseMLP", "split", "train",
           "valid_cells"]
