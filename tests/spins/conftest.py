"""What the tests of this room share."""

import pytest

from tests.formats import reader


@pytest.fixture
def read_text(tmp_path):
    """read_text(name, content, **options): a file of measurements, written and read."""
    return reader(tmp_path)
