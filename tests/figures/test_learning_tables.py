"""The tables of page 6 from toy numbers."""

import numpy as np
import pandas as pd

from lib.figures import learning_tables


def test_a_span_is_one_number_or_two():
    assert learning_tables.span([2, 2]) == "2" and learning_tables.span([4, 2, 3]) == "2 to 4"


def test_measurements_for_each_weight_stand_in_a_table():
    needed = pd.DataFrame({"n_spins": [10, 20, 10], "ratio": [0.5, 0.5, 0.4], "weight": [96.0, 40.0, np.inf],
                           "weight_error": [6.0, 4.0, np.inf]})
    laws = {"half": {0.5: (1.0, 0.2), 0.4: (None, None)}, "printed": {0.5: (0.9, 0.1), 0.4: (None, None)}}
    table = learning_tables.samples_table(needed, laws, lambda value, error, fmt: f"{value:{fmt}} ± {error:{fmt}}")
    assert table.loc["0.5"].tolist() == ["1.00 ± 0.20", "0.90 ± 0.10", "96 ± 6 (N = 10)", "40 ± 4 (N = 20)"]
    assert table.loc["0.4"].tolist() == [""] * 4


def test_bond_dimensions_stand_by_field_and_error_with_those_of_uniform_states_in_brackets():
    rows = [(0.5, 0.002, 1, 1), (0.5, 0.002, 2, 1), (1.0, 0.002, 2, 2), (1.0, 0.001, 3, 3), (1.0, 0.001, 2, 3)]
    table = learning_tables.bonds_table(pd.DataFrame(rows, columns=["field", "eps", "bond", "uniform bond"]))
    assert table.index.name == "h/J" and [*table.columns] == ["0.001", "0.002"]
    assert table.loc[1.0].tolist() == ["2 to 3 (3)", "2 (2)"] and table.loc[0.5, "0.002"] == "1 to 2 (1)"
