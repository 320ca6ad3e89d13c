"""Networks of the third chapter: wider layers at a fixed number of weights (thesis chapter 3).

`mlp`             perceptrons with one hidden layer and static sparse weights
`resnet`          ResNet-18 of any width: counted, as a torch module, in native kernels, trained, on disk
`sparse`          sparse convolutions and linear layers, for torch networks and in their own data layout
`widening`        layers, costs and accuracies of networks widened at a fixed number of weights
`families`        what a record of widened networks says: gains, shares, errors
`family_costs`    the same beside what networks cost, and beside table 3.1
`family_records`  records of families on two devices, and after a longer training
`digits`          scikit-learn's digits, split and normalized

Nothing is imported here: `from lib.models import mlp` brings in only what it names.
"""
