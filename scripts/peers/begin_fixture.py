#!/usr/bin/env python3
"""Write a file as a trainer in Python saves it: a small SegResNet's weights in half
precision, under module., beside an epoch. Trainings begin with it in a test.

Usage: begin_fixture.py FILE    (in the environment of venv.sh)
"""

import sys

import torch
from monai.networks.nets import SegResNet

import formula

if __name__ == "__main__":
    net = SegResNet(init_filters=8, in_channels=1, out_channels=2, blocks_down=(1, 1), blocks_up=(1,))
    state = {"module." + k: torch.from_numpy(formula.weights(k, tuple(v.shape))).half() for k, v in net.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, sys.argv[1])
