"""A numba outside of the tested range: the plain loops are taken, a warning says so, and the results are the same."""

import json
import os
import subprocess
import sys
import tomllib
import warnings

import numpy as np
import pytest

from lib.native import switch
from lib.native.switch import TESTED, VARIABLE, compiled
from lib.rbm import ensembles
from lib.rbm.complex_training import StateSettings, fit
from lib.rbm.machine import Machine
from lib.rbm.rotations import flat_parameters
from lib.rbm.sampling import sample
from lib.rbm.training import TrainingSettings, train
from lib.spins import mps, mps_samples
from lib.study import committed
from tests.models.sparse.test_layers import SparseConv2d, both, images, random_mask
from tests.native.test_batch_norm import Normalized
from tests.rbm.test_complex_state import make_state, random_rows
from tests.tree import ROOT


def observed():
    """Some numbers of every kind of loop that is made of vectors of sixteen numbers, by name."""
    rows = np.random.default_rng(1).integers(0, 2, (20, 5), dtype=np.uint8)
    found = {}
    for precision in ("float32", "float64"):
        settings = TrainingSettings(epochs=2, batch_size=10, learning_rate=0.2, n_gibbs=1, precision=precision,
                                    engine="numba")
        machines = [Machine.random(5, 3, seed=seed) for seed in (1, 2)]
        alone = train(machines[0], rows, settings, seed=3).machine
        batch = ensembles.train_ensemble(machines, rows, settings, seeds=[3, 4])
        found |= {f"trained, {precision}": alone.weights, f"ensemble, {precision}": batch[1].machine.weights,
                  f"sampled, {precision}": sample(alone, 40, seed=5, n_chains=20, burn_in=2, thin=1, engine="numba",
                                                  precision=precision)}
    state, measured = make_state(3, 2, 2, 0.8, 1), random_rows(3, 12, 2)[0]
    fitted = fit(state, measured, StateSettings(epochs=1, batch_size=6, negative_phase="sampled", n_gibbs=1), seed=7)
    found["complex state"] = flat_parameters(fitted.state)
    psi = np.random.default_rng(2).normal(size=(2, 16))
    chain = mps.from_vector((psi[0] + 1j * psi[1]) / np.linalg.norm(psi))
    found["matrix product state"] = mps_samples.sample_in_bases(chain, "XZYZ", 40, rng=np.random.default_rng(3)).bits
    layer = SparseConv2d(random_mask((3, 2, 3, 3), 0.5), 2, bias=True, seed=1, path="native")
    values = both(layer, images(17, 2, 4, 5))[0]  # 17 images: a group of sixteen that is full, and one that is not
    found |= {f"sparse convolution {n}": value for n, value in enumerate(values)}
    found["BatchNorm"] = Normalized(17, 2, 3, shortcut="one").a
    return {name: np.asarray(value, float) for name, value in found.items()}


def test_releases_in_and_out_of_the_tested_range():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for release in ("0.61.0", "0.64.2", "0.68.1"):
            assert compiled(release)
        assert not compiled("0.64.2", "plain") and compiled("9.0", "compiled")
    for release in ("0.60.1", "0.69.0", "1.0.0rc1"):
        with pytest.warns(RuntimeWarning, match=rf"expected numba 0\.61 to 0\.68.*got {release}.*plain Python.*; try"):
            assert not compiled(release)
    with pytest.raises(ValueError, match="LIB_NATIVE=plain or LIB_NATIVE=compiled, got 'fast'; try"):
        compiled("0.68.1", "fast")


def test_the_tested_range_is_what_is_asked_for_and_what_was_tested():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert f"numba>={'.'.join(map(str, TESTED[0]))}" in asked
    for row, version in zip(committed.read(ROOT, "ranges"), TESTED):
        assert row.packages["numba"].startswith(".".join(map(str, version)) + ".") and not row.status, row.end


def test_plain_loops_give_the_same_results():
    assert switch.COMPILED, f"{VARIABLE} is set"
    code = ("import json, sys; from tests.native import test_switch\n"
            "assert not test_switch.switch.COMPILED\n"
            "json.dump({name: value.tolist() for name, value in test_switch.observed().items()}, sys.stdout)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {VARIABLE: "plain"},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    plain = json.loads(done.stdout)
    for name, value in observed().items():
        np.testing.assert_allclose(np.array(plain[name]), value, rtol=1e-5, atol=1e-6, err_msg=name)
