"""Training a ResNet-18 where its weights are: images, minibatches and steps stay on one device.

On a GPU a step of a small network is a few hundred kernels of some microseconds each, and starting them one by one
takes longer than they do. Here the images lie on the device, an epoch's order, shifts and flips follow in one table,
and a whole step (choice and augmentation of the minibatch, both passes, the update) is recorded once as a CUDA graph
and replayed. Several networks in threads of one process then share a GPU: each has a stream of its own.

Nothing here is special to a GPU but the graph: on a CPU the same steps run one by one, which is what the tests compare.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from lib import image_sets
from lib.models import resnet
from lib.models.resnet.trainers import TorchTrainer
from lib.models.resnet.training_settings import Settings

_one_capture = threading.Lock()  # torch waits for the whole device before it records, which no recording survives


class ResidentTrainer(TorchTrainer):
    """`trainers.TorchTrainer` by whole epochs that ask the CPU for nothing.

    It sees the minibatches that the other trainers see in `training.train`, to the bit. The
    images and labels of a training must not change while it runs. The network's tensors become
    channels_last in place on a GPU, and contiguous on a CPU, where a torch release wrote beyond its
    memory.

    On a GPU convolutions round their inputs to TF32 (11 bits of mantissa), unless torch is told
    otherwise; and torch is told, for the whole process, to take algorithms of cuDNN that give equal
    numbers in every run.

    Parameters
    ----------
    network : lib.models.resnet.ResNet
        The network, trained in place, on the device where it is.
    settings : lib.models.resnet.training_settings.Settings
        Of which momentum and weight decay count here.

    """

    def __init__(self, network: resnet.ResNet, settings: Settings):
        super().__init__(network, settings)
        self._order = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        network.to(memory_format=self._order)
        if self.device.type == "cuda":  # all the time: networks in other threads share these switches
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        # The fused rule reads the rate where it lies, so that a recorded step follows the schedule.
        self._rate = torch.zeros((), device=self.device)
        self._optimizer = torch.optim.SGD(network.parameters(), lr=self._rate, momentum=settings.momentum,
                                          weight_decay=settings.weight_decay, fused=True)
        self._stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self._source = self._graph = None

    def _set_rate(self, rate: float) -> None:
        self._rate.fill_(rate)

    def train_step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> tuple[float, int]:
        """One step, as `TorchTrainer.train_step` says.

        Parameters
        ----------
        images : ndarray of float32, shape (n, 3, height, width)
            A minibatch.
        labels : ndarray of int, shape (n,)
            Its classes.
        rate : float
            The learning rate.

        Returns
        -------
        loss, n_right : float, int
            Sum of the cross entropies in nats, and how many images were right.

        """
        with self._on_stream():
            return super().train_step(images, labels, rate)

    def train_epoch(self, images: np.ndarray, labels: np.ndarray, order: np.ndarray, rates: list[float], pad: int,
                    rng: np.random.Generator) -> tuple[float, int]:
        """A step for each minibatch of `order`, as `training.train` says.

        Parameters
        ----------
        images : ndarray of float32, shape (n_images, 3, height, width)
            Normalized.
        labels : ndarray of int64, shape (n_images,)
            Their classes.
        order : ndarray of int64, shape (n_batches, batch_size)
            Rows of the images.
        rates : list of float
            The learning rate of each step.
        pad : int
            Pixels by which images are shifted at most.
        rng : numpy.random.Generator
            Of the shifts and flips.

        Returns
        -------
        tuple of (float, int)
            Sum of losses, right answers.

        """
        image_sets.check_pad(pad, *images.shape[2:])
        table = np.empty((len(order), 4, order.shape[1]), np.int64)
        table[:, 0] = order
        for plan in table:
            plan[1:] = image_sets.shifts_and_flips(order.shape[1], pad, rng)
        with self._on_stream():
            same = self._source is not None and self._source[0] is images and self._source[1] is labels
            if not same or self._source[2] != table.shape:
                self._place(images, labels, table.shape)
            self._table.copy_(torch.from_numpy(table))
            self._rates.copy_(torch.tensor(rates))
            self._restart()
            if self._stream is not None and self._graph is None:
                self._record()
            for _ in range(len(order)):
                self._step() if self._graph is None else self._graph.replay()
            return float(self._loss), int(self._right)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """What the network says, as `TorchTrainer.logits`.

        Parameters
        ----------
        images : ndarray of float32, shape (n, 3, height, width)
            Normalized images.

        Returns
        -------
        ndarray, shape (n, n_classes)

        """
        with self._on_stream():
            return super().logits(images)

    @contextlib.contextmanager
    def _on_stream(self) -> Iterator[None]:
        """Work in the net's own stream, after what the caller has asked for and before what it asks for next."""
        if self._stream is None:
            yield
            return
        callers = torch.cuda.current_stream(self.device)
        self._stream.wait_stream(callers)
        with torch.cuda.stream(self._stream):
            yield
        callers.wait_stream(self._stream)

    def _place(self, images: np.ndarray, labels: np.ndarray, shape: tuple[int, ...]) -> None:
        """Everything that a step reads and adds to, at addresses that stay."""
        def tensor(array):
            return torch.as_tensor(array, device=self.device)
        height, width = images.shape[2:]
        self._source, self._graph = (images, labels, shape), None
        self._images = tensor(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        self._labels = tensor(labels.astype(np.int64))
        self._lines, self._columns = tensor(np.arange(height)), tensor(np.arange(width))
        self._black = tensor(image_sets.BLACK.ravel())
        self._table = torch.zeros(shape, dtype=torch.int64, device=self.device)
        self._rates = torch.zeros(shape[0], device=self.device)
        self._place_in_epoch = torch.zeros(1, dtype=torch.int64, device=self.device)
        self._loss = torch.zeros((), dtype=torch.float64, device=self.device)
        self._right = torch.zeros((), dtype=torch.int64, device=self.device)

    def _restart(self) -> None:
        for sum_so_far in (self._place_in_epoch, self._loss, self._right):
            sum_so_far.zero_()

    def _minibatch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The images that `image_sets.augmented` gives, and their labels, by the table's row for this step."""
        rows, down, right, flips = self._table.index_select(0, self._place_in_epoch)[0]
        height, width = len(self._lines), len(self._columns)
        y = self._lines - down[:, None]
        x = torch.where(flips[:, None] == 1, width - 1 - self._columns, self._columns) - right[:, None]
        inside = ((y >= 0) & (y < height))[:, :, None, None] & ((x >= 0) & (x < width))[:, None, :, None]
        y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
        images = torch.where(inside, self._images[rows[:, None, None], y[:, :, None], x[:, None, :]], self._black)
        dtype = next(self.network.parameters()).dtype
        return images.permute(0, 3, 1, 2).to(dtype, memory_format=self._order), self._labels[rows]

    def _step(self) -> None:
        self.network.train()
        images, labels = self._minibatch()
        self._rate.copy_(self._rates.index_select(0, self._place_in_epoch)[0])
        logits = self.network(images)
        loss = functional.cross_entropy(logits, labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._loss += loss.detach().double() * len(labels)
        self._right += (logits.argmax(1) == labels).sum()
        self._place_in_epoch += 1

    def _record(self) -> None:
        """Record one step. What the steps that warm torch up have changed is put back."""
        with _one_capture:
            weights = {name: value.clone() for name, value in self.network.state_dict().items()}
            momenta = {place: state["momentum_buffer"].clone() for place, state in self._optimizer.state.items()}
            try:
                for _ in range(3):
                    self._step()
                    self._restart()  # an epoch may have fewer steps than these
                self._stream.synchronize()
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                    self._step()
            finally:
                self.network.load_state_dict(weights)
                for place, state in self._optimizer.state.items():
                    state["momentum_buffer"].copy_(momenta.get(place, torch.zeros_like(place)))
                self._restart()
            self._graph = graph
