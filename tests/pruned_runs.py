"""Small made-up results of `pruning_run`, whose numbers are known."""

import numpy as np

MEASURES = ("kl", "kl data", "infidelity", "energy error", "eROE", "abs m error", "mROE", "correlation mse", "m",
            "abs m")


def run(seed=1, *, field=1.0, n_spins=6, n_hidden=3, left=(18, 9, 6, 3, 3, 3), factor=1.0, **changes):
    """All measures 0.01 in training and around it in the control, then the pruning step times 0.1 times `factor`."""
    n = len(left)
    d = np.arange(n_spins // 2 + 1)
    found = {"seed": seed, "field": field, "n_spins": n_spins, "n_hidden": n_hidden, "n_steps": n - 1, "n_control": 4,
             "epochs": 10, "fine_tune_epochs": 2, "criterion": "magnitude", "training epochs": [0, 5, 10],
             "training weights left": [left[0]] * 3, "control weights left": [left[0]] * 4,
             "pruning weights left": list(left), "exact kl data": 0.5, "exact abs m": 0.5,
             "exact histogram": list(np.full(n_spins + 1, 1 / (n_spins + 1))),
             "pruning histogram": [list(np.eye(n_spins + 1)[step % (n_spins + 1)]) for step in range(n)],
             "pruning correlation": [list(np.exp(-step * d)) for step in range(n)],
             "pruning joined": [[1] * (n_spins // 2) + [int(step < n - 1)] for step in range(n)],
             "pruning components": [1] * (n - 1) + [2], "pruning largest": [n_spins] * (n - 1) + [n_spins - 1],
             "retrained after": []}
    for name in MEASURES:
        found |= {f"training {name}": [1.0, 0.1, 0.01], f"control {name}": [0.009, 0.011, 0.009, 0.011],
                  f"pruning {name}": [0.01, *(0.1 * factor * step for step in range(1, n))]}
    return found | changes
