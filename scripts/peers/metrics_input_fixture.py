#!/usr/bin/env python3
"""Write the small volumes on which the command line's input is tested.

Usage: metrics_input_fixture.py FOLDER
(in an environment of volume_resample_requirements.txt)

Masks and labels of 12×10×8 voxels of 0.5×0.5×2 µm, and what can be odd about
them: other grids, other dimensions, values that are no labels, headers without
a voxel size.
"""

import gzip
import pathlib
import struct
import sys

import nibabel as nib
import numpy as np

SHAPE = (12, 10, 8)
ZOOMS = (0.5, 0.5, 2.0)


def affine(offset=(0, 0, 0), signs=(1, 1, 1), zooms=ZOOMS):
    a = np.diag([s * z for s, z in zip(signs, zooms)] + [1.0])
    a[:3, 3] = offset
    return a


def image(data, a):
    i = nib.Nifti1Image(data, a)
    i.header.set_xyzt_units("micron")
    return i


def encoded(i):
    return gzip.compress(i.to_bytes(), mtime=0)


def patched(i, pixdim=None, affine_codes=None, srow=None):
    """The file with header fields as nibabel would not write them."""
    b = bytearray(i.to_bytes())
    if pixdim is not None:
        struct.pack_into("<3f", b, 80, *pixdim)
    if affine_codes is not None:
        struct.pack_into("<2h", b, 252, *affine_codes)
    if srow is not None:
        struct.pack_into("<12f", b, 280, *srow)
    return gzip.compress(bytes(b), mtime=0)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, content):
        (folder / f"{name}.nii.gz").write_bytes(content)

    mask = np.zeros(SHAPE, np.uint8)
    mask[3:9, 3:7, 2:6] = 1
    write("mask", encoded(image(mask, affine())))
    write("mask_255", encoded(image(mask * 255, affine())))
    write("empty", encoded(image(mask * 0, affine())))
    write("full", encoded(image(np.ones(SHAPE, np.uint8), affine())))
    voxel = mask * 0
    voxel[5, 5, 4] = 1
    write("voxel", encoded(image(voxel, affine())))
    write("slice", encoded(image(mask[:, :, 3:4], affine())))
    write("flat", encoded(image(mask[:, :, 3], affine())))
    write("four", encoded(image(np.stack([mask, mask], -1), affine())))

    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 1:4, 1:4], labels[5:8, 1:4, 1:4], labels[9:11, 6:9, 4:7] = 1, 2, 3
    labels[1:3, 6:8, 4:6] = 255
    write("labels", encoded(image(labels, affine())))
    write("labels_shifted", encoded(image(np.roll(labels % 255, 1, axis=1), affine())))

    # The same places, on other grids.
    write("shifted", encoded(image(np.roll(mask, -2, axis=0), affine((1, 0, 0)))))
    write("flipped", encoded(image(mask[::-1], affine((5.5, 0, 0), (-1, 1, 1)))))
    write("coarse", encoded(image(mask[1::2, 1::2, :], affine((0.25, 0.25, 0), zooms=(1.0, 1.0, 2.0)))))
    write("far", encoded(image(mask, affine((500, 0, 0)))))

    probability = np.where(mask > 0, 0.8, 0.2).astype(np.float32)
    write("probability", encoded(image(probability, affine())))
    holed = probability.copy()
    holed[3, 2, 1] = np.nan
    write("probability_nan", encoded(image(holed, affine())))
    write("logits", encoded(image(np.where(mask > 0, 3.0, -3.0).astype(np.float32), affine())))

    write("spacing_in_affine", patched(image(mask, affine()), pixdim=(0, 0, 0)))
    write("negative_spacing", patched(image(mask, affine()), pixdim=(-0.5, -0.5, -2)))
    write("no_spacing", patched(image(mask, affine()), pixdim=(0, 0, 0), affine_codes=(0, 0), srow=[0] * 12))


if __name__ == "__main__":
    main(sys.argv[1])
