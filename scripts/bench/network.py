"""Times PyTorch with MONAI: the peer of `minivess-worker bench`.

The same network, loss, optimiser, batch and threads; the same made-up batch.
Training steps, or predictions with --forward. Prints one JSON object. Needs
torch==2.1.0 and monai==1.4.0 (scripts/peers/venv.sh).
"""

import argparse
import json
import resource
import statistics
import sys
import time

import torch
from monai.losses import DiceCELoss
from monai.networks.nets import DynUNet, SegResNet, SwinUNETR

WARMUP = 3


def network(name, filters, patch):
    """MONAI's network with its defaults; DynUNet has four levels."""
    io = {"in_channels": 1, "out_channels": 2}
    if name == "segresnet":
        return SegResNet(spatial_dims=3, init_filters=filters, **io)
    if name == "swinunetr":
        return SwinUNETR(img_size=patch, feature_size=filters, **io)
    widths = [filters * 2**level for level in range(4)]
    return DynUNet(spatial_dims=3, kernel_size=[3] * 4, strides=[1, 2, 2, 2], upsample_kernel_size=[2] * 3, filters=widths, **io)


def peak():
    """The most resident memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--model", choices=["segresnet", "swinunetr", "dynunet"], default="segresnet")
    p.add_argument("--forward", action="store_true", help="predictions instead of training steps")
    p.add_argument("--filters", type=int, default=8)
    p.add_argument("--batch", type=int, default=2)
    p.add_argument("--patch", default="32x64x64")
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--channels-last", action="store_true", help="what a PyTorch user who knows may do")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    patch = [int(n) for n in a.patch.split("x")]
    before = peak()
    net = network(a.model, a.filters, patch).train(not a.forward)
    if a.channels_last:
        net = net.to(memory_format=torch.channels_last_3d)
    n = patch[0] * patch[1] * patch[2]
    wave = torch.sin(0.01 * torch.arange(n, dtype=torch.float64)).float()
    image = wave.repeat(a.batch).reshape(a.batch, 1, *patch)
    step = prediction(net, image, a.channels_last) if a.forward else training(net, image, a.channels_last)

    seconds, processor = [], []
    for i in range(WARMUP + a.steps):
        begun, busy = time.perf_counter(), time.process_time()
        last = step()
        if i >= WARMUP:
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - busy)
    json.dump({
        "model": a.model, "filters": a.filters, "forward": a.forward, "batch": a.batch, "patch": patch,
        "threads": torch.get_num_threads(), "channels_last": a.channels_last, "seconds": seconds,
        "median_seconds": statistics.median(seconds), "best_seconds": min(seconds),
        "median_cpu_seconds": statistics.median(processor), "peak_bytes": peak() - before, "loss": last,
    }, sys.stdout)
    print()


def copied(image, channels_last):
    x = image.clone()
    return x.to(memory_format=torch.channels_last_3d) if channels_last else x


def prediction(net, image, channels_last):
    def step():
        with torch.no_grad():
            return float(net(copied(image, channels_last))[0, 0, 0, 0, 0])

    return step


def training(net, image, channels_last):
    loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-5)
    label = (image > 0.8).float()

    def step():
        optimiser.zero_grad()
        value = loss(net(copied(image, channels_last)), label)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimiser.step()
        return value.item()

    return step


if __name__ == "__main__":
    main()
