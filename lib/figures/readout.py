"""The figure of chapter 5.6: what misread and missing bits cost."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from lib import plotting

_PANELS = (("readout", ("ignored", "corrected"), "share of bits that are misread"),
           ("gaps", ("left out", "summed over"), "share of bits that are missing"))


def readout(spoilt: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Infidelity against the share of bits that are misread or missing, in two ways each.

    Parameters
    ----------
    spoilt : pandas.DataFrame
        `lib.rbm.readout_trials.spoilt`.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        what, way, share, mean, sem.

    """
    means = spoilt.groupby(["what", "way", "share"]).infidelity.agg(["mean", "sem"]).reset_index()
    clean = means[means.way == "no errors"].iloc[0]
    figure, panels = plotting.new_figure(2, height=3.2)
    for axes, (what, ways, label) in zip(panels, _PANELS):
        axes.axhline(clean["mean"], color=plotting.EXACT, label="no errors")
        axes.axhspan(clean["mean"] - clean["sem"], clean["mean"] + clean["sem"], color=plotting.GREY, alpha=0.3)
        for way, marker, colour in zip(ways, "so", (plotting.VERMILION, plotting.BLUE)):
            part = means[(means.what == what) & (means.way == way)]
            axes.errorbar(part.share, part["mean"], part["sem"], fmt=marker + "-", color=colour, label=way)
        axes.set(xlabel=label, yscale="log")
        axes.legend()
    panels[0].set_ylabel("1 - fidelity")
    panels[1].sharey(panels[0])
    return figure, means
