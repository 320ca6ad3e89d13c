"""What the best product state of a long chain misses, against minima over angles and free fermions."""

import numpy as np
import pytest

from lib.spins import free_fermions, product_states


@pytest.mark.parametrize("field", [0.1, 0.5, 0.6, 1.0, 1.99, 2.0, 2.5, 10.0])
def test_the_error_is_that_of_the_lowest_product_state_per_spin_of_long_chains(field):
    exact = (free_fermions.ground_state_energy(600, field) - free_fermions.ground_state_energy(400, field)) / 200
    angles = np.linspace(0, np.pi, 20_001)  # of the spins to the field
    product = (-np.sin(angles) ** 2 - field * np.cos(angles)).min()
    assert product_states.relative_error(field) == pytest.approx(1 - product / exact, abs=3e-6)


@pytest.mark.parametrize("error", [1e-6, 1e-4, 0.001, 0.002, 0.005, 0.01])
def test_from_its_field_on_the_error_is_larger(error):
    field = product_states.field_of_error(error)
    assert product_states.relative_error(field) == pytest.approx(error, rel=1e-6)
    assert product_states.relative_error(0.99 * field) < error < product_states.relative_error(1.01 * field)


def test_what_makes_no_sense_is_refused():
    for error in (0.0, 0.5, -1.0, float("nan")):
        with pytest.raises(ValueError, match="expected an error from 1e-06 to 0.01, got .*; try 0.002"):
            product_states.field_of_error(error)
    for field in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="field"):
            product_states.relative_error(field)
