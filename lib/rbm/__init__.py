"""Restricted Boltzmann machines for binary measurements (thesis chapters 4 to 7).

machine      the parameters, the energy and the conditional distributions (4.1-4.11, 4.20-4.26)
partition    the partition function and exact probabilities by enumeration (4.3, 4.4)
sampling     block Gibbs chains
training     contrastive divergence, plain (CD-k) and persistent (PCD-k), and the exact gradient
states       an RBM as a positive wavefunction (5.1)
metrics      fidelity, Kullback-Leibler divergence, likelihood
observables  estimators with error bars that know about autocorrelation (5.3-5.11)
files        machines on disk, without pickle
_kernels     the fused numba loops under `sampling` and `training`; each has a plain torch twin there

Nothing is imported here: `from lib.rbm import machine, sampling` brings in only what it names.
"""
