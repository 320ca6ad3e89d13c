"""Kernels of neural nets (sections 2.3 to 2.5 and 3.5), one module a subject.  Import what you need.

`inputs`            what all kernels take, and kernels too large for memory, block by block
`arc_cosine`        arc-cosine kernels of order 0, 1 and 2, composed to any depth
`random_features`   random features that approximate a kernel, and least squares on them
`infinite_width`    NNGP and NTK of infinitely wide, fully connected nets
`neural_tangent`    the same of finite ones
`gaussian_process`  prior draws, posterior and marginal likelihood
`learning`          the decomposition of the error of a learner
`error_parts`       its parts in a table, beside training sets drawn by chance
`double_descent`    errors of random features on digits, from too few to far too many
`fully_connected`   a ReLU network by hand: forward pass, gradient, SGD; and beside its linearization
`torch_twins`       the same networks and gradients by torch
`masked`            kernels of randomly masked inputs, averaged over the masks
`sparse`            the distance of sparse nets of finite width to the infinite dense one
`sparse_nets`, `sparse_drawn`  kernels of sparse nets beside their formulas: integrated, expanded; drawn by chance
`printed`           the approximations of section 3.5 as the thesis prints them
`distance`          the same distance measured on real nets: a point of figure 3.8b
`measured`          what random features do (chapter 2)
`random_functions`  what networks are before training, when wide and when not
`wide_networks`     how far wide nets are from their kernels and their linearization
`width_choice`      does the smallest distance name the best width
`optimum`           where a curve over widths has its top or bottom, and how sure that is

Kernels of random inputs, a Gaussian process with one of them, and how far a sparse net is from the infinite one:

>>> import numpy as np
>>> from lib.kernels import gaussian_process, sparse
>>> from lib.kernels.arc_cosine import arc_cosine
>>> from lib.kernels.neural_tangent import analytic
>>> train, test = np.random.default_rng(1).normal(size=(2, 30, 20))
>>> kernel = lambda x, y=None: analytic(x, y, depth=2).nngp
>>> found = gaussian_process.posterior(kernel(train), kernel(test, train), kernel(test), train[:, 0], noise=0.1)
>>> found.mean.shape, found.covariance.shape
((30,), (30, 30))
>>> distance = sparse.expected_distance(train, test, width=100, connectivity=0.2, seed=1)  # row i with row i
>>> closed = sparse.second_order_distance(train, test, width=100, connectivity=0.2)
>>> bool(abs(closed.value / distance.value - 1) < 0.2)
True
"""
