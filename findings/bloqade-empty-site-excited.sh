#!/usr/bin/env bash
# bloqade-analog 0.16.9: a site that is declared empty has the Rydberg density 1 in a report.
#
# Three sites far apart, the middle one with filling=False, driven for a short time so that atoms stay in the ground
# state. Seen: rydberg_densities() gives 0, 1, 0, and bitstrings() the word 101 in every shot, with and without the filter
# for perfect filling. A bit is 0 where no atom is seen after the pulse, which an excited atom and an empty site share;
# the picture before the pulse, which tells them apart, is in the index of the report's table and is not used.
# What this book does: a site without an atom before the pulse was not measured; one that is empty in every shot is no
# column, and both are counted (lib/spins/measurements/rydberg.py).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet bloqade-analog==0.16.9

env/bin/python -W ignore - <<'CODE'
import numpy as np
from bloqade.analog import start

sites = start.add_position([(0.0, 0.0), (60.0, 0.0), (120.0, 0.0)], filling=[True, False, True])
program = sites.rydberg.rabi.amplitude.uniform.constant(1.0, 0.1)  # a hundredth of the population at most
np.random.seed(1)
report = program.bloqade.python().run(100).report()
before = set(report.dataframe.index.get_level_values("pre_sequence"))
densities = report.rydberg_densities().to_numpy()[0].tolist()
unfiltered = report.rydberg_densities(filter_perfect_filling=False).to_numpy()[0].tolist()
print("before the pulse:", before, "| densities:", densities, "| without the filter:", unfiltered)
assert before == {"101"}
assert densities[1] == unfiltered[1] == 1.0 and max(densities[0], densities[2]) < 0.1, "bloqade has changed"
CODE
