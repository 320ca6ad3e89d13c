"""What compiled loops share, and all that reaches into numba's internals: vectors of sixteen numbers.

`switch`      which releases of numba are trusted with that; others take the same loops as plain Python
`_plain`      `lanes` and `masks` on numpy arrays, for these
`lanes`       sixteen numbers in one variable, as vector instructions of the processor at hand (`_lane_type`: the type)
`masks`       sixteen bits in one number, which choose lanes
`tiles`       sums of shifted pixels and their products, a tile of pixels at a time, with plain references
`weights`     numbers of weights by index
`packing`     images into the layout of the tiles and back
`batch_norm`  BatchNorm, the sum with a shortcut, and ReLU in that layout

Each module has a reference in plain Python or torch, which the tests compare it with.
"""
