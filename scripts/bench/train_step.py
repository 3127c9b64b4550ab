"""Times training steps of PyTorch with MONAI: the peer of `minivess-worker bench`.

The same network, loss, optimiser, batch and threads; the same made-up batch.
Prints one JSON object. Needs torch==2.1.0 and monai==1.4.0 (scripts/peers/venv.sh).
"""

import argparse
import json
import statistics
import time

import torch
from monai.losses import DiceCELoss
from monai.networks.nets import SegResNet

WARMUP = 3


def main() -> None:
    p = argparse.ArgumentParser()
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
    net = SegResNet(spatial_dims=3, init_filters=a.filters, in_channels=1, out_channels=2)
    if a.channels_last:
        net = net.to(memory_format=torch.channels_last_3d)
    loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-5)
    n = patch[0] * patch[1] * patch[2]
    image = torch.sin(0.01 * torch.arange(a.batch * n, dtype=torch.float64)).float().reshape(a.batch, 1, *patch)
    label = (image > 0.8).float()

    seconds = []
    for i in range(WARMUP + a.steps):
        begun = time.perf_counter()
        x = image.clone()
        if a.channels_last:
            x = x.to(memory_format=torch.channels_last_3d)
        optimiser.zero_grad()
        value = loss(net(x), label)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimiser.step()
        last = value.item()
        if i >= WARMUP:
            seconds.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "model": "segresnet",
                "filters": a.filters,
                "batch": a.batch,
                "patch": patch,
                "threads": torch.get_num_threads(),
                "channels_last": a.channels_last,
                "seconds": seconds,
                "median_seconds": statistics.median(seconds),
                "best_seconds": min(seconds),
                "loss": last,
            }
        )
    )


if __name__ == "__main__":
    main()
