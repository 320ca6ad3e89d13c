"""From the pixels of `lib.image_sets` to normalized, shifted and flipped minibatches, against plain twins."""

import numpy as np
import pytest
from PIL import Image

from lib import image_minibatches, image_sets
from lib.rng import stream
from tests.test_image_sets import noise


def test_blocks_are_averaged():
    pixels = noise(3)[:, :, :12, :24]
    for factor in (1, 2, 3, np.uint8(4)):
        n = int(factor)
        plain = np.array([[[[channel[n * y:n * y + n, n * x:n * x + n].mean() / 255 for x in range(24 // n)]
                            for y in range(12 // n)] for channel in image] for image in pixels])
        found = image_minibatches.averaged(pixels, factor)
        assert found.dtype == np.float32 and found.shape == plain.shape and found == pytest.approx(plain, abs=1e-7)
    assert (image_minibatches.averaged(np.full((1, 3, 256, 256), 255, np.uint8), 256) == 1).all()


@pytest.mark.parametrize("pixels, factor, words", [
    (noise(2), 3, "divides height and width, got 3 for 32 x 32 pixels; try factor=1"),
    (noise(2)[:, :, :, :31], 2, "got 2 for 32 x 31"),
    (noise(2), 0, "got 0"),
    (noise(2), -2, "got -2"),
    (noise(2), 2.0, "got 2.0"),
    (noise(2), True, "got True"),
    (noise(2)[0], 2, r"expected uint8 images of shape \(n_images, 3, height, width\), got uint8 \(3, 32, 32\)"),
    (noise(2).transpose(0, 2, 3, 1), 2, r"got uint8 \(2, 32, 32, 3\)"),
    (noise(2) / 255, 2, "got float64"),
])
def test_what_cannot_be_averaged_is_refused(pixels, factor, words):
    with pytest.raises(ValueError, match=words):
        image_minibatches.averaged(pixels, factor)


def test_images_are_normalized_as_by_torchvision():
    steps = image_sets.load_torchvision().transforms
    pixels = noise(4)
    scaled = image_minibatches.averaged(pixels, 1)
    before = scaled.copy()
    found = image_minibatches.normalized(scaled)
    theirs = steps.Compose([steps.ToTensor(), steps.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    for image, values in zip(pixels, found):
        assert values == pytest.approx(theirs(Image.fromarray(image.transpose(1, 2, 0))).numpy(), abs=1e-6)
    assert found.dtype == np.float32 and (scaled == before).all()
    assert image_minibatches.normalized(scaled.astype(float)).dtype == np.float32


@pytest.mark.parametrize("images, words", [
    (noise(2), "images as floats .* got uint8"),
    (noise(2).astype(np.float32), "on a scale from 0 to 1, got 0 to 255; try averaged"),
    (np.full((1, 3, 4, 4), np.nan), "got nan to nan"),
    (np.full((1, 3, 4, 4), -0.1), "got -0.1 to -0.1"),
    (np.zeros((1, 1, 4, 4)), r"got float64 \(1, 1, 4, 4\)"),
    (np.zeros((3, 4, 4)), r"got float64 \(3, 4, 4\)"),
])
def test_what_cannot_be_normalized_is_refused(images, words):
    with pytest.raises(ValueError, match=words):
        image_minibatches.normalized(images)


@pytest.fixture
def images():
    """Noise of 16 x 12 pixels and what is made of it."""
    pixels = noise(9)[:, :, :16, :12]
    return pixels, image_minibatches.normalized(image_minibatches.averaged(pixels, 1))


def test_minibatches_are_cropped_and_flipped_like_raw_images(images):
    steps = image_sets.load_torchvision().transforms.functional
    pixels, prepared = images
    rows = np.array([4, 0, 8, 4, 4, 7] * 8, np.uint8)
    for pad in (0, 2, np.uint8(11)):
        found = image_minibatches.augmented(prepared, rows, pad, rng=stream(3, "crops"))
        pad = int(pad)
        twin = stream(3, "crops")
        shifts = twin.integers(-pad, pad, (2, len(rows)), endpoint=True).T.tolist()
        flips = twin.integers(0, 2, len(rows))
        assert found.dtype == np.float32 and found.shape == (48, 3, 16, 12) and set(flips) == {0, 1}
        for image, row, (down, right), flip in zip(found, rows, shifts, flips):
            # In the order of the reference: black border, crop, flip, and only then the normalization.
            plain = np.pad(pixels[row], ((0, 0), (pad, pad), (pad, pad)))
            plain = plain[:, pad - down:pad - down + 16, pad - right:pad - right + 12]
            plain = plain[:, :, ::-1] if flip else plain
            assert (image == image_minibatches.normalized(image_minibatches.averaged(plain[None], 1))[0]).all()
            theirs = steps.pad(Image.fromarray(pixels[row].transpose(1, 2, 0)), pad)
            theirs = steps.crop(theirs, pad - down, pad - right, 16, 12)
            theirs = steps.to_tensor(steps.hflip(theirs) if flip else theirs)
            theirs = steps.normalize(theirs, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
            assert image == pytest.approx(theirs.numpy(), abs=1e-6)


def test_every_shift_and_flip_is_equally_likely():
    # A pixel in the middle and a fainter one to its right tell how an image was moved.
    scaled = np.zeros((1, 3, 9, 9), np.float32)
    scaled[..., 4, 4], scaled[..., 4, 5] = 1, 0.5
    prepared, rows = image_minibatches.normalized(scaled), np.zeros(18_000, int)
    found = image_minibatches.augmented(prepared, rows, 2, rng=stream(1, "crops"))[:, 0]
    places = found.reshape(len(found), -1).argmax(1)
    rows, columns = np.divmod(places, 9)
    flipped = found[np.arange(len(found)), rows, columns - 1] > 0
    assert (found[np.arange(len(found)), rows, columns + np.where(flipped, -1, 1)] > 0).all()
    counts = np.zeros((5, 5, 2))
    np.add.at(counts, (rows - 2, columns - 2, flipped.astype(int)), 1)
    assert counts.shape == (5, 5, 2) and ((counts - 360) ** 2 / 360).sum() < 86  # chi-square, 49 degrees: p = 0.001


def test_minibatches_repeat_with_their_generator_and_fit_a_given_array(images):
    _, prepared = images
    rows, out = np.arange(9), np.full((9, 3, 16, 12), np.nan, np.float32)
    before = prepared.copy()
    found = image_minibatches.augmented(prepared, rows, 3, rng=stream(1))
    assert image_minibatches.augmented(prepared, rows, 3, rng=stream(1), out=out) is out and (out == found).all()
    assert not (found == image_minibatches.augmented(prepared, rows, 3, rng=stream(2))).all()
    assert (prepared == before).all() and not np.may_share_memory(found, prepared)
    assert image_minibatches.augmented(prepared, rows[:0], 3, rng=stream(1)).shape == (0, 3, 16, 12)


@pytest.mark.parametrize("change, words", [
    ({"images": noise(9)}, "images as float32 .* got uint8"),
    ({"images": np.zeros((9, 3, 16, 12))}, "images as float32 .* got float64"),
    ({"images": np.zeros((9, 1, 16, 12), np.float32)}, r"got float32 \(9, 1, 16, 12\)"),
    ({"rows": [0, 9]}, "rows as integers .* from 0 to 8, got .* as .0, 9."),
    ({"rows": [-1]}, "from 0 to 8"),
    ({"rows": [0.0]}, "got float64"),
    ({"rows": [True]}, "got bool"),
    ({"rows": 3}, r"got int64 \(\)"),
    ({"pad": -1}, "pad as an integer from 0 to 11, got -1; try pad=4"),
    ({"pad": 12}, "got 12"),
    ({"pad": 1.0}, "got 1.0"),
    ({"rng": 5}, "rng as a numpy Generator, got 5; try lib.rng.stream"),
    ({"out": np.zeros((3, 3, 16, 12), np.float32)}, r"out as a float32 array of shape \(2, 3, 16, 12\)"),
    ({"out": np.zeros((2, 3, 16, 12))}, "got float64"),
    ({"out": []}, r"got list \(0,\)"),
])
def test_what_makes_no_minibatch_is_refused(images, change, words):
    given = {"images": images[1], "rows": [0, 8], "pad": 2, "rng": stream(1)} | change
    with pytest.raises(ValueError, match=words):
        image_minibatches.augmented(given.pop("images"), given.pop("rows"), given.pop("pad"), **given)


def test_a_minibatch_never_overwrites_its_images(images):
    with pytest.raises(ValueError, match="memory of its own"):
        image_minibatches.augmented(images[1], [0, 8], 2, rng=stream(1), out=images[1][3:5])
