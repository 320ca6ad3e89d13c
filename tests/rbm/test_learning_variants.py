"""Ways to train, other chains and machines for all fields, from toy tables counted by hand."""

import numpy as np
import pandas as pd
import pytest

from lib.rbm import learning_variants as variants


def searches(*rows):
    """Searches: n_spins, field, hidden units found, largest error, as of `learning_searches.search_table`."""
    table = pd.DataFrame(rows, columns=["n_spins", "field", "hidden", "error"])
    return table.assign(eps=0.002, low=table.hidden - 1, high=table.hidden + 1, largest=2 * table.n_spins)


FOUND = searches((10, 0.8, 5, 1.0), (10, 1.0, 5, 1.0), (10, 1.2, 5, 1.0), (20, 0.5, 13, 2.0), (20, 0.6, 13, 2.0),
                 (20, 0.8, 11, 0.6), (20, 1.0, 10, 0.8), (20, 1.2, 12, 0.5), (30, 0.8, np.inf, np.nan),
                 (30, 1.0, 14, 1.0))


def test_tables_of_ways_to_train_count_what_toy_runs_hold():
    rows = [(10, "a", 4, 0.005, 0.01), (10, "a", 5, 0.001, 0.02), (10, "a", 5, 0.004, 0.04), (10, "b", 5, 0.003, 0.05),
            (10, "b", 6, np.nan, np.nan), (20, "a", 10, 0.001, 0.06)]
    runs = pd.DataFrame(rows, columns=["n_spins", "way", "n_hidden", "bound", "abs m error"])
    assert variants.ways_needed(runs) == {(10, "a"): 5, (10, "b"): None, (20, "a"): 10}
    table = variants.ways_table(runs)
    assert table.loc[("N = 10", "a")].tolist() == [3, 5, "0.00250", "3.0"]
    assert table.loc[("N = 10", "b"), "hidden units needed"] == "more than 6"


def joint_runs():
    rows = [(True, 2, 500, 1, [0.01, 0.03]), (False, 0, 500, 1, [0.04, 0.08]), (True, 2, 500, 2, [0.02, 0.02]),
            (False, 0, 500, 2, [0.04, 0.04]), (True, 1, 2000, 1, [0.01, 0.01])]
    return pd.DataFrame([{"together": together, "degree": degree, "n_samples": n, "seed": seed, "parameters": 100,
                          **dict.fromkeys(("kl", "energy error", "held out energy error", "held out kl"), values)}
                         for together, degree, n, seed, values in rows])


def test_machines_for_all_fields_are_compared_seed_by_seed():
    table = variants.joint_table(joint_runs())
    assert table.kind.tolist() == ["degree 2", "one a field", "degree 2", "one a field", "degree 1"]
    assert table.kl.tolist() == pytest.approx([0.02, 0.06, 0.02, 0.04, 0.01]) and table.worst[1] == 0.08
    gain, error = variants.joint_gain(table, "degree 2", 500)
    assert gain == pytest.approx(2.5) and error == pytest.approx(0.5)
    assert variants.joint_gain(table, "degree 1", 2000) == variants.joint_gain(table, "degree 2", 9) == (None, None)
    assert list(variants.joint_table(joint_runs()[:0]).columns) == list(table.columns)


def test_chains_have_their_names():
    run = {"n_spins": 6, "eps": 0.002, "smallest": 3, "tried hidden": [2, 3], "tried learnt": [0, 1], "n_seeds": 1}
    runs = pd.DataFrame([run | {"model": "b", "parameter": 2.5}, run | {"model": "a", "parameter": 1.0, "n_spins": 8}])
    found = variants.chains_table(runs)
    assert found.model.tolist() == ["b", "a"] and found.field.tolist() == [2.5, 1.0] and found.hidden.tolist() == [3, 3]
    assert len(variants.chains_table(runs[:0])) == 0


def test_ways_to_train_in_numbers():
    rows = [(10, way, 4, floor, 0.3) for way, floor in (("PCD-1", 0.005), ("symmetric", 0.006))]
    rows += [(10, "PCD-1", 5, 0.001, 0.02), (10, "symmetric", 5, 0.001, 0.04), (20, "PCD-1", 10, 0.003, 0.1),
             (20, "PCD-1", 11, 0.001, 0.1), (20, "symmetric", 10, 0.001, 0.1)]
    runs = pd.DataFrame(rows, columns=["n_spins", "way", "n_hidden", "bound", "abs m error"])
    found = variants.ways_numbers(runs, ["PCD-1", "symmetric"])
    assert [found[name][0] for name in ("spins", "long", "least", "most", "spread", "there")] == [10, 20, 5, 5, 0, 2]
    assert found["floor"][0] == pytest.approx(1.2) and found["floor-low"] == (0.005, None)
    assert [found[f"long-{name}"][0] for name in ("least", "most", "pcd-1", "symmetric")] == [10, 11, 0.003, 0.001]
    assert found["tied"] == (-1, None) and found["other-m"] == (4, None) and found["natural-m"] == (None, None)
    more = variants.ways_numbers(runs, ["PCD-1", "symmetric", "CD-1"])
    assert more["spread"] == more["floor"] == (None, None) and more["least"] == (5, None)


def test_machines_for_all_fields_in_numbers():
    runs = joint_runs()
    many = runs[runs.n_samples == 500].assign(n_samples=2000, kl=[[0.001]] * 4, **{"energy error": [[0.001]] * 4})
    table = variants.joint_table(pd.concat([runs, many]).assign(parameters=[50, 100] * 4 + [50]))
    found = variants.joint_numbers(table)
    assert found["few"] == (500, None) and found["many"] == (2000, None) and found["gain"][0] == pytest.approx(2.5)
    assert found["late"][0] == pytest.approx(1) and found["enough-degree-2"] == (2000, None)
    assert found["between"][0] == pytest.approx(0.02) and found["between-degree-2"][0] == pytest.approx(2)
    assert found["left-degree-1"] == (pytest.approx(0.01), None) and found["enough-degree-1"] == (None, None)
    empty = variants.joint_numbers(variants.joint_table(runs[:0]))
    assert set(empty.values()) == {(None, None)}
