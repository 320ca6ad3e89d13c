"""The calculations behind the book, one module a subject.  Nothing is imported here: import what you need.

`conventions`     what a bit, a spin and a basis index mean, and the checks every module shares
`rng`             named random streams from one seed
`plotting`        figures from tables
`atomic`          files that are replaced in one step

`spins.ising`         the transverse-field Ising chain by exact diagonalization, up to 20 spins
`spins.free_fermions` the same ground state at any length: energy, correlations, exact samples
`spins.measurements`  measurement files: packed bits, and QuCumber's plain text

`datasets`         MNIST, which the user has put into data/cache
`image_sets`       colour image sets: read, averaged, normalized, shifted and flipped

`models.mlp`       perceptrons with static sparse weights, trained by native sparse kernels
`models.parametrization` standard (LeCun) and NTK form of a layer, dense and sparse
`models.mnist_accuracy` one net of figure 3.5, start to end
`models.digits`    the same on scikit-learn's digits, which need no download
`models.resnet`    ResNet-18 of any width: weights and multiply-adds counted, and the torch module
`models.drawings`  the blocks of figure 3.2, drawn from the networks themselves
`models.sparse`    sparse convolutions in their own data layout: forward and both gradients
`models.sparse_layers` the same layers for torch
`models.sparse_choice` when they pay: sparse or dense, from a table
`models.sparse_resnet` a whole ResNet-18 of them
`models.image_training` one training loop for it and for its torch twin
`models.resident`  the twin on a GPU: images, minibatches and steps stay there
`models.resnet_accuracy` one net of figures 3.1, 3.3, 3.6 and E.1, start to end
`models.imagenet_accuracy` one net of table 3.1, start to end
`models.checkpoints` trained ResNets on disk, without pickle
`models.subset_accuracy` one net of figure 3.8, start to end
`kernels`          kernels of neural nets: arc-cosine, random features, NNGP and NTK, Gaussian processes, sparse nets
`pruning.distribution`  how many weights each layer keeps: water-filling
`pruning.masks`    which ones: random masks
`pruning.schedule` how many weights are left after each step of iterative pruning
`pruning.magnitude` which ones go next: smallest, by unit, by Fisher information, at random; the graph that is left
`pruning.bands`    from which step on a measure lies outside its fluctuations

`rbm.machine`      restricted Boltzmann machines: energies, conditional probabilities, the Ising gauge
`rbm.partition`    exact partition function and probabilities
`rbm.sampling`     block Gibbs sampling
`rbm.training`     contrastive divergence, with fresh or persistent chains
`rbm.states`       positive wavefunctions psi = sqrt(p)
`rbm.metrics`      fidelity, relative entropy, likelihood
`rbm.observables`  estimators with error bars that know about autocorrelation
`rbm.reconstruction` from measurements to observables in one call, for sweeps
`rbm.quality`      all measures of chapter 7, by sums or from samples
`rbm.pruning_study` a machine trained, pruned step by step and measured all along, for sweeps
`rbm.files`        saved machines, without pickle

`study`            how chapters are executed, where a number comes from, what is claimed; `study.sweep` for long runs
"""
