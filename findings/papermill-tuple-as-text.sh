#!/usr/bin/env bash
# papermill 2.7.0: a parameter that is a tuple runs as text, and the notebook records that it was a list.
#
# The Python API takes parameters as objects.  What the translator does not know by type it writes as a quoted string, and
# a tuple is among that.  Seen: sizes=(8, 16) arrives as "(8, 16)", so that a loop over the sizes makes seven rounds
# instead of two, one a character, and succeeds; max(sizes) is "8".  The metadata that papermill stores in the executed
# notebook says [8, 16], so a reader of its provenance sees numbers that did not run.  With a list all three agree.
# (The text is known, issue 784 of nteract/papermill; that the record contradicts it is not said there.)
# What this book does: parameters are text that is checked against the types of the chapter before a kernel starts
# (lib/study/parameters.py), and sequences are lists.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv env
env/bin/pip install --quiet papermill==2.7.0 ipykernel==7.4.0 nbformat==5.11.1
env/bin/python -m ipykernel install --prefix env --name python3 > installed.txt 2>&1

cat > run.py <<'CODE'
import nbformat
import papermill

cells = [nbformat.v4.new_code_cell("sizes = [4]", metadata={"tags": ["parameters"]}),
         nbformat.v4.new_code_cell("print(len([n for n in sizes]), repr(max(sizes)))")]
nbformat.write(nbformat.v4.new_notebook(cells=cells), "chapter.ipynb")
seen = {}
for sizes in ([8, 16], (8, 16)):
    kind = type(sizes).__name__
    papermill.execute_notebook("chapter.ipynb", f"{kind}.ipynb", parameters={"sizes": sizes}, kernel_name="python3",
                               language="python", progress_bar=False)
    ran = nbformat.read(f"{kind}.ipynb", as_version=4)
    seen[kind] = ran.cells[-1].outputs[0]["text"].strip(), ran.metadata.papermill.parameters.sizes
    print(f"sizes={sizes!r}: rounds and maximum {seen[kind][0]}; recorded {seen[kind][1]}")
assert seen == {"list": ("2 16", [8, 16]), "tuple": ("7 '8'", [8, 16])}, "papermill has changed"
CODE
env/bin/python run.py
