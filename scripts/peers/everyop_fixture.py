#!/usr/bin/env python3
"""Write what PyTorch computes for the network that uses every operation.

Usage: everyop_fixture.py FILE [MODEL.onnx]    (in the environment of venv.sh)

The network is engine/nn/nntest/everyop.go in PyTorch, without dropout. With a
model exported from it, also check that ONNX Runtime computes the same.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

import formula
from fixture import SAMPLES

SHAPES = {
    "conv1.weight": (4, 2, 3, 3, 3), "conv1.bias": (4,), "deconv.weight": (4, 2, 2, 2, 2), "deconv.bias": (4,),
    "conv2.weight": (6, 4, 3, 3, 3), "norm1.weight": (4,), "norm1.bias": (4,), "norm2.weight": (6,),
    "norm2.bias": (6,), "norm3.weight": (6,), "norm3.bias": (6,), "linear.weight": (6, 6), "table": (5, 64),
    "act1.weight": (1,), "act6.weight": (6,), "batch1.weight": (6,), "batch1.bias": (6,),
}
BUFFERS = {f"batch{i}.running_{s}": (6,) for i in (1, 2) for s in ("mean", "var")}


def norm(x, p, b, name, eps, momentum, training):
    if training:
        b[name + ".num_batches_tracked"] += 1
    return F.batch_norm(x, b[name + ".running_mean"], b[name + ".running_var"], p.get(name + ".weight"),
                        p.get(name + ".bias"), training, momentum, eps)



def batch(x, p, b, training):
    x = F.elu(norm(x, p, b, "batch1", 1e-5, 0.1, training), 0.5)
    x = norm(x, p, b, "batch2", 1e-3, 0.25, training)
    x = F.mish(F.celu(x, 2.0) + F.selu(x))
    x = F.prelu(F.prelu(x, p["act1.weight"]), p["act6.weight"])
    x = x - F.relu6(4 * x)
    x = torch.roll(x - F.elu(x), (1, -2, 3), (2, 3, 4))
    return F.max_pool3d(F.avg_pool3d(x, 2, stride=1, padding=1), 2, stride=1)


def forward(x, p, b, training):
    """The logits and two auxiliary heads."""
    x = F.conv3d(x, p["conv1.weight"], p["conv1.bias"], padding=1)
    x = F.leaky_relu(F.instance_norm(x, weight=p["norm1.weight"], bias=p["norm1.bias"]), 0.01)
    x = F.leaky_relu(F.instance_norm(x), 0.2)
    x = F.silu(F.gelu(x))
    x = torch.sigmoid(x) + torch.tanh(x)
    x = F.conv_transpose3d(x, p["deconv.weight"], p["deconv.bias"], stride=2, output_padding=1, groups=2)
    x = F.conv3d(x, p["conv2.weight"], stride=2)
    x = F.relu(F.group_norm(x, 3, p["norm2.weight"], p["norm2.bias"]))
    x = batch(x, p, b, training)
    tokens = F.layer_norm(x.flatten(2).transpose(1, 2), (6,), p["norm3.weight"], p["norm3.bias"])
    scores = tokens @ p["linear.weight"] @ tokens.transpose(1, 2) * 0.4
    rows = torch.tensor([(i * i + 3) % 5 for i in range(64)])
    mixed = F.layer_norm(torch.softmax(scores + p["table"][rows], -1) @ tokens, (64, 6))
    mixed = mixed.transpose(1, 2).reshape(-1, 6, 4, 4, 4)
    heads = [0.5 * x, mixed]
    x = x + mixed
    x = F.pad(x, (0, 0, 0, 2, 1, 1), value=0.5)
    x = F.pad(x, (0, 1))[:, :, 1:5, ::2, -5:-1]
    x = F.interpolate(F.interpolate(x, scale_factor=(2, 1, 1), mode="nearest"), scale_factor=(1, 2, 2), mode="trilinear")
    ramp = torch.tensor([1, 1.5, 2, 2.5, 3, 3.5]).reshape(1, 6, 1, 1, 1)
    return [torch.cat([x, (x * x - ramp) / ramp * 0.5 + 0.25], 1), *heads]


def main(path, model=None):
    torch.set_num_threads(1)
    p = {k: torch.from_numpy(formula.weights(k, s)).requires_grad_() for k, s in SHAPES.items()}
    x = torch.from_numpy(formula.image("image", (2, 2, 4, 4, 4)))
    b = {k: torch.from_numpy(formula.weights(k, s)) for k, s in BUFFERS.items()}
    b |= {f"batch{i}.num_batches_tracked": torch.tensor(0) for i in (1, 2)}
    with torch.no_grad():
        predicted = forward(x, p, b, False)[0].numpy()
    logits, *heads = forward(x, p, b, True)
    loss = (logits * torch.from_numpy(formula.image("cotangent", tuple(logits.shape)))).sum()
    for i, head in enumerate(heads):
        loss = loss + (head * torch.from_numpy(formula.image(f"cotangent-{i}", tuple(head.shape)))).sum()
    loss.backward()
    out = {"logits": logits.detach().numpy(), "predicted": predicted}
    out |= {f"auxiliary/{i}": head.detach().numpy() for i, head in enumerate(heads)}
    out |= {"buffer/" + name: v.numpy() for name, v in b.items()}
    for name, v in p.items():
        g = v.grad.numpy().reshape(-1)
        out["gradient/" + name] = np.ascontiguousarray(g[:: -(-g.size // SAMPLES)])
        out["norm/" + name] = np.array([np.sqrt((g.astype(np.float64) ** 2).sum())])
    save_file(out, path, metadata={"shape": "[2, 2, 4, 4, 4]", "options": "{}", "image": "image"})
    print("logits", tuple(logits.shape), "largest", float(logits.abs().max()))
    if model is None:
        return 0
    import onnx
    import onnxruntime

    onnx.checker.check_model(onnx.load(model), full_check=True)
    got = onnxruntime.InferenceSession(model).run(["logits"], {"image": x.numpy()})[0]
    worst = float(np.abs(got - predicted).max())
    print(f"{model}: logits differ by up to {worst:.2g}")
    return 0 if worst <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
