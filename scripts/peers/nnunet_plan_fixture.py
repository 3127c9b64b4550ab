#!/usr/bin/env python3
"""Write what nnU-Net v2's planner plans for made-up datasets.

Usage: nnunet_plan_fixture.py plans.json fingerprint.json

In an environment with requirements.txt and nnunet_requirements.txt, both
installed with --no-deps. The real ExperimentPlanner plans from fingerprints
written here; the search for a low-resolution configuration is switched off.
The second file holds what nnU-Net's DatasetFingerprintExtractor says of three
small volumes whose voxels come from formula.py. All sizes are written in
nnU-Net's order z, y, x, as its own files are.
"""

import json
import os
import sys
import tempfile

# With AVX-512, numpy's argsort puts equal values in no particular order.
os.environ["NPY_DISABLE_CPU_FEATURES"] = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
ROOT = tempfile.mkdtemp()
for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ[name] = os.path.join(ROOT, name)

import numpy as np  # noqa: E402

import formula  # noqa: E402


def vary(name, count, low, high):
    """count numbers between low and high, the same on every machine."""
    return low * (high / low) ** ((formula.uniform(name, count) + 1) / 2)


def minivess(name, count):
    """512 x 512 x 5 to 110 voxels of 0.3 to 1 by 1 to 5 micrometres."""
    xy, z = vary(name + "xy", count, 0.3, 1.0), vary(name + "z", count, 1.0, 5.0)
    n = np.round(vary(name + "n", count, 5, 110)).astype(int)
    return [[float(z[i]), float(xy[i]), float(xy[i])] for i in range(count)], [[int(n[i]), 512, 512] for i in range(count)]


def varied(name, count, spacing, shape, spread):
    s = [vary(f"{name} spacing {a}", count, spacing[a] / spread, spacing[a] * spread) for a in range(3)]
    n = [np.round(vary(f"{name} shape {a}", count, shape[a] / spread, shape[a] * spread)).astype(int) for a in range(3)]
    return [[float(s[a][i]) for a in range(3)] for i in range(count)], [[max(1, int(n[a][i])) for a in range(3)] for i in range(count)]


def alike(count, spacing, shape):
    return [list(spacing)] * count, [list(shape)] * count


def datasets():
    yield "isotropic", alike(20, (1.0, 1.0, 1.0), (160, 160, 160)), 1, 2
    yield "isotropic, ties, one volume", alike(1, (0.5, 0.5, 0.5), (96, 96, 96)), 1, 2
    yield "tiny volumes, many", alike(260, (1.0, 1.0, 1.0), (36, 50, 35)), 1, 3  # like MSD Hippocampus
    yield "CT like liver", varied("liver", 40, (1.0, 0.77, 0.77), (432, 512, 512), 1.3), 1, 3
    yield "MR of four channels", alike(60, (1.0, 1.0, 1.0), (138, 169, 138)), 4, 4
    yield "prostate", varied("prostate", 32, (3.6, 0.62, 0.62), (20, 320, 319), 1.15), 2, 3
    yield "cardiac short axis", varied("acdc", 50, (9.8, 1.5, 1.5), (9, 237, 208), 1.25), 1, 4
    yield "fine along z", alike(12, (0.2, 1.25, 1.25), (300, 120, 110)), 1, 2
    yield "long along x", varied("x", 9, (0.8, 0.8, 4.0), (200, 180, 24), 1.1), 1, 2
    yield "minivess", minivess("minivess", 70), 1, 2
    yield "minivess, 4 volumes", minivess("few", 4), 1, 2
    yield "spread", varied("spread", 21, (2.0, 1.0, 0.7), (90, 240, 260), 1.8), 1, 5
    yield "half voxels", ([[1.0, 1.0, 1.0]] * 2, [[47, 90, 91], [48, 91, 120]]), 1, 2
    yield "flat", alike(30, (5.0, 0.5, 0.5), (5, 512, 512)), 1, 2


def plan(name, spacings, shapes, channels, classes, gigabytes):
    from batchgenerators.utilities.file_and_folder_operations import maybe_mkdir_p, save_json
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    raw, pre = (os.path.join(os.environ[k], "Dataset001_X") for k in ("nnUNet_raw", "nnUNet_preprocessed"))
    maybe_mkdir_p(raw)
    maybe_mkdir_p(pre)
    save_json({
        "channel_names": {str(i): "CT" if name.startswith("CT") else "other" for i in range(channels)},
        "labels": {"background": 0, **{f"c{i}": i for i in range(1, classes)}},
        "numTraining": len(spacings), "file_ending": ".nii.gz", "overwrite_image_reader_writer": "NibabelIO",
        "dataset": {f"v{i}": {"images": ["v.nii.gz"], "label": "v.nii.gz"} for i in range(len(spacings))},
    }, os.path.join(raw, "dataset.json"))
    save_json({
        "spacings": spacings, "shapes_after_crop": shapes, "median_relative_size_after_cropping": 1.0,
        "foreground_intensity_properties_per_channel": {},
    }, os.path.join(pre, "dataset_fingerprint.json"))
    planner = ExperimentPlanner("Dataset001_X", gpu_memory_target_in_gb=gigabytes)
    planner.lowres_creation_threshold = 0
    out = os.path.join(pre, "nnUNetPlans.json")
    if os.path.exists(out):
        os.remove(out)
    plans = planner.plan_experiment()
    full = plans["configurations"]["3d_fullres"]
    kwargs = full["architecture"]["arch_kwargs"]
    whole = lambda rows: [[int(v) for v in r] for r in rows]  # noqa: E731
    return {
        "gigabytes": gigabytes, "transpose_backward": plans["transpose_backward"],
        "patch_size": [int(v) for v in full["patch_size"]], "batch_size": int(full["batch_size"]),
        "spacing": [float(v) for v in full["spacing"]], "median": [float(v) for v in full["median_image_size_in_voxels"]],
        "strides": whole(kwargs["strides"]), "kernel_sizes": whole(kwargs["kernel_sizes"]),
        "features_per_stage": [int(v) for v in kwargs["features_per_stage"]],
        "normalization": full["normalization_schemes"][0],
    }


def volume(i):
    """A volume in z, y, x with an empty rim, and its label."""
    shape = (6 + i, 9, 11 + 2 * i)
    image = formula.uniform(f"fingerprint {i}", int(np.prod(shape))).reshape(shape)
    image = np.round(1000 * (image + 0.2 * i)).astype(np.float32)
    image[:1 + i % 2], image[:, :, :2], image[:, -1] = 0, 0, 0
    label = (image > 300).astype(np.uint8)
    return image, label


def fingerprint():
    """What the extractor's parts make of the volumes, without its pool of processes."""
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor as Extractor
    from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero

    spacings, shapes, drawn, relative = [], [], [], []
    for i in range(3):
        image, label = volume(i)
        data, seg, _ = crop_to_nonzero(image[None], label[None].astype(np.int8))
        values, _ = Extractor.collect_foreground_intensities(seg, data, num_samples=int(10e7 // 30))
        spacings.append([1.0 + i, 0.5, 0.5])
        shapes.append([int(v) for v in data.shape[1:]])
        drawn.append(values[0])
        relative.append(float(np.prod(data.shape[1:]) / np.prod(image.shape)))
    values = np.concatenate(drawn)
    low, median, high = np.percentile(values, (0.5, 50.0, 99.5))
    return {
        "spacings": spacings, "shapes_after_crop": shapes,
        "foreground_intensity_properties_per_channel": {"0": {
            "mean": float(np.mean(values)), "median": float(median), "std": float(np.std(values)), "min": float(values.min()),
            "max": float(values.max()), "percentile_99_5": float(high), "percentile_00_5": float(low)}},
        "median_relative_size_after_cropping": float(np.median(relative)),
    }


def main(plans, prints):
    cases = []
    for name, (spacings, shapes), channels, classes in datasets():
        got = [plan(name, spacings, shapes, channels, classes, g) for g in (8.0, 1.5, 24.0)]
        cases.append({"name": name, "spacings": spacings, "shapes": shapes, "channels": channels, "classes": classes, "plans": got})
    import nnunetv2  # noqa: F401
    from importlib.metadata import version

    with open(plans, "w") as f:
        json.dump({"nnunetv2": version("nnunetv2"), "cases": cases}, f, separators=(",", ":"))
    with open(prints, "w") as f:
        json.dump(fingerprint(), f, indent=1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
