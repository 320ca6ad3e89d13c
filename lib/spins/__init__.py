"""Spins: exact ground states (`ising`, `free_fermions`; any `chains` by `exact` and `dmrg`), other state vectors
(`vectors`), density matrices (`density`), matrix product states (`mps`) and their samples (`mps_samples`), measurements
in rotated bases (`bases`) and files of measurements (`measurements`), and what can be learned from measurements without
a Boltzmann machine (`mps_fit`, `shadows`)."""
