#!/usr/bin/env python3
"""Write the fixtures that pin our SegResNetDS to MONAI 1.4.0's.

Usage: segresnetds_fixture.py FOLDER    (in the environment of venv.sh)

Beside the parity fixtures in FOLDER/monai, the names, shapes and types of some
networks' state_dicts in FOLDER.
"""

import pathlib
import sys

from monai.networks.nets import SegResNetDS

import fixture
from segresnet_fixture import norm

TWO = {"init_filters": 4, "num_groups": 2, "blocks_down": [1, 2]}
THREE = {"init_filters": 4, "num_groups": 2, "blocks_down": [1, 1, 1]}

CASES = {
    "defaults": ({"init_filters": 8}, (2, 1, 16, 8, 24)),
    "auto3dseg": ({"init_filters": 4, "blocks_down": [1, 2, 2, 4, 4], "dsdepth": 4, "norm": "instance"}, (1, 1, 32, 16, 48)),
    "options": (
        {"init_filters": 6, "in_channels": 2, "out_channels": 3, "blocks_down": [2, 1, 2], "blocks_up": [2, 1],
         "norm": ["group", {"num_groups": 3}], "dsdepth": 2, "act": ["leakyrelu", {"negative_slope": 0.1}]},
        (2, 2, 8, 4, 12),
    ),
    "anisotropic": (THREE | {"norm": "group", "resolution": [1, 1, 5], "dsdepth": 2}, (1, 1, 16, 8, 3)),
    "anisotropic-deep": (
        {"init_filters": 4, "blocks_down": [1, 1, 1, 1], "norm": "instance", "resolution": [0.3, 1.2, 0.7]},
        (1, 1, 16, 4, 24),
    ),
    "anisotropic-trilinear": (
        THREE | {"norm": "group", "resolution": [4, 1, 2], "upsample_mode": "nontrainable"}, (2, 1, 3, 8, 6)),
    "anisotropic-beyond": (TWO | {"norm": "group", "resolution": [1, 1, 9]}, (1, 1, 6, 4, 3)),
    "one-level": ({"init_filters": 4, "blocks_down": [2], "norm": "instance"}, (1, 1, 5, 4, 6)),
    "more-heads-than-levels": (TWO | {"norm": "group", "dsdepth": 5}, (1, 1, 4, 6, 8)),
    "trilinear": (THREE | {"norm": "group", "upsample_mode": "nontrainable", "dsdepth": 2}, (1, 1, 8, 12, 4)),
    "deconv-group": (THREE | {"norm": "group", "upsample_mode": "deconvgroup"}, (1, 1, 4, 8, 12)),
    "pixelshuffle": (THREE | {"norm": "group", "upsample_mode": "pixelshuffle", "dsdepth": 2}, (2, 1, 8, 4, 12)),
    "group-plain": (TWO | {"norm": ["group", {"num_groups": 4, "affine": False}]}, (1, 1, 8, 6, 4)),
    "instance-plain": (TWO | {"norm": ["instance", {"affine": False}]}, (2, 1, 4, 6, 8)),
    "batch-plain": (TWO | {"norm": ["batch", {"affine": False, "momentum": 0.3}]}, (2, 1, 6, 4, 8)),
    "prelu": (TWO | {"norm": "group", "act": "prelu"}, (1, 1, 8, 4, 6)),
    "gelu": (TWO | {"norm": "group", "act": "gelu"}, (1, 1, 4, 8, 6)),
    "elu": (TWO | {"norm": "group", "act": ["elu", {"alpha": 0.5}]}, (1, 1, 4, 4, 6)),
    "mish": (TWO | {"norm": "group", "act": "mish"}, (1, 1, 6, 4, 4)),
}


def monai(options):
    o = {"norm": "batch", "num_groups": 8} | options
    o["norm"] = norm(o)
    del o["num_groups"]
    o.pop("dropout", None)
    o["resolution"] = tuple(o.get("resolution") or ()) or None
    o["blocks_up"] = o.get("blocks_up") or None
    return SegResNetDS(spatial_dims=3, **{k: tuple(v) if k == "act" and isinstance(v, list) else v for k, v in o.items()})


KEYS = {
    "default": {},
    "auto3dseg": {"blocks_down": [1, 2, 2, 4, 4], "dsdepth": 4, "norm": "instance", "resolution": [1, 1, 5]},
    "trilinear": {"init_filters": 16, "norm": ["batch", {"affine": False}], "act": "prelu", "upsample_mode": "nontrainable"},
}


def keys(path, model):
    """As in the oracle's lists, the count of trained elements first."""
    lines = [f"{k} {tuple(v.shape)} {v.dtype}" for k, v in model.state_dict().items()]
    path.write_text("\n".join([str(sum(p.numel() for p in model.parameters())), *lines, ""]))


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    fixture.write(folder / "monai", CASES, monai)
    for name, options in KEYS.items():
        keys(folder / f"keys_segresnetds_{name}.txt", monai(options))
