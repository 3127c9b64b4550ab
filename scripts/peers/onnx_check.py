#!/usr/bin/env python3
"""Check exported ONNX models against the networks they come from.

Usage: onnx_check.py FILE...    (in the environment of venv.sh)

Each file must pass onnx.checker's full check. Its weights, which carry the
upstream names, are loaded into the network that the file's model and options
describe, as MODEL_fixture.py makes it, and ONNX Runtime's logits must agree with
PyTorch's to 1e-4 for several sizes and batches. Weights may be float32, float16
or int8, in the file or beside it: what is compared is the arithmetic, with the
weights as they were rounded. The metadata must hold the divisor. Exits with 1
when anything does not.
"""

import importlib
import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch

import formula

TOLERANCE = 1e-4


def widened(model):
    """The model's weights in float32, whatever they are stored as."""
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    weights = {k: v.astype(np.float32) for k, v in arrays.items() if v.dtype.kind == "f"}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            name, scale, zero = node.input
            assert not arrays[zero].any(), f"{name} is not symmetric"
            shape = np.ones(arrays[name].ndim, int)
            shape[node.attribute[0].i] = -1
            weights[name] = arrays[name].astype(np.float32) * arrays[scale].reshape(shape)
    return {k: torch.from_numpy(v.copy()) for k, v in weights.items()}


def load(peer, model):
    """Load the model's weights. What the file leaves out, such as heads that a
    prediction does not need, becomes NaN: were it used, the logits would be too."""
    weights = widened(model)
    state = peer.state_dict()
    with torch.no_grad():
        for v in state.values():
            if v.is_floating_point():
                v.fill_(float("nan"))
        for k in state.keys() & weights.keys():
            state[k].copy_(weights[k].reshape(state[k].shape))


def check(path):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    meta = {p.key: p.value for p in model.metadata_props}
    options = json.loads(meta["options"])
    peer = importlib.import_module(meta["model"] + "_fixture").monai(options).eval()
    load(peer, model)
    settings = onnxruntime.SessionOptions()
    # Otherwise int8 weights make it round the other factors of products too.
    settings.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    dims = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    divisor = [int(d) for d in meta["divisor"].split(",")]
    worst = 0.0
    for shape in ((1, 2, 2, 2), (3, 2, 1, 3), (2, 3, 4, 1)):
        n, *size = shape
        size = [d if isinstance(d, int) else m * s for d, m, s in zip(dims[2:], divisor, size)]
        x = formula.image("image", (n, options["in_channels"], *size))
        got = session.run(["logits"], {"image": x})[0]
        with torch.no_grad():
            want = peer(torch.from_numpy(x)).numpy()
        worst = np.maximum(worst, np.abs(got - want).max())  # keeps a NaN
    print(f"{path}: opset {model.opset_import[0].version}, input {dims}, {len(model.graph.node)} nodes, weights in {meta.get('weights', 'float32')}, "
          f"logits differ by up to {worst:.2g}")
    return bool(worst <= TOLERANCE)


if __name__ == "__main__":
    sys.exit(0 if all([check(p) for p in sys.argv[1:]]) else 1)
