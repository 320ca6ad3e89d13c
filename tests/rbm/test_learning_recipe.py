"""The recipe of chapter 6: as many updates on any number of samples, and one object that nobody changes."""

import dataclasses

import pytest

from lib.experiments.learning import learning_run, minimal_hidden
from lib.rbm.learning_recipe import RECIPE, Recipe


@pytest.mark.parametrize("n_samples, n_updates, epochs", [(100_000, 100_000, 100), (2500, 100_000, 4000), (100, 7, 7),
                                                          (100_000, 10, 1), (150, 10, 5), (2500, 30, 1)])
def test_the_recipe_makes_as_many_updates_on_any_number_of_samples(n_samples, n_updates, epochs):
    assert Recipe(n_updates=n_updates).training(n_samples).epochs == epochs
    assert Recipe().training(n_samples, n_updates).epochs == epochs


def test_the_recipe_is_one_object_that_nobody_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPE.learning_rate = 0.1
    for experiment in (learning_run, minimal_hidden):
        same = {name: value for name, value in experiment.__kwdefaults__.items() if hasattr(RECIPE, name)}
        assert same == dataclasses.asdict(RECIPE)
