"""Form or training: toy records counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import form_limits


def forms(*rows):
    table = pd.DataFrame(rows, columns=["start", "n_spins", "n_hidden", "nats", "cost"])
    return table.assign(infidelity=table.cost / 5, **{"energy error": table.cost / table.n_spins})


FORMS = forms(("laid out", 10, 4, 0.2, 0.06), ("laid out", 10, 4, 0.3, 0.05), ("laid out", 14, 6, 0.2, 0.075),
              ("random", 10, 4, 0.1, 0.9),
              *(("laid out", n, n // 2, 0.1, n * (n + 1) / 1e5) for n in (6, 8, 10, 12, 14)))


def test_the_likeliest_start_counts_and_not_the_one_of_lowest_energy():
    table = form_limits.forms_table(FORMS).set_index(["start", "n_spins", "missing"])
    assert table.loc[("laid out", 10, 1), ["cost", "worst cost", "starts"]].tolist() == [0.06, 0.06, 2]
    assert table.loc[("random", 10, 1), "cost"] == 0.9 and len(table) == 8


def test_what_short_chains_say_about_a_long_one():
    found = form_limits.form_limits(form_limits.forms_table(FORMS), at=100)
    assert found["missing ratio"][0] == pytest.approx(1.25) and found["n_spins"][0] == 14
    assert found["infidelity"][0] == pytest.approx(0.015) and found["infidelity at 10"][0] == pytest.approx(0.012)
    ends = [found[f"continued {which}"][0] for which in ("low", "high")]
    assert ends == pytest.approx([101e-5, 101e-5])  # relative errors (n + 1) 1e-5 lie on a line
    few = form_limits.form_limits(form_limits.forms_table(FORMS[:1]), at=100)
    assert few["missing ratio"][0] is few["continued high"][0] is None and few["missing"][0] == 0.06
    none = form_limits.form_limits(form_limits.forms_table(FORMS[:0]), at=100)
    assert {value for value, _ in none.values()} == {None}


def test_a_continuation_that_depends_on_the_law_is_told_as_a_range():
    bent = forms(*(("laid out", n, n // 2, 0.1, n**3 * 1e-7) for n in (6, 8, 10, 12, 14)))  # relative errors n^2 1e-7
    found = form_limits.form_limits(form_limits.forms_table(bent), at=100)
    line = np.polyfit([6, 8, 10, 12, 14], np.square([6, 8, 10, 12, 14]) * 1e-7, 1)
    assert found["continued low"][0] == pytest.approx(np.polyval(line, 100))
    assert found["continued high"][0] == pytest.approx(1e-3)


def test_hidden_units_by_each_criterion():
    rows = [(10, 3, 0.01, 0.005, 2e-4), (10, 4, 0.01, 0.005, 2e-4), (10, 5, 0.001, 0.1, 5e-5), (10, 5, 0.01, 0.1, 2e-4),
            (10, 6, 0.001, 0.001, np.nan), (12, 5, 0.01, 0.02, 2e-4)]
    runs = pd.DataFrame(rows, columns=["n_spins", "n_hidden", *form_limits.CRITERIA])
    found = form_limits.needed_by(runs)
    assert found.loc[10, "bound"] == 5 and found.loc[10, "summed correlation mse"] == 5
    assert found.loc[10, "summed infidelity"] == 3 and found.loc[12].isna().all()
    assert list(form_limits.needed_by(runs[:0]).columns) == [*form_limits.CRITERIA]


def test_recipes_in_the_order_of_the_record():
    rows = [("laid out", "symmetric", 50, 300, 0.001), ("laid out", "symmetric", 50, 300, 0.003),
            ("random", "PCD-1", 60, 300, np.nan)]
    runs = pd.DataFrame(rows, columns=["start", "way", "n_hidden", "n_updates", "bound"])
    table = form_limits.recipes_table(runs)
    assert table.iloc[0].tolist() == [2, 1, 0.001, 0.002] and table.iloc[1, :2].tolist() == [1, 0]


def test_what_criteria_come_to_at_the_longest_chain():
    rows = [(10, 4, 0.001, 0.001, 5e-5), (12, 5, 0.01, 0.009, 5e-5), (12, 5, 0.01, 0.001, 5e-5),
            (12, 6, 0.001, 0.001, 5e-5), (12, 4, 0.01, 0.02, 2e-4)]
    runs = pd.DataFrame(rows, columns=["n_spins", "n_hidden", *form_limits.CRITERIA])
    found = form_limits.criteria_numbers(runs, form_limits.needed_by(runs))
    assert [found[name][0] for name in ("spins", "energy", "fidelity", "correlations", "least")] == [12, 6, 5, 5, 4]
    assert found["more fidelity"] == found["more correlations"] == (-1, pytest.approx(6**-0.5))
    assert [found[name][0] for name in ("near-low", "near", "near-high")] == pytest.approx([0.001, 0.005, 0.009])
    assert [found[name][0] for name in ("few", "many", "lengths", "fewer")] == [1, 2, 2, 1]
    none = form_limits.criteria_numbers(runs[:0], form_limits.needed_by(runs[:0]))
    assert none["fidelity"] == none["more fidelity"] == (None, None) and none["lengths"] == (0, None)


def test_machines_of_a_hundred_spins_by_kind():
    rows = [("laid out", "symmetric", 50, 300, 0.001), ("laid out", "symmetric", 50, 300, 0.003),
            ("laid out", "symmetric", 50, 900, 0.0005), ("random", "symmetric", 50, 300, 0.002),
            ("random", "PCD-1", 60, 300, 0.0001)]
    runs = pd.DataFrame(rows, columns=["start", "way", "n_hidden", "n_updates", "bound"]).assign(n_spins=100)
    found = form_limits.hundred(runs, pd.Series([0.004]))
    assert found["lowest"] == (0.0005, None) and found["tried"] == (5, None) and found["learnt"] == (3, None)
    assert found["laid-out"] == (0.002, None) and found["laid-out-machines"] == (2, None)
    assert found["at-random"] == (0.002, None) and found["there"] == (5, None)
    assert form_limits.hundred(runs[:0], pd.Series([], dtype=float))["lowest"] == (None, None)


def test_judges_are_compared_in_percent_of_what_is_allowed():
    one = {"burn_ins": [500, 8000], "above": [0.001, 0.0012], "above error": [3e-5, 4e-5], "start above": -0.001,
           "start above error": 1e-5, "tempered above": 0.001, "tempered above error": 4e-5}
    other = one | {"above": [0.002, 0.0019], "tempered above": 0.0014}
    gone = dict.fromkeys(one) | {"above": [], "above error": []}
    found = form_limits.judged(pd.DataFrame([one, other, gone]))
    assert list(found.table) == ["machine 1", "machine 2"]
    assert found.table["machine 1"].to_dict() == {"exact samples": "-50.0 ± 0.5", "500 sweeps": "50.0 ± 1.5",
                                                  "8,000 sweeps": "60.0 ± 2.0", "tempered chains": "50.0 ± 2.0"}
    numbers = found.numbers
    assert numbers["start"][0] == pytest.approx(-50) and numbers["first"][0] == pytest.approx(75)
    assert numbers["moved"] == (pytest.approx(10), pytest.approx(2.5)) and numbers["machines"] == (2, None)
    assert numbers["tempered"] == (pytest.approx(30), pytest.approx(2.5))
    assert form_limits.judged(pd.DataFrame()).numbers["moved"] == (None, None)
