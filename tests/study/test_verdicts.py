"""Verdicts follow from what a claim expects and what a page stored."""

import pytest

from lib.study import claim_text, verdicts
from tests.claim_parts import claim, settled


def verdict(expected, measured, tolerance=0.1, decide=None, **stored):
    size = None if tolerance is None else {"absolute": tolerance, "reason": "test"}
    return verdicts.judge(claim(expected=expected, tolerance=size, decide=decide),
                         settled(measured=measured, **stored))


@pytest.mark.parametrize(("expected", "measured", "outcome"), [
    ({"equal": 1}, 1.0999, "reproduced"),
    ({"equal": 1}, 0.8999, "differs"),
    ({"equal": -1}, -1.05, "reproduced"),
    ({"at least": 1}, 7.0, "reproduced"),
    ({"at least": 1}, 0.95, "reproduced"),
    ({"at least": 1}, 0.85, "differs"),
    ({"at most": 1}, -7.0, "reproduced"),
    ({"at most": 1}, 1.05, "reproduced"),
    ({"at most": 1}, 1.15, "differs"),
    ({"above": 1}, 0.95, "reproduced"),
    ({"above": 1}, 0.89, "differs"),
    ({"below": 1}, 1.05, "reproduced"),
    ({"below": 1}, 1.11, "differs"),
    ({"between": [1, 2]}, 2.05, "reproduced"),
    ({"between": [1, 2]}, 2.15, "differs"),
    ({"between": [1, 2]}, 0.85, "differs"),
    ("falls", [3, 2, 2.05, 1], "reproduced"),
    ("falls", [3, 2, 2.15, 1], "differs"),
    ("rises", [[1, 2], [5, 4.95, 6]], "reproduced"),
    ("rises", [[1, 2], [5, 4.85, 6]], "differs"),
])
def test_the_verdict_follows_from_relation_and_tolerance(expected, measured, outcome):
    assert verdict(expected, measured) == outcome
    reduced = {"reproduced": "reproduced at reduced scale", "differs": "differs"}[outcome]
    assert verdict(expected, measured, scale="N = 6") == reduced
    assert verdict(expected, None, scale="needs N = 10") == "not run"


@pytest.mark.parametrize(("expected", "measured", "outcome"), [
    ({"above": 1}, 1.0, "differs"), ({"below": 1}, 1.0, "differs"), ({"at least": 1}, 1.0, "reproduced"),
    ("falls", [2, 2], "differs"), ("rises", [2, 2, 3], "differs"), ("holds", True, "reproduced"),
    ("holds", False, "differs"),
])
def test_without_a_tolerance_bounds_and_steps_are_exact(expected, measured, outcome):
    assert verdict(expected, measured, tolerance=None) == outcome


def test_a_relative_tolerance_scales_with_the_expected_value():
    far = claim(expected={"equal": -200}, tolerance={"relative": 0.1, "reason": "test"})
    assert verdicts.judge(far, settled(measured=-181.0)) == "reproduced"
    assert verdicts.judge(far, settled(measured=-179.0)) == "differs"


def test_undecided_is_what_was_computed_and_cannot_say():
    assert verdict({"at least": 1}, 7.0, enough=False) == "undecided"
    assert verdict({"at least": 1}, None, enough=False, scale="needs N = 10") == "not run"
    assert verdict({"at least": 1}, 7.0, undecided="at an end of its line") == "undecided"
    assert verdict({"at least": 1}, None, undecided="at an end of its line") == "undecided"


@pytest.mark.parametrize(("expected", "measured", "outcome"), [
    ({"at least": 1}, 1.05, "undecided"), ({"at least": 1}, 1.11, "reproduced"), ({"at least": 1}, 0.69, "differs"),
    ({"between": [1, 2]}, 2.2, "undecided"), ({"between": [1, 2]}, 1.5, "reproduced"),
    ({"equal": 1}, 1.0, "undecided"),  # two errors of 0.1 reach beyond a tolerance of 0.1
])
def test_a_claim_may_ask_for_a_distance_in_standard_errors_from_the_accepted_bound(expected, measured, outcome):
    assert verdict(expected, measured, decide=2, uncertainty=0.1) == outcome
    assert verdict(expected, measured, decide=2, uncertainty=None) == "undecided"


@pytest.mark.parametrize(("expected", "measured", "error", "outcome"), [
    ({"equal": 1}, -3.0, 290.0, "undecided"), ({"equal": 1}, 1.0, 0.21, "undecided"),
    ({"equal": 1}, 1.5, 0.21, "undecided"), ({"equal": 1}, 1.0, 0.19, "reproduced"),
    ({"equal": 1}, 1.6, 0.21, "differs"), ({"equal": 1}, 1.2, 0.19, "differs"),
    ({"between": [1, 2]}, 3.0, 1.3, "undecided"), ({"between": [1, 2]}, 3.0, 1.1, "differs"),
    ({"at least": 1}, 0.0, 290.0, "differs"),  # one end: how far it says something, `decide` says
])
def test_an_error_larger_than_all_that_would_agree_says_nothing_near_it(expected, measured, error, outcome):
    assert verdict(expected, measured, uncertainty=error) == outcome
    entry = verdicts.entry(claim(expected=expected), settled(measured=measured, uncertainty=error), None, "laptop")
    told = ("undecided", "the standard error is larger than all that would agree")
    assert (told in claim_text.facts(entry)) == (outcome == "undecided")
