"""Writes sliding.json: what MONAI 1.4.0 makes of volumes and a predictor that are
given by formula, so that only the results need to be kept.

    pip install torch==2.1.0 monai==1.4.0 "numpy<2"; python sliding.py
"""

import base64
import json
from pathlib import Path

import monai
import torch
from monai.inferers import sliding_window_inference

CASES = [
    # shape, window, overlap, mode
    ((20, 17, 9), (8, 8, 8), 0.25, "gaussian"),
    ((20, 17, 9), (8, 8, 8), 0.5, "gaussian"),
    ((13, 24, 16), (16, 8, 16), 0.625, "gaussian"),
    ((6, 11, 5), (8, 8, 8), 0.25, "gaussian"),
    ((20, 17, 9), (8, 8, 8), 0.25, "constant"),
    ((33, 8, 8), (16, 8, 8), 0.0, "gaussian"),
]


def predictor(x):
    """Two classes that depend on the value and on the place in the window."""
    n = x[0, 0].numel()
    place = torch.cos(torch.arange(n, dtype=torch.float64) * 0.05).reshape(x.shape[2:]).to(torch.float32)
    return torch.cat([x * 0.5 + place, place * x - 0.25], dim=1)


cases = []
for shape, window, overlap, mode in CASES:
    n = shape[0] * shape[1] * shape[2]
    x = torch.sin(torch.arange(n, dtype=torch.float64) * 0.37).to(torch.float32).reshape(1, 1, *shape)
    out = sliding_window_inference(x, window, 3, predictor, overlap=overlap, mode=mode, sigma_scale=0.125)
    cases.append(
        {
            "shape": shape,
            "window": window,
            "overlap": overlap,
            "mode": mode,
            "float32": base64.b64encode(out.numpy().astype("<f4").tobytes()).decode(),
        }
    )

path = Path(__file__).with_name("sliding.json")
path.write_text(json.dumps({"monai": monai.__version__, "torch": torch.__version__, "cases": cases}, indent=0) + "\n")
