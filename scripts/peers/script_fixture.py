#!/usr/bin/env python3
"""Write TorchScript networks, good and bad, and what PyTorch makes of the good one.

Usage: script_fixture.py FOLDER    (in the environment of venv.sh)
"""

import pathlib
import sys
from typing import Dict, List

import torch
from torch import nn

import fixture
import formula

CASES = {"good": ({}, (2, 1, 8, 12, 6))}


class Network(nn.Module):
    """Batch norm, dropout, a deeper level and an auxiliary head."""

    def __init__(self, channels=1, dropout=0.0):
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(channels, 4, 3, padding=1), nn.BatchNorm3d(4), nn.PReLU(4), nn.Dropout3d(dropout))
        self.down = nn.Conv3d(4, 8, 2, stride=2)
        self.norm = nn.InstanceNorm3d(8, affine=True)
        self.up = nn.ConvTranspose3d(8, 4, 2, stride=2)
        self.out = nn.Conv3d(4, 2, 1)
        self.side = nn.Conv3d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        fine = self.first(x)
        coarse = torch.nn.functional.leaky_relu(self.norm(self.down(fine)), 0.01)
        return [self.out(fine + self.up(coarse)), self.side(coarse)]


class Halving(nn.Module):
    """Returns logits of another size than the image's."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv3d(1, 2, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(x)


class Naming(nn.Module):
    """Returns a dictionary."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 1)

    def forward(self, x: torch.Tensor) -> Dict[str, torch.Tensor]:
        return {"logits": self.conv(x)}


def filled(model):
    model.load_state_dict({k: torch.from_numpy(formula.weights(k, tuple(v.shape))) for k, v in model.state_dict().items()})
    return model


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    fixture.write(folder, CASES, lambda _: Network())
    for name, model in {
        "good": Network(), "dropout": Network(dropout=0.5), "channels": Network(channels=2), "halving": Halving(), "naming": Naming(),
    }.items():
        torch.jit.script(filled(model)).save(str(folder / f"{name}.ts"))
    torch.jit.freeze(torch.jit.script(filled(Network()).eval())).save(str(folder / "frozen.ts"))
