"""Settle claims and name numbers by records that may not hold them yet: what is missing reads "not run".

A number that is None or not finite, as the tables of an incomplete record have it, is one that was not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lib.study import claims
from lib.study.sweep import VALID, Sweep

if TYPE_CHECKING:
    import pandas as pd

Number = float | None


def known(value: Number, error: Number = None) -> tuple[Number, Number]:
    """A value and its standard error, each None where it is missing or not finite; no error without a value."""
    value, error = (None if one is None or not np.isfinite(one) else float(one) for one in (value, error))
    return value, error if value is not None else None


def recorded(sweep: Sweep) -> pd.DataFrame:
    """The points of a record that there are."""
    found = sweep.read()
    return found[found.state == VALID].reset_index(drop=True)


def settle(id: str, value: Number, error: Number = None, *, scale: str = "full", source: object = "live",
           enough: bool = True) -> None:
    """Settle a claim as :func:`lib.study.claims.settle` does, or as not run."""
    value, error = known(value, error)
    claims.settle(id, measured=value, uncertainty=error, source=source, enough=enough,
                  scale=scale if value is not None else "not run: the record does not hold it yet")


def settle_all(measured: Mapping[str, object], **common: object) -> None:
    """Settle several claims alike, `{id: value}` or `{id: (value, error)}`.

    common: any other arguments of :func:`lib.study.claims.settle`, which each of them gets.
    """
    for id, value in measured.items():
        value, error = value if isinstance(value, tuple) else (value, None)
        claims.settle(id, measured=value, uncertainty=error, **common)


def settle_by(record: Sweep, id: str, complete: bool, value: Number, error: Number = None, *, live: Number = None,
              scale: str = "full", enough: bool = True) -> None:
    """Settle a claim by a record; where that is incomplete by one machine of this build, else as not run.

    live, scale, enough: what came out in this build, at what scale, and whether that is enough to say something.
    """
    value, error = known(value, error)
    whole, alone = complete and value is not None, known(live)[0]
    if whole:
        claims.settle(id, measured=value, uncertainty=error, source=record)
    elif alone is not None:
        single = "one machine" if scale == "full" else f"one machine, {scale}"
        claims.settle(id, measured=alone, scale=single, enough=enough)
    else:
        claims.settle(id, measured=None, scale="not run: the record is not complete", enough=enough, source=record)


def note(key: str, value: Number, fmt: str, error: Number = None) -> None:
    """Name a number for the text as :func:`lib.study.claims.number` does; without a value it reads as not run."""
    value, error = known(value, error)
    claims.number(key, value, fmt, error)


def notes(prefix: str, numbers: Mapping[str, tuple]) -> None:
    """Name several numbers, `{key: (format, value)}` or `{key: (format, value, error)}`, each "prefix-key"."""
    for key, (fmt, *value) in numbers.items():
        note(f"{prefix}-{key}", value[0], fmt, *value[1:])


def notes_if(prefix: str, enough: bool, numbers: Mapping[str, tuple]) -> None:
    """The same, as not run unless there is enough of what they need."""
    notes(prefix, numbers if enough else {key: (fmt, None) for key, (fmt, *_) in numbers.items()})
