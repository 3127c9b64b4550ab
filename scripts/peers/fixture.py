"""Write parity fixtures: what a reference network makes of formula.py's weights.

One safetensors file a case. Weights, image and the weights of the loss come
from formula.py, so only results are stored: the logits, and of the gradient of
sum(logits * cotangent) by every parameter its norm and up to 24 elements,
evenly spaced.

A rectifier has no derivative at 0, and which side a value within rounding of 0
falls on differs between machines. So of many images the one is taken whose
values keep farthest from 0 before every rectifier; its name is stored.
"""

import json

import numpy as np
import torch
from safetensors.numpy import save_file

import formula

SAMPLES = 24
IMAGES = 60
KINKED = (torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.PReLU, torch.nn.ELU, torch.nn.SELU)


def margin(model, x):
    """The least distance from 0 of any value that enters a rectifier."""
    least = [1.0]
    hooks = [m.register_forward_pre_hook(lambda _, given: least.append(float(given[0].detach().abs().min())))
             for m in model.modules() if isinstance(m, KINKED)]
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return min(least)


def sampled(gradient):
    g = gradient.numpy().reshape(-1)
    step = -(-g.size // SAMPLES)
    return np.ascontiguousarray(g[::step]), np.array([np.sqrt((g.astype(np.float64) ** 2).sum())], dtype=np.float64)


def write(folder, cases, build):
    """cases: name -> (options, image shape); build makes the network of options."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for case, (options, shape) in cases.items():
        model = build(options)
        state = {k: torch.from_numpy(formula.weights(k, tuple(v.shape))) for k, v in model.state_dict().items()}
        model.load_state_dict(state, strict=True)
        image = max((f"image-{i}" for i in range(IMAGES)),
                    key=lambda name: margin(model, torch.from_numpy(formula.image(name, shape))))
        x = torch.from_numpy(formula.image(image, shape))
        logits = model(x)
        cotangent = torch.from_numpy(formula.image("cotangent", tuple(logits.shape)))
        (logits * cotangent).sum().backward()
        out = {"logits": logits.detach().numpy()}
        for name, p in model.named_parameters():
            out["gradient/" + name], out["norm/" + name] = sampled(p.grad)
        meta = {"shape": json.dumps(shape), "options": json.dumps(options), "image": image,
                "monai": "1.4.0", "torch": torch.__version__}
        save_file(out, folder / f"{case}.safetensors", metadata=meta)
        print(case, "keeps", margin(model, x), "away from 0 with", image,
              "parameters", sum(p.numel() for p in model.parameters()), "logits", tuple(logits.shape))
