#!/usr/bin/env python3
"""Write the pairs of masks whose matching pins ours to panoptica's.

Usage: metrics_instances_fixture.py FOLDER
(in an environment of metrics_shape_requirements.txt)

One pair a line, as JSON: shape, both masks (bits, x fastest, in hexadecimal,
first voxel = lowest bit of the first byte), and for each matching the counts
and qualities of panoptica with its default approximator of instances
(26-connected pieces by connected-components-3d). A quality that panoptica has
no number for is null.
"""

import json
import math
import pathlib
import sys

import numpy as np
from panoptica import ConnectedComponentsInstanceApproximator, InputType, Metric, Panoptica_Evaluator
from panoptica.instance_matcher import MaxBipartiteMatching, NaiveThresholdMatching
from scipy import ndimage

MATCHERS = {
    "greedy": (NaiveThresholdMatching, 0.5),
    "greedy-low": (NaiveThresholdMatching, 0.1),
    "optimal": (MaxBipartiteMatching, 0.5),
    "optimal-low": (MaxBipartiteMatching, 0.1),
}


def pairs():
    rng = np.random.default_rng(20190618)
    empty, full = np.zeros((5, 4, 3), bool), np.ones((5, 4, 3), bool)
    for ref, pred in [(empty, empty), (full, empty), (empty, full), (full, full)]:
        yield ref, pred
    half = np.zeros((6, 4, 3), bool)
    half[:4] = True
    yield half, np.roll(half, 1, 0)  # IoU 3/5
    yield half[:, :, :1], half[:, :, :1] & (np.arange(6) < 2)[:, None, None]  # IoU exactly a half
    for shape, sigma in [((24, 20, 12), 1.2), ((30, 26, 8), 1.5), ((18, 18, 18), 1.0)]:
        for shift in (0.05, 0.35, 0.8):
            for share in (0.7, 0.85):
                noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
                other = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
                mixed = noise + shift * other
                yield noise > np.quantile(noise, share), mixed > np.quantile(mixed, share)


def judge(ref, pred, matcher, threshold):
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.SEMANTIC,
        instance_approximator=ConnectedComponentsInstanceApproximator(),
        instance_matcher=matcher(matching_threshold=threshold),
        instance_metrics=[Metric.IOU, Metric.DSC],
        verbose=False,
        log_times=False,
    )
    result = evaluator.evaluate(pred.astype(np.uint8), ref.astype(np.uint8), verbose=False)["ungrouped"]
    known = {k: getattr(result, k) for k in ("n_ref_instances", "n_pred_instances", "tp", "rq", "sq", "pq")}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in known.items()}


def bits(mask):
    return np.packbits(mask.ravel(order="F"), bitorder="little").tobytes().hex()


def main():
    with (pathlib.Path(sys.argv[1]) / "pairs.jsonl").open("w") as file:
        for ref, pred in pairs():
            case = {"shape": ref.shape, "reference": bits(ref), "prediction": bits(pred)}
            for name, (matcher, threshold) in MATCHERS.items():
                case[name] = judge(ref, pred, matcher, threshold)
            print(json.dumps(case, default=lambda v: v.item()), file=file)


if __name__ == "__main__":
    main()
