"""What is drawn in chapter 6, against the tables it comes from."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lib import plotting
from lib.figures import learnability as figures
from lib.rbm import learning_figures

FIELDS = (0.5, 1.0, 2.0)


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(plotting.STYLE):
        yield
    plt.close("all")


def points(container):
    """Places, values, and the ends of the bars of a series with errors."""
    line, _, (bars,) = container.lines
    ends = [(part[0, 1], part[1, 1]) for part in bars.get_segments() if len(part)]
    return list(line.get_xdata()), list(line.get_ydata()), ends


def machine(n_hidden, bound, *, n_spins=50, seed=1, **changes):
    return {"n_spins": n_spins, "field": 1.0, "n_hidden": n_hidden, "n_updates": 100_000, "seed": seed, "bound": bound,
            "corrected bound": bound} | changes


def search(n_spins, hidden, *, field=1.0, eps=0.002, low=None, high=None):
    return {"n_spins": n_spins, "field": field, "eps": eps, "hidden": hidden, "low": hidden - 1 if low is None else low,
            "high": hidden + 2 if high is None else high, "error": 0.5}


def searches(*rows):
    return pd.DataFrame([search(n, hidden, field=field, eps=eps) if np.isfinite(hidden) else
                         search(n, hidden, field=field, eps=eps, low=n, high=np.inf) for n, hidden, field, eps in rows])


def test_bounds_have_medians_and_needed_units_their_intervals():
    recorded = pd.DataFrame([machine(20, 0.004), machine(20, 0.002, seed=2), machine(25, 0.001), machine(30, None)])
    longer, live = pd.DataFrame([machine(22, 0.003)]), pd.DataFrame([machine(5, 0.01, n_spins=10)])
    found = searches((20, 9, 1.0, 0.002), (20, np.inf, 0.5, 0.002), (10, 5, 1.0, 0.002), (30, 15, 1.0, 0.002),
                     (20, 4, 2.0, 0.01))
    figure, table = figures.hidden_units(recorded, longer, live, found, {0.002, 0.01})
    left, right = figure.axes
    lines = {line.get_label(): line for line in left.lines}
    medians = lines["N = 50, record"]
    assert list(medians.get_xdata()) == [20, 25] and list(medians.get_ydata()) == pytest.approx([0.003, 0.001])
    assert lines["N = 10, this build"].get_linestyle() == "--"
    assert {line.get_ydata()[0] for line in left.lines if line.get_color() == "black"} == {0.002, 0.01}
    shorter, ours = right.containers
    assert points(ours) == ([1.0], [9], [(8, 11)]) and ours.get_label() == "N = 20" and points(shorter)[1] == [5]
    arrow = [line for line in right.lines if line.get_marker() == "^" and len(line.get_xdata())]
    assert len(arrow) == 1 and arrow[0].get_xdata()[0] == 0.5 and arrow[0].get_ydata()[0] == 20
    assert table.source.tolist() == ["record"] * 3 + ["record, longer", "this build"]


def test_lines_through_searches_are_those_that_were_fitted():
    found = searches((10, 5, 1.0, 0.002), (20, 10, 1.0, 0.002), (30, np.inf, 1.0, 0.002), (10, 3, 1.0, 0.01),
                     (10, 4, 0.5, 0.002), (10, 6, 2.0, 0.002))
    live = searches((8, 4, 2.0, 0.002))
    fits = {("field", 1.0): {"linear": SimpleNamespace(parameters=(1.0, 0.5))}, ("field", 0.5): {},
            ("eps", 0.002): {}, ("eps", 0.01): {}}
    figure, table = figures.smallest(found, live, fits, FIELDS)
    left, right = figure.axes
    named = {container.get_label(): container for container in left.containers}
    assert sorted(named) == ["h/J = 0.5", "h/J = 1"]  # the field 2.0 has no entry among the fits
    # The second of the fields stands aside by 0.3 (1 - 1.5).
    assert points(named["h/J = 1"]) == (pytest.approx([9.85, 19.85]), [5, 10], [(4, 7), (9, 12)])
    line = next(line for line in left.lines if line.get_linewidth() == 1 and len(line.get_xdata()) == 2)
    assert list(line.get_xdata()) == [10, 20] and list(line.get_ydata()) == [6, 11]
    build = left.lines[-1]
    assert list(build.get_xdata()) == [8] and list(build.get_ydata()) == [4]
    assert build.get_color() == plotting.COLORS[2] and build.get_marker() == "o"
    assert [container.get_label() for container in right.containers] == [r"$\epsilon$ = 0.002", r"$\epsilon$ = 0.01"]
    assert table.source.value_counts().to_dict() == {"record": 6, "this build": 1}


def test_shares_of_machines_that_learn_have_their_own_bounds():
    sampled = pd.DataFrame([machine(5, bound, n_spins=10, n_samples=amount) for amount, bounds in (
        (100, (0.01, 0.02)), (200, (0.001, 0.01)), (400, (0.001, 0.002))) for bound in bounds])
    live = pd.DataFrame([machine(3, 0.009, n_spins=6, n_samples=50)])
    needed = pd.DataFrame({"n_spins": [10, 20], "ratio": 0.5, "half": [200.0, np.inf], "low": [150.0, 400.0],
                           "high": [300.0, np.inf], "printed": [150.0, 250.0], "printed_error": [10.0, 20.0]})
    figure, table = figures.measurements(sampled, live, needed, 0.01)
    left, right = figure.axes
    record, build = left.containers
    assert points(record)[:2] == ([100, 200, 400], [0, 0.5, 1]) and points(build)[1] == [1]  # 0.009 is within 0.01
    low, high = learning_figures.success_rate([1, 0])[1:]
    assert points(record)[2][1] == pytest.approx((low, high))
    assert build.get_label() == "N = 6, 3 hidden, this build"
    half, printed = right.containers
    assert points(half) == ([10], [200], [(150, 300)]) and points(printed)[2] == [(140, 160), (230, 270)]
    assert table.machines.tolist() == [2, 2, 2, 1] and table.source.iloc[-1] == "this build"


def test_weights_are_geometric_means_and_noise_has_the_median_of_the_critical_ones():
    magnitudes = np.linspace(3, 1, 21)
    machines = pd.DataFrame({"field": [0.5, 1.0, 1.0], "magnitudes": [magnitudes, magnitudes, 4 * magnitudes]})
    figure, table = figures.weights(machines)
    ordered, critical, noise = figure.axes[0].lines
    np.testing.assert_allclose(ordered.get_ydata(), magnitudes)
    np.testing.assert_allclose(critical.get_ydata(), 2 * magnitudes)
    assert list(critical.get_xdata()) == list(np.linspace(0, 100, 21)) and noise.get_label() == "noise"
    assert np.median(noise.get_ydata()) == pytest.approx(4)
    ratio = noise.get_ydata() / learning_figures.half_normal(21)
    assert np.ptp(ratio) < 1e-9 * ratio.mean() and table.field.isna().sum() == 21
    assert len(figures.weights(machines[machines.field == 0.5])[0].axes[0].lines) == 1


def test_machines_stand_beside_matrix_product_states():
    found = searches((10, 5, 1.0, 0.002), (20, 10, 1.0, 0.002), (10, 4, 0.5, 0.002))
    products = pd.DataFrame({"n_spins": [10, 20, 10], "field": [1.0, 1.0, 0.5], "eps": 0.002,
                             "parameters": [36, 76, 20], "uniform parameters": [10, 10, 8]})
    whole = pd.DataFrame({"n_spins": [10, 20], "field": 1.0, "parameters": [200, 900]})
    stairs = pd.DataFrame({"n_spins": 20, "field": 1.0, "eps": [0.01, 0.001], "parameters": [20, 80],
                           "uniform parameters": [6, 12]})
    by_error = searches((20, 10, 1.0, 0.002), (20, 6, 1.0, 0.01))
    figure, table = figures.against_products(found, products, {10: 20.0}, whole, stairs, by_error, FIELDS)
    left, right = figure.axes
    named = {line.get_label(): line for line in left.lines}
    assert list(named["machine, 1"].get_ydata()) == [50, 200] and list(named["machine, 0.5"].get_ydata()) == [40]
    assert named["machine, 1"].get_marker() == "v" and list(named["uniform, 1"].get_ydata()) == [10, 10]
    assert list(named["pruned, 1"].get_ydata()) == [20] and list(named["exact state, 1"].get_ydata()) == [200, 900]
    assert [list(line.get_ydata()) for line in right.lines] == [[200, 120], [20, 80], [6, 12]]
    assert table.kind.value_counts().to_dict() == {"machine": 5, "matrix product": 5, "exact state": 2}
    assert table[table.kind == "machine"].parameters.tolist()[:3] == [40, 50, 200]


def test_ways_have_one_look_in_all_panels():
    machines = pd.DataFrame([{"way": way, "n_spins": n, "n_hidden": n // 2, "bound": bound} for way, n, bound in (
        ("b", 10, 0.01), ("b", 10, 0.03), ("c", 10, 0.02), ("c", 20, 0.04))])
    figure, table = figures.ways(machines, ["a", "b", "c"])
    ten, twenty = figure.axes
    named = {line.get_label(): line for line in ten.lines}
    assert list(named["b"].get_ydata()) == pytest.approx([0.02])
    assert list(named["b"].get_xdata()) == pytest.approx([4.91])  # a little aside
    other = {line.get_label(): line for line in twenty.lines}["c"]
    assert other.get_color() == named["c"].get_color() == plotting.COLORS[2] and other.get_marker() == "D"
    assert twenty.get_title(loc="left") == "N = 20" and table is machines
