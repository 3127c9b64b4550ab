#!/usr/bin/env python3
"""Exchange safetensors files with the Python package.

Usage: safetensors_fixture.py write FILE   a file for our reader
       safetensors_fixture.py read FILE    check a file of our writer's
                                           (in the environment of venv.sh)
"""

import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def tensors():
    ramp = torch.arange(6).reshape(2, 3)
    return {
        "f64": ramp.double() / 4, "f32": ramp.float() - 2.5, "f16": ramp.half() / 8, "bf16": ramp.bfloat16() * 3,
        "i64": ramp - 2**40, "i32": ramp.int() - 7, "i16": ramp.short() * -100, "i8": ramp.to(torch.int8) - 3,
        "u8": ramp.to(torch.uint8) + 250, "bool": ramp % 2 == 0, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3),
        'odd "name"\n\u00e9': torch.ones(1),
    }


def main(verb, path):
    metadata = {"format": "pt", "note": "caf\u00e9 <&> \"quoted\""}
    if verb == "write":
        save_file(tensors(), path, metadata=metadata)
        return 0
    want = tensors()
    with safe_open(path, framework="pt") as f:
        assert f.metadata() == metadata, f.metadata()
        assert set(f.keys()) == set(want), f.keys()
        for name, tensor in want.items():
            got = f.get_tensor(name)
            assert got.dtype == tensor.dtype and got.shape == tensor.shape and torch.equal(got, tensor), name
    print(path, "holds what it should")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
