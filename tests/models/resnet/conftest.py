"""What the tests of this room share."""

import pytest

from lib.models.resnet.checkpoints import save
from tests.models.resnet.test_checkpoints import small


@pytest.fixture
def saved(tmp_path):
    """A file, and the net in it."""
    net = small()
    save(tmp_path / "net.npz", net)
    return tmp_path / "net.npz", net
