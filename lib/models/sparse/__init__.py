"""Layers with static sparse weights that take time for the weights which exist, and no others.

`layout`         where the pixels of a minibatch lie in memory
`convolution`    a convolution between two layouts: forward and both gradients, by the loops of `lib.native`
`threads`        who may start these loops, and when
`layers`         the same layers for torch
`conversion`     networks of dense layers made sparse, and back
`sequential`     runs of them with BatchNorm and ReLU that stay in that layout
`dynamic_masks`  masks that move while these layers learn: SET and RigL
`choice`         sparse or dense: the table
`measured`       the measurements behind it: speeds, crossovers, goals (chapter 3.6)
`_layer`         what the two torch layers share: mask, paths, CSR matrices, saved states
`_native`, `_memory`  their path through the kernels, and its arrays

Nothing is imported here.
"""
