"""Settings of all tests: one thread for the numeric libraries, and property tests that repeat exactly."""

import os

from hypothesis import settings

# Before any test module imports numpy or torch: the libraries read these once.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

settings.register_profile("book", deadline=None, derandomize=True, database=None)
settings.load_profile("book")
