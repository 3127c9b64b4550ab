#!/usr/bin/env python3
"""Write the fixtures that pin our SegResNet to MONAI 1.4.0's.

Usage: segresnet_fixture.py FOLDER    (in the environment of venv.sh)
"""

import pathlib
import sys

from monai.networks.nets import SegResNet

import fixture

SMALL = {"init_filters": 4, "num_groups": 2, "blocks_down": [1, 2], "blocks_up": [1]}
THREE = {"init_filters": 4, "num_groups": 2, "blocks_down": [1, 1, 1], "blocks_up": [1, 2]}

CASES = {
    "filters8": ({"init_filters": 8}, (2, 1, 16, 24, 8)),
    "filters8-wide": ({"init_filters": 8}, (1, 1, 32, 16, 24)),
    "filters16": ({"init_filters": 16}, (1, 1, 16, 16, 16)),
    "options": (
        {"init_filters": 12, "in_channels": 2, "out_channels": 3, "num_groups": 4,
         "blocks_down": [2, 1, 3], "blocks_up": [2, 1]},
        (1, 2, 16, 8, 12),
    ),
    "one-level": ({"init_filters": 8, "blocks_down": [2], "blocks_up": []}, (2, 1, 3, 5, 4)),
    "features": (SMALL | {"use_conv_final": False}, (2, 1, 6, 4, 8)),
    "deconv": ({"init_filters": 8, "upsample_mode": "deconv"}, (1, 1, 16, 16, 8)),
    "deconv-group": (THREE | {"upsample_mode": "deconvgroup"}, (1, 1, 8, 12, 4)),
    "deconv-small": (SMALL | {"upsample_mode": "deconv"}, (3, 1, 4, 2, 8)),
    "pixelshuffle": (THREE | {"upsample_mode": "pixelshuffle"}, (2, 1, 4, 8, 12)),
    "pixelshuffle-small": (SMALL | {"upsample_mode": "pixelshuffle"}, (1, 1, 6, 10, 2)),
    "instance": (THREE | {"norm": "instance"}, (2, 1, 12, 8, 16)),
    "instance-affine": (SMALL | {"norm": ["instance", {"affine": True, "eps": 1e-3}]}, (2, 1, 8, 4, 6)),
    "group-plain": (SMALL | {"norm": ["GROUP", {"num_groups": 4, "affine": False}]}, (1, 1, 8, 6, 4)),
    "batch": (THREE | {"norm": "BATCH"}, (2, 1, 8, 4, 12)),
    "batch-one": (SMALL | {"norm": ["batch", {"momentum": 0.25, "eps": 1e-4}]}, (1, 1, 8, 6, 10)),
    "batch-plain": (SMALL | {"norm": ["batch", {"affine": False}]}, (3, 1, 4, 6, 8)),
    "prelu": (THREE | {"act": "PRELU"}, (1, 1, 8, 12, 8)),
    "prelu-features": (SMALL | {"act": ["prelu", {"init": 0.1}], "use_conv_final": False}, (1, 1, 6, 4, 8)),
    "leakyrelu": (SMALL | {"act": ["LeakyReLU", {"inplace": True, "negative_slope": 0.2}]}, (1, 1, 8, 6, 4)),
    "relu6": (SMALL | {"act": "relu6"}, (1, 1, 6, 6, 8)),
    "elu": (SMALL | {"act": ["elu", {"alpha": 0.5}]}, (1, 1, 8, 4, 4)),
    "celu": (SMALL | {"act": ["celu", {"alpha": 2.0}]}, (1, 1, 8, 4, 4)),
    "selu": (SMALL | {"act": "selu"}, (1, 1, 4, 8, 4)),
    "gelu": (SMALL | {"act": "gelu"}, (1, 1, 4, 4, 8)),
    "swish": (SMALL | {"act": "swish"}, (1, 1, 4, 4, 6)),
    "swish-steep": (SMALL | {"act": ["swish", {"alpha": 1.5}]}, (1, 1, 4, 6, 4)),
    "memswish": (SMALL | {"act": "memswish"}, (1, 1, 6, 4, 4)),
    "mish": (SMALL | {"act": "mish"}, (1, 1, 6, 6, 4)),
    "sigmoid": (SMALL | {"act": "sigmoid"}, (1, 1, 4, 6, 6)),
    "tanh": (SMALL | {"act": "tanh"}, (1, 1, 6, 4, 6)),
}


def norm(options):
    """MONAI's norm out of our norm and num_groups."""
    name, *arguments = [options["norm"]] if isinstance(options["norm"], str) else options["norm"]
    arguments = dict(*arguments)
    if name.lower() == "group":
        arguments.setdefault("num_groups", options["num_groups"])
    return name, arguments


def monai(options):
    o = {"norm": "group", "num_groups": 8} | options
    o["norm"] = norm(o)
    del o["num_groups"]
    o["dropout_prob"] = o.pop("dropout", 0) or None
    return SegResNet(spatial_dims=3, **{k: tuple(v) if k == "act" and isinstance(v, list) else v for k, v in o.items()})


if __name__ == "__main__":
    fixture.write(pathlib.Path(sys.argv[1]), CASES, monai)
