#!/usr/bin/env python3
"""Write what SimpleITK and nibabel make of volumes put onto other grids.

Usage: volume_resample_fixture.py FILE.jsonl
(in an environment of volume_resample_requirements.txt)

One JSON object a line: two grids (shape and affine), labels and an image on the
first, and both on the second as the peer resamples them, nearest neighbour and
linear. Voxels are x fastest, base64 of uint8 and of little-endian float32.
SimpleITK answers everywhere; nibabel says nothing beyond the outermost voxels'
centres, where the answer here is 255 and NaN.
"""

import base64
import json
import sys

import nibabel as nib
import nibabel.processing
import numpy as np
import SimpleITK as sitk

RNG = np.random.default_rng(20260801)


def affine(matrix, offset):
    return nib.affines.from_matvec(np.asarray(matrix, float), offset)


def turned(degrees, axis):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    m = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    m[i, i], m[i, j], m[j, i], m[j, j] = c, -s, s, c
    return m


def grids():
    """Name, then shape and affine of the source and of the target."""
    shape, base = (9, 8, 6), affine(np.diag([0.5, 0.5, 2]), [-3, 4, 1])
    yield "coarser", shape, base, (5, 4, 3), affine(np.diag([1, 1, 4]), [-2.75, 4.25, 2])
    yield "finer", shape, base, (18, 16, 12), affine(np.diag([0.25, 0.25, 1]), [-3.125, 3.875, 0.5])
    yield "half a voxel on", shape, base, shape, affine(np.diag([0.5, 0.5, 2]), [-2.75, 4.25, 2])
    yield "flipped", shape, base, shape, affine(np.diag([-0.5, 0.5, -2]), [1, 4, 11])
    yield "other axes first", shape, base, (6, 9, 8), affine([[0, 0.5, 0], [0, 0, 0.5], [2, 0, 0]], [-3, 4, 1])
    yield "partly outside", shape, base, (12, 5, 9), affine(np.diag([0.7, 0.4, 1.3]), [-5.13, 5.07, -2.21])
    rotation = turned(27, 2) @ turned(-12, 0) @ np.diag([0.45, 0.6, 1.7])
    yield "turned", shape, base, (11, 9, 7), affine(rotation, [-2.31, 3.47, 1.93])


def to_sitk(data, a):
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    zooms = nib.affines.voxel_sizes(a)
    image.SetSpacing([float(z) for z in zooms])
    image.SetOrigin([float(v) for v in a[:3, 3]])
    image.SetDirection([float(v) for v in (a[:3, :3] / zooms).ravel()])
    return image


def by_sitk(data, a, shape, b, way):
    grid = to_sitk(np.zeros(shape, data.dtype), b)
    out = sitk.Resample(to_sitk(data, a), grid, sitk.Transform(), way, 0)
    return sitk.GetArrayFromImage(out).transpose(2, 1, 0)


def by_nibabel(data, a, shape, b, order, outside):
    image = nib.Nifti1Image(data, a)
    out = nibabel.processing.resample_from_to(image, (shape, b), order=order, mode="constant", cval=outside)
    return np.asanyarray(out.dataobj)


def text(data, dtype):
    return base64.b64encode(np.asarray(data, dtype).tobytes(order="F")).decode()


def main(path):
    with open(path, "w", encoding="utf-8") as out:
        def write(name, peer, source, target, labels, image, labels_onto, image_onto):
            out.write(json.dumps({
                "name": name, "peer": peer,
                "from": {"shape": source[0], "affine": source[1].tolist()},
                "onto": {"shape": target[0], "affine": target[1].tolist()},
                "labels": text(labels, "u1"), "image": text(image, "<f4"),
                "labels_onto": text(labels_onto, "u1"), "image_onto": text(image_onto, "<f4"),
            }) + "\n")

        for name, shape, a, to, b in grids():
            labels = RNG.integers(0, 5, shape).astype(np.uint8)
            image = RNG.random(shape).astype(np.float32)
            write(name, "SimpleITK", (shape, a), (to, b), labels, image,
                  by_sitk(labels, a, to, b, sitk.sitkNearestNeighbor), by_sitk(image, a, to, b, sitk.sitkLinear))
        shape = (9, 8, 6)
        sheared = affine(turned(10, 1) @ np.array([[0.5, 0.06, 0], [0, 0.6, 0.1], [0, 0, 1.9]]), [-3.2, 4.1, 1.3])
        target = affine(np.diag([0.44, 0.71, 1.6]), [-2.1, 4.3, 0.7])
        labels = RNG.integers(0, 5, shape).astype(np.uint8)
        image = RNG.random(shape).astype(np.float32)
        write("sheared", "nibabel", (shape, sheared), ((8, 7, 7), target), labels, image,
              by_nibabel(labels, sheared, (8, 7, 7), target, 0, 255),
              by_nibabel(image.astype(np.float64), sheared, (8, 7, 7), target, 1, np.nan))


if __name__ == "__main__":
    main(sys.argv[1])
