"""Experiments: functions that a sweep may name, from settings to a dictionary of numbers, each with a version.

A version says what a result is of.  It is raised when results are meant to change, and only then: rewording, moving
and tidying the code leave it alone, and the anchors (`tests/anchors`) notice a change that nobody meant.  The
docstring of each module has a dated line for every version of its experiments: what changed, and why.  A function
whose results no record keeps needs no version (`learning_examples`, `sparse_examples`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from lib.checks import require_count

Function = TypeVar("Function", bound=Callable[..., Mapping])


def experiment(*, version: int, data: tuple[str, ...] | Callable[[Mapping], tuple[str, ...]] = ()) -> Callable:
    """Declare the version of an experiment and the data sets that it reads.

    Sets two attributes of the function and leaves it alone otherwise: `version`, and `data`, a
    function from settings to paths relative to the repository.

    Parameters
    ----------
    version : int, >= 1
        Results of other versions are not results of this function.
    data : tuple of str, or callable
        Paths of files or folders (``data/cache/MNIST/raw``), or a function that gives them for some
        settings.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    ValueError
        For a version that is no whole number from 1.

    """
    require_count("version", version)

    def declare(function: Function) -> Function:
        function.version = version
        function.data = data if callable(data) else lambda settings: data
        return function

    return declare
