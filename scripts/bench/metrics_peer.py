#!/usr/bin/env python3
"""One reference package on one pair of masks.

    metrics_peer.py masks FOLDER              write the masks that all are timed on
    metrics_peer.py PEER PAIR FOLDER TIMES    time a peer and print JSON

Prints seconds (a list, one number a repetition), what was measured, and the
greatest resident memory in bytes. PEER `nothing` only reads the masks. Pairs are
512×512×64 voxels of spacing (1, 1, 2): `near` (winding vessels and the same one
voxel further), `half_missing` and `noise`.
"""

import json
import math
import pathlib
import resource
import sys
import time

import numpy as np

SHAPE = (512, 512, 64)
SPACING = (1.0, 1.0, 2.0)
TOLERANCE = 2.0
THREADS = 2


def main():
    if sys.argv[1] == "masks":
        write_masks(pathlib.Path(sys.argv[2]))
        return
    peer, pair, folder, times = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    ref, pred = (read(folder / f"{pair}.{role}.u8") for role in ("reference", "prediction"))
    work = PEERS[peer](ref, pred)
    seconds, values = [], {}
    for _ in range(times):
        begun = time.perf_counter()
        values = work()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "values": values, "peak_bytes": peak}))


def read(path):
    return np.fromfile(path, np.uint8).reshape(SHAPE, order="F")


def nothing(ref, pred):
    return lambda: {}


def edt(ref, pred):
    import edt as package

    background = np.asfortranarray(1 - ref)
    return lambda: summary(package.edt(background, anisotropy=SPACING, parallel=THREADS))


def scipy(ref, pred):
    from scipy import ndimage

    background = np.ascontiguousarray(1 - ref)
    return lambda: summary(ndimage.distance_transform_edt(background, sampling=SPACING))


def summary(field):
    return {"max": float(field.max())}


def metrics_reloaded(ref, pred):
    from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures

    def work():
        # One object a run: it keeps what its metrics share.
        m = BinaryPairwiseMeasures(pred, ref, pixdim=list(SPACING), dict_args={"nsd": TOLERANCE, "hd_perc": 95})
        return {
            "hd95": float(m.measured_hausdorff_distance_perc()),
            "nsd": float(m.normalised_surface_distance()),
            "assd": float(m.measured_average_distance()),
        }

    return work


def monai(ref, pred):
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    torch.set_num_threads(THREADS)

    def one_hot(mask):
        return torch.from_numpy(np.stack([1 - mask, mask])[None])

    r, p = one_hot(ref), one_hot(pred)
    options = {"include_background": False, "spacing": SPACING}

    def work():
        return {
            "hd95": float(compute_hausdorff_distance(p, r, percentile=95, **options)),
            "nsd": float(compute_surface_dice(p, r, class_thresholds=[TOLERANCE], **options)),
            "assd": float(compute_average_surface_distance(p, r, symmetric=True, **options)),
        }

    return work


def surface_distance(ref, pred):
    import surface_distance as package

    r, p = ref.astype(bool), pred.astype(bool)

    def work():
        d = package.compute_surface_distances(r, p, SPACING)
        return {
            "hd95 of surface elements": float(package.compute_robust_hausdorff(d, 95)),
            "nsd of surface elements": float(package.compute_surface_dice_at_tolerance(d, TOLERANCE)),
        }

    return work


def medpy(ref, pred):
    from medpy.metric import binary

    return lambda: {"pooled hd95": float(binary.hd95(pred, ref, SPACING)), "mean of asd": float(binary.assd(pred, ref, SPACING))}


def skimage(ref, pred):
    from skimage.morphology import skeletonize

    r, p = ref.astype(bool), pred.astype(bool)

    def work():
        thin_ref, thin_pred = (skeletonize(m, method="lee") > 0 for m in (r, p))
        precision = (thin_pred & r).sum() / thin_pred.sum()
        recall = (thin_ref & p).sum() / thin_ref.sum()
        return {"cldice": float(2 * precision * recall / (precision + recall))}

    return work


def part(ref):
    return ref[192:320, 192:320]


def gudhi(ref, pred):
    import gudhi as package

    cells = np.where(part(ref), 0.0, 1.0)

    def work():
        found = package.CubicalComplex(top_dimensional_cells=cells)
        found.compute_persistence(homology_coeff_field=2, min_persistence=-1)
        return {f"b{i}": int(n) for i, n in enumerate(found.persistent_betti_numbers(0.0, 0.5)[:3])}

    return work


def cc3d(ref, pred):
    import cc3d as package

    mask = np.asfortranarray(part(ref))
    return lambda: {"b0": int(package.connected_components(mask, connectivity=26, return_N=True)[1])}


PEERS = {
    "nothing": nothing, "edt": edt, "scipy": scipy, "metrics-reloaded": metrics_reloaded, "monai": monai,
    "surface-distance": surface_distance, "medpy": medpy, "skimage": skimage, "gudhi": gudhi, "cc3d": cc3d,
}


def write_masks(folder):
    ref = tubes(0)
    half = ref.copy()
    half[SHAPE[0] // 2 + 1 :] = 0
    generator = np.random.default_rng(5)
    pairs = {"near": (ref, tubes(1)), "half_missing": (ref, half), "noise": (noise(generator), noise(generator))}
    for name, masks in pairs.items():
        for role, mask in zip(("reference", "prediction"), masks):
            mask.ravel(order="F").tofile(folder / f"{name}.{role}.u8")


def noise(generator):
    """Blobs where smoothed noise is high: a third of the volume is near a border."""
    from scipy import ndimage

    field = ndimage.gaussian_filter(generator.standard_normal(SHAPE, np.float32), 6)
    return (field > np.quantile(field[::7], 0.9)).astype(np.uint8)


def tubes(shift):
    """Winding tubes of radius 2 to 6 voxels."""
    mask = np.zeros(SHAPE, np.uint8)
    steps = 4 * SHAPE[0]
    for k in range(24):
        for s in range(steps):
            u = s / steps
            centre = (
                int(u * SHAPE[0]) + shift,
                int(SHAPE[1] * (0.5 + 0.45 * math.sin(6 * u + k))) + shift,
                int(SHAPE[2] * (0.5 + 0.4 * math.cos(4 * u + 1.7 * k))),
            )
            ball(mask, centre, 2 + k % 5)
    return mask


def ball(mask, centre, radius):
    reach = (radius, radius, radius // 2)
    box = tuple(slice(max(c - r, 0), min(c + r + 1, n)) for c, r, n in zip(centre, reach, mask.shape))
    x, y, z = np.ogrid[box]
    x, y, z = x - centre[0], y - centre[1], z - centre[2]
    mask[box] |= x * x + y * y + 4 * z * z <= radius * radius


if __name__ == "__main__":
    main()
