"""Trained ResNets on disk: numpy's npz format without pickle, ending in a checksum, written whole or not at all.

A file is a zip archive as `numpy.savez` writes it, readable by `numpy.load(..., allow_pickle=False)`. A sparse net
takes the room of the weights that it has, and a bit for each that it could have. The members:

    format          int64 scalar, the version of this format: 1
    architecture    uint8, the fields of `resnet.Architecture` as a JSON object in UTF-8
    layers.NAME.weight  float32 or float64, of the layer's shape; with a mask (n,), the weights that exist in C order
    layers.NAME.mask    uint8, `numpy.packbits` of the mask in C order; missing where the layer has none
    layers.linear.bias  (n_classes,)
    norms.NAME.*    weight, bias, running_mean, running_var, each (n_channels,), and num_batches_tracked, int64 scalar

All floats of a file have one type. The archive's comment, the last 64 bytes of the file, is the SHA-256 of all bytes
before it in hexadecimal. It is checked before anything is parsed. Equal nets give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from lib import atomic
from lib.checks import is_integer
from lib.models import resnet

FORMAT = 1
N_DIGEST = 64  # hexadecimal digits of SHA-256


def save(path: str | os.PathLike, net: resnet.ResNet) -> None:
    """Write a net to exactly this path: weights, masks, BatchNorm's statistics and architecture.

    A net that a `SparseResNet` trains has to be given its numbers first, with
    ``SparseResNet.store(net)``. An earlier file stays as it was, whatever goes wrong on the way; a
    missing folder is made.

    Parameters
    ----------
    path : str or path-like
        Where to write.
    net : lib.models.resnet.ResNet
        In float32 or float64.

    Raises
    ------
    ValueError
        For anything but a ResNet of float32 or float64, for numbers that are not finite, and for
        weights behind a mask that are not 0 (they would be lost).
    OSError
        As the system does, naming the path.

    """
    if not isinstance(net, resnet.ResNet):
        raise ValueError(f"expected a ResNet, got {type(net).__name__}; try the network of a trainer, "
                         "trainer.to_torch()")
    dtypes = {parameter.dtype for parameter in net.parameters()}
    if len(dtypes) != 1 or not dtypes <= {torch.float32, torch.float64}:
        raise ValueError(f"expected a net of float32 or of float64, got {', '.join(sorted(map(str, dtypes)))}; "
                         "try net.float()")
    fields = {name: int(value) if is_integer(value) else value for name, value in asdict(net.architecture).items()}
    members = {"format": np.array(FORMAT, np.int64),
               "architecture": np.frombuffer(json.dumps(fields).encode(), np.uint8)}
    state = {name: tensor.detach().cpu().numpy() for name, tensor in net.state_dict().items()}
    for name, array in state.items():
        mask = state.get(name.removesuffix("weight") + "mask") if name.endswith(".weight") else None
        if name.endswith(".mask"):
            array = np.packbits(array)
        elif mask is not None:
            if mask.shape != array.shape or mask.dtype != bool:
                raise ValueError(f"expected a bool mask of shape {array.shape} for {name}, got {mask.dtype} of shape "
                                 f"{mask.shape}; try a ResNet made with this mask")
            if n_others := np.count_nonzero(array[~mask]):
                raise ValueError(f"expected 0 for all of {name} that its mask removes, got {n_others} other numbers; "
                                 "try weight.data[~mask] = 0, which changes no result")
            array = array[mask]
        members[name] = array
    _check(members)
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * N_DIGEST  # its length is stored before it, so the place is kept free
    content = buffer.getbuffer()  # not a copy: a wide dense net takes a GB
    content[-N_DIGEST:] = _digest(content[:-N_DIGEST])
    atomic.write_bytes(Path(path), content)


def load(path: str | os.PathLike, *, expect: resnet.Architecture | None = None) -> resnet.ResNet:
    """The net in a file, on the CPU, in the precision it was saved in, and in evaluation mode.

    For the other mode see ``net.train()``.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.
    expect : lib.models.resnet.Architecture, optional
        The architecture that it has to be of; None takes any, and the net's `architecture` says
        which.

    Returns
    -------
    lib.models.resnet.ResNet

    Raises
    ------
    ValueError
        Naming the file, if it is damaged, cut short, made by another program (pickle and torch.save
        included: nothing is ever unpickled), holds no valid net or one of another architecture.
    OSError
        If it cannot be read.

    """
    if expect is not None and not isinstance(expect, resnet.Architecture):
        raise ValueError(f"expected expect as an Architecture or None, got {expect!r}; try net.architecture")
    path = Path(path)
    content = path.read_bytes()
    if len(content) <= N_DIGEST or _digest(memoryview(content)[:-N_DIGEST]) != content[-N_DIGEST:]:
        raise ValueError(f"expected {path} to be a net written by checkpoints.save, got {len(content)} bytes that do "
                         "not end in their checksum: damaged, cut short, or made by another program such as pickle or "
                         "torch.save; try another copy")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
        architecture, masks = _check(members)
        if expect is None or _same(architecture, expect):
            return _network(architecture, masks, members)
    # The checksum is right, so these come from a file that some program wrote so on purpose.
    except (ValueError, TypeError, KeyError, EOFError, OSError, OverflowError, RuntimeError,
            zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no valid net: {error}") from error
    wanted, found = asdict(expect), asdict(architecture)
    others = [name for name in wanted if wanted[name] != found[name]]
    wanted, found = (", ".join(f"{name}={those[name]!r}" for name in others) for those in (wanted, found))
    raise ValueError(f"{path}: expected a net of {wanted}, got {found}; try expect=None, or the file of another net")


def _check(members: dict[str, np.ndarray]) -> tuple[resnet.Architecture, dict[str, np.ndarray]]:
    """The architecture and the masks, by the name of their weights, of members that make a net; else ValueError."""
    version = members.get("format", np.empty(0))
    if version.shape != () or version.dtype != np.int64:
        raise ValueError(f"expected a member format, an int64 number, got {version.dtype} of shape {version.shape}; "
                         "try a file that checkpoints.save wrote")
    if version != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {version}; try a newer version of this code")
    if "architecture" not in members:
        raise ValueError("expected a member architecture, uint8, got no such member; try another copy")
    fields = json.loads(members["architecture"].tobytes().decode())
    if not isinstance(fields, dict):
        raise ValueError(f"expected the architecture as a JSON object, got {type(fields).__name__}; try "
                         "another copy")
    architecture = resnet.Architecture(**fields)

    shapes, masks = dict(_shapes(architecture)), {}
    for name, shape in shapes.items():
        packed, size = members.get(name.removesuffix("weight") + "mask"), math.prod(shape)
        if packed is not None and name.startswith("layers.") and name.endswith(".weight"):
            if packed.dtype != np.uint8 or packed.shape != (-(-size // 8),):
                raise ValueError(f"expected the mask of {name} as uint8 ({-(-size // 8)},), a bit a weight, got "
                                 f"{packed.dtype} {packed.shape}; try another copy")
            masks[name] = np.unpackbits(packed, count=size).astype(bool).reshape(shape)
            shapes[name] = (int(masks[name].sum()),)
            if shapes[name] == (0,):
                raise ValueError(f"expected a mask that leaves {name} a weight, got none; try a mask that keeps one")
    expected = {"format", "architecture", *shapes, *(name.removesuffix("weight") + "mask" for name in masks)}
    if others := sorted(expected ^ members.keys()):
        raise ValueError(f"expected {len(expected)} members for this architecture, got {len(members)}, with a "
                         f"difference in {', '.join(others[:5])}; try another copy")

    dtype = members["layers.linear.bias"].dtype
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"expected float32 or float64, got {dtype} for layers.linear.bias; try net.float()")
    for name, shape in shapes.items():
        array, kind = members[name], np.int64 if name.endswith("num_batches_tracked") else dtype
        if array.dtype != kind or array.shape != shape:
            raise ValueError(f"expected {name} as {np.dtype(kind)} {shape}, got {array.dtype} {array.shape}; try "
                             "saving the net again")
        if not np.isfinite(array).all():
            raise ValueError(f"expected finite numbers, got {np.count_nonzero(~np.isfinite(array))} others of "
                             f"{array.size} in {name}; try a net of before its loss was no longer finite")
        if name.endswith(("running_var", "num_batches_tracked")) and array.min() < 0:
            raise ValueError(f"expected numbers >= 0 in {name}, got {array.min()}; try another copy")
    return architecture, masks


def _shapes(architecture: resnet.Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of all that a net without masks holds (its `state_dict`), known without making one."""
    for layer in resnet.layers(architecture):
        yield f"layers.{layer.name}.weight", layer.shape
        if layer.kind == "linear":
            yield f"layers.{layer.name}.bias", layer.shape[:1]
        elif not layer.name.endswith("_in"):  # BatchNorm stands behind the second convolution of a bottleneck
            norm = f"norms.{layer.name.removesuffix('_out')}"
            for part in ("weight", "bias", "running_mean", "running_var"):
                yield f"{norm}.{part}", layer.shape[:1]
            yield f"{norm}.num_batches_tracked", ()


def _network(architecture: resnet.Architecture, masks: dict[str, np.ndarray],
             members: dict[str, np.ndarray]) -> resnet.ResNet:
    """A net of members that were checked."""
    names = [f"layers.{layer.name}.weight" for layer in resnet.layers(architecture)]
    net = resnet.ResNet(architecture, [masks.get(name) for name in names], seed=0)
    state = net.to(torch.from_numpy(members["layers.linear.bias"]).dtype).state_dict()  # the net's own memory
    for name, tensor in state.items():
        if name in masks:
            tensor[torch.from_numpy(masks[name])] = torch.from_numpy(members[name])
        elif not name.endswith(".mask"):
            tensor.copy_(torch.from_numpy(members[name]))
    return net.eval()


def _same(first: resnet.Architecture, second: resnet.Architecture) -> bool:
    """Whether two architectures are equal; a bottleneck of no base_width is one of its own width."""
    first, second = (a if a.variant == "plain" else replace(a, base_width=a.base_width or a.width)
                     for a in (first, second))
    return first == second


def _digest(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
