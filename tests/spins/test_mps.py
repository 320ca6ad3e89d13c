"""Matrix product states against the vectors that they stand for: amplitudes, averages, entropies, files."""

import io
import zipfile

import numpy as np
import pytest

from lib import rng
from lib.conventions import all_states
from lib.spins import chains, exact, free_fermions, mps, mps_averages, mps_files
from tests import oracles
from tests.spins.test_chains import SIGMA, kinds


def random_state(bonds=(3, 5, 2), complex_numbers=True, seed=1) -> mps.MatrixProductState:
    draw = rng.stream(seed, "random tensors")
    shapes = list(zip((1, *bonds), (2,) * (len(bonds) + 1), (*bonds, 1)))
    tensors = [draw.standard_normal(shape) for shape in shapes]
    if complex_numbers:
        tensors = [tensor + 1j * draw.standard_normal(tensor.shape) for tensor in tensors]
    return mps.canonical(tensors)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_canonical_form_changes_no_amplitude(complex_numbers):
    draw = rng.stream(2, "tensors", int(complex_numbers))
    tensors = [draw.standard_normal(shape) for shape in ((1, 2, 3), (3, 2, 7), (7, 2, 2), (2, 2, 1))]
    if complex_numbers:
        tensors = [tensor + 1j * draw.standard_normal(tensor.shape) for tensor in tensors]
    by_hand = np.array([np.linalg.multi_dot([t[:, b] for t, b in zip(tensors, row)])[0, 0] for row in all_states(4)])
    state = mps.canonical(tensors)
    assert state.dtype == (np.complex128 if complex_numbers else np.float64)
    np.testing.assert_allclose(state.vector(), by_hand / np.linalg.norm(by_hand), atol=1e-13)
    assert max(state.bond_dimensions) <= 4  # what was too wide is cut without loss


@pytest.mark.parametrize("kind", kinds(6))
def test_averages_of_every_kind(kind):
    chain = kinds(6)[kind]
    value, psi = exact.ground_state(chain)
    state = mps.from_vector(psi)
    np.testing.assert_allclose(state.vector(), psi, atol=1e-12)
    assert mps_averages.energy(state, chain) == pytest.approx(value, abs=1e-11)
    at = {letter: [oracles.operator(6, {i: SIGMA[letter]}) for i in range(6)] for letter in "XYZ"}
    for letter in "XYZ":
        expected = [oracles.expectation(psi, matrix) for matrix in at[letter]]
        np.testing.assert_allclose(mps_averages.magnetization(state, letter), expected, atol=1e-12)
    for letters in ("ZZ", "XX", "YY", "XY", "ZX"):
        expected = [[oracles.expectation(psi, (a @ b + b @ a) / 2) for b in at[letters[1]]] for a in at[letters[0]]]
        np.testing.assert_allclose(mps_averages.correlation(state, letters), expected, atol=1e-12)
    for cut in range(1, 6):
        expected = oracles.renyi2(psi, list(range(cut)))
        assert mps_averages.entanglement_entropies(state, 2)[cut - 1] == pytest.approx(expected, abs=1e-11)
    reduced = np.linalg.eigvalsh(oracles.reduced_density_matrix(psi, [0, 1]))
    neumann = -sum(p * np.log(p) for p in reduced if p > 1e-15)
    assert mps_averages.entanglement_entropies(state)[1] == pytest.approx(neumann, abs=1e-10)
    found = mps_averages.expectation(state, {1: "X", 2: SIGMA["Z"], 5: "Y"})
    operator = oracles.operator(6, {1: SIGMA["X"], 2: SIGMA["Z"], 5: SIGMA["Y"]})
    assert found == pytest.approx(oracles.expectation(psi, operator), abs=1e-12)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_log_amplitudes(complex_numbers):
    state = random_state(complex_numbers=complex_numbers)
    found = mps.log_amplitudes(state, all_states(4))
    np.testing.assert_allclose(np.exp(found), state.vector(), atol=1e-14)
    many = np.tile(all_states(4), (400, 1))  # more rows than are done at a time
    np.testing.assert_allclose(mps.log_amplitudes(state, many), np.tile(found, 400), atol=1e-14)


def test_amplitudes_that_are_zero_or_tiny():
    cat = mps.from_vector(np.array([1, 0, 0, 0, 0, 0, 0, 1]) / 2**0.5)
    logs = mps.log_amplitudes(cat, all_states(3)).real
    assert np.isneginf(logs[1:7]).all() and logs[[0, 7]] == pytest.approx(-np.log(2) / 2)
    n_spins = 3000  # the amplitude is 10^-1200
    product = mps.MatrixProductState((np.array([0.6**0.5, -(0.4**0.5)]).reshape(1, 2, 1),) * n_spins)
    logs = mps.log_amplitudes(product, np.array([[1] * n_spins, [1] + [0] * (n_spins - 1)]))
    np.testing.assert_allclose(logs.real, [n_spins * np.log(0.4) / 2, (np.log(0.4) + 2999 * np.log(0.6)) / 2])
    np.testing.assert_allclose(np.exp(1j * logs.imag), [1, -1], atol=1e-9)


def test_overlap_is_that_of_the_vectors():
    first, second = random_state(seed=1), random_state(seed=2)
    assert mps.overlap(first, second) == pytest.approx(np.vdot(first.vector(), second.vector()), abs=1e-14)
    assert mps.overlap(first, first) == pytest.approx(1)


def test_a_smaller_bond_keeps_the_larger_weights():
    _, psi = exact.ground_state(chains.ising(10, 1.0))
    whole = mps.from_vector(psi)
    fidelities = []
    for bond in (1, 2, 4, 8):
        state = mps.from_vector(psi, max_bond=bond)
        assert max(state.bond_dimensions) == bond and state.n_parameters < whole.n_parameters
        fidelities.append(abs(state.vector() @ psi) ** 2)
    assert fidelities == sorted(fidelities) and fidelities[0] < 0.9 < 0.999999 < fidelities[-1]
    # One cut alone: what is lost is the weight behind it.
    weights = mps_averages.schmidt_weights(whole)[4]
    assert weights.sum() == pytest.approx(1) and (np.diff(weights) <= 0).all()
    cut = mps.from_vector(psi, cutoff=1e-4)
    assert 1 - 9 * 1e-4 < abs(cut.vector() @ psi) ** 2 < 1 - 1e-6


def test_phase_of_a_likely_amplitude():
    for seed in range(5):
        state = random_state(seed=seed)
        turned = mps.positive_phase(state)
        bits = mps.likely_bits(turned)
        assert mps.log_amplitudes(turned, bits[None])[0].imag == pytest.approx(0, abs=1e-12)
        assert abs(mps.overlap(state, turned)) == pytest.approx(1)
    _, psi = exact.ground_state(chains.ising(6, 1.0))
    turned = mps.positive_phase(mps.from_vector(-psi))
    np.testing.assert_allclose(turned.vector(), psi, atol=1e-12)


def test_a_thousand_spins():
    draw = rng.stream(3, "long")
    state = mps.canonical([1e-3 * draw.standard_normal((1 if i == 0 else 4, 2, 1 if i == 999 else 4))
                           for i in range(1000)])
    assert mps.overlap(state, state).real == pytest.approx(1, abs=1e-10)
    squares = mps_averages.expectation(state, {0: "Z", 999: "Z"}), mps_averages.correlation(state)[0, 999]
    assert squares[0] == pytest.approx(squares[1], abs=1e-12)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_files_give_back_the_bits(tmp_path, complex_numbers):
    state = random_state(complex_numbers=complex_numbers)
    mps_files.save(tmp_path / "new" / "a.npz", state, metadata={"field": 1.0})
    mps_files.save(tmp_path / "b.npz", state, metadata={"field": 1.0})
    assert (tmp_path / "new" / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded, metadata = mps_files.load(tmp_path / "b.npz")
    assert metadata == {"field": 1.0} and loaded.dtype == state.dtype
    for one, other in zip(state.tensors, loaded.tensors, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    with pytest.raises(FileNotFoundError, match="got no file"):
        mps_files.load(path)
    mps_files.save(path, random_state())
    whole = path.read_bytes()
    members = dict(np.load(path))
    wrong = {"cut": whole[:-100], "text": b"1 0 1\n"}
    for name, change in (("another format", {"format": np.array("matrix product state 2")}),
                         ("bonds", {"bonds": np.array([1, 3, 5, 3, 1])}),
                         ("types", {"bonds": members["bonds"].astype(float)}),
                         ("not canonical", {"values": 2 * members["values"]}),
                         ("pickle", {"metadata": np.array([{}], dtype=object)})):
        content = io.BytesIO()
        np.savez(content, **(members | change))
        wrong[name] = content.getvalue()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("format.npy", b"")
    wrong["members missing"] = content.getvalue()
    for content in wrong.values():
        path.write_bytes(content)
        with pytest.raises(ValueError, match="expected a state written by lib.spins.mps_files.save.*state.npz"):
            mps_files.load(path)
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="got something else"):
        mps_files.load(path)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: mps.MatrixProductState(()), "one tensor a site, got none"),
    (lambda: mps.MatrixProductState((np.ones((1, 2, 1)),)), "right-canonical tensors, .* site 0; try .*canonical"),
    (lambda: mps.canonical([np.ones((1, 2, 2)), np.ones((3, 2, 1))]), r"site 1 of shape \(2, 2, \?\), got \(3, 2, 1\)"),
    (lambda: mps.canonical([np.ones((2, 1, 1))]), "numpy.transpose"),
    (lambda: mps.canonical([np.ones((1, 2, 2))]), "right bond of size 1 at the last site, got 2"),
    (lambda: mps.canonical([np.full((1, 2, 1), np.nan)]), "finite numbers in the tensors"),
    (lambda: mps.canonical([np.zeros((1, 2, 1))]), "product is zero"),
    (lambda: mps.from_vector(np.ones(3)), "expected psi"),
    (lambda: mps.from_vector(np.array([1.0, 0.0]), max_bond=0), "max_bond to be an integer >= 1, got 0"),
    (lambda: mps.log_amplitudes(random_state(), [[0, 1]]), "4 columns"),
    (lambda: mps.overlap(random_state(), random_state((2,))), "same number of spins, got 4 and 2"),
    (lambda: mps_averages.expectation(random_state(), {4: "X"}), "sites 0 to 3, got 4"),
    (lambda: mps_averages.expectation(random_state(), {}), "got none"),
    (lambda: mps_averages.expectation(random_state(), {0: "A"}), "letter X, Y or Z, got 'A'"),
    (lambda: mps_averages.magnetization(random_state(), np.eye(3)), r"2x2 matrix, got shape \(3, 3\)"),
    (lambda: mps_averages.correlation(random_state(), "Z"), "two letters"),
    (lambda: mps_averages.energy(random_state(), chains.ising(5, 1.0)), "chain of 4 spins, got one of 5"),
    (lambda: mps_averages.entanglement_entropies(random_state(), 3), "order 1 .* or 2"),
    (lambda: mps_files.save("state.txt", random_state()), "ends in .npz"),
    (lambda: mps_files.save("state.npz", random_state(), metadata={"a": np.nan}), "expected metadata"),
    (lambda: mps.MatrixProductState((np.array([1.0, 0]).reshape(1, 2, 1),) * 30).vector(), "at most 24 spins"),
])
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_fidelity_with_a_machine_from_samples_and_logarithms():
    # What the logarithms are for: |<rbm|mps>|^2 is |mean r|^2 / mean |r|^2 with r = psi_rbm / psi_mps over samples.
    from lib.rbm.metrics import fidelity
    from lib.rbm.states import PositiveState
    from lib.spins.ising import sample
    from tests.rbm.test_machine import make_machine

    _, psi = exact.ground_state(chains.ising(8, 1.0))
    state, machine = mps.from_vector(psi), PositiveState(make_machine(8, 4))
    bits = sample(psi, 100_000, rng=rng.stream(5, "fidelity"))
    ratio = np.exp(machine.log_psi(bits).numpy() - mps.log_amplitudes(state, bits))
    assert abs(ratio.mean()) ** 2 / np.mean(abs(ratio) ** 2) == pytest.approx(fidelity(machine, psi), rel=0.05)
    assert free_fermions.ground_state_energy(8, 1.0) == pytest.approx(mps_averages.energy(state, chains.ising(8, 1.0)))


@pytest.mark.parametrize("amplitude", [1.0, -0.4, 2.5])
def test_a_superposition_is_the_sum_of_the_vectors(amplitude):
    first, second = random_state(), random_state((2, 4, 2), complex_numbers=False, seed=2)
    expected = first.vector() + amplitude * second.vector()
    both = mps.superposed(first, second, amplitude)
    np.testing.assert_allclose(both.vector(), expected / np.linalg.norm(expected), atol=1e-13)
    one = [mps.canonical([np.array(values).reshape(1, 2, 1)]) for values in ([0.6, 0.8], [0.8, -0.6])]
    np.testing.assert_allclose(mps.superposed(*one).vector(), np.array([1.4, 0.2]) / 2**0.5, atol=1e-14)


def test_a_superposition_that_is_none_is_refused():
    state = random_state()
    with pytest.raises(ValueError, match="expected two states of the same number of spins, got 4 and 3"):
        mps.superposed(state, random_state((2, 2)))
    with pytest.raises(ValueError, match="expected a state with a norm"):
        mps.superposed(mps.from_vector([1.0, 0.0]), mps.from_vector([1.0, 0.0]), -1.0)
