"""Writes reference.json: what MONAI 1.4.0 and PyTorch 2.1.0 make of inputs given by
formula: DiceCELoss with its gradient, that of several outputs, AdamW and SGD
over 20 steps, and the losses of 20 whole training steps of a SegResNet.

    pip install torch==2.1.0 monai==1.4.0 "numpy<2"; python reference.py
"""

import json
from pathlib import Path

import monai
import torch
from monai.losses import DeepSupervisionLoss, DiceCELoss, DiceLoss
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


def supervision():
    """The loss of outputs at full, half and a quarter of the size, (7, 8, 12) at first."""
    sizes = [(7, 8, 12), (4, 4, 6), (2, 2, 3)]
    labels = (torch.arange(2 * 7 * 8 * 12) * 7 % 11 % 3).reshape(2, 1, 7, 8, 12)
    onehot = torch.nn.functional.one_hot(labels[:, 0], 3).permute(0, 4, 1, 2, 3).float()
    out = []
    for name, weights in (("nnunet", [2, 1, 0]), ("exp", [4, 2, 1]), ("same", [1, 1, 1]), ("none", [1, 0, 0])):
        outputs = [(3 * wave(6 * x * y * z, 0.37, i)).reshape(2, 3, x, y, z).requires_grad_() for i, (x, y, z) in enumerate(sizes)]
        loss = DeepSupervisionLoss(DiceCELoss(softmax=True, include_background=False), weights=[w / sum(weights) for w in weights])
        value = loss(outputs, onehot)
        value.backward()
        out.append({"name": name, "value": value.item(), "gradients": [o.grad.flatten()[::7].tolist() for o in outputs]})
    return out


def grouped(make):
    """Two parameters; the second learns at a tenth of the rate and is not decayed."""
    p, q = torch.nn.Parameter(wave(24, 0.5)), torch.nn.Parameter(wave(24, 0.5, 1))
    optimiser = make([{"params": [p], "weight_decay": 1e-2}, {"params": [q], "weight_decay": 0}])
    series = []
    for step in range(20):
        for group, scale in zip(optimiser.param_groups, (1, 0.1)):
            group["lr"] = scale * 1e-2 * (1 - step / 40)
        p.grad, q.grad = 10 * wave(24, 0.3, step), wave(24, 0.2, step)
        torch.nn.utils.clip_grad_norm_([p, q], 12)
        optimiser.step()
        series.append(p.detach().tolist() + q.detach().tolist())
    return series


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
    json.dumps(
        {
            "monai": monai.__version__,
            "torch": torch.__version__,
            "losses": losses(),
            "supervision": supervision(),
            "adamw": adamw(),
            "grouped": {
                "adamw": grouped(lambda groups: torch.optim.AdamW(groups, lr=1)),
                "sgd": grouped(lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.99, nesterov=True)),
            },
            "training": training(),
        }
    )
    + "\n"
)
