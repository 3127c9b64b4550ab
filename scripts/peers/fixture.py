"""Write parity fixtures: what a reference network makes of formula.py's weights.

One safetensors file a case. Weights, image and the weights of the loss come
from formula.py, so only results of one training pass are stored: the logits and
the auxiliary heads, and of the gradient of the sum over all of them of
output * cotangent by every parameter its norm and up to 24 elements, evenly
spaced. Of networks with buffers, such as running statistics, also what the pass
left in them, and the logits predicted before it.

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
IMAGES = 100
KINKED = (torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.PReLU, torch.nn.ELU, torch.nn.SELU, torch.nn.ReLU6)


def margin(model, x):
    """The least distance from a kink of any value that enters a rectifier, or of
    the two largest values of any window that is pooled."""
    least = [1.0]

    def watch(module, given):
        x = given[0].detach()
        if isinstance(module, torch.nn.MaxPool3d):  # which of two equal values is the largest?
            k = module.kernel_size if isinstance(module.kernel_size, int) else module.kernel_size[0]
            windows = x.unfold(2, k, k).unfold(3, k, k).unfold(4, k, k).flatten(5)
            first, second = windows.topk(2, dim=-1).values.unbind(-1)
            least.append(float((first - second).min()))
            return
        least.append(float(x.abs().min()))
        if isinstance(module, torch.nn.ReLU6):
            least.append(float((x - 6).abs().min()))

    hooks = [m.register_forward_pre_hook(watch) for m in model.modules() if isinstance(m, (*KINKED, torch.nn.MaxPool3d))]
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return min(least)


def sampled(gradient):
    g = gradient.numpy().reshape(-1)
    step = -(-g.size // SAMPLES)
    return np.ascontiguousarray(g[::step]), np.array([np.sqrt((g.astype(np.float64) ** 2).sum())], dtype=np.float64)


def run(model, x):
    """The logits and the auxiliary heads, finest first."""
    out = model(x)
    return list(out) if isinstance(out, (list, tuple)) else [out]


def trained(model, x):
    """The results of one training pass."""
    out = {}
    if any(True for _ in model.buffers()):
        model.eval()
        with torch.no_grad():
            out["predicted"] = run(model, x)[0].numpy()
    logits, *heads = run(model.train(), x)
    loss = (logits * torch.from_numpy(formula.image("cotangent", tuple(logits.shape)))).sum()
    for i, head in enumerate(heads):
        loss = loss + (head * torch.from_numpy(formula.image(f"cotangent-{i}", tuple(head.shape)))).sum()
    loss.backward()
    out["logits"] = logits.detach().numpy()
    out |= {f"auxiliary/{i}": head.detach().numpy() for i, head in enumerate(heads)}
    out |= {"buffer/" + name: b.numpy() for name, b in model.named_buffers()}
    # A parameter with several names goes by the last, which is the one that
    # loading a checkpoint leaves it with.
    names = {id(p): name for name, p in model.named_parameters(remove_duplicate=False)}
    for p in model.parameters():
        if p.grad is not None:
            out["gradient/" + names[id(p)]], out["norm/" + names[id(p)]] = sampled(p.grad)
    return out


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
        kept = margin(model, x)
        model.load_state_dict(state, strict=True)  # the search moved running statistics
        out = trained(model, x)
        meta = {"shape": json.dumps(shape), "options": json.dumps(options), "image": image,
                "monai": "1.4.0", "torch": torch.__version__}
        save_file(out, folder / f"{case}.safetensors", metadata=meta)
        print(case, "keeps", kept, "away from kinks with", image,
              "parameters", sum(p.numel() for p in model.parameters()), "logits", tuple(out["logits"].shape))
