#!/usr/bin/env python3
"""Time the peers of our shape metrics on the masks of Go's BenchmarkShape.

Usage: metrics_shape_bench.py    (in an environment of metrics_shape_requirements.txt)

Prints a line of JSON: seconds (best of three; GUDHI once) by what is timed, and
processor seconds beside them, which other work on the machine disturbs less.
"""

import json
import math
import time

import cc3d
import gudhi
import numpy as np
from skimage.morphology import skeletonize

SHAPE = (512, 512, 64)


def tubes(shift):
    """Winding tubes, as tubes in engine/metrics/properties_test.go draws them."""
    mask = np.zeros(SHAPE, bool)
    for k in range(24):
        radius = 2 + k % 5
        for s in range(4 * SHAPE[0]):
            u = s / (4 * SHAPE[0])
            ball(
                mask,
                (
                    int(u * SHAPE[0]) + shift,
                    int(SHAPE[1] * (0.5 + 0.45 * math.sin(6 * u + k))) + shift,
                    int(SHAPE[2] * (0.5 + 0.4 * math.cos(4 * u + 1.7 * k))),
                ),
                radius,
            )
    return mask


def ball(mask, centre, radius):
    reach = (radius, radius, radius // 2)
    low = [max(c - r, 0) for c, r in zip(centre, reach)]
    high = [min(c + r + 1, n) for c, r, n in zip(centre, reach, mask.shape)]
    x, y, z = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high))]
    x, y, z = x - centre[0], y - centre[1], z - centre[2]
    mask[tuple(slice(a, b) for a, b in zip(low, high))] |= x * x + y * y + 4 * z * z <= radius * radius


def timed(work, times=3):
    best = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = zip(*best)
    return {"seconds": min(wall), "processor_seconds": min(cpu)}


def main():
    ref, pred = tubes(0), tubes(1)
    corner = ref[192:320, 192:320]
    small = np.where(corner, 0.0, 1.0)

    def betti():
        complex_ = gudhi.CubicalComplex(top_dimensional_cells=small)
        complex_.compute_persistence(homology_coeff_field=2, min_persistence=-1)
        return complex_.persistent_betti_numbers(0.0, 0.5)

    packed = np.asfortranarray(ref).astype(np.uint8)
    print(json.dumps({
        "foreground": int(ref.sum()),
        "scikit-image skeletons": timed(lambda: [skeletonize(m, method="lee") for m in (ref, pred)]),
        "connected-components-3d pieces": timed(lambda: cc3d.connected_components(packed, connectivity=26)),
        "gudhi betti of 128x128x64": timed(betti, 1),
        "betti": betti(),
    }))


if __name__ == "__main__":
    main()
