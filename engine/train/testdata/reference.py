"""Writes reference.json: what MONAI 1.4.0 and PyTorch 2.1.0 make of inputs given by
formula. Three parts: DiceCELoss with its gradient, AdamW over 20 steps, and
the losses of 20 whole training steps of a SegResNet.

    pip install torch==2.1.0 monai==1.4.0 "numpy<2"; python reference.py
"""

import json
from pathlib import Path

import monai
import torch
from monai.losses import DiceCELoss, DiceLoss
from monai.networks.nets import SegResNet

torch.set_num_threads(1)


def wave(n, frequency, phase=0.0):
    return torch.sin(torch.arange(n, dtype=torch.float64) * frequency + phase).to(torch.float32)


def losses():
    shape = (2, 3, 4, 5, 6)
    n = 2 * 3 * 4 * 5 * 6
    labels = (torch.arange(2 * 4 * 5 * 6) * 7 % 11 % 3).reshape(2, 1, 4, 5, 6)
    onehot = torch.nn.functional.one_hot(labels[:, 0], 3).permute(0, 4, 1, 2, 3).float()
    out = []
    for name, background in (("dice_ce", True), ("dice_ce", False), ("dice", True), ("dice", False), ("ce", True)):
        logits = (3 * wave(n, 0.37)).reshape(shape).requires_grad_()
        if name == "dice_ce":
            value = DiceCELoss(softmax=True, to_onehot_y=True, include_background=background)(logits, labels)
        elif name == "dice":
            value = DiceLoss(softmax=True, to_onehot_y=True, include_background=background)(logits, labels)
        else:
            value = torch.nn.functional.cross_entropy(logits, onehot)
        value.backward()
        out.append({"loss": name, "background": background, "value": value.item(), "gradient": logits.grad.flatten().tolist()})
    return out


def adamw():
    p = torch.nn.Parameter(wave(24, 0.5))
    optimiser = torch.optim.AdamW([p], lr=1e-2, weight_decay=1e-2)
    series = []
    for step in range(20):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / 40)
        p.grad = 10 * wave(24, 0.3, step)
        torch.nn.utils.clip_grad_norm_([p], 12)
        optimiser.step()
        series.append(p.detach().tolist())
    return series


def training():
    net = SegResNet(spatial_dims=3, init_filters=8, in_channels=1, out_channels=2)
    with torch.no_grad():
        for k, (_, p) in enumerate(net.named_parameters()):
            bound = 0.1 if p.dim() > 1 else 0.02
            value = bound * wave(p.numel(), 0.7, k).reshape(p.shape)
            p.copy_(value + (1 if p.dim() == 1 and "norm" in _ and _.endswith("weight") else 0))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-5)
    loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
    image = wave(2 * 16**3, 0.01).reshape(2, 1, 16, 16, 16)
    label = (image > 0.8).float()
    series = []
    for _ in range(20):
        optimiser.zero_grad()
        value = loss(net(image), label)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimiser.step()
        series.append(value.item())
    return series


path = Path(__file__).with_name("reference.json")
path.write_text(
    json.dumps({"monai": monai.__version__, "torch": torch.__version__, "losses": losses(), "adamw": adamw(), "training": training()}) + "\n"
)
