# SPDX-License-Identifier: AGPL-3.0-or-later
# Compares the filters of two files with anonlink: DIR THRESHOLD PROCESSES.
import json
import multiprocessing
import os
import sys
import time

from anonlink.candidate_generation import find_candidate_pairs
from anonlink.similarities import dice_coefficient_accelerated
from bitarray import bitarray


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    out = []
    for i in range(0, len(data), 128):
        b = bitarray(endian="little")
        b.frombytes(data[i:i + 128])
        out.append(b)
    return out


directory, threshold, processes = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
a, b = read(os.path.join(directory, "a")), read(os.path.join(directory, "b"))


def part(span):
    found, _, _ = find_candidate_pairs([a[span[0]:span[1]], b], dice_coefficient_accelerated, threshold)
    return len(found)


if processes == 1:
    began = time.perf_counter()
    pairs = part((0, len(a)))
    seconds = time.perf_counter() - began
else:
    step = -(-len(a) // processes)
    spans = [(i, min(len(a), i + step)) for i in range(0, len(a), step)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        pool.map(len, [""] * processes)  # the processes are there
        began = time.perf_counter()
        pairs = sum(pool.map(part, spans, 1))
        seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "pairs": pairs}))
