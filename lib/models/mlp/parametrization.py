"""Standard, LeCun and NTK parametrization of fully connected layers, dense and sparse (appendices C and A.3).

A layer with stored weights W and biases b gives multiplier (W x + b) on inputs x. Its effective weights multiplier W
are those of `mlp.SparseMLP`, whose layers have no multiplier. With fan_in inputs and connectivity p, appendix C says

    standard    W ~ N(0, 1 / (p fan_in)), multiplier 1; the thesis also calls this start LeCun's
    NTK         W ~ N(0, 1 / p),          multiplier 1 / sqrt(fan_in), also where the layer is sparse; see (3.1)

so that all forms start from the same effective weights. What differs is how they learn: a gradient step at rate eta on
W moves multiplier W by eta multiplier^2 times its own gradient. So NTK at rate eta is standard at eta / fan_in, a rate
for each layer, and the connectivity does not enter. The networks of the thesis started from uniform distributions
instead, with W between +-1/sqrt(p fan_in) (appendix A.3) or, in the NTK form of figure 3.8, +-1/sqrt(p): a third of
the variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib import rng
from lib.checks import check_number, is_real, require_count
from lib.models import mlp

NAMES = ("standard", "lecun", "ntk")
DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True)
class Parametrization:
    """How a layer stores its weights: drawn with mean 0, multiplied in the forward pass.

    Biases are drawn like the weights and share their multiplier: appendix C has none, and appendix
    A.3 means torch's, which are drawn so; (3.1) multiplies the output of a layer as a whole.

    Attributes
    ----------
    distribution : {"normal", "uniform"}
        Of the stored weights.
    weight_deviation : float
        Their standard deviation.
    multiplier : float
        Of the forward pass.

    """

    distribution: str
    weight_deviation: float
    multiplier: float

    @property
    def effective_deviation(self) -> float:
        """Standard deviation of the weights as the next layer feels them.

        It is 1/sqrt(p fan_in) if they are normal.
        """
        return self.multiplier * self.weight_deviation

    def standard_rate(self, rate: float) -> float:
        """The learning rate on effective weights that does the same as `rate` on the stored ones.

        Both are those of plain SGD.

        Parameters
        ----------
        rate : float, >= 0
            On the stored weights.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For a rate that is negative or not finite.

        """
        check_number(rate, "rate", least=0, hint="rate=0.1")
        return rate * self.multiplier**2

    def draw(self, n_weights: int, stream: np.random.Generator) -> np.ndarray:
        """Stored weights before training.

        Parameters
        ----------
        n_weights : int
            How many.
        stream : numpy.random.Generator
            Where the random numbers come from.

        Returns
        -------
        ndarray of float64, shape (n_weights,)

        """
        if self.distribution == "normal":
            return self.weight_deviation * stream.standard_normal(n_weights)
        bound = math.sqrt(3) * self.weight_deviation
        return stream.uniform(-bound, bound, n_weights)


def parametrization(name: str, fan_in: int, connectivity: float = 1.0, *,
                    distribution: str = "normal") -> Parametrization:
    """A layer in one of the forms of appendix C.

    Parameters
    ----------
    name : {"standard", "lecun", "ntk"}
        The first two are the same.
    fan_in : int, >= 1
        Inputs of the dense layer.
    connectivity : float in (0, 1], default 1.0
        The share p of its weights that exist.
    distribution : {"normal", "uniform"}
        "normal" (appendix C), the default, or "uniform" (appendix A.3; a third of the variance).

    Returns
    -------
    Parametrization

    Raises
    ------
    ValueError
        For anything else.

    """
    if name not in NAMES:
        raise ValueError(f"expected a parametrization among {', '.join(NAMES)}, got {name!r}; try 'standard'")
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"expected a distribution among {', '.join(DISTRIBUTIONS)}, got {distribution!r}; "
                         "try 'normal'")
    require_count("fan_in", fan_in)
    if not is_real(connectivity) or not 0 < connectivity <= 1:
        raise ValueError(f"expected connectivity above 0 and up to 1, got {connectivity!r}; try 1.0")
    variance = 1 / connectivity if name == "ntk" else 1 / (connectivity * fan_in)
    return Parametrization(distribution, math.sqrt(variance if distribution == "normal" else variance / 3),
                           1 / math.sqrt(fan_in) if name == "ntk" else 1.0)


class Net(NamedTuple):
    """A net before training, with its effective weights, and how its two layers are parametrized.

    Attributes
    ----------
    model : lib.models.mlp.SparseMLP
        The net, with effective weights.
    first, last : Parametrization
        Of its layers.

    """

    model: mlp.SparseMLP
    first: Parametrization
    last: Parametrization

    def rates(self, rate: float) -> tuple[float, float]:
        """Learning rates for `mlp.MLPSettings` that do what `rate` does on the stored weights.

        Parameters
        ----------
        rate : float, >= 0
            On the stored weights.

        Returns
        -------
        tuple of (float, float)
            Of the first and the last layer.

        """
        return self.first.standard_rate(rate), self.last.standard_rate(rate)


def draw(name: str, architecture: mlp.Architecture, n_first: int | None = None, n_last: int | None = None, *,
         seed: int, distribution: str = "normal", dtype=np.float32) -> Net:
    """A net before training whose layers are parametrized as in `parametrization`.

    One seed gives the same mask and, up to rounding, the same effective weights in every form, so
    that two forms differ by nothing but their learning rates. With uniform weights they are those
    of `mlp.SparseMLP.random`.

    Parameters
    ----------
    name : {"standard", "lecun", "ntk"}
        As in `parametrization`.
    architecture : lib.models.mlp.Architecture
        The dense net.
    n_first, n_last : int, optional
        Weights of the two layers; None means all.
    seed : int
        Of the random numbers.
    distribution : {"normal", "uniform"}
        As in `parametrization`.
    dtype : dtype, default float32
        Of the values, float32 or float64.

    Returns
    -------
    Net

    """
    bare = mlp.SparseMLP.random(architecture, n_first, n_last, seed=seed, dtype=np.float64)  # its masks
    a, forms, layers, biases = bare.architecture, [], [], []
    for layer_name, layer, fan_in, n_outputs in (("first", bare.first, a.n_inputs, a.width),
                                                 ("last", bare.last, a.width, a.n_classes)):
        n_weights = len(layer.index)
        form = parametrization(name, fan_in, n_weights / (fan_in * n_outputs), distribution=distribution)
        weights, bias = (form.multiplier * form.draw(n, rng.stream(seed, "mlp", layer_name, use))
                         for use, n in (("weights", n_weights), ("bias", n_outputs)))
        forms.append(form)
        layers.append(layer._replace(weights=weights.astype(dtype)))
        biases.append((bias * a.bias).astype(dtype))
    return Net(mlp.SparseMLP(a, *layers, *biases), *forms)
