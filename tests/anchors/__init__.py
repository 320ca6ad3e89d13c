"""Anchors: the first steps of every experiment, on generated input, and the numbers that they gave.

A module here is named after an experiment and has

    experiment     the function itself
    CASES          name -> settings; together they take every branch
    TOLERANCE      relative; more than rounding, processor or library can change. TOLERANCES: that of some cases
    DEFAULTS       constants of the code that are too weak to show in a few steps, as they stand there
    PERTURBED      setting -> (case, another value), which has to move the numbers; COUNTS: settings that only fix a
                   length or a count, each with a reason
    COVERED        modules of plain Python, all of whose branches the cases have to take
    observe        (case, settings) -> numbers, by the experiment itself; only what it reads is replaced, and calls on
                   its way are watched

NAME.json beside it holds the numbers with the version that they belong to; `lib.study.anchors` compares and renews.
"""
