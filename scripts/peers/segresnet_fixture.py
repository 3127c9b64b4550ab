#!/usr/bin/env python3
"""Write the fixtures that pin our SegResNet to MONAI 1.4.0's.

Usage: segresnet_fixture.py FOLDER    (in the environment of venv.sh)

One safetensors file a case. Weights, image and the weights of the loss come
from formula.py, so only results are stored: the logits, and of the gradient of
sum(logits * cotangent) by every parameter its norm and up to 24 elements,
evenly spaced.

ReLU has no derivative at 0, and which side a value within rounding of 0 falls on
differs between machines. So of many images the one is taken whose values keep
farthest from 0 before every ReLU; its name is stored.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from monai.networks.nets import SegResNet
from safetensors.numpy import save_file

import formula

CASES = {
    "filters8": ({"init_filters": 8}, (2, 1, 16, 24, 8)),
    "filters8-wide": ({"init_filters": 8}, (1, 1, 32, 16, 24)),
    "filters16": ({"init_filters": 16}, (1, 1, 16, 16, 16)),
    "deconv": ({"init_filters": 8, "upsample": "deconv"}, (1, 1, 16, 16, 8)),
    "options": (
        {"init_filters": 12, "in_channels": 2, "out_channels": 3, "num_groups": 4,
         "blocks_down": [2, 1, 3], "blocks_up": [2, 1]},
        (1, 2, 16, 8, 12),
    ),
}
SAMPLES = 24


def monai(options):
    o = dict(options)
    upsample = {"trilinear": "nontrainable", "deconv": "deconv"}[o.pop("upsample", "trilinear")]
    groups = o.pop("num_groups", 8)
    o["dropout_prob"] = o.pop("dropout", 0) or None
    return SegResNet(spatial_dims=3, upsample_mode=upsample, norm=("GROUP", {"num_groups": groups}), **o)


IMAGES = 60


def margin(model, x):
    """The least distance from 0 of any value that enters a ReLU."""
    least = []
    hooks = [m.register_forward_pre_hook(lambda _, given: least.append(float(given[0].abs().min())))
             for m in model.modules() if isinstance(m, torch.nn.ReLU)]
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return min(least)


def main(folder):
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for case, (options, shape) in CASES.items():
        model = monai(options)
        model.load_state_dict({k: torch.from_numpy(formula.weights(k, tuple(v.shape)))
                               for k, v in model.state_dict().items()}, strict=True)
        image = max((f"image-{i}" for i in range(IMAGES)),
                    key=lambda name: margin(model, torch.from_numpy(formula.image(name, shape))))
        x = torch.from_numpy(formula.image(image, shape))
        print(case, "keeps", margin(model, x), "away from 0 with", image)
        logits = model(x)
        cotangent = torch.from_numpy(formula.image("cotangent", tuple(logits.shape)))
        (logits * cotangent).sum().backward()
        out = {"logits": logits.detach().numpy()}
        for name, p in model.named_parameters():
            g = p.grad.numpy().reshape(-1)
            step = -(-g.size // SAMPLES)
            out["gradient/" + name] = np.ascontiguousarray(g[::step])
            out["norm/" + name] = np.array([np.sqrt((g.astype(np.float64) ** 2).sum())], dtype=np.float64)
        meta = {"shape": json.dumps(shape), "options": json.dumps(options), "image": image,
                "monai": "1.4.0", "torch": torch.__version__}
        save_file(out, folder / f"{case}.safetensors", metadata=meta)
        print(case, "parameters", sum(p.numel() for p in model.parameters()), "logits", tuple(logits.shape),
              "largest", float(logits.abs().max()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
