"""R-hat and effective sizes against the numbers of another program, and against chains whose numbers are known."""

import numpy as np
import pytest
import torch

from lib.rbm import sampling
from lib.rbm.convergence import convergence, rhat
from lib.rbm.observables import absolute_magnetization, estimate, magnetization_z
from tests.rbm.test_annealing import ferromagnet

# rhat, ess (bulk), ess (tail) and size over ess (mean) of arviz 0.21.0 for `cases`; it gives no rhat for one chain.
REFERENCE = {"independent": (1.0018302220152588, 691.2567421943602, 700.7813890849444, 1.1529351568613517),
             "one chain": (np.nan, 145.93083484767763, 172.56290019476833, 2.7889460675905404),
             "slow": (1.0565088977825137, 57.5651852094478, 205.02462819737445, 34.663258896719185),
             "antithetic": (1.0034994442306246, 3695.0174952571497, 998.5703202551292, 0.32584419466089953),
             "apart": (1.3586275418402058, 10.046476865353696, 54.9628192693179, 45.2172957645074),
             "spread": (1.175514874368316, 631.6791939745201, 47.87407645638734, 0.9565516625886938),
             "cauchy": (0.9992651667972545, 808.6596201821397, 815.6006174027979, 0.9773907381089507),
             "short": (0.8743197358390475, 12.9501749525715, 12.9501749525715, 0.9266284080291267),
             "five": (1.3536111649313416, 7.224719895935548, 7.224719895935548, 1.3841367062030676),
             "drift": (1.128637155724225, 22.069621370179956, 286.6371745274999, 17.869049256697494),
             "bits": (0.9997809234052071, 488.52607696723356, 480.0, 0.9825473452304463),
             "eleven": (1.8175097372577973, 9.620727917464228, 20.979020979020977, 3.7205596575680873),
             "walk": (1.585428823445384, 3.8848416943391326, 12.757221760594366, 41.86643411532025)}


def autoregressive(generator, phi, n_draws, n_chains):
    x = np.zeros((n_draws, n_chains))
    x[0] = generator.normal(size=n_chains) / np.sqrt(1 - phi**2)
    for t in range(1, n_draws):
        x[t] = phi * x[t - 1] + generator.normal(size=n_chains)
    return x


def cases():
    r = np.random.default_rng(5)
    return {"independent": r.normal(size=(200, 4)), "one chain": autoregressive(r, .5, 400, 1),
            "slow": autoregressive(r, .95, 500, 4), "antithetic": autoregressive(r, -.6, 301, 4),
            "apart": autoregressive(r, .3, 100, 4) + np.array([0, 0, 0, 2.]),
            "spread": r.normal(size=(150, 4)) * np.array([1, 1, 1, 3.]), "cauchy": r.standard_cauchy((200, 4)),
            "short": r.normal(size=(4, 3)), "five": r.normal(size=(5, 2)),
            "drift": r.normal(size=(100, 4)) + np.linspace(0, 2, 100)[:, None],
            "bits": (r.random((120, 4)) < .3).astype(float), "eleven": autoregressive(r, .9, 11, 3),
            "walk": np.cumsum(r.normal(size=(60, 2)), 0)}


@pytest.mark.parametrize("name", REFERENCE)
def test_the_numbers_of_another_program(name):
    found = np.array(convergence(cases()[name]))
    known = ~np.isnan(REFERENCE[name])
    np.testing.assert_allclose(found[known], np.array(REFERENCE[name])[known], rtol=1e-10)


@pytest.mark.parametrize("phi", [-0.8, -0.3, 0.0, 0.5, 0.9])
def test_the_time_of_autoregressive_chains(phi):
    x = autoregressive(np.random.default_rng(1), phi, 20_000, 8)
    found = convergence(x)
    lowest = 1 / np.log10(x.size)  # antithetic chains are given no more credit than this
    assert found.tau == pytest.approx(max((1 + phi) / (1 - phi), lowest), rel=0.06)
    assert found.rhat < 1.002
    if phi > 0:
        assert found.tau == pytest.approx(estimate(x).tau, rel=0.05)
    else:  # an estimate of an error is never that of fewer draws
        assert estimate(x).tau == pytest.approx(1, abs=0.02)


def test_chains_that_stand_still():
    assert np.isnan(convergence(np.ones((10, 3)))).all() and np.isnan(rhat(np.zeros(8)))
    found = convergence(np.tile([0.0, 1.0, 0.0], (10, 1)))
    assert found.rhat == np.inf and found.n_bulk <= 6
    assert rhat(np.tile([0.0, 1.0], (10, 1))) == np.inf


@pytest.mark.parametrize("values, words", [
    (np.zeros((3, 4)), r"at least 4 draws, got \(3, 4\); try longer chains, or values.T"),
    (np.zeros((4, 4, 4)), "shape"), (np.zeros((5, 0)), "shape"),
    ([[1.0, 2.0], [np.nan, 1.0], [1, 1], [1, 1]], "got nan at draw 1 of chain 0"),
    ([1.0, np.inf, 2.0, 3.0], "finite"), (3.0, "shape"), (["a"] * 5, "real numbers"), (np.zeros((9, 2)) * 1j, "real")])
def test_what_are_no_chains_is_refused(values, words):
    for function in (convergence, rhat):
        with pytest.raises(ValueError, match=words):
            function(values)


def test_order_of_chains_and_monotone_maps_do_not_matter():
    x = cases()["spread"]
    first = convergence(x)
    assert convergence(x[:, ::-1]) == pytest.approx(first)
    assert convergence(np.exp(x)).n_bulk == pytest.approx(first.n_bulk)
    assert convergence(torch.from_numpy(x)) == first


def test_chains_stuck_in_two_valleys_are_found():
    # Plain Gibbs chains of a strong ferromagnet keep their side; what a flip leaves alone does not notice.
    draws = sampling.sample(ferromagnet(8, 2.2), 8000, seed=1, n_chains=8, burn_in=100, thin=2)
    assert convergence(magnetization_z(draws)).rhat > 1.2
    assert convergence(absolute_magnetization(draws)).rhat < 1.05
