"""One step of stochastic gradient descent on a ResNet-18: by torch, and by the native kernels.

Both follow torch's rule for momentum and weight decay, so that they give the same numbers up to rounding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from lib.checks import as_array, as_tensor
from lib.models import resnet
from lib.models.resnet.native import SparseResNet
from lib.models.resnet.network import check_labels
from lib.models.resnet.training_settings import Settings


class TorchTrainer:
    """Trains a torch network by torch's own stochastic gradient descent.

    It is used as `NativeTrainer` is.

    Parameters
    ----------
    network : lib.models.resnet.ResNet
        The network, trained in place.
    settings : Settings
        Of which momentum and weight decay count here.

    """

    def __init__(self, network: resnet.ResNet, settings: Settings):
        self.network, self.device = network, next(network.parameters()).device
        self._optimizer = torch.optim.SGD(network.parameters(), lr=1.0, momentum=settings.momentum,
                                          weight_decay=settings.weight_decay)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        array = np.ascontiguousarray(as_array(array, "images"))
        tensor = as_tensor(array)  # torch calculates in the memory order it is given
        dtype = next(self.network.parameters()).dtype if array.dtype.kind == "f" else torch.int64
        return tensor.to(self.device, dtype)

    def _set_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def train_step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, int]:
        """One step of stochastic gradient descent.

        Parameters
        ----------
        images : ndarray, shape (n_images, 3, height, width)
            Normalized.
        labels : ndarray of int, shape (n_images,)
            Their classes.
        rate : float
            The learning rate.

        Returns
        -------
        tuple of (float, int)
            The sum of the cross entropies and the number of right answers.

        """
        self.network.train()
        labels = self._tensor(check_labels(labels, len(images), self.network.architecture.n_classes))
        logits = self.network(self._tensor(images))
        loss = functional.cross_entropy(logits, labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._set_rate(rate)
        self._optimizer.step()
        return float(loss.detach()) * len(labels), int((logits.argmax(1) == labels).sum())

    def to_torch(self) -> resnet.ResNet:
        """The network as it is trained now.

        Returns
        -------
        ResNet

        """
        return self.network

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images (n_images, 3, height, width), in evaluation mode: (n_images, n_classes).

        Parameters
        ----------
        images : ndarray of float32, shape (n_images, 3, height, width)
            Normalized.

        Returns
        -------
        ndarray of float32, shape (n_images, n_classes)

        """
        self.network.eval()
        with torch.no_grad():
            return self.network(self._tensor(images)).cpu().numpy()


class NativeTrainer:
    """Trains a `SparseResNet` by stochastic gradient descent with momentum and decay (torch's rule).

    `train_step` is one step of it, at a learning rate, and returns the sum of the cross entropies
    and the number of right answers; `logits` is of images.

    It starts from a torch network, which stays behind while it trains: `to_torch` brings it up to date.

    Parameters
    ----------
    network : lib.models.resnet.ResNet
        Where to start.
    settings : Settings
        Of which minibatch, momentum and weight decay count here.
    image_size : int
        Height and width of the images in pixels.

    """

    def __init__(self, network: resnet.ResNet, settings: Settings, image_size: int):
        self.network, self._settings = network, settings
        self.native = SparseResNet(network, settings.batch_size, image_size)
        self._velocity = np.zeros_like(self.native.parameters)

    def train_step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, int]:
        """One step, as `TorchTrainer.train_step` says.

        Parameters
        ----------
        images, labels, rate
            As there.

        Returns
        -------
        loss, n_right
            As there.

        """
        result = self.native.step(images, labels)
        self._velocity *= np.float32(self._settings.momentum)
        self._velocity += self.native.gradients
        self._velocity += np.float32(self._settings.weight_decay) * self.native.parameters
        self.native.parameters -= np.float32(rate) * self._velocity
        return result

    def to_torch(self) -> resnet.ResNet:
        """The network, with the weights and statistics as they are trained now.

        It is there to save, or to go on with in torch.

        Returns
        -------
        ResNet

        """
        self.native.store(self.network)
        return self.network

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Of images (n_images, 3, height, width): (n_images, n_classes).

        Parameters
        ----------
        images : ndarray of float32, shape (n_images, 3, height, width)
            Normalized.

        Returns
        -------
        ndarray of float32, shape (n_images, n_classes)

        """
        images, size, parts = as_array(images, "images"), self.native.n_images, []
        for begin in range(0, len(images), size):
            these = images[begin:begin + size]
            full = np.zeros((size, *images.shape[1:]), images.dtype)
            full[:len(these)] = these
            parts.append(self.native.forward(full)[:len(these)])
        return np.concatenate(parts)
