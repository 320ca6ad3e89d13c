"""The page for people who come from QuCumber: its code runs, what it says is true holds, and nothing is left out."""

import ast
import re

import pytest

from tests.tree import ROOT

PAGE = (ROOT / "book" / "qucumber.md").read_text("utf-8")
# What version 1.3.3 offers a user: states with their methods, callbacks, observables, functions, words of `fit`.
OFFERED = """
PositiveWaveFunction ComplexWaveFunction DensityMatrix rbm_am rbm_ph psi amplitude phase probability rho normalization
generate_hilbert_space subspace_vector sample compute_exact_gradients fit save load autoload reinitialize_parameters
MetricEvaluator ObservableEvaluator LivePlotting ModelSaver EarlyStopping VarianceBasedEarlyStopping LambdaCallback
CallbackBase Logger Timer SigmaX SigmaY SigmaZ NeighbourInteraction SWAP System statistics ObservableBase
importance_sampling_weight fidelity NLL KL load_data load_data_DM extract_refbasis_samples create_dict rotate_psi
rotate_rho_probs set_random_seed epochs pos_batch_size neg_batch_size k lr input_bases optimizer scheduler
starting_epoch progbar time gpu metadata burn_in statistics_from_samples
""".split()


def blocks() -> list[tuple[int, str]]:
    """The Python of the page: the number of the line before each block, and its text."""
    return [(PAGE[: found.start()].count("\n") + 1, found[1])
            for found in re.finditer(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def test_the_code_runs_and_its_comparisons_are_true(tmp_path, monkeypatch):
    """From top to bottom in one namespace, as a reader would type it, in a folder that holds the data."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    known, wrong, n_compared = {}, [], 0
    for line, text in blocks():
        for statement in ast.parse(text).body:
            source = ast.get_source_segment(text, statement)
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Compare):
                n_compared += 1
                if not eval(source, known):
                    wrong.append(f"line {line + statement.lineno}: {source}")
            else:
                exec(source, known)
    assert not wrong, "\n".join(wrong)
    assert n_compared > 25
    assert (tmp_path / "machine.npz").exists()


def test_a_block_without_language_would_not_be_seen():
    assert len(blocks()) == PAGE.count("\n```\n") >= 9


@pytest.mark.parametrize("name", OFFERED)
def test_everything_that_qucumber_offers_has_its_place(name):
    """In code, and not only within another word."""
    assert any(re.search(rf"(?<!\w){name}(?!\w)", code) for code in re.findall(r"`([^`\n]+)`", PAGE)), name


def test_the_tests_that_the_page_names_are_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    files = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = {name for name in named if f"def {name}(" not in files}
    assert len(named) > 3 and not missing, missing


def test_the_docstring_of_the_package_sends_newcomers_here():
    import lib.rbm

    assert "book/qucumber.md" in lib.rbm.__doc__
