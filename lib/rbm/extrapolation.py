"""Zero-variance extrapolation: the energy that a family of states tends to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.rbm.observables import Estimate


@dataclass(frozen=True)
class Extrapolation:
    """The energy at no variance.

    Attributes
    ----------
    energy : float
        In the units of the energies.
    error : float
        Its standard error.
    slope : float
        Of the energy over the variance.
    chi2 : float or None
        Per degree of freedom; None for two points.

    """

    energy: float
    error: float
    slope: float
    chi2: float | None


def extrapolated(energies: Sequence[Estimate], variances: Sequence[Estimate]) -> Extrapolation:
    """The energy of an eigenstate by a straight line in the variance of H over states near it.

    Parameters
    ----------
    energies, variances : sequence of Estimate
        Of the same states, two at least, in the same units (and its square); `variance` gives the
        second.

    Returns
    -------
    Extrapolation
        The line at no variance.

    Raises
    ------
    ValueError
        For unequal or too few numbers of them (try several stages of a training), for equal
        variances, and for errors of zero (try less trained states).

    Notes
    -----
    An admixture of weight w moves the energy by w (E' - E) and the variance by w (E' - E)^2 to
    first order, so that both vanish together (Imada). Take states that approach the same eigenstate
    in the same way, such as machines of growing size or stages of one training. Where admixtures
    differ, points scatter about the line by more than their errors, chi2 is above one, and the
    error is stretched by its root. A line that bends is not seen so: compare with the fit to the
    states of the smallest variances.

    References
    ----------
    Imada, M., Kashima, T., J. Phys. Soc. Jpn. 69, 2723 (2000).

    """
    if len(energies) != len(variances) or len(energies) < 2:
        raise ValueError(f"expected energies and variances of the same two states or more, got {len(energies)} and "
                         f"{len(variances)}; try several stages of a training")
    y, x = (np.array([one.mean for one in values]) for values in (energies, variances))
    dy, dx = (np.array([one.error for one in values]) for values in (energies, variances))
    if not np.ptp(x) > 0 or not (dy > 0).all():
        raise ValueError("expected states of different variances, and errors of energies above zero, got variances "
                         f"from {x.min():.6g} to {x.max():.6g}, errors from {dy.min():.6g}; try less trained states")
    slope = 0.0
    for _ in range(20):  # errors of the variances count by the slope, which they change a little
        weights = 1 / (dy**2 + (slope * dx) ** 2)
        centre = weights @ x / weights.sum()
        spread = weights @ (x - centre) ** 2
        slope = float(weights @ ((x - centre) * y) / spread)
    height = float(weights @ y / weights.sum())
    energy = height - slope * centre
    chi2 = float(weights @ (y - energy - slope * x) ** 2) / (len(x) - 2) if len(x) > 2 else None
    error = np.sqrt(1 / weights.sum() + centre**2 / spread) * np.sqrt(max(1.0, chi2 or 1.0))
    return Extrapolation(float(energy), float(error), slope, chi2)
