"""Colour image sets: read as they are, refused by name where missing or damaged."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib import image_sets
from tests.tree import ROOT

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def smooth(shade, height=32, width=32):
    """Pixels (height, width, 3) that JPEG keeps: red grows downwards, green to the right, blue is `shade`."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 250, height)[:, None]
    pixels[..., 1] = np.linspace(0, 250, width)
    pixels[..., 2] = shade
    return pixels


def noise(n_images, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (n_images, 3, 32, 32), dtype=np.uint8)


# The folder of JPEG files.


@pytest.fixture
def jpeg(tmp_path, monkeypatch):
    """Two training images and one test image a class; blue is 20 times the class, plus 10 in the second image."""
    monkeypatch.setitem(image_sets._COUNTS, "cifar10-jpeg", {"train": 20, "test": 10})
    for part, names in (("train", ("0001", "0000")), ("test", ("0000",))):
        for label, name in reversed(list(enumerate(CLASSES))):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for file in names:
                Image.fromarray(smooth(20 * label + 10 * int(file))).save(folder / f"{file}.jpg", quality=95)
    (tmp_path / "train/cat/notes.txt").touch()
    (tmp_path / "train/cat/._0000.jpg").touch()
    (tmp_path / "train/.thumbnails").mkdir()
    return tmp_path


def test_jpeg_files_are_read_in_the_order_of_their_names(jpeg, monkeypatch):
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda *arguments: sorted(glob(*arguments), reverse=True))
    pixels, labels, classes = image_sets.load("cifar10-jpeg", "train", jpeg)
    assert pixels.shape == (20, 3, 32, 32) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    assert labels.dtype == np.int64 and labels.tolist() == [label for label in range(10) for _ in "01"]
    assert classes == CLASSES
    for image, shade in zip(pixels, range(0, 200, 10)):
        assert np.abs(image.transpose(1, 2, 0).astype(int) - smooth(shade)).max() < 12
    test = image_sets.load("cifar10-jpeg", "test", str(jpeg))
    assert test.labels.tolist() == list(range(10)) and (test.pixels == pixels[::2]).all()


def test_the_default_folder_is_in_the_cache(jpeg, monkeypatch):
    monkeypatch.setattr(image_sets, "CACHE", jpeg / "none")
    with pytest.raises(FileNotFoundError, match="none/cifar10/train, got no such folder"):
        image_sets.load("cifar10-jpeg", "train")
    (jpeg / "none").mkdir()
    (jpeg / "none/cifar10").symlink_to(jpeg)
    assert len(image_sets.load("cifar10-jpeg", "train").pixels) == 20
    assert image_sets._COUNTS["cifar10"]["train"] == 50_000  # only the table of this test is small


def test_unknown_names_and_parts_are_refused(jpeg):
    with pytest.raises(ValueError, match="name as one of cifar10-jpeg, cifar10, cifar100, svhn, got 'mnist'; try"):
        image_sets.load("mnist", "train", jpeg)
    with pytest.raises(ValueError, match="part as one of train, test, got 'val'; try 'train'"):
        image_sets.load("cifar10-jpeg", "val", jpeg)


def test_a_missing_jpeg_set_is_told_with_the_layout(tmp_path):
    words = r"JPEG files in .*test, got no such folder; try .* train/CLASS/\*\.jpg"
    with pytest.raises(FileNotFoundError, match=words):
        image_sets.load("cifar10-jpeg", "test", tmp_path)


def broken_jpeg(change):
    def spoil(folder):
        path = folder / "train/deer/0001.jpg"
        path.write_bytes(change(path.read_bytes()))
    return spoil


def stored_as(file_format, mode="RGB", size=(32, 32)):
    def spoil(folder):
        Image.new(mode, size).save(folder / "train/deer/0001.jpg", format=file_format)
    return spoil


@pytest.mark.parametrize("spoil, words", [
    (lambda folder: (folder / "train/deer/0001.jpg").unlink(), r"train/deer: expected 2 files \*\.jpg, got 1; try to "),
    (lambda folder: (folder / "train/deer/0001.jpg").rename(folder / "train/dog/7.jpg"), "train/deer: .* got 1"),
    (lambda folder: (folder / "train/deer/2.jpg").touch(), "train/deer: expected 2 .* got 3"),
    (lambda folder: (folder / "train/deer").rename(folder / "train/elk"), "train: expected folders .* 10 .*dog, elk,"),
    (lambda folder: (folder / "train/elk").mkdir(), "got 11 folders: airplane, .* try a folder with"),
    (broken_jpeg(lambda content: content[:-200]), "deer/0001.jpg: expected a JPEG that can be read, got .* truncated"),
    (broken_jpeg(lambda content: b""), "deer/0001.jpg: .* cannot identify"),
    (broken_jpeg(lambda content: b"x" + content), "deer/0001.jpg: .* cannot identify"),
    (stored_as("PNG"), "deer/0001.jpg: .* cannot identify"),
    (stored_as("JPEG", size=(32, 31)), "0001.jpg: expected a colour JPEG of 32 x 32 pixels, got 32 x 31 in mode RGB; "),
    (stored_as("JPEG", mode="L"), "deer/0001.jpg: .* got 32 x 32 in mode L; try a folder"),
])
def test_incomplete_and_damaged_jpeg_sets_are_refused_by_file(jpeg, spoil, words):
    spoil(jpeg)
    with pytest.raises(ValueError, match=words):
        image_sets.load("cifar10-jpeg", "train", jpeg)
    assert len(image_sets.load("cifar10-jpeg", "test", jpeg).labels) == 10  # the other part is whole


@pytest.mark.skipif(not (ROOT / "data/cache/cifar10").exists(), reason="no JPEG set in data/cache/cifar10")
def test_the_real_jpeg_set_has_the_colours_of_cifar10():
    pixels, labels, _ = image_sets.load("cifar10-jpeg", "test")
    assert np.bincount(labels).tolist() == [1000] * 10
    # The means of the original test images.
    assert pixels.mean((0, 2, 3)) / 255 == pytest.approx([0.4942, 0.4851, 0.4504], abs=0.002)


# The sets of torchvision.


def write(path, content):
    """The MD5 of the content, which goes to the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.md5(content).hexdigest()


@pytest.fixture(params=["cifar10", "cifar100"])
def cifar(request, tmp_path, monkeypatch):
    """Noise in CIFAR's format, two batches of four images for training and one for testing: name, class, folder."""
    name = request.param
    source = getattr(image_sets.load_torchvision().datasets, name.upper())
    classes, key = (10, "labels") if name == "cifar10" else (100, "fine_labels")
    monkeypatch.setitem(image_sets._COUNTS, name, {"train": 8, "test": 4})

    def batch(file, images, labels):
        entry = {"data": images.reshape(len(images), 3072), key: list(labels)}
        return [file, write(tmp_path / source.base_folder / file, pickle.dumps(entry))]

    def fill(last_label=9):
        train = noise(8)
        monkeypatch.setattr(source, "train_list", [batch("first", train[:4], [0, 3, 1, 2]),
                                                   batch("second", train[4:], [7, 6, 5, last_label])])
        monkeypatch.setattr(source, "test_list", [batch("last", noise(4, seed=2), range(4))])
        meta = source.meta["key"]
        content = pickle.dumps({meta: [f"class {label}" for label in range(classes)]})
        md5 = write(tmp_path / source.base_folder / "names", content)
        monkeypatch.setattr(source, "meta", {"filename": "names", "key": meta, "md5": md5})
        return name, tmp_path
    return fill


def test_cifar_is_read(cifar):
    name, folder = cifar()
    train, test = image_sets.load(name, "train", folder), image_sets.load(name, "test", folder)
    assert (train.pixels == noise(8)).all() and (test.pixels == noise(4, seed=2)).all()
    assert train.pixels.flags.c_contiguous and train.pixels.dtype == np.uint8 and train.labels.dtype == np.int64
    assert train.labels.tolist() == [0, 3, 1, 2, 7, 6, 5, 9] and test.labels.tolist() == [0, 1, 2, 3]
    assert train.classes == tuple(f"class {label}" for label in range(10 if name == "cifar10" else 100))


@pytest.mark.parametrize("file", ["first", "second", "last", "names"])
def test_no_pickle_is_opened_before_its_checksum_is_right(cifar, file):
    name, folder = cifar()
    path, marker = next(folder.glob(f"*/{file}")), folder / "ran"

    class Harmful:
        def __reduce__(self):
            return Path.touch, (marker,)

    path.write_bytes(pickle.dumps(Harmful()))
    pickle.loads(path.read_bytes())
    assert marker.exists()  # what the load below must not do
    marker.unlink()
    with pytest.raises(ValueError, match=f"{file}: expected the MD5 .* not opened; delete it and try .*download=True"):
        image_sets.load(name, "train", folder)
    assert not marker.exists()


def test_missing_and_wrong_cifar_files_are_named(cifar, monkeypatch):
    name, folder = cifar(last_label=100)
    with pytest.raises(ValueError, match="expected labels from 0 to 99?, got 0 to 100; try"):
        image_sets.load(name, "train", folder)
    assert len(image_sets.load(name, "test", folder).labels) == 4
    monkeypatch.setitem(image_sets._COUNTS, name, {"train": 8, "test": 5})
    with pytest.raises(ValueError, match=r"images of shape \(5, 3, 32, 32\).* got uint8 \(4, 3, 32, 32\) with \(4,\)"):
        image_sets.load(name, "test", folder)
    next(folder.glob("*/second")).unlink()
    kind = name.upper()
    words = rf"expected {kind} in .*, got no file .*/second; try .*load_torchvision\(\).datasets.{kind}\('.*download=Tr"
    with pytest.raises(FileNotFoundError, match=words):
        image_sets.load(name, "test", folder)


@pytest.fixture
def svhn(tmp_path, monkeypatch):
    """Noise in SVHN's format, five images for testing, where the digit 0 has the label 10: fills the folder."""
    from scipy.io import savemat
    source = image_sets.load_torchvision().datasets.SVHN
    monkeypatch.setitem(image_sets._COUNTS, "svhn", {"train": 7, "test": 5})

    def fill(labels):
        path = tmp_path / "test_32x32.mat"
        savemat(path, {"X": noise(5).transpose(2, 3, 1, 0), "y": np.array(labels)[:, None]})
        url, file, _ = source.split_list["test"]
        monkeypatch.setitem(source.split_list, "test", [url, file, hashlib.md5(path.read_bytes()).hexdigest()])
        return path
    return fill


def test_svhn_is_read(svhn):
    folder = svhn([1, 10, 9, 5, 10]).parent
    pixels, labels, classes = image_sets.load("svhn", "test", folder)
    assert (pixels == noise(5)).all() and pixels.flags.c_contiguous and labels.dtype == np.int64
    assert labels.tolist() == [1, 0, 9, 5, 0] and classes == tuple("0123456789")


def test_missing_and_damaged_svhn_files_are_named(svhn):
    path = svhn([1, 2, 9, 5, 11])
    with pytest.raises(ValueError, match="expected labels from 0 to 9, got 1 to 11"):
        image_sets.load("svhn", "test", path.parent)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="test_32x32.mat: expected the MD5"):
        image_sets.load("svhn", "test", path.parent)
    words = r"no file train_32x32.mat; try .*SVHN\('.*', split='train', download=True\)"
    with pytest.raises(FileNotFoundError, match=words):
        image_sets.load("svhn", "train", path.parent)


# ImageNet.


@pytest.fixture
def pictures(tmp_path):
    """Two classes, an image of 192 x 128 pixels each in train and val, one of them grey."""
    for part in ("train", "val"):
        for name, shade in (("n02", 40), ("n01", 200)):
            (tmp_path / part / name).mkdir(parents=True)
            image = Image.fromarray(smooth(shade, height=128, width=192))
            (image.convert("L") if name == "n01" else image).save(tmp_path / part / name / "a.JPEG")
    return tmp_path


def test_imagenet_is_resized_cropped_and_normalized(pictures):
    import torch
    val = image_sets.imagenet("val", pictures)
    assert val.classes == ["n01", "n02"] and [label for _, label in val] == [0, 1]
    with Image.open(pictures / "val/n02/a.JPEG") as image:
        centre = image.resize((384, 256), Image.Resampling.BILINEAR).crop((80, 16, 304, 240))
    scaled = np.asarray(centre).transpose(2, 0, 1) / 255
    plain = (scaled - np.array([[[0.485]], [[0.456]], [[0.406]]])) / np.array([[[0.229]], [[0.224]], [[0.225]]])
    assert val[1][0].dtype == torch.float32 and val[1][0].numpy() == pytest.approx(plain, abs=1e-5)
    assert val[0][0].shape == (3, 224, 224)  # grey turned to colour


def test_imagenet_is_augmented_for_training(pictures):
    import torch
    train = image_sets.imagenet("train", pictures)
    draws = []
    for seed in (*range(12), 0):
        torch.manual_seed(seed)
        draws.append(train[1][0].numpy())
    assert all(draw.shape == (3, 224, 224) for draw in draws)
    assert (draws[0] == draws[-1]).all() and not (draws[0] == draws[1]).all()
    assert {draw[1, 112, 0] < draw[1, 112, -1] for draw in draws} == {True, False}  # green: flipped or not
    # How much of the height and the width is seen: the colours' ranges, which the deviation had stretched.
    spans = [np.ptp(draw[:2], axis=(1, 2)) * (0.229, 0.224) for draw in draws]
    assert all(0.15 < height * width <= 1 for height, width in spans) and np.ptp([span.prod() for span in spans]) > 0.3


@pytest.mark.parametrize("spoil, error, words", [
    (lambda folder: (folder / "val").rename(folder / "test"), FileNotFoundError, "train/CLASS and val/CLASS, got no "),
    (lambda folder: (folder / "val/n02").rename(folder / "val/n03"), ValueError, r"same classes .* \['n02', 'n03'\]"),
    (lambda folder: (folder / "train/n02/a.JPEG").unlink(), ValueError, "images in every class, got: .*n02.*; try to"),
])
def test_a_wrong_folder_of_imagenet_is_refused(pictures, spoil, error, words):
    spoil(pictures)
    with pytest.raises(error, match=words):
        image_sets.imagenet("train", pictures)


def test_wrong_parts_and_damaged_images_of_imagenet_are_refused(pictures):
    with pytest.raises(ValueError, match="part as one of train, val, got 'test'; try part='val'"):
        image_sets.imagenet("test", pictures)
    file = pictures / "train/n02/a.JPEG"
    file.write_bytes(file.read_bytes()[:700])
    with pytest.raises(ValueError, match="n02/a.JPEG: expected an image that can be read, got .* truncated"):
        image_sets.imagenet("train", pictures)[1]
