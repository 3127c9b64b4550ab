#!/usr/bin/env python3
"""Write what MetricsReloaded says of the oracle's masks beyond the oracle itself.

    metrics_fixture.py        (in the environment that scripts/bench/metrics.py makes)

Fills engine/metrics/testdata/metrics_reloaded.json: overlap, other percentiles of
the Hausdorff distance and boundary IoU of several widths, of each pair of masks
in engine/metrics/testdata/oracle that both hold foreground. Volume similarity,
which MetricsReloaded lacks, is 1 − |FN − FP| / (2·TP + FP + FN) of its counts.
"""

import json
import pathlib

import nibabel
import numpy as np
from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures

DATA = pathlib.Path(__file__).resolve().parents[2] / "engine" / "metrics" / "testdata"


def main():
    cases = json.loads((DATA / "oracle" / "expected.json").read_text())
    found = {name: answers(name, case["spacing"]) for name, case in sorted(cases.items())}
    found = {name: values for name, values in found.items() if values}
    (DATA / "metrics_reloaded.json").write_text(json.dumps(found, indent=1) + "\n")


def answers(name, spacing):
    ref, pred = (np.asarray(nibabel.load(DATA / "oracle" / f"{name}.{role}.nii.gz").dataobj) for role in ("reference", "prediction"))
    if not ref.any() or not pred.any():
        return {}

    def measures(**arguments):
        return BinaryPairwiseMeasures(pred, ref, pixdim=spacing, dict_args=arguments)

    m = measures()
    similarity = 1 - abs(m.fn() - m.fp()) / (2 * m.tp() + m.fp() + m.fn())
    values = {
        "iou": m.intersection_over_union(), "precision": m.positive_predictive_value(), "recall": m.sensitivity(),
        "volume_similarity": similarity, "f_beta": measures(beta=2).fbeta(),
    }
    for q in (50, 90, 99.5):
        values[f"hd{q:g}"] = measures(hd_perc=q).measured_hausdorff_distance_perc()
    for width in (1, 2.5, 4):
        values[f"boundary_iou within {width:g}"] = measures(boundary_dist=width).boundary_iou()
    return {key: float(value) for key, value in values.items()}


if __name__ == "__main__":
    main()
