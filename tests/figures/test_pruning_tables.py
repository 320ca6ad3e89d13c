"""Tables of pruned machines, cell by cell."""

import numpy as np
import pandas as pd

from lib.figures import pruning_tables, tables
from lib.figures.pruning import NAMES
from lib.rbm import pruning_growth, pruning_harm
from lib.rbm.pruning_order import Shift
from lib.study.claims import plus_minus
from tests.pruned_runs import run

NAN = float("nan")


def test_ranks_are_those_of_the_runs_by_field_and_stage():
    runs = {1.0: [run(seed, factor=seed) for seed in (1, 2)]}
    table = pruning_tables.ranks(runs, ["pruning", "pruning, step to step"])
    assert list(table.index) == ["h/J = 1, pruning", "h/J = 1, pruning, step to step"]
    found = [pruning_growth.rank_correlations(one, "pruning", ["infidelity"])["infidelity"] for one in runs[1.0]]
    assert pruning_tables.rank_of(runs[1.0][0], "infidelity", "pruning") == found[0]
    assert table.loc["h/J = 1, pruning", NAMES["infidelity"]] == tables.rounded(
        np.mean(found), np.std(found, ddof=1), ".2f")


def test_one_machine_has_a_column_a_field_and_event_and_the_record_the_same_with_scatter():
    one, many = run(), [run(seed, factor=seed) for seed in (1, 2)]
    table = pruning_tables.removed_here({1.0: one, 2.0: run(factor=0.01)})
    assert list(table.columns) == [f"h/J = {h}, {word}" for h in (1, 2) for word in ("left its band", "harmed")]
    assert list(table.index) == list(pruning_tables.WATCHED)
    numbers = (pruning_harm.left_band, pruning_harm.removed)
    left_band, harmed = (pruning_harm.first_of(one, number) for number in numbers)
    assert table.loc["first of all", "h/J = 1, left its band"] == f"{left_band:.0f}"
    assert table.loc["first of all", "h/J = 1, harmed"] == f"{harmed:.0f}"
    assert table.loc["first of all", "h/J = 2, harmed"].startswith("> ")
    record = pruning_tables.removed_of_record({1.0: many}, tables.rounded)
    assert list(record.columns) == [f"h/J = 1, {word}" for word in ("left its band", "doubled", "harmed")]
    doubled = [pruning_harm.doubled(one, "mROE") for one in many]
    assert record.loc[NAMES["mROE"], "h/J = 1, doubled"] == tables.rounded(
        np.mean(doubled), np.std(doubled, ddof=1), ".0f")


def test_losses_stand_by_field_length_and_steps():
    table = pruning_tables.losses({(1.0, 1, (1, 1)): Shift(2.0, 0.5, 0.01), (1.0, 1, (1, 4)): Shift(-1.0, 0.25, 0.9),
                                   (1.0, 10, (1, 1)): Shift(*3 * [np.nan]), (1.0, 10, (1, 4)): Shift(0.0, 0.1, 0.5)})
    assert table.to_dict("split")["data"] == [["-2.00 ± 0.50 (p = 0.01)", "1.00 ± 0.25 (p = 0.9)"],
                                              ["not run", "-0.00 ± 0.10 (p = 0.5)"]]
    assert list(table.index) == ["h/J = 1, 1 epoch a step", "h/J = 1, 10 epochs a step"]
    assert list(table.columns) == ["step 1", "steps 1 to 4"]


def test_removed_weights_stand_by_measure_event_and_kind():
    runs = {"ten epochs": [run(seed, factor=seed) for seed in (1, 2)], "none": []}
    table = pruning_tables.removed(runs, {"harmed": pruning_harm.removed}, tables.rounded)
    assert list(table.columns) == ["ten epochs", "none"] and set(table["none"]) == {"not run"}
    values = [pruning_harm.first_of(one) for one in runs["ten epochs"]]
    assert table.loc["first of all, harmed", "ten epochs"] == tables.rounded(
        np.mean(values), np.std(values, ddof=1), ".0f")


def test_bounds_have_a_sign_where_nothing_is_harmed():
    late = run(**{"pruning kl": [0.01, 0.01, 0.01, 0.3, 0.4, 0.5], "pruning eROE": [0.01] * 6})
    assert pruning_tables.removed_text(late, ["kl"], 2) == "67"
    assert pruning_tables.removed_text(late, ["eROE"], 2) == "> 83"
    assert pruning_tables.removed_text(late, ["kl", "eROE", "mROE"], 2) == "0"


def test_breaks_have_a_column_a_chain():
    ends = pd.DataFrame([{"n": n, "seed": seed, "energy error": 0.001 * seed, "eROE": 0.002, "abs m error": 0.01,
                          "harmed": 40.0, "turned": 30.0, "cut off": cut, "splits": NAN, "apart": 9.0}
                         for n, seed, cut in ((18, 1, 20.0), (18, 2, 30.0), (18, 3, NAN), (50, 1, 5.0))])
    table = pruning_tables.breaks(ends, [18, 50, 100], plus_minus)
    assert table.loc["energy error (1e-3)", 18] == "2.0 ± 1.0" and table.loc["runs"].tolist() == [3, 1, 0]
    assert table.loc["ξ below N/2 (% left)"].tolist() == ["25.0 ± 7.1; never in 1 of 3", "5.0", "not run"]
    assert table.loc["exponential closer (% left)"].tolist() == ["–", "30.0", "not run"]
    assert table.loc["graph splits (% left)"].tolist() == ["never", "never", "not run"]
    assert table.loc["minimal tree (%)", 18] == "16.0"
