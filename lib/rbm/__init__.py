"""Restricted Boltzmann machines for binary measurements (thesis chapters 4 to 7).

machine      the parameters (4.1)
distributions  the energy and the conditional distributions (4.1-4.11, 4.20-4.26)
partition    the partition function and exact probabilities by enumeration (4.3, 4.4)
by_definition  small machines from the definition alone, to compare with
annealing    the same for machines of any size, estimated with its error
sampling     block Gibbs chains
mixing       how fast chains of small machines forget, and what that does to CD (chapter 4)
ladders      chains at a ladder of temperatures, what they measure, and a better ladder
tempering    chains at many temperatures, for machines with several valleys
training     contrastive divergence, plain (CD-k) and persistent (PCD-k), and the exact gradient; step by step
ensembles    many machines trained as one batch, to the bits of each alone
optimizers   momentum, Adam, the natural and the centred gradient, for every kind of state
checkpoints  where a training stands, on the way and on disk, and going on from there
readout      trainings on what was read with errors or not read at all, and on counted outcomes
noisy        a state behind depolarizing noise, whose chance is learnt with it
readout_trials  machines trained on shots with errors and gaps, those ignored and corrected
reconstruction_trials  machines that learn the Ising chain (chapter 5)
valleys      the balance of its two valleys, how training loses it, and cures
two_qubits   two of them learnt in turned bases, as in the thesis's example (5.4)
complex_trials, mixed_trials  states with phases, and mixed ones, learnt in many bases (5.4)
method_trials  the same beside other methods
shots_along_z  shots that a machine learns, and what can be expected of them
from_shots   from shots along z to a machine and its observables with error bars
states       an RBM as a positive wavefunction (5.1)
complex_state  two RBMs as a complex wavefunction (5.12), or, with ancillas, as a density matrix
rotations    how probable outcomes in rotated bases are under it, and the gradient (5.13, 5.14)
complex_training  its training on measurements in many bases, as an iterator
operators    Pauli operators, energies of any chain and operators of your own, their sums and products, from samples
metrics      fidelity, Kullback-Leibler divergence, likelihood
convergence  rank-normalized split R-hat and effective sizes of chains
observables  estimators of single samples (5.3-5.11)
autocorrelation  their means, with error bars that know about it
statistics   error bars of functions of means, and of long runs in little memory
bootstrap    error bars of the learning itself
extrapolation  an energy in the limit of no spread of the local energy
quality      all measures of chapter 7, by sums over all states or from samples (7.2-7.7)
learning     when a state counts as learnt, the recipe of chapter 6, the search for the smallest machine (6.2)
pruning      a trained machine pruned step by step (7.3)
living       the machine that runs in the page of chapter 7
conditional  one machine for all fields, its parameters polynomials of ln h, by exact likelihood
learning_thresholds  from which size, or number of measurements, half of the machines learn
learning_searches  what the searches of chapter 6 have found
learning_laws  laws, tuned schedules and repeats, read off them
missing_units  what hidden units that are missing to half of the spins cost
scaling_laws  laws of growth, fitted and compared
weight_shapes  sorted weights, and those of noise
learning_pruned  how many weights machines need that stay learnt
learning_variants  the answer of chapter 6 with other training, symmetry and chains
recorded_runs  pruned machines of a record by their kind, and means over them
pruning_harm  when their measures are harmed, and how many weights are gone then
pruning_growth  how much these measures grow
pruning_order  what becomes of the magnetization
pruning_examples  small machines and checks: one that is drawn, gauges, measures by hand
pruning_graphs  when their graphs fall apart
pruning_correlations  when their correlations are cut off
correlation_decay  powers, exponentials and cut-offs fitted to C(d)
files        machines on disk, without pickle
_kernels, _training_kernels  the fused numba loops under `sampling` and `training`; each has a plain torch twin there
_ensemble_kernels  those of sixteen machines at once, under `ensembles`
_flip_kernels  sums over single flips of sixteen samples at once, under `states`
_readout_kernels  those of chains in fields of their own, under `readout`
_readout_rows  rows with errors and gaps, completed from the posterior, under `readout`
_complex_kernels  those under `rotations` and `complex_training`, tested against sums over whole Kronecker products
_complex_table  what they share between all configurations: energies by products, sums by halves
_complex_rows   their sums over the turned spins of a row

Nothing is imported here: `from lib.rbm import machine, sampling` brings in only what it names.

`book/qucumber.md` starts without the book, from measurements to a fidelity, a saved machine and a pruned one, and goes
through all of this with QuCumber's words beside it; a test runs its code.
"""
