#!/usr/bin/env python3
"""Write the fixtures that pin our SwinUNETR to MONAI's.

Usage: swinunetr_fixture.py FOLDER [CASE...]    (in the environment of venv.sh)

As fixture.py writes them, but of the logits only every 31st is stored, since
images must be large, and buffers of whole numbers keep the values that MONAI
gives them. Of several images the one is taken whose gradients differ least
between PyTorch's own ways of computing them; our tolerance is four times that.

patch_merging: "legacy" and "v2" are MONAI 1.4.0's "merging" and "mergingv2".
"fixed" is "merging" of MONAI 1.5 and later. The module of that version is used
when it is the one installed; in the pinned environment the class below stands
for it; logits and gradients are the same to the last bit.
"""

import json
import pathlib
import sys
import warnings

import monai as package
import numpy as np
import torch
from monai.networks.nets import SwinUNETR
from monai.networks.nets.swin_unetr import PatchMerging, PatchMergingV2
from safetensors.numpy import save_file

import fixture
import formula

LOGIT_STEP = 31
IMAGES, NEAR = 20, 2.4e-4
MODERN = tuple(int(n) for n in package.__version__.split("+")[0].split(".")[:2]) >= (1, 5)
GROUP, AFFINE = ["group", {"num_groups": 4}], ["instance", {"affine": True}]
CASES = {
    "legacy": ({"patch_merging": "legacy"}, (1, 1, 64, 32, 32)),
    "fixed": ({"patch_merging": "fixed"}, (1, 1, 32, 64, 32)),
    "v2": ({"patch_merging": "v2"}, (2, 1, 32, 32, 64)),
    "shifted": ({"patch_merging": "fixed"}, (1, 1, 64, 64, 32)),
    "single": ({"patch_merging": "fixed"}, (1, 1, 32, 32, 32)),
    "group": ({"patch_merging": "v2", "norm_name": GROUP}, (2, 1, 32, 32, 32)),
    "affine": ({"patch_merging": "legacy", "norm_name": AFFINE, "normalize": False}, (1, 1, 32, 64, 32)),
    "batch": ({"patch_merging": "fixed", "norm_name": "batch"}, (2, 1, 64, 64, 32)),
    "use_v2": ({"patch_merging": "fixed", "use_v2": True}, (1, 1, 64, 32, 32)),
    "options": (
        {"patch_merging": "v2", "in_channels": 2, "out_channels": 3, "depths": [1, 3, 1, 2], "num_heads": [2, 4, 3, 6]},
        (1, 2, 32, 32, 64),
    ),
}

# What make parity compares. Images are larger, since instance normalisation of
# one or two voxels, as the fixtures' coarsest level has, leaves gradients to
# rounding; one case has the full width, the others half of it for their time.
EXTENTS = ((64, 64, 32), (32, 64, 64), (64, 32, 64))
PARITY = {
    name: (o if name == "fixed" else {"feature_size": 12, **o}, (*shape[:2], *EXTENTS[i % 3]))
    for i, (name, (o, shape)) in enumerate(CASES.items())
}


class FixedMerging(PatchMergingV2):
    """The merging of MONAI 1.5 and later: every neighbour once, single steps first."""

    def forward(self, x):
        order = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
        return self.reduction(self.norm(torch.cat([x[:, i::2, j::2, k::2] for i, j, k in order], -1)))


def monai(options):
    """MONAI's network for our options."""
    o = {"in_channels": 1, "out_channels": 2, "feature_size": 24, **options}
    merging = o.pop("patch_merging", None) or "fixed"
    if merging == "legacy" and MODERN:
        raise SystemExit("legacy merging is that of MONAI up to 1.4")
    norm = o.get("norm_name", "instance")
    o["norm_name"] = tuple(norm) if isinstance(norm, list) else norm
    o["downsample"] = {"legacy": PatchMerging, "fixed": PatchMerging if MODERN else FixedMerging, "v2": PatchMergingV2}[merging]
    if not MODERN:
        o["img_size"] = 32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SwinUNETR(**o)


def fill(model):
    """Give the network the weights of the formula."""
    model.load_state_dict({k: torch.from_numpy(formula.weights(k, tuple(v.shape))) if v.is_floating_point() else v
                           for k, v in model.state_dict().items()}, strict=True)


def some(logits):
    return np.ascontiguousarray(logits.detach().numpy().reshape(-1)[::LOGIT_STEP])


def differentiate(model, image, shape):
    """The logits, and the gradients by name, of one training pass."""
    model.zero_grad(set_to_none=True)
    kind = next(model.parameters()).dtype
    logits = model.train()(torch.from_numpy(formula.image(image, shape)).to(kind))
    (logits * torch.from_numpy(formula.image("cotangent", tuple(logits.shape)))).sum().backward()
    return logits, {name: p.grad.clone() for name, p in model.named_parameters()}


def apart(single, double):
    """How far gradients in single precision are from those in double."""
    overall = max(float(g.abs().max()) for g in double.values())
    return max(float((g - single[name]).abs().max() / max(float(g.abs().max()), 1e-2 * overall))
               for name, g in double.items())


def variants(norm):
    """Ways in which PyTorch computes the same. Its batch normalisation of channels
    that lie together in memory is too coarse to compare with."""
    yield torch.contiguous_format, True
    yield torch.contiguous_format, False
    if norm != "batch":
        yield torch.channels_last_3d, True


def rounding(options, image, shape, enough):
    """How far gradients are from those in double precision at worst, or what is
    more than enough to know."""
    model = monai(options)
    fill(model)
    double, worst = differentiate(model.double(), image, shape)[1], 0.0
    for layout, onednn in variants(options.get("norm_name")):
        model = monai(options)
        fill(model)
        with torch.backends.mkldnn.flags(enabled=onednn):
            worst = max(worst, apart(differentiate(model.to(memory_format=layout), image, shape)[1], double))
        if worst > enough:
            break
    return worst


def choose(options, shape):
    """The image whose gradients depend least on how they are computed: at some,
    values lie so close to a kink of a leaky ReLU that they fall on either side of
    it, and the coarsest level has so few voxels that one is felt everywhere."""
    best, least = None, np.inf
    for i in range(IMAGES):
        found = rounding(options, f"image-{i}", shape, least)
        if found < least:
            best, least = f"image-{i}", found
        if least < NEAR:
            break
    return best, least


def write(case, path):
    options, shape = CASES[case]
    options = {"feature_size": 12, **options}
    # PyTorch refuses to normalise a single voxel; without the check it gives 0.
    torch.nn.functional._verify_spatial_size = lambda size: None
    image, worst = choose(options, shape)
    model = monai(options)
    fill(model)
    out = {}
    buffers = [k for k, v in model.named_buffers() if "running_" in k or "num_batches" in k]
    if buffers:
        with torch.no_grad():
            out["predicted"] = some(model.eval()(torch.from_numpy(formula.image(image, shape))))
    logits, gradients = differentiate(model, image, shape)
    out["logits"] = some(logits)
    for name, g in gradients.items():
        out["gradient/" + name], out["norm/" + name] = fixture.sampled(g)
    out |= {"buffer/" + name: model.get_buffer(name).numpy() for name in buffers}
    meta = {"shape": json.dumps(shape), "options": json.dumps(options), "image": image, "step": str(LOGIT_STEP),
            "gradient_tolerance": str(min(max(4 * worst, 1e-4), 1e-3)),
            "monai": package.__version__, "torch": torch.__version__}
    save_file(out, path, metadata=meta)
    print(case, "parameters", sum(p.numel() for p in model.parameters()), "logits", tuple(logits.shape),
          "largest", float(logits.abs().max()), image, "rounding", worst, flush=True)


def main(folder, cases):
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases or CASES:
        write(case, folder / f"{case}.safetensors")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
