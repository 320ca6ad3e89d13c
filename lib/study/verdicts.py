"""The verdict on what came out for a claim, from what its file expects and what a page stored."""

from __future__ import annotations

import math

from lib.study.claim_files import (
    ALONE,
    DIFFERS,
    NOT_RUN,
    REDUCED,
    REPRODUCED,
    UNDECIDED,
    Claim,
    Entry,
    Reported,
    Settlement,
)


def judge(claim: Claim, settlement: Settlement) -> str:
    """The verdict, one of `VERDICTS`, on what a page stored.

    Error bars enter where the claim asks for it by `decide`, and then a value without one is undecided; and where they
    say nothing (:func:`says_nothing`).  Else the tolerance alone counts, fixed in advance.
    """
    measured = settlement.measured
    if settlement.undecided:
        return UNDECIDED
    if measured is None:
        return NOT_RUN
    if not settlement.enough:
        return UNDECIDED
    if claim.expected.relation in ALONE:
        agrees = measured if claim.expected.relation == "holds" else _follows(claim, measured)
    else:
        low, high = _interval(claim)
        error, nearest = settlement.uncertainty, min(abs(measured - low), abs(measured - high))
        if claim.decide and (error is None or nearest < claim.decide * error) or says_nothing(claim, settlement):
            return UNDECIDED
        agrees = low < measured < high if claim.expected.relation in ("above", "below") else low <= measured <= high
    if not agrees:
        return DIFFERS
    return REPRODUCED if settlement.scale == "full" else REDUCED


def says_nothing(claim: Claim | Entry, settlement: Settlement | Entry) -> bool:
    """Whether one standard error is larger than the whole accepted interval, which has two ends, and this interval is
    not further off than two: to agree would be luck, and to differ is no evidence."""
    if not settlement.uncertainty or isinstance(settlement.measured, (bool, list, type(None))):
        return False
    low, high = _interval(claim)
    off = max(low - settlement.measured, settlement.measured - high, 0.0)
    return high - low < settlement.uncertainty and off < 2 * settlement.uncertainty


def entry(claim: Claim, settlement: Settlement, page: str | None, profile: str) -> Entry:
    """A line of the ledger: the claim, what came out, and the verdict."""
    stored = {name: value for name, value in vars(settlement).items() if name not in ("id", "table")}
    return Entry(claim.id, claim.item, claim.statement, Reported(**vars(claim.expected), where=claim.where),
                 claim.reason if claim.ours else None, claim.tolerance, claim.decide, list(claim.depends_on), **stored,
                 profile=profile, verdict=judge(claim, settlement), page=page)


def _interval(claim: Claim | Entry) -> tuple[float, float]:
    """The accepted interval, widened by the tolerance; infinite where the claim has one bound."""
    relation, low = claim.expected.relation, claim.expected.value
    high = low if claim.expected.upper is None else claim.expected.upper
    below, above = (claim.tolerance.around(end) if claim.tolerance else 0.0 for end in (low, high))
    return (-math.inf if relation in ("at most", "below") else low - below,
            math.inf if relation in ("at least", "above") else high + above)


def _follows(claim: Claim, measured: list) -> bool:
    """Whether every step goes down (or up); a tolerance allows steps of that size the other way."""
    sign = -1 if claim.expected.relation == "falls" else 1
    found = [sign * step for step in steps(measured)]
    return min(found) > 0 if claim.tolerance is None else min(found) >= -claim.tolerance.absolute


def steps(measured: list) -> list[float]:
    """The differences of neighbours in a list of numbers, or in each of several."""
    lists = measured if isinstance(measured[0], list) else [measured]
    return [after - before for line in lists for before, after in zip(line, line[1:], strict=False)]
