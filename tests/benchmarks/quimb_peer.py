"""The other side of `samples`, in an environment of its own: quimb times its sampler when it is told to.

Started as `python quimb_peer.py FILE`, a file of `lib.spins.mps_files.save`. Answers each line that it reads, a number
of samples, with a line of JSON: the seconds they took, the last sample and its probability.
"""

import json
import sys
import time

import numpy as np
import quimb.tensor as qtn

with np.load(sys.argv[1], allow_pickle=False) as archive:
    bonds, values = archive["bonds"], archive["values"]
parts = np.split(values, np.cumsum(bonds[:-1] * 2 * bonds[1:])[:-1])
arrays = [part.reshape(left, 2, right) for part, left, right in zip(parts, bonds[:-1], bonds[1:])]
state = qtn.MatrixProductState([arrays[0][0], *arrays[1:-1], arrays[-1][:, :, 0]], shape="lpr")
print("ready", flush=True)
for line in sys.stdin:
    began = time.perf_counter()
    bits, probability = list(state.sample(int(line), seed=1))[-1]
    print(json.dumps({"seconds": time.perf_counter() - began, "bits": [int(bit) for bit in bits],
                      "probability": float(probability)}), flush=True)
