"""Trials of chapter 5.4: states with phases learnt from outcomes in many bases, beside other methods.

Every shot and every training takes a child of the seed that is given, named by what it is of.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lib import rng
from lib.rbm import metrics, noisy, rotations
from lib.rbm.complex_state import ComplexState, MixedState
from lib.rbm.complex_training import StateSettings, fit, train
from lib.spins import bases, chains, density, density_fit, exact, ising, mps_averages, mps_fit, shadows, vectors
from lib.spins.bases import Measurements

if TYPE_CHECKING:
    import pandas as pd  # of the book

#: How to train on a number of shots.
Plan = Callable[[int], StateSettings]


def turned(states: Mapping[str, np.ndarray], data: Measurements, in_bases: Sequence[str]) -> pd.DataFrame:
    """Probabilities of the outcomes of two qubits in some bases, exact and measured (Fig. 5.4).

    Parameters
    ----------
    states : mapping of str to ndarray, shape (4,)
        Amplitudes by name.
    data : Measurements
        Of two qubits, with rows in each of the bases.
    in_bases : sequence of str
        Such as "XZ".

    Returns
    -------
    pandas.DataFrame
        basis, outcome, a column a state, measured, error (one standard error).

    """
    import pandas as pd

    names, place = data.distinct()
    tables = []
    for basis in in_bases:
        rows = data.bits[place == names.index(basis)]
        share = np.bincount(rows @ [2, 1], minlength=4) / len(rows)
        of_states = {name: [abs(amplitude) ** 2 for amplitude in bases.rotate(state, basis)]
                     for name, state in states.items()}
        tables.append(pd.DataFrame({"basis": basis, "outcome": ["00", "01", "10", "11"], **of_states, "measured": share,
                                    "error": np.sqrt(share * (1 - share) / len(rows))}))
    return pd.concat(tables, ignore_index=True)


def printed_probabilities(state: np.ndarray) -> np.ndarray:
    """Probabilities of two qubits with the first turned, as (5.17) prints them; twice as much is right.

    Parameters
    ----------
    state : ndarray, shape (4,)
        Amplitudes.

    Returns
    -------
    ndarray, shape (4,)

    """
    (one, two), angle = np.abs(state).reshape(2, 2), np.angle(state).reshape(2, 2)
    interference = one * two * np.cos(angle[0] - angle[1]) / 2
    return np.concatenate([(one**2 + two**2) / 4 + interference, (one**2 + two**2) / 4 - interference])


def learning_curves(psi: np.ndarray, rows: Measurements, settings: StateSettings, n_hidden: int, n_machines: int, *,
                    seed: int) -> tuple[list[ComplexState], pd.DataFrame]:
    """Pairs of machines trained from several starts, each watched epoch by epoch (Fig. 5.5).

    Parameters
    ----------
    psi : ndarray, shape (2^n_spins,)
        The exact amplitudes.
    rows : Measurements
        To train on.
    settings : StateSettings
        How to train.
    n_hidden : int
        Hidden units of each of both machines.
    n_machines : int
        Starts.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    states : list of ComplexState
        After the last epoch.
    curves : pandas.DataFrame
        machine (from 1), epoch, fidelity, KL(mean) and KL(sum) over the bases of the rows, in nats.

    """
    import pandas as pd

    names, states, curve = rows.distinct()[0], [], []
    for number in range(n_machines):
        start = ComplexState.random(rows.n_spins, n_hidden, seed=rng.child_seed(seed, "qubits", "start", number))
        for step in train(start, rows, settings, seed=rng.child_seed(seed, "qubits", number)):
            kl = rotations.kl_divergences(psi, step.state, names)
            curve.append((number + 1, step.epoch, metrics.fidelity(step.state.psi(), psi), kl.mean(), kl.sum()))
        states.append(step.state)
    return states, pd.DataFrame(curve, columns=["machine", "epoch", "fidelity", "KL(mean)", "KL(sum)"])


def random_shots(state: np.ndarray, n_shots: int, *use: object, seed: int) -> Measurements:
    """Outcomes in a random Pauli basis each.

    Parameters
    ----------
    state : ndarray
        Amplitudes, or a density matrix.
    n_shots : int
        Outcomes.
    *use : object
        What they are for, which names their random stream.
    seed : int, >= 0
        Fixes them.

    Returns
    -------
    Measurements

    """
    draw = rng.stream(seed, "shots", *use)
    return bases.sample(state, bases.random_bases(n_shots, len(state).bit_length() - 1, rng=draw), rng=draw)


def trained(rows: Measurements, n_hidden: int, settings: StateSettings, n_starts: int, *use: object, seed: int,
            n_hidden_phase: int | None = None) -> list[ComplexState]:
    """States from several random starts on the same measurements.

    Parameters
    ----------
    rows : Measurements
        To train on.
    n_hidden : int
        Hidden units of the machine for sizes.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings.
    *use : object
        What they are for, which names their random streams.
    seed : int, >= 0
        Fixes them.
    n_hidden_phase : int or None
        Hidden units of the machine for phases; None, the default: as many.

    Returns
    -------
    list of ComplexState

    """
    own = [rng.child_seed(seed, *use, number) for number in range(n_starts)]
    starts = [ComplexState.random(rows.n_spins, n_hidden, n_hidden_phase=n_hidden_phase, seed=one) for one in own]
    return [fit(start, rows, settings, seed=one).state for start, one in zip(starts, own)]


def likeliest(states: Sequence[ComplexState], rows: Measurements) -> tuple[ComplexState, list[float]]:
    """The state with the lowest loss.

    Parameters
    ----------
    states : sequence of ComplexState
        Candidates.
    rows : Measurements
        To judge them by.

    Returns
    -------
    best : ComplexState
    losses : list of float
        Of all, nats a measurement.

    """
    losses = [rotations.negative_log_likelihood(state, rows) for state in states]
    return states[int(np.argmin(losses))], losses


def small_states(max_qubits: int, n_shots: int, settings: StateSettings, n_starts: int, *, seed: int) -> pd.DataFrame:
    """GHZ, W and random states of a few qubits, each learnt from random bases and several starts.

    Parameters
    ----------
    max_qubits : int
        Largest size; W states have five qubits at most.
    n_shots : int
        Outcomes of each state.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        kind, qubits, start (from 1), hidden (units), loss (nats), fidelity, excess (over the lowest loss of the same
        state), chosen (whether it has that).

    """
    import pandas as pd

    kinds = (("GHZ", range(3, max_qubits + 1)), ("W", range(3, min(5, max_qubits) + 1)),
             ("random", range(2, max_qubits + 1)))
    found = []
    for kind, n in ((kind, n) for kind, sizes in kinds for n in sizes):
        truth = _target(kind, n, rng.stream(seed, kind, n))
        rows = random_shots(truth, n_shots, kind, n, seed=seed)
        units = max(n, 2 ** (n - 1)) if kind == "random" else n
        states = trained(rows, units, settings, n_starts, "small", kind, n, seed=seed)
        found += [(kind, n, number, units, loss, metrics.fidelity(state.psi(), truth))
                  for number, (state, loss) in enumerate(zip(states, likeliest(states, rows)[1]), start=1)]
    table = pd.DataFrame(found, columns=["kind", "qubits", "start", "hidden", "loss", "fidelity"])
    table["excess"] = table.loss - table.groupby(["kind", "qubits"]).loss.transform("min")
    return table.assign(chosen=table.excess == 0)


def _target(kind: str, n: int, draw: np.random.Generator) -> np.ndarray:
    if kind == "random":
        return vectors.random_state(n, rng=draw)
    return vectors.w(n, draw.uniform(0, 2 * np.pi, n)) if kind == "W" else vectors.ghz(n, draw.uniform(0, 2 * np.pi))


def held_back(rows: Measurements, sizes: Iterable[tuple[int, int]], settings: StateSettings, n_starts: int, *,
              seed: int) -> pd.DataFrame:
    """Machines of several sizes, trained on four fifths of the shots and judged by the rest.

    Parameters
    ----------
    rows : Measurements
        All shots.
    sizes : iterable of (int, int)
        Hidden units for sizes and for phases.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each size, of which the one with the lowest loss in training counts.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        hidden, hidden, phase, parameters, loss on held back (nats).

    """
    import pandas as pd

    cut, found = rows.n_samples * 4 // 5, []
    shown, held = rows.rows(slice(cut)), rows.rows(slice(cut, None))
    for size in sizes:
        states = trained(shown, size[0], settings, n_starts, "sizes", *size, seed=seed, n_hidden_phase=size[1])
        best = likeliest(states, shown)[0]
        found.append((*size, best.n_parameters, rotations.negative_log_likelihood(best, held)))
    return pd.DataFrame(found, columns=["hidden", "hidden, phase", "parameters", "loss on held back"])


def chain_by_shots(ground: np.ndarray, rows: Measurements, n_shots: Sequence[int], size: tuple[int, int],
                   settings: StateSettings, n_starts: int, *, seed: int) -> tuple[pd.DataFrame, ComplexState]:
    """The critical Ising chain learnt from the first of its shots, and from more and more of them.

    Parameters
    ----------
    ground : ndarray, shape (2^n_spins,)
        Its exact ground state.
    rows : Measurements
        All shots.
    n_shots : sequence of int
        How many of them are learnt from.
    size : (int, int)
        Hidden units for sizes and for phases.
    settings : StateSettings
        How to train.
    n_starts : int
        Trainings of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    table : pandas.DataFrame
        shots, start (from 1), loss (nats), chosen (1 for the lowest loss), fidelity, energy (per spin, units of J),
        energy error.
    best : ComplexState
        The chosen one of the most shots.

    """
    import pandas as pd

    found, chosen, n_spins = [], {}, rows.n_spins
    for n in n_shots:
        some = rows.rows(slice(n))
        states = trained(some, size[0], settings, n_starts, "chain", n, seed=seed, n_hidden_phase=size[1])
        chosen[n], losses = likeliest(states, some)
        for number, (state, loss) in enumerate(zip(states, losses), start=1):
            psi = state.psi().numpy()
            found.append((n, number, loss, int(state is chosen[n]), metrics.fidelity(psi, ground),
                          ising.energy(psi, 1.0) / n_spins))
    table = pd.DataFrame(found, columns=["shots", "start", "loss", "chosen", "fidelity", "energy"])
    return table.assign(**{"energy error": table.energy - ising.energy(ground, 1.0) / n_spins}), chosen[max(n_shots)]


def frustrated_chain(n_spins: int, frustration: float) -> tuple[np.ndarray, np.ndarray]:
    """The ground state of the J1-J2 chain, and the signs that Marshall's rule gives it.

    Parameters
    ----------
    n_spins : int
        Its length.
    frustration : float
        J2 / J1.

    Returns
    -------
    psi : ndarray, shape (2^n_spins,)
        Real; of both overall signs the one that suits the rule better.
    signs : ndarray, shape (2^n_spins,)

    """
    psi, signs = exact.ground_state(chains.xxz(n_spins, 1.0, next_coupling=frustration))[1], \
        vectors.marshall_signs(n_spins)
    return psi * np.sign(np.sum(psi * abs(psi) * signs)), signs


def amplitudes(states: Iterable[ComplexState], psi: np.ndarray, signs: np.ndarray) -> pd.DataFrame:
    """Amplitudes of machines beside exact ones, with some signs taken out of both.

    Parameters
    ----------
    states : iterable of ComplexState
        One a seed.
    psi : ndarray, shape (2^n_spins,)
        Exact and real.
    signs : ndarray, shape (2^n_spins,)
        To take out.

    Returns
    -------
    pandas.DataFrame
        seed (from 1), exact, machine, machine imaginary (after the one phase that brings it closest to exact).

    """
    import pandas as pd

    tables = []
    for number, state in enumerate(states, start=1):
        vector = state.psi().numpy()
        overlap = np.vdot(vector, psi)
        vector = vector * overlap / abs(overlap)
        tables.append(pd.DataFrame({"seed": number, "exact": psi * signs, "machine": vector.real * signs,
                                    "machine imaginary": vector.imag * signs}))
    return pd.concat(tables, ignore_index=True)


def excess_loss(state: ComplexState | MixedState, rows: Measurements, truth: np.ndarray) -> float:
    """How much worse than the exact state a learnt one explains measurements; below zero it explains their noise.

    Parameters
    ----------
    state : ComplexState or MixedState
        Learnt.
    rows : Measurements
        To explain.
    truth : ndarray
        The amplitudes or the density matrix that they are of.

    Returns
    -------
    float
        Nats a measurement.

    """
    names, place = rows.distinct()
    exactly = [bases.probabilities(truth, basis) for basis in names]
    outcomes = rows.bits @ (1 << np.arange(rows.n_spins)[::-1])
    loss = np.mean([-np.log(exactly[basis][outcome]) for basis, outcome in zip(place, outcomes)])
    return float(rotations.negative_log_likelihood(state, rows) - loss)


def noisy_ghz(n_qubits: int, noise: float) -> np.ndarray:
    """A GHZ state of which each qubit is replaced by a random one with some chance.

    Parameters
    ----------
    n_qubits : int
        Its size.
    noise : float, 0 to 1
        The chance.

    Returns
    -------
    ndarray, shape (2^n_qubits, 2^n_qubits)
        A density matrix.

    """
    return density.depolarized(vectors.ghz(n_qubits, 1.0), noise)


def mixed_states(qubits: Iterable[int], noise: float, n_shots: int, settings: StateSettings, n_seeds: int, *,
                 seed: int) -> tuple[pd.DataFrame, MixedState, Measurements]:
    """Noisy GHZ states learnt with ancillas, from shots in random bases.

    Parameters
    ----------
    qubits : iterable of int
        Sizes.
    noise : float, 0 to 1
        Of `noisy_ghz`.
    n_shots : int
        Outcomes of each state.
    settings : StateSettings
        How to train.
    n_seeds : int
        Machines of each.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    table : pandas.DataFrame
        qubits, seed (from 1), fidelity, purity, purity exact, entropy, entropy exact (nats).
    last : MixedState
        The last machine.
    rows : Measurements
        What it has learnt from.

    """
    import pandas as pd

    found = []
    for n in qubits:
        rho = noisy_ghz(n, noise)
        rows = random_shots(rho, n_shots, "mixed", n, seed=seed)
        for number in range(n_seeds):
            own = rng.child_seed(seed, "mixed", n, number)
            last = fit(MixedState.random(n, 4 * n, seed=own), rows, settings, seed=own).state
            learnt = last.density_matrix().numpy()
            found.append((n, number + 1, density.fidelity(learnt, rho), density.purity(learnt), density.purity(rho),
                          density.entropy(learnt), density.entropy(rho)))
    columns = ["purity", "purity exact", "entropy", "entropy exact"]
    return pd.DataFrame(found, columns=["qubits", "seed", "fidelity", *columns]), last, rows


def compared_averages(n_spins: int, n_shots: Iterable[int], n_sets: int, plan: Plan, *, seed: int) -> pd.DataFrame:
    """Errors of local and non-local averages of the critical Ising chain, by three methods from the same shots.

    Non-local are the correlation of the ends, and products of sx over half of the chain, with and without the last
    spin.

    Parameters
    ----------
    n_spins : int
        Length of the chain.
    n_shots : iterable of int
        Outcomes in random bases.
    n_sets : int
        Data sets of each number.
    plan : callable
        From a number of shots to how the machines are trained.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        shots, set (from 1), kind (local, non-local), method (shadows, matrix product, machine), error (root mean
        square).

    """
    import pandas as pd

    ground, last = ising.ground_state(n_spins, 1.0)[1], n_spins - 1
    string = {i: "X" for i in range(n_spins // 2)}
    averages = {"local": [{i: "X"} for i in range(n_spins)] + [{i: "Z", i + 1: "Z"} for i in range(last)],
                "non-local": [{0: "Z", last: "Z"}, string, string | {last: "X"}]}
    found = []
    for n, number in itertools.product(n_shots, range(n_sets)):
        rows = random_shots(ground, n, "compared", n, number, seed=seed)
        own = rng.child_seed(seed, "compared", n, number)
        start = ComplexState.random(n_spins, n_spins, seed=own)
        machine = fit(start, rows, plan(n), seed=own).state.psi().numpy()
        bond = mps_fit.bond_for(n_spins, start.n_parameters)
        product = mps_fit.maximum_likelihood(rows, bond_dimension=bond, seed=own, max_steps=200).state
        methods = {"shadows": lambda paulis, rows=rows: shadows.expectation(rows, paulis).value,
                   "matrix product": lambda paulis, product=product: mps_averages.expectation(product, paulis),
                   "machine": lambda paulis, machine=machine: bases.expectation(machine, paulis)}
        for (method, average), (kind, paulis) in itertools.product(methods.items(), averages.items()):
            off = np.sqrt(np.mean([(average(p) - bases.expectation(ground, p)) ** 2 for p in paulis]))
            found.append((n, number + 1, kind, method, off))
    return pd.DataFrame(found, columns=["shots", "set", "kind", "method", "error"])


def compared_mixed(n_qubits: int, noise: float, n_shots: Iterable[int], n_sets: int, n_machines: int, plan: Plan, *,
                   seed: int) -> pd.DataFrame:
    """Fidelities with a noisy GHZ state, by four methods from the same shots in all Pauli bases in turn.

    Parameters
    ----------
    n_qubits, noise : int, float
        Of `noisy_ghz`.
    n_shots : iterable of int
        Outcomes.
    n_sets : int
        Data sets of each number.
    n_machines : int
        Machines whose density matrices are averaged.
    plan : callable
        From a number of shots to how they are trained.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        shots, set (from 1), method, fidelity, error (one less the fidelity).

    """
    import pandas as pd

    rho, found = noisy_ghz(n_qubits, noise), []
    for n, number in itertools.product(n_shots, range(n_sets)):
        rows = shots_in_turn(rho, n, "compared mixed, fresh", n, number, seed=seed)
        own = [rng.child_seed(seed, "compared mixed", n, number, k) for k in range(n_machines)]
        machines = [fit(MixedState.random(n_qubits, 8 * n_qubits, seed=one), rows, plan(n),
                        seed=one).state.density_matrix().numpy() for one in own]
        methods = {"maximum likelihood": density_fit.maximum_likelihood(rows).rho,
                   "linear inversion": density_fit.nearest(density_fit.linear_inversion(rows)),
                   "one machine": machines[0], "mean of machines": np.mean(machines, axis=0)}
        found += [(n, number + 1, name, density.fidelity(matrix, rho)) for name, matrix in methods.items()]
    table = pd.DataFrame(found, columns=["shots", "set", "method", "fidelity"])
    return table.assign(error=1 - table.fidelity)


def shots_in_turn(rho: np.ndarray, n_shots: int, *use: object, seed: int) -> Measurements:
    """Outcomes in all products of Pauli bases in turn.

    Parameters
    ----------
    rho : ndarray, shape (2^n_qubits, 2^n_qubits)
        A density matrix.
    n_shots : int
        Outcomes.
    *use : object
        What they are for, which names their random stream.
    seed : int, >= 0
        Fixes them.

    Returns
    -------
    Measurements

    """
    products = itertools.product("XYZ", repeat=len(rho).bit_length() - 1)
    in_turn = ["".join(letters) for letters in itertools.islice(itertools.cycle(products), n_shots)]
    return bases.sample(rho, in_turn, rng=rng.stream(seed, *use))


def learnt_noise(n_qubits: int, noise: float, n_shots: int, n_sets: int, settings: tuple[StateSettings, StateSettings],
                 plain: StateSettings, n_starts: int, *, seed: int) -> pd.DataFrame:
    """Noisy GHZ states learnt as a pure state behind noise of an unknown chance, where the data speak for that.

    Four fifths of the shots teach such a state and a machine with ancillas. The state behind noise is the simpler one
    and is chosen, unless the rest of the shots is less likely under it by more than two standard errors. The chosen
    kind learns from all shots. Of several starts behind noise the one with the lowest loss in training counts.

    Parameters
    ----------
    n_qubits, noise : int, float
        Of `noisy_ghz`.
    n_shots : int
        Outcomes in all Pauli bases in turn.
    n_sets : int
        Data sets.
    settings : (StateSettings, StateSettings)
        How to train behind noise, in the first round and in three more.
    plain : StateSettings
        How to train with ancillas.
    n_starts : int
        Of each training behind noise.
    seed : int, >= 0
        Fixes all of it.

    Returns
    -------
    pandas.DataFrame
        set (from 1), gain (loss on held back of the machine with ancillas less that of the state behind noise, nats),
        error (one standard error of that), chance (0 where the machine was chosen), fidelity.

    """
    import pandas as pd

    def behind(shots: Measurements, *use: object) -> noisy.NoisyState:
        found = []
        for number in range(n_starts):
            own = rng.child_seed(seed, "learnt noise", *use, number)
            start = ComplexState.random(n_qubits, 2 * n_qubits, seed=own)
            first = noisy.fit(start, shots, settings[0], n_rounds=1, seed=own)
            found.append(noisy.fit(first.state, shots, settings[1], chance=first.chance, n_rounds=3, seed=own))
        return min(found, key=lambda state: state.negative_log_likelihood(shots))

    def with_ancillas(shots: Measurements, *use: object) -> MixedState:
        own = rng.child_seed(seed, "learnt noise", *use)
        return fit(MixedState.random(n_qubits, 8 * n_qubits, seed=own), shots, plain, seed=own).state

    rho, found = noisy_ghz(n_qubits, noise), []
    for number in range(n_sets):
        rows = shots_in_turn(rho, n_shots, "learnt noise", number, seed=seed)
        shown, held = rows.rows(slice(n_shots * 4 // 5)), rows.rows(slice(n_shots * 4 // 5, None))
        beside = noisy.NoisyState(with_ancillas(shown, "shown", number), 0.0)
        gains = behind(shown, "shown", number).log_likelihoods(held) - beside.log_likelihoods(held)
        gain, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
        if gain > -2 * error:
            chosen = behind(rows, number)
        else:
            chosen = noisy.NoisyState(with_ancillas(rows, number), 0.0)
        found.append((number + 1, gain, error, chosen.chance, density.fidelity(chosen.density_matrix(), rho)))
    return pd.DataFrame(found, columns=["set", "gain", "error", "chance", "fidelity"])
