"""Random functions on few inputs: by Bayes's theorem alone, and on numbers whose shape is known."""

import numpy as np
import pytest

from lib import rng
from lib.kernels import gaussian_process, random_functions
from lib.kernels.arc_cosine import arc_cosine

POINTS = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]])


def test_weighted_draws_of_the_prior_have_the_posterior_mean():
    kernel = np.array([[1.0, 0.6], [0.6, 1.0]])
    values = gaussian_process.draw_prior(kernel, 50_000, seed=6)
    found = random_functions.weighted_prior(values, [1.5], noise=0.2)
    assert abs(found.mean[0] - 0.6 * 1.5 / 1.2) < 4.5 * found.error[0] and 1000 < found.n_effective < 50_000
    sure = random_functions.weighted_prior(np.array([[1.0, 0.0], [5.0, 100.0]]), [0.0], noise=0.1)
    assert sure.mean[0] == 1 and sure.n_effective == 1


def test_excess_kurtosis_of_known_distributions():
    assert random_functions.excess_kurtosis(np.array([1.0, -1, 1, -1]))[0] == -2
    assert random_functions.excess_kurtosis(np.array([0.0, 0, 0, 2, -2, 0, 0, 0]))[0] == pytest.approx(1)
    estimates = np.array([random_functions.excess_kurtosis(rng.stream(n, "normal").standard_normal(2000))
                          for n in range(100)])
    assert np.std(estimates[:, 0]) == pytest.approx(estimates[:, 1].mean(), rel=0.25)
    assert abs(estimates[:, 0].mean()) < 0.05


def test_outputs_of_networks_become_gaussian_with_the_width():
    outputs, table = random_functions.kurtosis_by_width([8, 32], 20_000, seed=3)
    assert list(table.exact) == [15 / 8, 15 / 32] and (abs(table.estimate - table.exact) < 4.5 * table.error).all()
    assert [np.std(values) for values in outputs.values()] == pytest.approx([1, 1], abs=0.1)
    assert tuple(table.loc[1, ["estimate", "error"]]) == pytest.approx(random_functions.excess_kurtosis(outputs[32]))


def test_priors_and_posteriors_stand_the_check_and_a_wrong_noise_does_not(monkeypatch):
    places, at = np.array([[0.3, 1.0], [1.7, 1.0]]), np.array([[-0.2, 1.0]])
    settings = {"noise": 0.1, "width": 4, "n_networks": 20_000, "n_draws": 20_000, "seed": 1}
    found = random_functions.prior_checks(places, at, [-0.7], **settings)
    assert max(found[:4]) < 4.5 and 1000 < found.n_effective < 20_000
    posterior = gaussian_process.posterior
    monkeypatch.setattr(gaussian_process, "posterior",
                        lambda *given, noise: posterior(*given, noise=10 * noise))
    assert random_functions.prior_checks(places, at, [-0.7], **settings).posterior > 6


def test_random_functions_pass_observations_and_spread_as_the_prior_elsewhere():
    places, at = np.array([[-2.0, 1.0], [0.5, 1.0]]), np.array([[0.5, 1.0]])
    found = random_functions.draw(places, at, [2.0], noise=1e-6, widths=[3], n_drawn=2000, seed=1)
    assert list(found.drawn) == ["width 3", "prior", "posterior"] and found.drawn["width 3"].shape == (2000, 2)
    assert found.deviation == pytest.approx(np.sqrt(np.diagonal(arc_cosine(places))))
    assert found.posterior[0][1] == pytest.approx(2, abs=1e-3) and found.posterior[1][1] < 2e-3
    assert found.drawn["posterior"][:, 1] == pytest.approx(2, abs=0.02)
    assert found.drawn["prior"].std(axis=0) == pytest.approx(found.deviation, rel=0.1)
