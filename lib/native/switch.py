"""Whether vectors of sixteen numbers are compiled, or the same loops run as plain Python.

What `lib.native` hands to numba reaches into its internals, which another release may change.  Releases outside of
`TESTED`, which `make test-ranges` has tried, therefore take the plain loops, and a warning says so: the same results
(tests/native/test_switch.py), a hundred times slower and more.  The variable LIB_NATIVE of the environment chooses by
hand: "plain" or "compiled".

Modules whose loops are made of such vectors take `njit` and `prange` from here.  Loops of numbers alone are compiled by
every numba.
"""

from __future__ import annotations

import os
import re
import warnings

import numba

TESTED = (0, 61), (0, 68)  # the first and the last release of numba
VARIABLE = "LIB_NATIVE"


def compiled(release: str, chosen: str = "") -> bool:
    """Whether vectors are compiled.

    Parameters
    ----------
    release : str
        Of numba, such as "0.68.1".
    chosen : str, default ""
        What the user has chosen: "plain", "compiled", or nothing.

    Returns
    -------
    bool
        False, with a warning, for a release that was not tested, if nothing is chosen.

    Raises
    ------
    ValueError
        For another choice.

    """
    if chosen not in ("", "plain", "compiled"):
        raise ValueError(f"expected {VARIABLE}=plain or {VARIABLE}=compiled, got {chosen!r}; try {VARIABLE}=plain")
    first, last = TESTED
    if chosen or first <= tuple(map(int, re.findall(r"\d+", release)[:2])) <= last:
        return chosen != "plain"
    text = [".".join(map(str, version)) for version in TESTED]
    warnings.warn(f"expected numba {text[0]} to {text[1]}, with which lib.native was tested, got {release}: its loops "
                  f"run as plain Python, with the same results, far slower; try pip install 'numba=={text[1]}.*', or "
                  f"{VARIABLE}=compiled at your own risk", RuntimeWarning, stacklevel=2)
    return False


def _as_it_is(function=None, **options):
    """In the place of `numba.njit`."""
    return function or (lambda function: function)


COMPILED = compiled(numba.__version__, os.environ.get(VARIABLE, ""))
njit, prange = (numba.njit, numba.prange) if COMPILED else (_as_it_is, range)
