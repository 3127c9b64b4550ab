#!/usr/bin/env python3
"""Write the fixtures that pin our plain U-Net to nnU-Net v2's PlainConvUNet.

Usage: plainunet_fixture.py FOLDER    (in the environment of venv.sh, with
                                       dynamic-network-architectures 0.4.4
                                       installed without its dependencies)

FOLDER gets one parity fixture a case (see fixture.py), FOLDER/../keys what
nnU-Net's state_dict holds for several options (name, shape and type; the number
of trained parameters in the last line), and FOLDER/../checkpoint.pth a checkpoint
as nnUNetTrainer.save_checkpoint writes it.
"""

import pathlib
import sys

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

import fixture
import formula
from dynunet_fixture import OneName, write_keys

NORMS = {"instance": nn.InstanceNorm3d, "batch": nn.BatchNorm3d}
ACTS = {"leakyrelu": nn.LeakyReLU, "relu": nn.ReLU, "prelu": nn.PReLU}


class Turned(PlainConvUNet):
    """nnU-Net's network, seeing the axes in another order than the image's."""

    axes = "xyz"

    def forward(self, x):
        there = [0, 1, *(2 + "xyz".index(a) for a in self.axes)]
        back = [0, 1, *(2 + self.axes.index(a) for a in "xyz")]
        out = super().forward(x.permute(there))
        return [o.permute(back) for o in out] if isinstance(out, list) else out.permute(back)


class Peer(OneName, Turned):
    pass


def pair(value):
    return (value, {}) if isinstance(value, str) else value


def nnunet(options, network=PlainConvUNet):
    """The network of our options, which nnU-Net's plans would write so."""
    o = dict(options)
    stages = o.get("n_stages") or len(o.get("strides") or o.get("kernel_sizes") or o.get("features_per_stage") or [0] * 6)
    first = o.get("init_filters", 32)
    norm, norm_kwargs = pair(o.get("norm_op", ["instance", {"affine": True}]))
    act, act_kwargs = pair(o.get("nonlin", "leakyrelu"))
    model = network(
        input_channels=o.get("in_channels", 1), num_classes=o.get("out_channels", 2), n_stages=stages,
        features_per_stage=o.get("features_per_stage") or [min(first * 2**i, max(first, 320)) for i in range(stages)],
        conv_op=nn.Conv3d, kernel_sizes=o.get("kernel_sizes") or [3] * stages,
        strides=o.get("strides") or [1] + [2] * (stages - 1),
        n_conv_per_stage=o.get("n_conv_per_stage", 2), n_conv_per_stage_decoder=o.get("n_conv_per_stage_decoder", 2),
        conv_bias=o.get("conv_bias", True), norm_op=NORMS[norm], norm_op_kwargs=dict(norm_kwargs),
        dropout_op=nn.Dropout3d if o.get("dropout") else None, dropout_op_kwargs={"p": o.get("dropout"), "inplace": True},
        nonlin=ACTS[act], nonlin_kwargs={**act_kwargs, **({} if act == "prelu" else {"inplace": True})},
        deep_supervision=o.get("deep_supervision", False), nonlin_first=o.get("nonlin_first", False))
    model.axes = o.get("axes", "xyz")
    return model


def monai(options):
    """The network under the name by which the other scripts ask for it."""
    return nnunet(options, Turned)


def small(**more):
    # The gradient of a bias that a normalisation takes away is rounding errors:
    # few cases have biases, and those are small.
    return {"init_filters": 4, "n_stages": 3, "conv_bias": False, **more}


ANISOTROPIC = {"init_filters": 4, "kernel_sizes": [[1, 3, 3], [1, 3, 3], 3, [3, 5, 1]],
               "strides": [1, [1, 2, 2], 2, [1, 2, 3]], "axes": "zyx", "conv_bias": False}

CASES = {
    "small": (small(), (2, 1, 8, 8, 12)),
    "wide": (small(init_filters=6), (1, 1, 24, 8, 8)),
    "long": (small(n_stages=4), (1, 1, 16, 16, 16)),
    "anisotropic": (ANISOTROPIC, (2, 1, 12, 16, 4)),
    "anisotropic-deep": ({**ANISOTROPIC, "deep_supervision": True, "in_channels": 2, "out_channels": 3}, (1, 2, 24, 8, 4)),
    "turned": (small(kernel_sizes=[[3, 1, 5], 3, 3], strides=[1, [2, 1, 2], [2, 3, 1]], axes="yzx", conv_bias=True), (1, 1, 4, 8, 12)),
    "deep": (small(deep_supervision=True), (2, 1, 8, 8, 12)),
    "counts": (small(n_conv_per_stage=[1, 3, 2], n_conv_per_stage_decoder=[1, 2], conv_bias=True), (2, 1, 8, 4, 8)),
    "two": ({"features_per_stage": [5, 7]}, (1, 1, 8, 4, 6)),
    "batch": (small(norm_op="batch", nonlin="relu", deep_supervision=True), (2, 1, 8, 8, 8)),
    "instance-plain": (small(norm_op=["instance", {"eps": 1e-3}]), (1, 1, 8, 8, 12)),
    "prelu-first": (small(nonlin="prelu", nonlin_first=True, conv_bias=True), (1, 1, 8, 8, 12)),
    "leaky": (small(nonlin=["leakyrelu", {"negative_slope": 0.2}]), (1, 1, 8, 8, 12)),
}

KEYS = {
    "default": {},
    "options": {"features_per_stage": [4, 6, 8], "kernel_sizes": [[1, 3, 3], 3, 3], "strides": [1, [1, 2, 2], 2],
                "n_conv_per_stage": [1, 2, 2], "n_conv_per_stage_decoder": [2, 1], "deep_supervision": True,
                "norm_op": "batch", "nonlin": "prelu", "nonlin_first": True, "dropout": 0.1},
    "plain": {"features_per_stage": [4, 4], "norm_op": "instance", "conv_bias": False, "out_channels": 3, "in_channels": 2},
}


def write_checkpoint(path):
    """A small network's checkpoint, with what nnU-Net keeps beside the weights."""
    model = nnunet({"features_per_stage": [2, 3], "n_conv_per_stage": [1, 1], "n_conv_per_stage_decoder": [1],
                    "kernel_sizes": [[1, 3, 3], 3], "strides": [1, [1, 2, 2]]}, Peer)
    optimizer = torch.optim.SGD(model.parameters(), 1e-2, weight_decay=3e-5, momentum=0.99, nesterov=True)
    model(torch.zeros(1, 1, 2, 4, 4)).sum().backward()
    optimizer.step()  # so that there are momenta
    model.load_state_dict({k: torch.from_numpy(formula.weights(k, tuple(t.shape))) for k, t in model.state_dict().items()})
    torch.save({
        "network_weights": PlainConvUNet.state_dict(model), "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000,
                              "_growth_tracker": 7},
        "logging": {"mean_fg_dice": [np.float64(0.5)], "dice_per_class_or_region": [[np.float32(0.5)]],
                    "epoch_end_timestamps": [1.5]},
        "_best_ema": np.float64(0.5), "current_epoch": 1000,
        "init_args": {"plans": {"plans_name": "nnUNetPlans"}, "configuration": "3d_fullres", "fold": 0,
                      "dataset_json": {"labels": {"background": 0, "vessel": 1}}, "device": torch.device("cuda")},
        "trainer_name": "nnUNetTrainer", "inference_allowed_mirroring_axes": (0, 1, 2),
    }, path)


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    torch.manual_seed(0)
    write_keys(out.parent / "keys", KEYS, nnunet)
    fixture.write(out, CASES, lambda options: nnunet(options, Peer))
    write_checkpoint(out.parent / "checkpoint.pth")
