"""The calculations behind the book, one module a subject.  Nothing is imported here: import what you need.

`conventions`     what a bit, a spin and a basis index mean
`checks`          what an argument is, an array or a number: the one door through which they come in
`plain_arrays`    its first half: anything that holds numbers, as an array of numpy
`chain_checks`    the same for bits, state vectors and sites of a chain
`memory`          how much is asked for, before it is taken
`rng`             named random streams from one seed
`plotting`        how figures look and are saved
`reconstruct`     the command `python -m lib reconstruct FILE`: from a file of measurements to a state
`atomic`          files that are replaced in one step, and locks
`native`           what compiled loops share: vectors of sixteen numbers, tiles, each with a plain reference

`spins.ising`         the transverse-field Ising chain by exact diagonalization, up to 20 spins
`spins.free_fermions` the same ground state at any length: energy, correlations, exact samples
`spins.product_states` what product states of a magnetized chain miss
`spins.bases`, `spins.turned_states` measurements in any product of local bases; how a state looks in one
`spins.gates`         the gates that turn a spin before it is measured
`spins.completeness`  what measurements in some bases leave open: phases, elements of a density matrix
`spins.density`       density matrices: noise, fidelity, purity, entropies
`spins.vectors`       GHZ and W states with phases, random states, Marshall's signs
`spins.chains`        other chains as sums of Pauli operators: XXZ, J1-J2, staggered and random fields
`spins.exact`         their exact ground states, up to 16 spins
`spins.dmrg`          the same at any length, by TeNPy (extra "dmrg")
`spins.mps`           matrix product states: their form and amplitudes
`spins.mps_averages`  exact averages, energies and entropies of them
`spins.mps_files`     and files
`spins.mps_one_site`, `spins.mps_variational` the lowest energy at one bond dimension: free; uniform, and in numbers
`spins.mps_samples`   their measurements in any product of local bases, 1e5 of 100 spins in seconds
`spins.mps_fit`       matrix product states fitted to measurements by maximum likelihood
`spins.density_fit`   density matrices of a few spins fitted to measurements: maximum likelihood, linear inversion
`spins.shadows`       averages straight from measurements in random Pauli bases (classical shadows)
`spins.measurements`  measurements of other packages, from files and objects; our own packed bits

`datasets`         MNIST, which the user has put into data/cache
`image_sets`, `image_minibatches` colour image sets: read; averaged, normalized, shifted and flipped

`models.mlp`       perceptrons with static sparse weights, trained by native kernels; standard (LeCun) and NTK form
`models.resnet`    ResNet-18 of any width: weights and multiply-adds counted, the torch module, the same in native
                   kernels, trained by one loop on a CPU or a GPU, kept on disk without pickle
`models.sparse`    sparse convolutions and linear layers: in their own data layout, for torch, with masks that move
`models.widening`  layers, costs and accuracies of networks widened at a fixed number of weights (chapter 3)
`models.families`, `models.family_costs`, `models.family_records` what records of widened networks say: gains, costs
`models.digits`    scikit-learn's digits, which need no download
`kernels`          kernels of neural nets: arc-cosine, random features, NNGP and NTK, Gaussian processes, sparse nets
`pruning.distribution`  how many weights each layer keeps: water-filling
`pruning.masks`    which ones: random masks
`pruning.schedule` how many weights are left after each step of iterative pruning
`pruning.magnitude` which ones go next: smallest, by unit, by Fisher information, at random; the graph that is left
`pruning.bands`    from which step on a measure lies outside its fluctuations

`rbm.machine`      restricted Boltzmann machines: their parameters
`rbm.distributions` their energies and conditional probabilities, the Ising gauge
`rbm.partition`    exact partition function and probabilities
`rbm.annealing`    the partition function of machines of any size, with an error
`rbm.sampling`     block Gibbs sampling
`rbm.mixing`       how fast chains of small machines forget
`rbm.ladders`, `rbm.tempering` parallel tempering with a ladder of temperatures that makes itself
`rbm.training`     contrastive divergence, with fresh or persistent chains
`rbm.training_settings` how to train: rates, minibatches, optimizers
`rbm.optimizers`   momentum, Adam, the natural and the centred gradient
`rbm.ensembles`    many machines trained as one batch
`rbm.checkpoints`  where a training stands, on disk, and going on from there
`rbm.readout`      training on what was read with errors, or not read at all
`rbm.noisy`        states behind depolarizing noise of a chance that is learnt with them
`rbm.shots_along_z`, `rbm.from_shots` shots along z, and what to expect of them; from them to a machine, its observables
`rbm.held_out`     what a machine misses of shots that were held out
`rbm.states`       positive wavefunctions psi = sqrt(p)
`rbm.complex_state` complex wavefunctions and density matrices of two machines
`rbm.rotations`    probabilities in rotated bases, their gradients, divergences
`rbm.complex_training` training on measurements in many bases
`rbm.operators`    operators and their sums and products, energies, from samples of any state
`rbm.statistics`   error bars of functions of means, and of long runs
`rbm.bootstrap`    error bars of the learning itself
`rbm.extrapolation` an energy in the limit of no spread of the local energy
`rbm.metrics`      fidelity, relative entropy, likelihood
`rbm.observables`, `rbm.autocorrelation` estimators, and their means with error bars that know about autocorrelation
`rbm.convergence`  have chains converged: R-hat and effective sizes
`rbm.quality`      all measures of chapter 7, by sums or from samples
`rbm.learning`     when a state counts as learnt, and the search for the smallest machine (chapter 6)
`rbm.learning_recipe` the one recipe by which its machines are trained
`rbm.conditional`  one machine for all fields: parameters that are functions of it
`rbm.layout`       starts of training with units laid out along the chain
`rbm.learning_thresholds`, `rbm.learning_searches` from which size on half of the machines learn; what searches found
`rbm.learning_fields`, `rbm.learning_laws`, `rbm.learning_repeats` what chapter 6 reads off them: fields; laws; other
                   schedules and repeats
`rbm.learning_variants`, `rbm.learning_symmetry` how that changes with training and chain; with the symmetry
`rbm.learning_pruned` the same after pruning
`rbm.form_limits`  what the form of machines can do and what training reaches; other criteria
`rbm.scaling_laws`, `rbm.missing_units` laws of growth; what hidden units that are missing cost
`rbm.weight_shapes` sorted weights, and those of noise
`rbm.pruning`      a trained machine pruned step by step
`rbm.recorded_runs` pruned machines by their kind, and means over them
`rbm.pruning_harm`, `rbm.pruning_growth` how far they go before what is harmed, and how much it grows
`rbm.pruning_order` what becomes of their magnetization
`rbm.pruning_correlations`, `rbm.pruning_graphs` when their correlations are cut off and their graphs fall apart
`rbm.correlation_decay` powers, exponentials and cut-offs fitted to correlations
`rbm.readout_trials` machines trained on shots with errors and gaps
`rbm.reconstruction_trials`, `rbm.valleys` states without phases learnt, and the balance of two valleys (chapter 5)
`rbm.two_qubits`, `rbm.complex_trials`, `rbm.mixed_trials`, `rbm.method_trials` with phases, mixed, beside other methods
`rbm.pruning_examples` small machines and checks of chapter 7
`rbm.living`       the machine that runs in the page of chapter 7
`rbm.files`        saved machines, without pickle

`experiments`      settings -> a dictionary of numbers, each with a version: every function that a sweep may name
`experiments.mnist`, `experiments.digits` one net of figure 3.5, start to end; the same in seconds
`experiments.resnet` one net of figures 3.1, 3.3, 3.6 and E.1
`experiments.imagenet` one net of table 3.1
`experiments.subset` one net of figure 3.8a
`experiments.kernel_distance` one point of figure 3.8b
`experiments.sparse_examples` what page 3.5 computes around them in every build
`experiments.reconstruction` from measurements to observables: one point of figure 5.2
`experiments.learning`, `experiments.learning_ways` a machine of chapter 6, the search for the smallest, ways to train
`experiments.learning_chains`, `experiments.learning_conditional` the search for other chains; one for all fields
`experiments.learning_examples` what the pages of chapter 6 compute in every build
`experiments.learning_starts` the likeliest machine for an exact state; training from another start; who judges it
`experiments.pruning` a machine trained, pruned step by step and measured all along (chapter 7)

`figures`          tables -> pictures, a module a chapter
`figures.wide_limits`, `figures.widened_resnets`, `figures.sparse_kernels` chapters 2, 3.4 and 3.5
`figures.wide_sparse`, `figures.sparse_layers` chapters 3 and 3.6
`figures.boltzmann`, `figures.reconstruction`, `figures.complex_states` chapters 4, 5 and 5.4
`figures.resnet_blocks` the blocks of figure 3.2, drawn from the networks themselves
`figures.learnability`, `figures.learning_tables`, `figures.learning_needs` chapter 6, pages 6 and 6.2
`figures.pruning`, `figures.pruning_record` chapter 7: what the thesis draws, and what the record adds
`figures.living`   a machine at work (chapter 7)
`figures.tables`   tables of text

`study`            results and why they are trusted: claims, runs, records, anchors; `study.sweep` for long runs
`pipeline`         how the book is made: `pipeline.command` lists the commands and what each calls
"""


def __getattr__(name: str) -> str:
    """`lib.__version__`: read only when somebody asks, so that a release changes the code of no module.

    That of the tree whose code this is, as pyproject.toml has it, else that of the installed package.
    """
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import tomllib
    from importlib import metadata
    from pathlib import Path

    distribution, beside = "deep-quantum-companion", Path(__file__).resolve().parents[1] / "pyproject.toml"
    project = tomllib.loads(beside.read_text("utf-8")).get("project", {}) if beside.is_file() else {}
    if project.get("name") == distribution:  # what is installed may be of another tree
        return project["version"]
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # a copy of lib alone
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: nothing says its version") from None
