"""Networks of the third chapter: wider layers at a fixed number of weights (thesis chapter 3).

mlp           the perceptron with one hidden layer and static sparse weights (figure 3.5)
_mlp_kernels  its fused numba loops, and the checks of what they are given
parametrization  standard (LeCun) and NTK form of a layer (appendix C)
digits        scikit-learn's digits, split and normalized

resnet        ResNet-18 of any width and its three ways to widen; weights and multiply-adds counted; the torch module
widening      what they keep of each layer, what they cost, what small ones gain (chapter 3)
drawings      the blocks of figure 3.2, drawn from such networks

sparse        sparse convolutions in their own data layout, with the compiled loops of `lib.native`
sparse_resnet a whole ResNet-18 in it
sparse_layers the same layers for torch, and networks made of them or back
sparse_sequential  runs of them with BatchNorm and ReLU that stay in that layout
dynamic_masks masks that move while these layers learn: SET and RigL
sparse_choice sparse or dense: the table
sparse_measured  the measurements behind it: speeds, crossovers, goals (chapter 3.6)
image_training, resident  one training loop for all nets; the torch twin's steps and images kept on a GPU
imagenet_training  the same loop for images that are read and cropped meanwhile
checkpoints   trained ResNets on disk, without pickle

Nothing is imported here: `from lib.models import mlp` brings in only what it names.
"""
