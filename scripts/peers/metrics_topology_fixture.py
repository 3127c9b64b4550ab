#!/usr/bin/env python3
"""Write the masks whose Betti numbers pin ours to GUDHI's cubical complex.

Usage: metrics_topology_fixture.py FOLDER
(in an environment of metrics_shape_requirements.txt)

One line a mask: "name nx ny nz b0 b1 b2 pieces mask". The Betti numbers are
those of GUDHI's complex of the foreground's closed voxels, pieces is how many
connected-components-3d finds (26-connected). Voxels are bits, x fastest, in
hexadecimal (first voxel = lowest bit of the first byte).
"""

import pathlib
import sys

import cc3d
import gudhi
import numpy as np
from scipy import ndimage


def masks():
    rng = np.random.default_rng(19510803)
    yield "empty", np.zeros((3, 4, 5), bool)
    yield "full", np.ones((4, 3, 2), bool)
    yield "voxel", np.ones((1, 1, 1), bool)
    x, y, z = np.mgrid[-11:12, -10:11, -6:7]
    ring = np.hypot(np.hypot(x, y) - 7, z)
    yield "torus", ring < 2.5
    yield "hollow_torus", (ring < 3.5) & (ring > 1.6)
    ball = np.sqrt(x**2 + y**2 + (1.4 * z) ** 2)
    yield "hollow_sphere", (ball < 8) & (ball > 5)
    yield "nested_spheres", ((ball < 8) & (ball > 6.5)) | ((ball < 4) & (ball > 2))
    yield "open_sphere", (ball < 12) & (ball > 9)  # leaves the volume on all sides
    links = np.zeros((14, 14, 10), bool)
    links[1:9, 4, 1:9] = True
    links[2:8, 4, 2:8] = False
    links[5, 1:10, 5] = links[13, 1:10, 5] = links[5:14, 1, 5] = links[5:14, 9, 5] = True
    yield "linked_rings", links
    on = np.indices((13, 13, 9)) % 4 == 0
    yield "lattice", on.sum(0) >= 2
    yield "holes_touching_by_corners", np.indices((6, 5, 5)).sum(0) % 2 == 0
    for shape in [(7, 9, 1), (1, 8, 9), (66, 3, 2), (9, 8, 7), (13, 11, 10), (70, 9, 6)]:
        for density in (0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
            yield f"noise{density}", rng.random(shape) < density
    for shape in [(24, 20, 12), (65, 12, 8), (128, 5, 6)]:
        for sigma in (0.8, 1.4):
            noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
            for share in (0.2, 0.5, 0.8):
                yield f"blobs{sigma}", noise > np.quantile(noise, share)


def betti(mask):
    if not mask.any():
        return 0, 0, 0
    complex_ = gudhi.CubicalComplex(top_dimensional_cells=np.where(mask, 0.0, 1.0))
    complex_.compute_persistence(homology_coeff_field=2, min_persistence=-1)
    numbers = list(complex_.persistent_betti_numbers(0.0, 0.5)) + [0, 0, 0]
    return tuple(numbers[:3])


def main():
    out = pathlib.Path(sys.argv[1]) / "betti.txt"
    with out.open("w") as file:
        for name, mask in masks():
            labels, pieces = cc3d.connected_components(np.asfortranarray(mask).astype(np.uint8), connectivity=26, return_N=True)
            bits = np.packbits(mask.ravel(order="F"), bitorder="little").tobytes().hex()
            print(name, *mask.shape, *betti(mask), pieces, bits, file=file)


if __name__ == "__main__":
    main()
