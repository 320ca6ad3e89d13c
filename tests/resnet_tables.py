"""Made-up networks of a record, whose accuracies are known."""

import pandas as pd


def network(way="sparse", factor=1, best=70.0, *, base=8, seed=1, rate=0.1, size=16, epochs=6, **changes):
    found = {"way": way, "base_width": base, "factor": factor, "width": base * factor, "seed": seed,
             "learning_rate": rate, "image_size": size, "epochs": epochs, "best": best, "final": best - 1,
             "first_half": best, "second_half": best, "train_accuracy": best + 10, "best_train_accuracy": best + 11,
             "n_weights": 1000 * base**2, "connectivity": 1 / factor**2 if way == "sparse" else 1.0,
             "multiply_adds": 1e6 * (factor if way == "sparse" else factor**2), "done": True}
    return found | changes


def record(seeds=(1, 2, 3)):
    """Base width 8: sparse 70, 73, 74, 72 (factors 1 to 8), dense 74, 78; seeds a point apart."""
    rows = []
    for seed in seeds:
        for way, factor, best in (("sparse", 1, 70), ("sparse", 2, 73), ("sparse", 4, 74), ("sparse", 8, 72),
                                  ("dense", 2, 74), ("dense", 4, 78)):
            rows.append(network(way, factor, best + seed - 2, seed=seed))
    return pd.DataFrame(rows)
