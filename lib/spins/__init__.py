"""Spins: exact ground states (`ising`, `free_fermions`, `heisenberg`), other state vectors (`vectors`),
density matrices (`density`), measurements in rotated bases (`bases`) and files of measurements (`measurements`)."""
