"""Writes engine/train/soft/testdata/monai.json: MONAI's SoftclDiceLoss, value and
gradient, on volumes that the Go test makes again.

Usage: python scripts/peers/softloss_fixture.py engine/train/soft/testdata/monai.json
Needs monai==1.4.0 and torch==2.1.0.
"""

import json
import math
import sys

import monai
import torch
from monai.losses.cldice import SoftclDiceLoss


def probability(shape, frequency):
    n = math.prod(shape)
    return torch.tensor([0.5 + 0.5 * math.sin(i * frequency) for i in range(n)], dtype=torch.float64).reshape(shape)


def tube(shape, radius):
    label = torch.zeros(shape, dtype=torch.float64)
    for z in range(shape[0]):
        for y in range(shape[1]):
            for x in range(shape[2]):
                if (y - 3) ** 2 + (x - z) ** 2 <= radius**2:
                    label[z, y, x] = 1
    return label


cases = []
for shape, frequency, radius, iterations in [((6, 7, 8), 0.37, 1, 10), ((5, 9, 6), 1.3, 2, 10), ((4, 4, 4), 0.11, 0, 10)]:
    p = probability(shape, frequency).requires_grad_(True)
    y = tube(shape, radius)
    # Channel 0 is dropped by the loss.
    loss = SoftclDiceLoss(iter_=iterations, smooth=1.0)(torch.stack([1 - y, y])[None], torch.stack([1 - p, p])[None])
    loss.backward()
    cases.append({
        "shape": shape[::-1], "frequency": frequency, "radius": radius, "iterations": iterations,
        "loss": loss.item(), "gradient": [round(g, 9) for g in p.grad.flatten().tolist()],
    })
with open(sys.argv[1], "w", encoding="utf-8") as f:
    json.dump({"monai": monai.__version__, "cases": cases}, f)
    f.write("\n")
