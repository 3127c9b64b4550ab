#!/usr/bin/env python3
"""Write the fixtures that pin our UNet to MONAI 1.4.0's.

Usage: unet_fixture.py FOLDER    (in the environment of venv.sh)
"""

import pathlib
import sys

from monai.networks.nets import UNet

import fixture

CASES = {
    "residual": ({"init_filters": 4, "strides": [2, 2, 2]}, (1, 1, 16, 24, 16)),
    "residual-batch2": ({"init_filters": 4, "strides": [2, 2]}, (2, 1, 16, 8, 12)),
    "plain": ({"channels": [4, 8, 12], "strides": [2, 2], "num_res_units": 0, "act": "relu", "in_channels": 2, "out_channels": 3},
              (1, 2, 16, 16, 12)),
    "affine": ({"channels": [4, 6, 8], "strides": [2, 1], "norm": ["instance", {"affine": True}], "bias": False,
                "num_res_units": 1}, (1, 1, 12, 16, 14)),
    "strided": ({"channels": [4, 8], "strides": [3], "num_res_units": 3, "act": "leakyrelu"}, (1, 1, 15, 12, 18)),
}


def monai(options):
    o = dict(options)
    strides = o.get("strides", [2, 2, 2, 2])
    channels = o.get("channels") or [o.get("init_filters", 16) << i for i in range(len(strides) + 1)]
    return UNet(3, o.get("in_channels", 1), o.get("out_channels", 2), channels, strides,
                num_res_units=o.get("num_res_units", 2), norm=o.get("norm", "instance"), act=o.get("act", "prelu"),
                bias=o.get("bias", True), dropout=o.get("dropout", 0.0))


if __name__ == "__main__":
    fixture.write(pathlib.Path(sys.argv[1]), CASES, monai)
