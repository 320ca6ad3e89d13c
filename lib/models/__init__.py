"""Networks of the third chapter: wider layers at a fixed number of weights (thesis chapter 3).

mlp           the perceptron with one hidden layer and static sparse weights (figure 3.5)
_mlp_kernels  its fused numba loops, and the checks of what they are given

Nothing is imported here: `from lib.models import mlp` brings in only what it names.
"""
