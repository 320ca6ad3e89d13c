"""Mutations of the code, harmless and wrong, and what the anchors say of them; make mutations does all of them."""

import pytest

from lib.study import anchors
from tests import mutations
from tests.tree import ROOT


@pytest.fixture(scope="module")
def mutated(tmp_path_factory):
    """A copy of the tree with two experiments, whose anchors pass there."""
    copy = mutations.copy_of(ROOT, tmp_path_factory.mktemp("mutations"))
    mutations.compiled_as_in(ROOT, copy)
    for folder in (anchors.FOLDER, "lib/experiments"):
        for path in (copy / folder).glob("[!_]*.*"):
            if path.stem.removesuffix("_accuracy") not in ("mnist", "digits"):
                path.unlink()
    assert set(anchors.check(copy).values()) == {""}
    return copy


@pytest.mark.parametrize("what", ["one test image in the other half", "a function moves to another module"])
def test_a_mutation_gets_the_verdict_that_it_should(mutated, what):
    (mutation,) = [one for one in mutations.MUTATIONS if one.what == what]
    row = mutations.verdict(mutated, mutation, 2)
    assert row.as_expected, row
    assert list(row.moved) == list(mutation.caught_by)
    assert set(anchors.check(mutated).values()) == {""}  # all is as it was


def test_mutations_fit_the_code_and_one_that_does_not_is_named(tmp_path):
    copy = mutations.copy_of(ROOT, tmp_path)
    assert len({one.what for one in mutations.MUTATIONS}) == len(mutations.MUTATIONS) >= 16
    for mutation in mutations.MUTATIONS:
        for path, content in mutations.apply(copy, mutation).items():
            compile(path.read_text("utf-8"), str(path), "exec")
            path.unlink() if content is None else path.write_bytes(content)
    gone = mutations.Mutation("a line that went", (("lib/rng.py", "no such text", "x"),), ("mnist_accuracy",))
    with pytest.raises(ValueError, match="a line that went: expected 'no such text' once in lib/rng.py, got it 0 "):
        mutations.apply(copy, gone)
