"""Audits in units of the scatter between seeds: right results rarely, shifted ones always contradict."""

import numpy as np
import pytest

from lib.study import audits
from lib.study.scatter import FAR, Scatter
from tests.study.test_audits import toy


def p_of(scatter, rows, now, picked, seed, draws=2000):
    groups = [str(setting) for setting in picked]
    found = [scatter.distances(group, rows[group][seed], now[int(group)]) for group in groups]
    return scatter.p_value(groups, np.array(found), draws=draws)


LAWS = {"normal": lambda rng, shape: rng.standard_normal(shape),
        "heavy tails": lambda rng, shape: rng.standard_t(3, shape)}


@pytest.mark.parametrize("law", LAWS)
def test_right_results_are_rarely_contradicted(law):
    rng = np.random.default_rng(1)
    p = []
    for _ in range(60):
        scatter, rows, now, _ = toy(rng=rng, drawn=LAWS[law])
        p.append(p_of(scatter, rows, now, rng.choice(30, 10, replace=False), 0))
    assert min(p) > 1e-3 and np.mean(np.array(p) < 0.1) < 0.15  # 0.1 or less is expected of either
    assert np.mean(p) < 0.95  # but they do not say nothing


@pytest.mark.parametrize("n_points, least", [(5, 0.0), (8, 0.75), (10, 0.9)])
def test_a_shift_of_three_scatters_is_found(n_points, least):
    rng, found = np.random.default_rng(2), []
    for _ in range(40):
        scatter, rows, _, scale = toy(rng=rng)
        now = np.array([rows[str(setting)][0] + 3 * scale[setting] for setting in range(30)])
        found.append(p_of(scatter, rows, now, rng.choice(30, n_points, replace=False), 0) < audits.CONTRADICTED)
    assert np.mean(found) >= least


def test_wild_seeds_in_a_record_make_its_audits_lenient():
    rng = np.random.default_rng(3)
    scatter, rows, now, scale = toy(rng=rng, spread=0.0)
    off = np.array([rows[str(setting)][0] for setting in range(30)])
    off[:4] += 20 * scale[:4]
    calm = p_of(scatter, rows, off, range(10), 0)
    for setting in range(15, 25):
        rows[str(setting)][2] += 40
    wild = p_of(Scatter(rows, scatter.branch), rows, off, range(10), 0)
    assert calm < 2e-3 < 8e-3 < wild


def test_equal_digits_are_no_distance_and_errors_are_far():
    scatter, rows, _, _ = toy(rng=np.random.default_rng(4))
    none = np.full(2, np.nan)
    assert (scatter.distances("3", rows["3"][1], rows["3"][1]) == 0).all()
    assert (scatter.distances("3", rows["3"][1], none) == FAR).all()
    assert np.isnan(scatter.distances("3", none, none)).all()
    assert scatter.p_value(["1"] * 5, np.zeros((5, 2)), draws=100) == 1
    assert scatter.p_value(["1"] * 5, np.full((5, 2), FAR), draws=20_000) < 1e-3


def test_the_scatter_of_a_setting_is_drawn_towards_the_typical_one():
    rng = np.random.default_rng(5)
    rows = {str(n): rng.standard_normal((3, 1)) for n in range(200)}
    rows |= {"still": np.zeros((3, 1)), "one": np.ones((1, 1))}
    scatter = Scatter(rows, dict.fromkeys(rows, "a") | {"still": "b", "one": "b"})
    assert scatter.freedom == 402
    assert 0.7 < scatter.typical["a"][0] < 1.4  # the median of a variance of three seeds would be 0.69
    assert scatter.typical["b"] == pytest.approx(scatter.typical["a"], rel=0.01)  # too few settings of its own
    assert scatter.variance("still") == pytest.approx(4 / 6 * scatter.typical["a"], rel=0.01)
    assert scatter.variance("one") == pytest.approx(scatter.typical["a"], rel=0.01)
