"""Slow, plain references for the tests, by enumeration.  They share no code with `lib`.

Basis states count up with site 0 as the most significant bit; bit 0 is spin down.
A machine is three numpy arrays, weights (n_visible, n_hidden), visible_bias (n_visible,) and
hidden_bias (n_hidden,), with the energy E(v, h) = -b.v - c.h - v.W.h (4.1).
"""

import itertools

import numpy as np
from scipy.stats import chi2

IDENTITY = np.eye(2)
SIGMA_X = np.array([[0.0, 1.0], [1.0, 0.0]])
SIGMA_Z = np.array([[-1.0, 0.0], [0.0, 1.0]])  # basis order down, up


def states(n_units: int) -> np.ndarray:
    """All bit strings in counting order, float64 (2^n_units, n_units)."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n_units)))


# --- spin chains


def operator(n_spins: int, factors: dict[int, np.ndarray]) -> np.ndarray:
    """The dense Kronecker product with the given 2x2 matrices at some sites and identities elsewhere."""
    result = np.eye(1)
    for site in range(n_spins):
        result = np.kron(result, factors.get(site, IDENTITY))
    return result


def dense_hamiltonian(n_spins: int, field: float, coupling: float = 1.0) -> np.ndarray:
    """H = -J sum sz sz - h sum sx (5.2) on the open chain, dense (2^n_spins, 2^n_spins)."""
    result = np.zeros((2**n_spins, 2**n_spins))
    for site in range(n_spins - 1):
        result -= coupling * operator(n_spins, {site: SIGMA_Z, site + 1: SIGMA_Z})
    for site in range(n_spins):
        result -= field * operator(n_spins, {site: SIGMA_X})
    return result


def expectation(psi: np.ndarray, matrix: np.ndarray) -> float:
    """<psi| matrix |psi>."""
    return float((psi.conj() @ matrix @ psi).real)


def reduced_density_matrix(psi: np.ndarray, region: list[int]) -> np.ndarray:
    """rho_A by its definition, summing psi(a, e) psi*(a', e) over the other sites, one term at a time."""
    n_spins = int(np.log2(len(psi)))
    rest = [site for site in range(n_spins) if site not in region]
    rho = np.zeros((2 ** len(region), 2 ** len(region)), dtype=complex)

    def amplitude(inside, outside):
        bits = dict(zip(region, inside)) | dict(zip(rest, outside))
        return psi[int("".join(str(bits[site]) for site in range(n_spins)), 2)]

    for outside in itertools.product([0, 1], repeat=len(rest)):
        for row, inside in enumerate(itertools.product([0, 1], repeat=len(region))):
            for column, other in enumerate(itertools.product([0, 1], repeat=len(region))):
                rho[row, column] += amplitude(inside, outside) * np.conj(amplitude(other, outside))
    return rho


def renyi2(psi: np.ndarray, region: list[int]) -> float:
    """S2 = -ln Tr rho_A^2."""
    rho = reduced_density_matrix(psi, region)
    return float(-np.log(np.trace(rho @ rho).real))


# --- restricted Boltzmann machines


def rbm_energy(weights, visible_bias, hidden_bias, visible, hidden) -> float:
    """E(v, h) of one pair of bit vectors, term by term (4.1)."""
    energy = 0.0
    for i, v in enumerate(visible):
        energy -= visible_bias[i] * v
        for j, h in enumerate(hidden):
            energy -= weights[i, j] * v * h
    for j, h in enumerate(hidden):
        energy -= hidden_bias[j] * h
    return float(energy)


def _energy_table(weights, visible_bias, hidden_bias) -> np.ndarray:
    v, h = states(len(visible_bias)), states(len(hidden_bias))
    return np.array([[rbm_energy(weights, visible_bias, hidden_bias, row, column) for column in h]
                     for row in v])


def rbm_log_partition(weights, visible_bias, hidden_bias) -> float:
    """ln Z, summing over all v and h (4.2, 4.4)."""
    energy = _energy_table(weights, visible_bias, hidden_bias)
    lowest = energy.min()
    return float(np.log(np.exp(lowest - energy).sum()) - lowest)


def rbm_joint(weights, visible_bias, hidden_bias) -> np.ndarray:
    """p(v, h), shape (2^n_visible, 2^n_hidden) (4.2)."""
    energy = _energy_table(weights, visible_bias, hidden_bias)
    boltzmann = np.exp(energy.min() - energy)
    return boltzmann / boltzmann.sum()


def rbm_probabilities(weights, visible_bias, hidden_bias) -> np.ndarray:
    """p(v) = sum_h p(v, h), shape (2^n_visible,)."""
    return rbm_joint(weights, visible_bias, hidden_bias).sum(axis=1)


def rbm_hidden_probability(weights, visible_bias, hidden_bias) -> np.ndarray:
    """p(h_j = 1 | v) for every v, shape (2^n_visible, n_hidden), from the joint table, not from a sigmoid."""
    joint = rbm_joint(weights, visible_bias, hidden_bias)
    return (joint @ states(len(hidden_bias))) / joint.sum(axis=1, keepdims=True)


def rbm_visible_probability(weights, visible_bias, hidden_bias) -> np.ndarray:
    """p(v_i = 1 | h) for every h, shape (2^n_hidden, n_visible), from the joint table."""
    joint = rbm_joint(weights, visible_bias, hidden_bias)
    return (joint.T @ states(len(visible_bias))) / joint.sum(axis=0)[:, None]


def rbm_nll_gradient(weights, visible_bias, hidden_bias, data):
    """Gradient (dW, db, dc) of -mean ln p(v) over the rows of `data`: <dE>_data - <dE>_p (4.19)."""
    joint = rbm_joint(weights, visible_bias, hidden_bias)
    v, h = states(len(visible_bias)), states(len(hidden_bias))
    empirical = np.zeros(len(v))
    for row in np.asarray(data):
        empirical[int("".join(str(int(bit)) for bit in row), 2)] += 1 / len(data)
    clamped = empirical[:, None] * joint / joint.sum(axis=1, keepdims=True)
    difference = joint - clamped  # since dE/dlambda = -v h, -v, -h
    return v.T @ difference @ h, v.T @ difference.sum(axis=1), h.T @ difference.sum(axis=0)


def gibbs_transition(weights, visible_bias, hidden_bias) -> np.ndarray:
    """One block-Gibbs sweep v -> h -> v': T[v, v'] = sum_h p(h|v) p(v'|h), rows sum to 1."""
    joint = rbm_joint(weights, visible_bias, hidden_bias)
    hidden_given_visible = joint / joint.sum(axis=1, keepdims=True)
    visible_given_hidden = (joint / joint.sum(axis=0, keepdims=True)).T
    return hidden_given_visible @ visible_given_hidden


# --- statistics


def chi_square(samples_index, probabilities) -> tuple[float, int, float]:
    """Pearson's test of independent draws against exact probabilities: (statistic, dof, p-value).

    Cells are merged, rarest first, until each expects 5 draws.  A draw of an impossible state gives p = 0.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    observed = np.bincount(np.asarray(samples_index), minlength=len(probabilities)).astype(float)
    if len(observed) > len(probabilities) or abs(probabilities.sum() - 1) > 1e-9:
        raise ValueError("expected indices into a normalised distribution")
    if observed[probabilities <= 0].any():
        return np.inf, len(probabilities) - 1, 0.0
    expected = probabilities * observed.sum()
    order = np.argsort(expected, kind="stable")
    cells, pooled_observed, pooled_expected = [], 0.0, 0.0
    for cell in order:
        pooled_observed += observed[cell]
        pooled_expected += expected[cell]
        if pooled_expected >= 5:
            cells.append([pooled_observed, pooled_expected])
            pooled_observed = pooled_expected = 0.0
    if pooled_expected > 0 and cells:  # cannot happen in rising order unless the draws are very few
        cells[-1][0] += pooled_observed
        cells[-1][1] += pooled_expected
    if len(cells) < 2:
        raise ValueError("expected enough draws for at least two cells of expectation 5")
    observed, expected = np.array(cells).T
    statistic = float(((observed - expected) ** 2 / expected).sum())
    dof = len(cells) - 1
    return statistic, dof, float(chi2.sf(statistic, dof))


# --- complex states of two machines, each (weights, visible_bias, hidden_bias)


def complex_psi(amplitude, phase) -> np.ndarray:
    """sqrt(p) exp(i ln(p_phase) / 2) over the basis (5.12), with the normalisation of both, from the joint tables."""
    return np.sqrt(rbm_probabilities(*amplitude)) * np.exp(0.5j * np.log(rbm_probabilities(*phase)))


def rotated_nll(amplitude, phase, bits, gates) -> float:
    """Mean of -ln P (5.14) over rows of bits, each with one 2x2 matrix a site, by whole Kronecker products."""
    psi = complex_psi(amplitude, phase)
    total = 0.0
    for row, matrices in zip(bits, gates):
        unitary = np.eye(1)
        for matrix in matrices:
            unitary = np.kron(unitary, matrix)
        total -= np.log(abs((unitary @ psi)[int("".join(str(int(bit)) for bit in row), 2)]) ** 2)
    return total / len(bits)


def rotated_nll_gradient(amplitude, phase, bits, gates, step=1e-5) -> list[list[np.ndarray]]:
    """The gradient of `rotated_nll` by every parameter of both machines, by central differences of fourth order."""
    machines = [[np.array(part, dtype=float) for part in machine] for machine in (amplitude, phase)]
    result = []
    for machine in machines:
        result.append([])
        for part in machine:
            slope = np.empty_like(part)
            for place in np.ndindex(part.shape):
                kept, values = part[place], []
                for move in (-2, -1, 1, 2):
                    part[place] = kept + move * step
                    values.append(rotated_nll(*machines, bits, gates))
                part[place] = kept
                slope[place] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
            result[-1].append(slope)
    return result


def mixed_rho(amplitude, phase, n_ancillas) -> np.ndarray:
    """Tr over the last n_ancillas visible units of |psi><psi|, one term at a time."""
    psi = complex_psi(amplitude, phase)
    rho = 0
    for ancilla in range(2**n_ancillas):
        column = psi[ancilla::2**n_ancillas]
        rho = rho + np.outer(column, column.conj())
    return rho


def mixed_nll(amplitude, phase, bits, gates) -> float:
    """Mean of -ln <outcome| U rho U' |outcome> over rows; ancillas are the visible units beyond the bits."""
    rho = mixed_rho(amplitude, phase, len(amplitude[1]) - len(bits[0]))
    total = 0.0
    for row, matrices in zip(bits, gates):
        unitary = np.eye(1)
        for matrix in matrices:
            unitary = np.kron(unitary, matrix)
        place = int("".join(str(int(bit)) for bit in row), 2)
        total -= np.log((unitary[place] @ rho @ unitary[place].conj()).real)
    return total / len(bits)
