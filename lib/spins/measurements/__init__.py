"""Files of measurements: `read` takes what any package hands over; our own packed bits are `save` and `load`.

`read`       a file or an object of one of FORMATS -> `Shots`: bits, bases, names of sites, convention, what was dropped
`save`, `load`  packed bits in an npz archive
`Readout`, `read_readout`  readout errors, given or from shots of known states
`read_text`, `read_bases`, `read_psi`  QuCumber's plain text
"""

from lib.spins.measurements.formats import FORMATS
from lib.spins.measurements.packed import load, save
from lib.spins.measurements.reading import read
from lib.spins.measurements.readout import Readout, read_readout
from lib.spins.measurements.shots import LIMIT, MISSING, Shots
from lib.spins.measurements.text import read_bases, read_psi, read_text

__all__ = ["FORMATS", "LIMIT", "MISSING", "Readout", "Shots", "load", "read", "read_bases", "read_psi", "read_readout",
           "read_text", "save"]
