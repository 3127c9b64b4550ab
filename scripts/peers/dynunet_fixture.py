#!/usr/bin/env python3
"""Write the fixtures that pin our DynUNet to MONAI 1.4.0's.

Usage: dynunet_fixture.py FOLDER    (in the environment of venv.sh)

FOLDER gets one parity fixture a case (see fixture.py) and, in FOLDER/../keys,
what MONAI's state_dict holds for several options: name, shape and type, and the
number of trained parameters in the last line.

Heads of deep supervision are compared before MONAI enlarges and stacks them.
"""

import pathlib
import sys

import torch
from monai.networks.nets import DynUNet

import fixture


class OneName:
    """Show every tensor under the first of its names only.

    MONAI's DynUNet reaches its blocks in two ways and nnU-Net's U-Net in up to
    four; their state_dicts repeat the tensors accordingly.
    """

    def state_dict(self):
        first = {}
        for name, t in super().state_dict().items():
            first.setdefault(t.data_ptr(), (name, t))
        return dict(first.values())

    def load_state_dict(self, state, strict=True):
        names = {t.data_ptr(): name for name, t in self.state_dict().items()}
        return super().load_state_dict({k: state[names[t.data_ptr()]] for k, t in super().state_dict().items()},
                                       strict=strict)

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        return super().named_parameters(prefix, recurse)


class Peer(OneName, DynUNet):
    """MONAI's network with the outputs in a list while training."""

    def forward(self, x):
        out = super().forward(x)
        if self.training and self.deep_supervision:
            return [out[:, 0], *self.heads]
        return out


def monai(options, network=DynUNet):
    """The network of our options, whose names are MONAI's but for init_filters."""
    o = dict(options)
    first = o.pop("init_filters", None)
    levels = len(o.get("strides") or o.get("kernel_size") or o.get("filters") or [0] * 6)
    o.setdefault("filters", [min((first or 32) * 2**i, max(320, first or 32)) for i in range(levels)])
    o.setdefault("strides", [1] + [2] * (levels - 1))
    o.setdefault("kernel_size", [3] * levels)
    o.setdefault("upsample_kernel_size", o["strides"][1:])
    for name in ("norm_name", "act_name"):
        if isinstance(o.get(name), list):
            o[name] = tuple(o[name])
    if not o.get("dropout"):
        o.pop("dropout", None)
    return network(spatial_dims=3, in_channels=o.pop("in_channels", 1), out_channels=o.pop("out_channels", 2), **o)


def anisotropic(**more):
    return {"init_filters": 4, "kernel_size": [[3, 3, 1], [3, 3, 1], 3, [3, 5, 1]],
            "strides": [1, [2, 2, 1], 2, [2, 1, 1]], **more}


def three(**more):
    return {"init_filters": 4, "strides": [1, 2, 2], **more}


CASES = {
    "small": ({"init_filters": 8, "strides": [1, 2, 2, 2]}, (2, 1, 16, 16, 8)),
    "wide": ({"init_filters": 6, "strides": [1, 2, 2, 2]}, (1, 1, 16, 24, 16)),
    "long": ({"init_filters": 4, "strides": [1, 2, 2, 2]}, (1, 1, 32, 16, 16)),
    "five": ({"filters": [4, 6, 8, 10, 12, 99], "kernel_size": [3, 3, 3, 3, 3]}, (1, 1, 32, 16, 16)),
    "anisotropic": (anisotropic(), (2, 1, 16, 8, 4)),
    "anisotropic-deep": (anisotropic(deep_supervision=True, deep_supr_num=2, in_channels=2, out_channels=3),
                         (1, 2, 8, 12, 4)),
    "anisotropic-residual": (anisotropic(res_block=True, trans_bias=True), (2, 1, 16, 8, 6)),
    "far": ({"filters": [4, 6, 8], "strides": [1, [3, 2, 4], [1, 4, 2]], "kernel_size": [3, [3, 5, 3], [1, 3, 7]],
             "trans_bias": True}, (1, 1, 6, 16, 16)),
    "residual": (three(res_block=True), (2, 1, 12, 8, 16)),
    "residual-plain": ({"filters": [4, 4, 8], "strides": [1, 1, 2], "in_channels": 4, "res_block": True},
                       (1, 4, 8, 8, 4)),
    "deep": (three(deep_supervision=True), (2, 1, 8, 8, 12)),
    "deep-residual": ({"init_filters": 4, "strides": [1, 2, 2, 2], "deep_supervision": True, "deep_supr_num": 2,
                       "res_block": True, "out_channels": 3}, (1, 1, 16, 16, 8)),
    "batch": (three(norm_name="batch", deep_supervision=True), (2, 1, 8, 8, 8)),
    "batch-residual": (three(norm_name=["batch", {"momentum": 0.3, "eps": 1e-3}], res_block=True), (2, 1, 8, 8, 8)),
    "group": (three(norm_name=["group", {"num_groups": 2}]), (1, 1, 8, 8, 8)),
    "instance-plain": (three(norm_name="instance"), (1, 1, 8, 8, 8)),
    "prelu": (three(act_name="prelu", res_block=True), (1, 1, 12, 8, 12)),
    "relu": (three(act_name="relu"), (1, 1, 8, 8, 8)),
    "leaky": (three(act_name=["leakyrelu", {"negative_slope": 0.2}]), (1, 1, 8, 8, 8)),
    "elu": (three(act_name=["elu", {"alpha": 0.5}], res_block=True), (1, 1, 8, 8, 8)),
    "mish": (three(act_name="mish"), (1, 1, 8, 8, 8)),
}

KEYS = {
    "default": {},
    "options": {"init_filters": 8, "kernel_size": [[3, 3, 1], 3, 3, 3], "strides": [1, [2, 2, 1], 2, 2],
                "deep_supervision": True, "deep_supr_num": 2, "res_block": True, "trans_bias": True,
                "norm_name": "batch", "act_name": "prelu", "dropout": 0.1},
    "plain": {"filters": [6, 6, 8], "norm_name": "instance", "out_channels": 3, "in_channels": 2},
}


def write_keys(folder, cases, build):
    folder.mkdir(parents=True, exist_ok=True)
    for case, options in cases.items():
        model = build(options)
        lines = [f"{name} {tuple(t.shape)} {t.dtype}" for name, t in model.state_dict().items()]
        lines.append(str(sum(p.numel() for p in model.parameters())))
        (folder / f"{case}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    torch.manual_seed(0)
    write_keys(out.parent / "keys", KEYS, monai)
    fixture.write(out, CASES, lambda options: monai(options, Peer))
