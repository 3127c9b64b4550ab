#!/usr/bin/env python3
"""Compare every model with the implementation that it follows, in both directions.

    make parity [SEED=7]        or, in the environment of venv.sh:
    parity.py [--seed 0] [--only segresnet,unet]

The reference network is made with random weights from the seed and saved in one
of the formats that people use; minivess-worker reads it and computes logits and
gradients of random images of three shapes; both are compared. Then the weights
that minivess-worker wrote are loaded by the reference with strict=True, and the
model that it exported passes onnx.checker and runs in ONNX Runtime. One line a
model, option and quantity, with the largest difference; the exit code is 1 when
one is beyond its tolerance or a model of `minivess models` was not compared.
"""

import argparse
import concurrent.futures
import copy
import importlib
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch

import fixture

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = ROOT / "bin" / "minivess-worker"
MINIVESS = ROOT / "bin" / "minivess"

LOGITS, GRADIENTS, ONNX = 1e-4, 1e-3, 1e-4
IMAGES, FEW, SMALL, AWAY, ATTEMPTS, MOVES = 24, 3, 3e6, 1e-5, 4, 10
FORMATS = ("pt", "safetensors", "npz", "prefixed.pt", "legacy.pt")


class Table:
    """The lines printed, and whether all were within tolerance."""

    def __init__(self):
        self.ok, self.lines = True, 0

    def line(self, model, case, quantity, value, limit, note=""):
        good = value <= limit
        self.ok, self.lines = self.ok and good, self.lines + 1
        verdict = "ok" if good else "BEYOND"
        print(f"{model:12} {case:24} {quantity:22} {value:9.2e}  ≤ {limit:.0e}  {verdict}  {note}".rstrip(), flush=True)


def shapes(shape):
    """Three shapes whose sizes divide wherever the first one's do."""
    n, c, x, y, z = shape
    return [(n, c, x, y, z), (3 - n if n < 3 else 1, c, x, y, z), (1, c, 2 * x, y, z)]


def randomise(net, generator):
    """Scales, offsets and running statistics away from their initial 1 and 0."""
    with torch.no_grad():
        for name, p in net.state_dict().items():
            if not p.is_floating_point() or p.dim() != 1:
                continue
            noise = torch.randn(p.shape, generator=generator)
            p.add_(0.1 * noise.abs() if name.endswith("running_var") else 0.1 * noise)


def save(state, path):
    """Writes a state_dict the way the file's name asks for."""
    kind = path.name.split(".", 1)[1]
    if kind == "safetensors":
        save_file({k: v.numpy() for k, v in state.items()}, path)
    elif kind == "npz":
        np.savez(path, **{k: v.numpy() for k, v in state.items()})
    elif kind == "prefixed.pt":
        torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "pt")


def apply(model, options, *arguments):
    argv = [WORKER, "apply", "--model", model, "--options", json.dumps(options), *arguments]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{model} {options}: minivess-worker ended with {done.returncode}: {done.stderr.strip()[-600:]}")


def outputs(net, x):
    """The logits of a network that may have auxiliary heads."""
    y = net(x)
    while isinstance(y, (list, tuple)):
        y = y[0]
    return y[:, 0] if y.dim() == 6 else y  # heads stacked along an axis of their own


def gradients(net):
    """By the names of each parameter: one that is shared has several."""
    named = {}
    for name, p in net.named_parameters(remove_duplicate=False):
        named.setdefault(id(p), (p, []))[1].append(name)
    return {tuple(names): p.grad.numpy() for p, names in named.values() if p.grad is not None}


def relative(ours, theirs):
    """The largest difference of any gradient, relative to its largest element.
    Gradients that are zero but for rounding are judged by all gradients' size."""
    overall = max(float(np.abs(g).max()) for g in theirs.values())
    worst, where = 0.0, ""
    for names, g in theirs.items():
        found = [n for n in names if "gradient/" + n in ours]
        mine = ours["gradient/" + found[0]] if found else 0  # of a head that the logits do not need
        difference = np.abs(mine - g).max() / max(float(np.abs(g).max()), 1e-2 * overall)
        if difference > worst:
            worst, where = float(difference), names[0]
    return worst, where


def field(shape, generator):
    """A random field that is smooth but for a little noise, as images and the
    gradients of losses are. In a gradient that sums such fields one voxel weighs
    little; in a sum over white noise it may weigh as much as all the others."""
    coarse = torch.randn((*shape[:2], 4, 4, 4), generator=generator)
    return 2 * torch.nn.functional.interpolate(coarse, size=shape[2:], mode="trilinear") + 0.3 * torch.randn(shape, generator=generator)


def image(net, shape, generator):
    """Of several random images the one whose values keep farthest from the kinks
    of rectifiers, where rounding decides about gradients; see fixture.py."""
    net.train()
    best, farthest = None, -1.0
    small = sum(p.numel() for p in net.parameters()) < SMALL
    for _ in range(IMAGES if small else FEW):
        x = field(shape, generator)
        away = fixture.margin(net, x)
        if away > farthest:
            best, farthest = x, away
        if away > AWAY:
            break
    return best


def differentiate(net, state, x, cotangent):
    """The logits and gradients of one training pass."""
    net.load_state_dict(state, strict=True)
    net.train()
    net.zero_grad()
    y = outputs(net, x)
    (y * cotangent).sum().backward()
    return y.detach().numpy(), {k: g.copy() for k, g in gradients(net).items()}


def wavers(net, state, x, cotangent, want, generator, enough):
    """How far the reference's own gradients are from those in double precision,
    and move when it computes them otherwise or the image moves by a millionth: how
    well they are determined in float32 at all. At a coarse level the side of a kink
    on which one voxel falls is felt in every gradient, and few moves make it change
    sides, so there are several."""
    exact = copy.deepcopy(net).double()
    _, again = differentiate(exact, {k: v.double() if v.is_floating_point() else v for k, v in state.items()},
                             x.double(), cotangent.double())
    own = relative(flat(again), want)[0]
    for i in range(MOVES):
        if own > enough:
            break
        moved = x * (1 + 1e-6 * torch.randn(x.shape, generator=generator)) if i else x
        with torch.backends.mkldnn.flags(enabled=i > 0):
            _, again = differentiate(net, state, moved, cotangent)
        own = max(own, relative(flat(again), want)[0])
    return own


def flat(named):
    """Gradients as the worker names them."""
    return {"gradient/" + names[0]: g for names, g in named.items()}


def cases(peer):
    """The configurations of a model: those of its fixtures, or lighter ones."""
    return getattr(peer, "PARITY", peer.CASES)


def compare(model, case, seed, kind):
    """The lines of one configuration: quantity, largest difference, tolerance, note."""
    torch.set_num_threads(1)  # the configurations run side by side
    # PyTorch refuses to train where a single voxel is to be normalised, as in a
    # SwinUNETR on 32³. Without its check it makes that voxel 0, and so do we.
    torch.nn.functional._verify_spatial_size = lambda size: None
    peer = importlib.import_module(f"{model}_fixture")
    options, shape = cases(peer)[case]
    with tempfile.TemporaryDirectory() as folder:
        return measure(pathlib.Path(folder), model, options, shape, peer.monai, seed, kind)


def measure(folder, model, options, shape, build, seed, kind):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = build(options)
    randomise(net, generator)
    weights = folder / f"weights.{kind}"
    state = {k: v.clone() for k, v in net.state_dict().items()}
    save(state, weights)
    worst = {"logits": 0.0, "training logits": 0.0, "gradients": (0.0, GRADIENTS, ""), "onnx": 0.0, "logits after saving": 0.0}
    for i, s in enumerate(shapes(shape)):
        for attempt in range(ATTEMPTS):
            x = image(net, s, generator)
            net.load_state_dict(state, strict=True)
            net.eval()
            with torch.no_grad():
                want = outputs(net, x)
            cotangent = field(want.shape, generator)
            save_file({"image": x.numpy(), "cotangent": cotangent.numpy()}, folder / "in.safetensors")
            back = folder / ("back.npz" if i % 2 else "back.safetensors")
            apply(model, options, "--weights", weights, "--input", folder / "in.safetensors", "--output",
                  folder / "out.safetensors", "--save", back, "--onnx", folder / "model.onnx", "--threads", 1)
            got = load_file(folder / "out.safetensors")
            worst["logits"] = max(worst["logits"], float(np.abs(got["logits"] - want.numpy()).max()))
            trained, expected = differentiate(net, state, x, cotangent)
            worst["training logits"] = max(worst["training logits"], float(np.abs(got["training/logits"] - trained).max()))
            off, where = relative(got, expected)
            limit = GRADIENTS
            if off <= GRADIENTS:
                break
            own = wavers(net, state, x, cotangent, expected, generator, np.inf if attempt + 1 == ATTEMPTS else GRADIENTS / 3)
            if own <= GRADIENTS / 3:
                break  # the reference knows its gradient, and ours is another
            # On this image float32 does not determine the gradient: take another.
            limit, where = 3 * own, f"{where}; PyTorch's own are determined to {own:.0e} in float32"
        if off / limit > worst["gradients"][0] / worst["gradients"][1]:
            worst["gradients"] = (off, limit, where)
        worst["logits after saving"] = max(worst["logits after saving"], reloaded(build(options), back, x, want))
        worst["onnx"] = max(worst["onnx"], exported(folder / "model.onnx", x, want))
    return [
        ("logits", worst["logits"], LOGITS, f"{len(state)} tensors from .{kind}"),
        ("training logits", worst["training logits"], LOGITS, ""),
        ("gradients", *worst["gradients"]),
        ("saved, loaded by peer", worst["logits after saving"], LOGITS, "strict=True, .safetensors and .npz"),
        ("onnx in onnxruntime", worst["onnx"], ONNX, "onnx.checker full check passed"),
    ]


def reloaded(net, path, x, want):
    """How far the reference's logits move when it loads what we saved."""
    state = {k: torch.from_numpy(v) for k, v in np.load(path).items()} if path.suffix == ".npz" else load_torch(path)
    net.load_state_dict(state, strict=True)
    net.eval()
    with torch.no_grad():
        return float((outputs(net, x) - want).abs().max())


def exported(path, x, want):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(["logits"], {"image": x.numpy()})[0] - want.numpy()).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and images")
    parser.add_argument("--only", default="", help="models, separated by commas")
    options = parser.parse_args()
    names = [m["name"] for m in json.loads(subprocess.run([MINIVESS, "models", "--json"], capture_output=True, check=True).stdout)]
    chosen = [n for n in options.only.split(",") if n] or names
    if unknown := set(chosen) - set(names):
        parser.error(f"unknown model {sorted(unknown)[0]!r}; there is {', '.join(names)}")
    print(f"seed {options.seed} · PyTorch {torch.__version__} · MONAI {importlib.import_module('monai').__version__} · onnxruntime {onnxruntime.__version__}")
    table, tasks = Table(), []
    for model in chosen:
        for case in cases(importlib.import_module(f"{model}_fixture")):
            tasks.append((model, case, 1000 * options.seed + len(tasks), FORMATS[len(tasks) % len(FORMATS)]))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as pool:
        for (model, case, *_), lines in zip(tasks, pool.map(compare, *zip(*tasks))):
            for line in lines:
                table.line(model, case, *line)
    print(f"{table.lines} comparisons of {len(chosen)} models, {len(tasks)} configurations: {'all within tolerance' if table.ok else 'SOME BEYOND TOLERANCE'}")
    return 0 if table.ok else 1


if __name__ == "__main__":
    sys.exit(main())
