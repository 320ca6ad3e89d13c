"""ResNet-18 with static sparse weights, trained in its own data layout by native kernels: the fast path on the CPU.

The same network as `lib.models.resnet.ResNet`, which is its reference and its path on a GPU: made from one, it has its
weights, and gives them back (`store`). Convolutions and the linear layer are those of `lib.models.sparse.convolution`,
BatchNorm with ReLU and the sum of each block `lib.native.batch_norm`; all arrays are allocated once. float32, as
networks are.
"""

from __future__ import annotations

import numpy as np

from lib.checks import as_array, require_count
from lib.models import resnet
from lib.models.resnet._flat_parameters import FlatParameters
from lib.models.resnet._native_norms import Norms, Unit
from lib.models.resnet.network import check_labels
from lib.models.sparse import threads
from lib.models.sparse.convolution import SparseConvolution
from lib.models.sparse.layout import Arena, Layout
from lib.native import batch_norm
from lib.native.tiles import LANES


class SparseResNet:
    """A network for minibatches of n_images; parameters and gradients are flat, in equal order.

    Parameters
    ----------
    network : lib.models.resnet.ResNet
        Whose weights, masks and BatchNorm it starts from (stem "cifar").
    n_images : int, >= 1
        Images in a minibatch.
    image_size : int
        Pixels a side.

    Attributes
    ----------
    parameters, gradients : ndarray of float32
        All weights that exist, then scale and shift of the BatchNorms, then the last bias.

    Raises
    ------
    ValueError
        For another stem, and for an n_images below 1.

    """

    def __init__(self, network: resnet.ResNet, n_images: int, image_size: int):
        a = self.architecture = network.architecture
        if a.stem != "cifar":
            raise ValueError(f'expected stem="cifar", got {a.stem!r}; try the torch module resnet.ResNet, which has '
                             "max-pooling")
        require_count("n_images", n_images)
        self.image_size, self.n_images = image_size, int(n_images)
        self._arena, self._last_g, self._can_go_back = Arena(), None, False
        self._strides = {layer.name: layer.stride for layer in resnet.layers(a, image_size)}
        self._flat = FlatParameters(network)
        self._masks, self._slices, self._running = self._flat.masks, self._flat.slices, self._flat.running
        self.parameters, self.n_weights = self._flat.values, self._flat.n_weights
        self.gradients = np.zeros_like(self.parameters)
        self._norms = Norms(self._flat, self.gradients)
        self._build()

    # Parameters

    def load(self, network: resnet.ResNet) -> None:
        """Take over the network's parameters and running statistics.

        Parameters
        ----------
        network : lib.models.resnet.ResNet
            Of the same form and masks.

        Raises
        ------
        ValueError
            For other masks or another form.

        """
        self._flat.load(network)

    def store(self, network: resnet.ResNet) -> None:
        """Give the network these parameters and running statistics.

        Parameters
        ----------
        network : lib.models.resnet.ResNet
            Of the same form and masks.

        Raises
        ------
        ValueError
            For other masks or another form.

        """
        self._flat.store(network)

    # Building

    def _build(self):
        image = Layout(self.n_images, 3, self.image_size, self.image_size, border=1)
        self._image_layout, self._image = image, self._arena.zeros(image.size)
        self._units: dict[str, Unit] = {}
        x = self._unit("stem", image)
        for block in resnet.BLOCKS:
            inner = self._unit(f"{block}_conv1", x)
            out = self._unit(f"{block}_conv2", inner)
            if f"{block}_shortcut" in self._running:
                self._unit(f"{block}_shortcut", x)
            x = out
        self._last_layout = x
        self._pooled_layout = Layout(self.n_images, x.n_channels, 1, 1)
        self._pooled = self._arena.zeros(self._pooled_layout.size)
        self._linear = SparseConvolution(self._masks["linear"], 1, self._pooled_layout)
        self._logits, self._grad_logits = (self._arena.zeros(self._linear.out.size) for _ in range(2))
        self._partial = self._arena.zeros(LANES * max(int(mask.sum()) for mask in self._masks.values()))
        # Room for gradients on their way back: by what a stage gives, two stages in turn; of a convolution, within a
        # border; and of what lies between two convolutions.
        convolutions = [part for unit in self._units.values() for part in unit.convolutions]
        bare = max(part.out.size for part in convolutions)
        bordered = max(part.out._replace(border=part.padding).size for part in convolutions)
        self._scratch = {use: self._arena.zeros(size) for use, size in
                         (("even", bare), ("odd", bare), ("between", bare), ("inner", bare), ("g", bordered))}

    def _unit(self, norm: str, x: Layout) -> Layout:
        names = (norm,) if norm in self._masks else (f"{norm}_in", f"{norm}_out")
        convolutions, z = [], []
        for name in names:
            convolution = SparseConvolution(self._masks[name], self._strides[name], x)
            convolutions.append(convolution)
            z.append(self._arena.zeros(convolution.out.size))
            x = convolution.out
        layout = x._replace(border=1)
        # A shortcut's BatchNorm writes where the block's sum will stand, which is then added to it in place.
        a = (self._units[norm.replace("shortcut", "conv2")].a if norm.endswith("shortcut")
             else self._arena.zeros(layout.size))
        self._units[norm] = Unit(names, tuple(convolutions), tuple(z), a, layout, norm)
        return layout

    def _g(self, layout: Layout) -> np.ndarray:
        """Room for the gradient by a convolution in this layout, its border zero."""
        g = self._scratch["g"][:layout.size]
        if layout != self._last_g:
            layout.clear_border(g)
            self._last_g = layout
        return g

    # Forward

    def _convolve(self, unit: Unit, x: np.ndarray):
        for name, convolution, z in zip(unit.names, unit.convolutions, unit.z, strict=True):
            convolution.forward(self.parameters[self._slices[name]], x, z)
            x = z

    def forward(self, images: np.ndarray, train: bool = False) -> np.ndarray:
        """Logits of images.

        Parameters
        ----------
        images : ndarray of float32, shape (n_images, 3, image_size, image_size)
            One minibatch.
        train : bool
            True: BatchNorm by these images, whose statistics the running ones then follow. False,
            the default: by the running ones.

        Returns
        -------
        ndarray of float32, shape (n_images, n_classes)

        Raises
        ------
        ValueError
            For images of another shape, number or dtype.

        """
        images = self._check_images(images)
        with threads.one_at_a_time():
            logits = self._forward(images, train)
        self._can_go_back = train
        return logits

    def _check_images(self, images: np.ndarray) -> np.ndarray:
        images = as_array(images, "images")
        shape = (self.n_images, 3, self.image_size, self.image_size)
        if images.shape != shape or images.dtype != np.float32:
            raise ValueError(f"expected float32 images of shape {shape}, got {images.dtype} {images.shape}; try "
                             "minibatches of that size, or SparseResNet(network, n_images, image_size) of theirs")
        return images

    def _forward(self, images: np.ndarray, train: bool) -> np.ndarray:
        self._image_layout.pack(images, self._image)
        x, unit = self._image, self._units["stem"]
        self._convolve(unit, x)
        self._norms.forward(unit, train)
        for block in resnet.BLOCKS:
            x, x_layout = unit.a, unit.a_layout
            inner, unit = self._units[f"{block}_conv1"], self._units[f"{block}_conv2"]
            self._convolve(inner, x)
            self._norms.forward(inner, train)
            self._convolve(unit, inner.a)
            shortcut = self._units.get(f"{block}_shortcut")
            if shortcut is not None:
                self._convolve(shortcut, x)
                self._norms.forward(shortcut, train, relu=False)
                x, x_layout = shortcut.a, shortcut.a_layout
            self._norms.forward(unit, train, shortcut=x, shortcut_layout=x_layout)
        layout = self._last_layout
        batch_norm.pool(unit.a, layout.place, layout.pixels, self._pooled, self._pooled_layout.place)
        self._linear.forward(self.parameters[self._slices["linear"]], self._pooled, self._logits)
        return self._linear.out.unpack(self._logits)[:, :, 0, 0] + self.parameters[self._slices["bias"]]

    # Backward

    def _through(self, unit: Unit, x: np.ndarray, grad_output: np.ndarray, into: np.ndarray | None, add: bool = False,
                 relu: bool = True):
        """Gradients of a unit from the gradient by what it gives; the gradient by x goes to `into`."""
        sources, inner = (x, *unit.z[:-1]), None
        for i in reversed(range(len(unit.names))):
            convolution, border = unit.convolutions[i], unit.convolutions[i].padding
            g_layout = convolution.out._replace(border=border)
            g = self._g(g_layout)
            if i == len(unit.names) - 1:
                self._norms.backward(unit, grad_output, g, g_layout, relu)
            else:  # the inner of the two in a bottleneck: what the outer has left, within a border
                g_layout.view(g)[:] = convolution.out.view(inner)
            place = self._slices[unit.names[i]]
            convolution.weight_gradient(sources[i], g, border, self.gradients[place], self._partial)
            if i > 0:
                inner = self._scratch["inner"][:convolution.x._replace(border=0).size]
                convolution.backward(self.parameters[place], g, border, inner)
            elif into is not None:
                convolution.backward(self.parameters[place], g, border, into, add)

    def backward(self, grad_logits: np.ndarray) -> None:
        """Write the gradients of the last forward(train=True), from those by the logits.

        Once after each, as the gradients take the place of what it has left.

        Parameters
        ----------
        grad_logits : ndarray of float, shape (n_images, n_classes)
            Derivatives by the logits.

        Raises
        ------
        RuntimeError
            For a second time, or after forward(train=False).
        ValueError
            For gradients of another shape, before anything is written.

        """
        grad_logits, shape = as_array(grad_logits, "grad_logits"), (self.n_images, self.architecture.n_classes)
        if grad_logits.shape != shape or grad_logits.dtype.kind != "f":
            raise ValueError(f"expected derivatives by the logits, floats of shape {shape}, got {grad_logits.dtype} "
                             f"{grad_logits.shape}; try those of the same minibatch")
        if not self._can_go_back:
            raise RuntimeError("expected backward once, right after forward(train=True), got another order of calls; "
                               "try forward(images, train=True) again")
        self._can_go_back = False
        with threads.one_at_a_time():
            self._backward(grad_logits)

    def _backward(self, grad_logits: np.ndarray) -> None:
        self.gradients[self._slices["bias"]] = grad_logits.sum(0)
        out = self._linear.out
        out.pack(np.ascontiguousarray(grad_logits, np.float32)[:, :, None, None], self._grad_logits)
        place = self._slices["linear"]
        self._linear.weight_gradient(self._pooled, self._grad_logits, 0, self.gradients[place], self._partial)
        pooled = self._scratch["between"][:self._pooled_layout.size]
        self._linear.backward(self.parameters[place], self._grad_logits, 0, pooled)
        layout = self._last_layout._replace(border=0)
        grad_output = self._scratch["odd"][:layout.size]
        batch_norm.unpool(pooled, self._pooled_layout.place, layout.pixels, grad_output, layout.place)
        for place, block in reversed(list(enumerate(resnet.BLOCKS))):
            before = self._units[f"{resnet.BLOCKS[place - 1]}_conv2" if place else "stem"]
            inner, unit = self._units[f"{block}_conv1"], self._units[f"{block}_conv2"]
            # What the last convolution gave is not needed once its BatchNorm has been passed: its place is free.
            free, layout = unit.convolutions[-1].out, inner.a_layout._replace(border=0)
            between = unit.z[-1] if free == layout else self._scratch["between"][:layout.size]
            self._through(unit, inner.a, grad_output, between)
            shortcut = self._units.get(f"{block}_shortcut")
            if shortcut is None:  # what ReLU let through goes on along the shortcut; the convolutions add to it
                self._through(inner, before.a, between, grad_output, add=True)
                continue
            # Stages 4, 3, 2, 1 lie before places 8, 6, 4, 2.
            grad_before = self._scratch["even" if place % 4 == 2 else "odd"][:before.a_layout._replace(border=0).size]
            self._through(inner, before.a, between, grad_before)
            self._through(shortcut, before.a, grad_output, grad_before, add=True, relu=False)
            grad_output = grad_before
        self._through(self._units["stem"], self._image, grad_output, None)

    def step(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """Write the gradients of the mean cross entropy of one minibatch.

        Parameters
        ----------
        images : ndarray of float32, shape (n_images, 3, image_size, image_size)
            The minibatch.
        labels : array_like of int, shape (n_images,)
            From 0 to below n_classes.

        Returns
        -------
        loss : float
            The sum of the cross entropies.
        n_right : int
            The number of right answers.

        Raises
        ------
        ValueError
            For other labels, and for images of another shape or number.

        """
        self._check_images(images)  # first: labels of a minibatch of another size are not what is wrong
        labels = check_labels(labels, self.n_images, self.architecture.n_classes)
        logits = self.forward(images, train=True).astype(np.float64)
        logits -= logits.max(1, keepdims=True)
        norm = np.log(np.exp(logits).sum(1))
        there = np.arange(len(labels))
        loss, n_right = float((norm - logits[there, labels]).sum()), int((logits.argmax(1) == labels).sum())
        grad = np.exp(logits - norm[:, None])
        grad[there, labels] -= 1
        self.backward((grad / len(labels)).astype(np.float32))
        return loss, n_right
