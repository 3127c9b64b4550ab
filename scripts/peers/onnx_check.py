#!/usr/bin/env python3
"""Check exported ONNX models against MONAI.

Usage: onnx_check.py FILE...    (in the environment of venv.sh)

Each file must pass onnx.checker's full check. Its weights, which carry MONAI's
names, are loaded into the MONAI network that the file's options describe, with
strict=True, and ONNX Runtime's logits must agree with PyTorch's to 1e-4 for
several sizes and batches. Exits with 1 when anything does not.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch

import formula
from segresnet_fixture import monai

TOLERANCE = 1e-4


def check(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    meta = {p.key: p.value for p in model.metadata_props}
    options = json.loads(meta["options"])
    peer = monai(options).eval()
    weights = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    peer.load_state_dict({k: weights[k] for k in peer.state_dict()}, strict=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    dims = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    divisor = 2 ** (len(options["blocks_down"]) - 1)
    worst = 0.0
    for shape in ((1, 2, 2, 2), (3, 2, 1, 3), (2, 3, 4, 1)):
        n, *size = shape
        size = [d if isinstance(d, int) else divisor * s for d, s in zip(dims[2:], size)]
        x = formula.image("image", (n, options["in_channels"], *size))
        got = session.run(["logits"], {"image": x})[0]
        with torch.no_grad():
            want = peer(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(got - want).max()))
    print(f"{path}: opset {model.opset_import[0].version}, input {dims}, {len(model.graph.node)} nodes, "
          f"logits differ by up to {worst:.2g}")
    return worst <= TOLERANCE


if __name__ == "__main__":
    sys.exit(0 if all([check(p) for p in sys.argv[1:]]) else 1)
