"""Timings against other packages: `python -m tests.benchmarks`. No tests: timings depend on the machine."""
