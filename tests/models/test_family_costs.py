"""Families beside what they cost, and beside the thesis's table, on made-up ones whose accuracies are known."""

import numpy as np
import pytest

from lib.models import families, family_costs, resnet
from tests.resnet_tables import record


def test_hours_are_those_of_the_multiply_adds_at_the_speed_of_the_record():
    done = record().assign(multiply_adds=2e6, epochs=10)
    wide = resnet.multiply_adds(resnet.widened(resnet.Architecture(8), 2), 32,
                                resnet.sparse_counts(resnet.Architecture(8), 2))
    assert family_costs.hours(done, 3600.0, 8, 2, 20) == pytest.approx(20 * wide / (2e7 * len(done)))


def test_the_dense_network_of_equal_cost_lies_on_the_line_between_its_neighbours():
    table = record()
    cost = family_costs.costs(table)
    assert cost["sparse", 8, 4, 16] == cost["dense", 8, 2, 16] == 4e6
    assert list(family_costs.at_equal_cost(table, "best", 4, cost)) == [0, 0, 0]  # 74 against 74
    assert list(family_costs.at_equal_cost(table, "best", 2, cost)) == pytest.approx([1, 1, 1])  # 73 against 72
    assert family_costs.at_equal_cost(table[table.way == "sparse"], "best", 2, cost).empty


def test_accuracies_stand_beside_costs_and_say_how_sure_they_are():
    table = record()
    table = table[(table.way != "dense") | (table.factor != 4) | (table.seed == 1)]
    cost = {("sparse", 8, 1, 16): 2e6, ("dense", 8, 2, 16): 7e6}
    networks = [("sparse", 8, 1), ("dense", 8, 2), ("dense", 8, 4), ("sparse", 64, 2)]
    found = family_costs.beside_costs(table, cost, networks)
    assert found.network.tolist() == ["dense, 8 channels", "dense, 16 channels", "dense, 32 channels",
                                      "sparse, 128 channels"]
    assert found["test accuracy (%)"].tolist()[:3] == [70, 74, pytest.approx(78, abs=1)]
    assert found["standard error"].tolist()[1:] == [f"{1 / np.sqrt(3):.1f}", "one seed", "not run"]
    assert found["multiply-adds (million)"].tolist()[:2] == [2, 7] and found.iloc[3, [1, 3]].isna().all()


def test_our_networks_stand_below_the_thesis_s_table():
    found = family_costs.beside_table_3_1(record(), [(8, (16, 6), "here"), (64, (16, 6), "none")])
    thesis, ours = found[:5], found[5:]
    assert thesis["widening factor"].tolist() == ["1", "1.41", "2", "2.83", "4"]
    assert thesis["dense (%)"].is_monotonic_increasing and np.isnan(thesis["sparse (%)"].iloc[0])
    assert set(ours["set and budget"]) == {"here"} and ours["widening factor"].tolist()[:2] == ["1", "2"]
    assert ours["dense (%)"].tolist()[:3] == [70, 74, 78]  # the plain network is the first of both
    assert np.isnan(ours["sparse (%)"].iloc[0]) and ours["sparse (%)"].iloc[1] == families.curve(
        record(), "sparse", 8, "best")["mean"][2]
