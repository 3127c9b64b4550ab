#!/usr/bin/env python3
"""Write the fixtures that pin our BasicUNet to MONAI 1.4.0's.

Usage: basicunet_fixture.py FOLDER    (in the environment of venv.sh)
"""

import contextlib
import io
import pathlib
import sys

from monai.networks.nets import BasicUNet

import fixture

CASES = {
    "filters4": ({"init_filters": 4}, (1, 1, 32, 32, 16)),
    "filters6": ({"init_filters": 6}, (1, 1, 16, 32, 48)),
    "channels": ({"init_filters": 4, "in_channels": 2, "out_channels": 3}, (2, 2, 32, 16, 32)),
}


def monai(options):
    o = dict(options)
    w = o.pop("init_filters", 32)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its features
        return BasicUNet(3, o.get("in_channels", 1), o.get("out_channels", 2), features=(w, w, 2 * w, 4 * w, 8 * w, w))


if __name__ == "__main__":
    fixture.write(pathlib.Path(sys.argv[1]), CASES, monai)
