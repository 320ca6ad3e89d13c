"""The machine that runs in the page of chapter 7: `lib`, a chain in plain Python, and the script of the page agree."""

import itertools
import json
import math
import shutil
import subprocess

import numpy as np
import pytest
import torch

from lib import rng
from lib.rbm import living, partition, quality, sampling
from lib.rbm.machine import Machine
from lib.spins import ising
from tests.tree import ROOT

SCRIPTS = [ROOT / "book/_static" / name for name in ("knobs.js", "living.js")]
# What the page does with a machine, for a caller: the spins of a chain and the means over it.
RUN = """({ machine, removed, kept, words, sweeps }) => {
  const living = new LivingMachine(machine, removed, kept), spins = [];
  living.begin(words);
  for (let t = 0; t < sweeps; t++) { living.sweep(); spins.push(living.bits); }
  return { spins, ...living.estimates() };
}"""


def trained(n_visible=7, n_hidden=3, seed=2):
    """A machine with domains, nearly symmetric under a flip of all spins, as training makes them."""
    noise = rng.stream(seed, "living")
    weights = torch.from_numpy(0.3 * noise.standard_normal((n_visible, n_hidden)))
    for j in range(n_hidden):
        weights[2 * j : 2 * j + 3, j] += 3.0
    biases = (torch.from_numpy(0.05 * noise.standard_normal(n)) for n in (n_visible, n_hidden))
    return Machine(weights, *(bias - weights.sum(axis) / 2 for axis, bias in zip((1, 0), biases)))


def by_hand(machine, n_sweeps, words):
    """Spins of the chain, and the smallest distance of a uniform number from its probability, in plain Python."""
    w, b, c = (x.tolist() for x in (machine.weights, machine.visible_bias, machine.hidden_bias))
    s, bits, distance, rows = [int(word) for word in words], [1] * len(b), 1.0, []

    def uniform():
        drawn = (s[0] + s[3]) % 2**32
        shifted = (s[1] << 9) % 2**32
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = ((s[3] << 11) | (s[3] >> 21)) % 2**32
        signed = drawn - 2**32 if drawn >= 2**31 else drawn
        return (signed + 0.5) / 2**32 + 0.5

    for _ in range(n_sweeps):
        for bias, weights, hidden in ((c, w, True), (b, w, False)):
            probabilities = [
                1 / (1 + math.exp(-sum((weights[i][j] if hidden else weights[j][i]) * bit
                                       for i, bit in enumerate(bits)) - one))
                for j, one in enumerate(bias)
            ]
            drawn = [uniform() for _ in bias]
            distance = min([distance, *(abs(u - p) for u, p in zip(drawn, probabilities))])
            bits = [int(u < p) for u, p in zip(drawn, probabilities)]
        rows.append(bits)
    return np.array(rows), distance


@pytest.fixture(scope="module", params=["node", "chromium"])
def script(request):
    """script(arguments): what the script of the page makes of them, in Node or in a browser."""
    if request.param == "node":
        if shutil.which("node") is None:
            pytest.skip("no node on this machine")
        text = "".join(f"{path.read_text('utf-8')}\n" for path in SCRIPTS[1:])

        def run(arguments):
            code = f"{text}console.log(JSON.stringify(({RUN})({json.dumps(arguments)})))"
            done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
            return json.loads(done.stdout)

        yield run
    else:
        page = request.getfixturevalue("browser").new_page()
        page.goto("about:blank")
        for path in SCRIPTS:
            page.add_script_tag(path=str(path))
        yield lambda arguments: page.evaluate(RUN, arguments)
        page.close()


def told(machine, **arguments):
    """The arguments of `RUN`: a machine as the page has it, and what to do."""
    return {"machine": {"weights": machine.weights.tolist(), "visible": machine.visible_bias.tolist(),
                        "hidden": machine.hidden_bias.tolist(), "field": 1.3}, **arguments}


@pytest.mark.parametrize("removed, kept", [(0, True), (9, True), (9, False), (14, True), (21, False)])
def test_the_page_runs_the_chain_of_lib_spin_by_spin(script, removed, kept):
    machine, n_sweeps, seed = trained(), 400, 3
    words = sampling.generators(seed, 1)[0]
    cut = living.without_smallest(machine, removed, keep_fields=kept)
    spins, distance = by_hand(cut, n_sweeps, words)
    assert distance > 1e-9  # so that no last digit of an exponential decides
    assert np.array_equal(living.chain(cut, n_sweeps, seed), spins)
    found = script(told(machine, removed=removed, kept=kept, words=words.tolist(), sweeps=n_sweeps))
    assert np.array_equal(found["spins"], spins)
    expected = living.estimates(cut, spins, 1.3)
    assert found["order"] == pytest.approx(expected["order"], abs=1e-13)
    assert found["energy"] == pytest.approx(expected["energy"], rel=1e-12)
    assert found["correlation"] == pytest.approx(expected["correlation"].tolist(), abs=1e-13)
    assert len(np.unique(spins, axis=0)) > 10  # else there was nothing to compare


def test_every_seed_of_the_page_is_a_chain_of_its_own(script):
    machine = trained()
    chains = []
    for seed in (1, 2, living.N_SEEDS):
        words = sampling.generators(seed, 1)[0].tolist()
        chains.append(script(told(machine, removed=0, kept=True, words=words, sweeps=50))["spins"])
        assert np.array_equal(chains[-1], living.chain(machine, 50, seed))
    assert chains[0] != chains[1] != chains[2]


def test_biases_that_keep_the_fields_leave_the_coupling_of_spins():
    """Against sums over both layers in terms of spins: the couplings W/4 of removed weights go, all fields stay."""
    machine = trained(5, 2)
    w, b, c = (x.numpy() for x in (machine.weights, machine.visible_bias, machine.hidden_bias))
    kept = np.abs(w) >= np.sort(np.abs(w), axis=None)[4]
    weight = []
    for s in itertools.product((-1, 1), repeat=5):
        of_s = [np.exp(sum(w[i, j] * s[i] * t[j] / 4 for i, j in zip(*np.nonzero(kept)))
                       + np.dot(s, b / 2 + w.sum(1) / 4) + np.dot(t, c / 2 + w.sum(0) / 4))
                for t in itertools.product((-1, 1), repeat=2)]
        weight.append(sum(of_s))
    found = partition.probabilities(living.without_smallest(machine, 4, keep_fields=True)).numpy()
    assert found == pytest.approx(np.array(weight) / sum(weight), rel=1e-12)
    lost = living.without_smallest(machine, 4, keep_fields=False)
    assert torch.equal(lost.visible_bias, machine.visible_bias) and lost.n_weights == 6
    assert np.abs(partition.probabilities(lost).numpy() - found).max() > 1e-3
    with pytest.raises(ValueError, match="expected"):
        living.without_smallest(machine, 11, keep_fields=True)


def test_exact_values_are_those_of_the_study():
    machine = trained(6, 3)
    reference = quality.reference(6, 1.3, np.ones((1, 6), int), n_samples=2, rng=np.random.default_rng(1))
    study = quality.summed(machine, reference, n_samples=2)
    found = living.exact(np.sqrt(partition.probabilities(machine).numpy()), 1.3)
    ground = living.exact(ising.ground_state(6, 1.3)[1], 1.3)
    assert (found["order"], ground["order"]) == pytest.approx((study["abs m"], reference.abs_m), abs=1e-12)
    assert (found["energy"], ground["energy"]) == pytest.approx((study["energy"], reference.energy), abs=1e-10)
    assert found["correlation"] == pytest.approx(study["correlation"], abs=1e-12)
    assert ground["correlation"] == pytest.approx(reference.correlation.tolist(), abs=1e-12)


def test_long_chains_agree_with_the_exact_values():
    machine = living.without_smallest(trained(), 14, keep_fields=True)
    exact = living.exact(np.sqrt(partition.probabilities(machine).numpy()), 1.3)
    chains = [living.estimates(machine, living.chain(machine, 4000, seed), 1.3) for seed in range(1, 9)]
    for what, value in exact.items():
        found = np.array([one[what] for one in chains])
        error = found.std(0, ddof=1) / np.sqrt(len(chains)) + 1e-12
        assert np.abs((found.mean(0) - value) / error).max() < 6, what


def test_means_of_a_machine_at_work_are_those_over_its_chain():
    machine = trained()
    run = living.at_work(machine, 1.3, 14, distances=(1, 3), n_sweeps=400, seed=2)
    alive = living.without_smallest(machine, 14, keep_fields=True)
    assert run.removed == 14 and np.array_equal(run.bits, living.chain(alive, 400, 2))
    found, spins = living.estimates(alive, run.bits, 1.3), 2.0 * run.bits - 1
    assert list(run.means) == ["order", "energy", "C(1)", "C(3)"]
    assert [run.means[name][0] for name in ("order", "energy")] == pytest.approx([found["order"], found["energy"]])
    assert run.means["C(3)"][0] == pytest.approx((spins[:, 3] * spins[:, 6]).mean())
    assert all(error > 0 for _, error in run.means.values())


def test_the_table_tells_the_page_everything():
    machine = trained(4, 2)
    table = living.table(machine, 1.3)
    numbers = {(row.what, row.removed, row.i, row.j): row.value for row in table.itertuples()}
    assert len(numbers) == len(table) == 1 + 8 + 4 + 2 + 4 * living.N_SEEDS + (1 + 2 * 9) * (2 + 3)
    assert numbers["weight", 0, 3, 1] == machine.weights[3, 1]
    assert numbers["generator", 0, 7, 2] == sampling.generators(7, 1)[0][2]
    cut = living.without_smallest(machine, 5, keep_fields=False)
    exact = living.exact(np.sqrt(partition.probabilities(cut).numpy()), 1.3)
    assert numbers["lost correlation", 5, 2, 0] == exact["correlation"][2]
    assert numbers["kept order", 0, 0, 0] == numbers["lost order", 0, 0, 0] != numbers["ground order", 0, 0, 0]
