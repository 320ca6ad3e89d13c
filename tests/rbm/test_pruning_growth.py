"""How much measures grow, on runs whose numbers are known."""

import numpy as np
import pytest
from scipy import stats

from lib.experiments import pruning
from lib.rbm import pruning_growth as growth
from lib.rbm import pruning_order
from tests.pruned_runs import run

SETTINGS = {"n_spins": 6, "field": 1.0, "n_hidden": 4, "n_samples": 5000, "epochs": 30, "measure_every": 10,
            "criterion": "magnitude", "n_steps": 8, "fine_tune_epochs": 1, "seed": 3, "n_control": 4}


@pytest.fixture(scope="module")
def trained():
    return SETTINGS | pruning.pruning_run(**SETTINGS)


def test_rank_correlations_by_hand(trained):
    assert growth.rank_correlations(trained, "pruning", ["kl"])["kl"] == pytest.approx(1)
    found = growth.rank_correlations(trained, "pruning", ["eROE", "mROE"])
    for name, value in found.items():
        assert value == pytest.approx(stats.spearmanr(trained[f"pruning {name}"], trained["pruning kl"]).statistic)


def test_rank_correlations_of_changes(trained):
    (found,) = growth.rank_correlations(trained, "pruning", ["mROE"], changes=True).values()
    changes = [np.diff(trained[f"pruning {name}"]) for name in ("mROE", "kl")]
    assert found == pytest.approx(stats.spearmanr(*changes).statistic)


def test_growth_and_gain_are_those_at_the_first_step_at_which_so_much_is_gone():
    found = run(**{"pruning mROE": [0.01, 0.1, 0.5, 1, 2, 3]})
    assert growth.growth(found, "mROE", 60) == pytest.approx(50)
    assert growth.gain(found, "mROE", 60) == pytest.approx(0.49)
    assert np.isnan(growth.growth(found, "mROE", 90)) and np.isnan(growth.gain(found, "mROE", 90))
    assert growth.relative_gain(found, "mROE", "kl", 60) == pytest.approx(0.49 / 0.19)
    assert growth.first_order_growth(found, "mROE", 60) == pytest.approx(np.log(50))
    assert growth.first_order_growth(found, "kl", 60) == pytest.approx(np.log(20) / 2)


def test_order_leads_only_where_it_has_grown_most():
    found = run(**{"pruning mROE": [0.01, 0.1, 0.5, 1, 2, 3]})
    assert growth.leads(found) == 1 and growth.leads(found, 0.1) == 0
    assert np.isnan(growth.leads(run(left=(18, 16, 14, 12, 11, 10))))
    energy = run(**{"pruning eROE": [0.001, 0.002, 0.003, 0.0015, 0.1, 0.2], "pruning mROE": [1, 2, 3, 4, 5, 6]})
    assert pruning_order.order_while_energy_good(energy) == 4 and np.isnan(pruning_order.order_while_energy_good(run()))


def test_gains_are_those_of_rise_at_every_share():
    found = growth.gains([run(1), run(2, factor=2)])
    assert len(found) == 2 * 5 * 3 and sorted(found.removed.unique()) == pytest.approx([50, 200 / 3, 250 / 3])
    at = found[(found.measure == "kl") & np.isclose(found.removed, 200 / 3)]
    assert list(at.absolute) == pytest.approx([0.19, 0.39])
    half = 5.8409 * 0.001 * np.sqrt(4 / 3 * 1.25)
    assert list(at.relative) == pytest.approx([0.19 / half, 0.39 / half], rel=1e-4)
