"""The calculations behind the book, one module a subject.  Nothing is imported here: import what you need.

`conventions`     what a bit, a spin and a basis index mean, and the checks every module shares
`rng`             named random streams from one seed
`plotting`        figures from tables
`atomic`          files that are replaced in one step

`spins.ising`         the transverse-field Ising chain by exact diagonalization, up to 20 spins
`spins.free_fermions` the same ground state at any length: energy, correlations, exact samples
`spins.measurements`  measurement files: packed bits, and QuCumber's plain text

`datasets`         image sets that the user has put into data/cache

`models.mlp`       perceptrons with static sparse weights, trained by native sparse kernels
`models.resnet`    ResNet-18 of any width: weights and multiply-adds counted, and the torch module
`models.mnist_accuracy` one net of figure 3.5, start to end
`pruning.distribution`  how many weights each layer keeps: water-filling
`pruning.masks`    which ones: random masks

`rbm.machine`      restricted Boltzmann machines: energies, conditional probabilities, the Ising gauge
`rbm.partition`    exact partition function and probabilities
`rbm.sampling`     block Gibbs sampling
`rbm.training`     contrastive divergence, with fresh or persistent chains
`rbm.states`       positive wavefunctions psi = sqrt(p)
`rbm.metrics`      fidelity, relative entropy, likelihood
`rbm.observables`  estimators with error bars that know about autocorrelation
`rbm.reconstruction` from measurements to observables in one call, for sweeps
`rbm.files`        saved machines, without pickle

`study`            how chapters are executed, where a number comes from, what is claimed; `study.sweep` for long runs
"""
