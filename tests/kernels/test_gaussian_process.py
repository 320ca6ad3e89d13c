"""Posterior and marginal likelihood against scikit-learn; draws against their covariance; bad kernels refused."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

from lib.kernels import gaussian_process as gp
from lib.kernels import neural_tangent

KERNELS = {
    "gaussian": ConstantKernel(1.7) * RBF(0.8),
    "rough": ConstantKernel(0.3) * RBF(0.2) + DotProduct(0.5),
}


def problem(seed, n_train=23, n_test=11, n_features=3):
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(n_train, n_features)), generator.normal(size=(n_test, n_features))
    return x, y, np.sin(x.sum(axis=1)) + 0.1 * generator.normal(size=n_train)


@pytest.mark.parametrize("noise", [1e-6, 0.05, 2.0])
@pytest.mark.parametrize("name", KERNELS)
def test_posterior_and_likelihood_are_those_of_scikit_learn(name, noise):
    x, y, targets = problem(1)
    kernel = KERNELS[name]
    theirs = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, targets)
    mean, covariance = theirs.predict(y, return_cov=True)
    ours = gp.posterior(kernel(x), kernel(y, x), kernel(y), targets, noise=noise)
    np.testing.assert_allclose(ours.mean, mean, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.covariance, covariance, rtol=1e-8, atol=1e-9)
    assert ours.log_marginal_likelihood == pytest.approx(theirs.log_marginal_likelihood(), rel=1e-10)
    assert gp.log_marginal_likelihood(kernel(x), targets, noise=noise) == ours.log_marginal_likelihood
    assert ours.jitter == 0 and np.array_equal(ours.covariance, ours.covariance.T)
    variances = gp.posterior(kernel(x), kernel(y, x), kernel.diag(y), targets, noise=noise)
    np.testing.assert_allclose(variances.covariance, np.diagonal(covariance), rtol=1e-8, atol=1e-9)
    assert variances.covariance.shape == (len(y),)


def test_several_outputs_are_independent_processes():
    x, y, first = problem(2)
    both = np.column_stack([first, np.cos(x[:, 0])])
    kernel = KERNELS["gaussian"]
    ours = gp.posterior(kernel(x), kernel(y, x), kernel(y), both, noise=0.1)
    theirs = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None).fit(x, both)
    np.testing.assert_allclose(ours.mean, theirs.predict(y), rtol=1e-8, atol=1e-9)
    assert ours.log_marginal_likelihood == pytest.approx(theirs.log_marginal_likelihood(), rel=1e-10)


def test_posterior_is_the_conditional_of_the_joint_gaussian():
    """By the precision matrix of all observations together, which the code never forms."""
    x, y, targets = problem(3, n_train=6, n_test=3)
    kernel = KERNELS["gaussian"]
    joint = kernel(np.concatenate([y, x])) + np.diag([0.0] * 3 + [0.2] * 6)
    precision = np.linalg.inv(joint)
    covariance = np.linalg.inv(precision[:3, :3])
    ours = gp.posterior(kernel(x), kernel(y, x), kernel(y), targets, noise=0.2)
    np.testing.assert_allclose(ours.covariance, covariance, atol=1e-10)
    np.testing.assert_allclose(ours.mean, -covariance @ precision[:3, 3:] @ targets, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n_train=st.integers(1, 12), noise=st.floats(1e-4, 10))
def test_observations_never_add_variance(seed, n_train, noise):
    x, y, targets = problem(seed, n_train=n_train, n_test=4)
    kernel = KERNELS["gaussian"]
    prior = kernel.diag(y)
    variances = gp.posterior(kernel(x), kernel(y, x), prior, targets, noise=noise).covariance
    assert (variances <= prior + 1e-12).all() and (variances >= 0).all()
    at_data = gp.posterior(kernel(x), kernel(x), kernel.diag(x), targets, noise=noise).covariance
    assert (at_data <= noise + 1e-9).all()  # one observation of variance `noise` is there already


def test_without_noise_the_mean_goes_through_the_targets():
    x, _, targets = problem(4, n_train=30)
    kernel = KERNELS["gaussian"]
    ours = gp.posterior(kernel(x), kernel(x), kernel.diag(x), targets, noise=0.0)
    np.testing.assert_allclose(ours.mean, targets, atol=1e-8)
    assert 0 <= ours.covariance.min() <= ours.covariance.max() < 1e-8  # rounding makes some of them negative


def test_draws_have_the_mean_and_the_covariance_of_the_process():
    x, _, _ = problem(5, n_train=4)
    kernel, mean, n_draws = KERNELS["rough"](x), np.array([0.0, 1.0, -2.0, 3.0]), 100_000
    draws = gp.draw_prior(kernel, n_draws, seed=1, mean=mean)
    centred = draws - mean
    variances = np.diagonal(kernel)
    assert (np.abs(centred.mean(axis=0)) < 4.5 * np.sqrt(variances / n_draws)).all()
    # Isserlis: the variance of f_i f_j is K_ii K_jj + K_ij^2.
    error = np.sqrt((np.outer(variances, variances) + kernel**2) / n_draws)
    assert (np.abs(centred.T @ centred / n_draws - kernel) < 4.5 * error).all()
    assert error.max() < 0.02 * variances.max()  # so that a wrong factor would be seen


def test_more_draws_continue_the_first():
    kernel = KERNELS["gaussian"](problem(6)[0])
    np.testing.assert_array_equal(gp.draw_prior(kernel, 9, seed=2)[:4], gp.draw_prior(kernel, 4, seed=2))
    assert np.abs(gp.draw_prior(kernel, 4, seed=3) - gp.draw_prior(kernel, 4, seed=2)).max() > 0.1


def test_jitter_reports_itself():
    kernel = np.full((3, 3), 4.0)  # one input three times: singular, and exactly so in floating point
    with pytest.warns(RuntimeWarning, match="4e-12 was added to its diagonal, 1e-12 of the mean there"):
        lower, jitter = gp.factor(kernel)
    assert jitter == pytest.approx(4e-12)
    np.testing.assert_allclose(lower @ lower.T, kernel, atol=1e-11)
    with pytest.warns(RuntimeWarning):
        assert gp.posterior(kernel, kernel, np.diagonal(kernel), np.ones(3), noise=0.0).jitter == jitter
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gp.factor(kernel, noise=1e-3).jitter == 0
        assert gp.factor(KERNELS["gaussian"](problem(7)[0])).jitter == 0


def test_jitter_grows_only_as_far_as_it_must():
    generator = np.random.default_rng(8)
    vectors = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    for negative, parts in ((-3e-9, (1e-8,)), (-3e-11, (1e-10,)), (-3e-7, (1e-6,))):
        kernel = vectors * [negative, 1, 1, 1, 1, 1] @ vectors.T
        with pytest.warns(RuntimeWarning):
            jitter = gp.factor(kernel).jitter
        assert jitter / np.diagonal(kernel).mean() == pytest.approx(parts[0], rel=1e-6)


EYE = np.eye(3)


@pytest.mark.parametrize("make, words", [
    (lambda: gp.factor(np.ones((2, 3))), r"expected kernel as a square matrix, got shape \(2, 3\)"),
    (lambda: gp.factor(np.ones(3)), "square matrix"),
    (lambda: gp.factor(np.empty((0, 0))), "square matrix"),
    (lambda: gp.factor([[1, np.nan], [np.nan, 1]]), r"finite numbers, got nan at index \(0, 1\)"),
    (lambda: gp.factor([["a"]]), "made of real numbers"),
    (lambda: gp.factor([[2.0, 1.0], [0.9, 2.0]]), "symmetric kernel, got entries that differ .* up to 0.1"),
    (lambda: gp.factor([[1.0, 2.0], [2.0, 1.0]]), "semi-definite kernel, got the eigenvalue -1 where"),
    (lambda: gp.factor(-EYE), "variances above 0 on the diagonal of the kernel, got -1 on average"),
    (lambda: gp.factor(0 * EYE), "variances above 0"),
    (lambda: gp.factor(-EYE, noise=0.5), "eigenvalue -0.5"),
    (lambda: gp.factor(EYE, noise=-1.0), "expected noise to be a finite number >= 0, got -1.0"),
    (lambda: gp.factor(EYE, noise=float("nan")), "expected noise to be a finite number >= 0, got nan"),
    (lambda: gp.draw_prior(EYE, 0, seed=1), "expected n_draws to be an integer >= 1, got 0"),
    (lambda: gp.draw_prior(EYE, 2, seed=1, mean=[0.0, 1.0]), r"mean of shape \(3,\), one number an input, got \(2,\)"),
    (lambda: gp.draw_prior(EYE, 2, seed=-1), "seed"),
    (lambda: gp.posterior(EYE, np.ones((3, 2)), EYE, [1, 2, 3], noise=1.0), r"as \(n_test, 3\), training"),
    (lambda: gp.posterior(EYE, np.ones((2, 3)), EYE, [1, 2, 3], noise=1.0), r"kernel_test as \(2, 2\), or its"),
    (lambda: gp.posterior(EYE, np.ones((2, 3)), [1, 1], [1, 2], noise=1.0), r"targets as \(3,\) or \(3, n_outputs\)"),
    (lambda: gp.posterior(EYE, np.ones((2, 3)), [1, 1], [1, 2, np.inf], noise=1.0), "got inf at index"),
    (lambda: gp.posterior(EYE, np.ones((2, 3)), [3, 1], [1, 2, 3], noise=0.0), "variance of -2 at test input 1"),
    (lambda: gp.log_marginal_likelihood(EYE, np.ones((2, 3)), noise=1.0), "targets as"),
])
def test_bad_input_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_zero_kernel_with_noise_is_no_problem():
    found = gp.posterior(np.zeros((2, 2)), np.zeros((1, 2)), np.zeros(1), [1.0, -1.0], noise=1.0)
    assert found.mean == 0 and found.covariance == 0
    assert found.log_marginal_likelihood == pytest.approx(-1 - np.log(2 * np.pi))


def test_a_lopsided_test_kernel_and_a_pair_of_kernels_are_refused():
    x = np.random.default_rng(1).normal(size=(4, 3))
    kernel = x @ x.T + np.eye(4)
    lopsided = kernel + np.triu(np.ones((4, 4)), 1)
    with pytest.raises(ValueError, match="expected kernel_test symmetric, got entries that differ .* by up to 1;"):
        gp.posterior(kernel, kernel, lopsided, x[:, 0], noise=0.1)
    with pytest.raises(ValueError, match="expected kernel as one matrix, got both kernels of a net"):
        gp.draw_prior(neural_tangent.analytic(x, depth=1), 3, seed=1)
    with pytest.raises(ValueError, match="targets made of finite numbers.*try to look at what targets was made from"):
        gp.log_marginal_likelihood(kernel, [1, 2, np.nan, 4], noise=0.1)


def test_a_kernel_that_leaves_no_room_for_its_factor_is_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(gp, "available_memory", lambda: 3 * 8 * 100**2 - 1)
    with pytest.raises(ValueError, match=r"got the factor of a kernel of 100 inputs and its copies = 234\.3 KiB"):
        gp.factor(np.eye(100))
    gp.factor(np.eye(99))
