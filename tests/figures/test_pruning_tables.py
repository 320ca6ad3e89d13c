"""Tables of pruned machines, cell by cell."""

import numpy as np

from lib.figures import pruning_tables, tables
from lib.figures.pruning import NAMES
from lib.rbm import pruning_growth, pruning_harm
from tests.pruned_runs import run


def test_ranks_are_those_of_the_runs_by_field_and_stage():
    runs = {1.0: [run(seed, factor=seed) for seed in (1, 2)]}
    table = pruning_tables.ranks(runs, ["pruning", "pruning, step to step"])
    assert list(table.index) == ["h/J = 1, pruning", "h/J = 1, pruning, step to step"]
    found = [pruning_growth.rank_correlations(one, "pruning", ["infidelity"])["infidelity"] for one in runs[1.0]]
    assert pruning_tables.rank_of(runs[1.0][0], "infidelity", "pruning") == found[0]
    assert table.loc["h/J = 1, pruning", NAMES["infidelity"]] == tables.rounded(
        np.mean(found), np.std(found, ddof=1), ".2f")


def test_removed_weights_stand_by_measure_event_and_kind():
    runs = {"ten epochs": [run(seed, factor=seed) for seed in (1, 2)], "none": []}
    table = pruning_tables.removed(runs, {"harmed": pruning_harm.removed}, tables.rounded)
    assert list(table.columns) == ["ten epochs", "none"] and set(table["none"]) == {"not run"}
    values = [pruning_harm.first_of(one) for one in runs["ten epochs"]]
    assert table.loc["first of all, harmed", "ten epochs"] == tables.rounded(
        np.mean(values), np.std(values, ddof=1), ".0f")
