"""Spin chains: exact ground states (`ising`, `free_fermions`) and files of measurements (`measurements`)."""
