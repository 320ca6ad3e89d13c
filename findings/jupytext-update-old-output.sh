#!/usr/bin/env bash
# jupytext 1.19.6: `jupytext --update` leaves the old output under a code cell that was edited.
#
# An executed notebook prints 0.1.  Its text is edited to print 0.9, and the text is merged back with --update, which
# keeps outputs.  Seen: the cell says 0.9 and shows 0.1, with its execution count, and the command reports success: cells
# that match nothing by their source take the outputs of the cell at their place.  Whoever publishes the merged notebook
# without executing it shows a number that the code above it does not give.
# What this book does: outputs are merged only where every code cell is equal (lib/study/notebooks.py).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet jupytext==1.19.6 nbformat==5.11.1

cat > chapter.md <<'TEXT'
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

A rate:

```{code-cell} ipython3
rate = 0.1
print(rate)
```
TEXT
env/bin/jupytext --quiet --to ipynb chapter.md
env/bin/python - <<'CODE'
import nbformat
notebook = nbformat.read("chapter.ipynb", as_version=4)
cell = notebook.cells[-1]
cell.execution_count, cell.outputs = 1, [nbformat.v4.new_output("stream", name="stdout", text="0.1\n")]
nbformat.write(notebook, "chapter.ipynb")
CODE
sed -i 's/rate = 0.1/rate = 0.9/' chapter.md
env/bin/jupytext --quiet --to ipynb --update chapter.md
env/bin/python - <<'CODE'
import nbformat
cell = nbformat.read("chapter.ipynb", as_version=4).cells[-1]
print("source:", cell.source.splitlines()[0], "| output:", cell.outputs[0]["text"].strip(), "| count:", cell.execution_count)
assert cell.source.startswith("rate = 0.9") and cell.outputs[0]["text"] == "0.1\n", "jupytext has changed"
CODE
