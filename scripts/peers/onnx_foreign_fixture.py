#!/usr/bin/env python3
"""Write ONNX files as torch.onnx exports them, good and bad, and what PyTorch
makes of the good one.

Usage: onnx_foreign_fixture.py FOLDER    (in the environment of venv.sh)
"""

import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

import formula

SHAPES = ((1, 1, 8, 4, 6), (3, 1, 4, 8, 2))


class Network(nn.Module):
    def __init__(self, heads=1, channels=1):
        super().__init__()
        self.down = nn.Conv3d(channels, 3, 2, stride=2)
        self.norm = nn.BatchNorm3d(3)
        self.up = nn.ConvTranspose3d(3, 4, 2, stride=2)
        self.heads = nn.ModuleList(nn.Conv3d(4, 2, 1) for _ in range(heads))
        state = self.state_dict()
        for name, v in state.items():
            if v.is_floating_point():
                values = torch.from_numpy(formula.image(name, tuple(v.shape)))
                state[name] = 1 + 0.25 * values if name.endswith("running_var") else values
        self.load_state_dict(state)
        self.eval()

    def forward(self, x):
        y = self.up(torch.relu(self.norm(self.down(x))))
        y = [head(y) for head in self.heads]
        return y[0] if len(y) == 1 else tuple(y)


class Classifier(Network):
    def forward(self, x):
        return super().forward(x).mean((2, 3, 4))


class Prompted(Network):
    def forward(self, x, prompt):
        return super().forward(x + prompt)


def export(net, path, names, free=True, inputs=None, outputs=("segmentation",)):
    axes = {n: {0: "N", 2: "D", 3: "H", 4: "W"} for n in (*names, *outputs)} if free else None
    inputs = inputs or tuple(torch.zeros(SHAPES[0]) for _ in names)
    torch.onnx.export(net, inputs, str(path), input_names=list(names), output_names=list(outputs), dynamic_axes=axes, opset_version=13)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    net = Network()
    export(net, folder / "free.onnx", ["volume"])
    export(net, folder / "fixed.onnx", ["volume"], free=False)
    out = {}
    with torch.no_grad():
        for i, shape in enumerate(SHAPES):
            out[f"logits/{i}"] = net(torch.from_numpy(formula.image("image", shape))).numpy()
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, folder / "free.safetensors")
    export(Network(heads=2), folder / "two-heads.onnx", ["volume"], outputs=["fine", "coarse"])
    export(Network(heads=2), folder / "named-heads.onnx", ["volume"], outputs=["aside", "logits"])
    export(Prompted(), folder / "two-inputs.onnx", ["volume", "prompt"])
    export(Network().double(), folder / "double.onnx", ["volume"], inputs=(torch.zeros(SHAPES[0]).double(),))
    torch.onnx.export(Classifier(), torch.zeros(SHAPES[0]), str(folder / "classifier.onnx"), input_names=["x"], output_names=["y"], opset_version=13)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
