"""Networks of the third chapter: wider layers at a fixed number of weights (thesis chapter 3).

mlp           the perceptron with one hidden layer and static sparse weights (figure 3.5)
_mlp_kernels  its fused numba loops, and the checks of what they are given
mnist_accuracy one net of figure 3.5, as a point of a sweep
resnet        ResNet-18 of any width and its three ways to widen; weights and multiply-adds counted

Nothing is imported here: `from lib.models import mlp` brings in only what it names.
"""
