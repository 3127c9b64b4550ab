#!/usr/bin/env python3
"""Exchange files of weights with PyTorch and NumPy.

Usage: weights_fixture.py write FOLDER   files for our readers, and expected.json
                                         with what they hold, bit for bit
       weights_fixture.py read FOLDER    check the files that our writers made
       weights_fixture.py bundle FOLDER  a small MONAI bundle
                                         (in the environment of venv.sh)
"""

import argparse
import collections
import datetime
import enum
import json
import os
import pathlib
import sys
import zipfile

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.networks.nets import SegResNet

import formula

MARK = "hostile-was-here"


class Phase(enum.Enum):
    TRAIN = "train"


class Settings(dict):
    """A dictionary of somebody's own, as hyper-parameters often are."""


class Hostile:
    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


def every_type():
    ramp = torch.arange(6).reshape(2, 3)
    return collections.OrderedDict({
        "f64": ramp.double() / 7, "f32": ramp.float() / 3 - 1, "f16": ramp.half() / 8, "bf16": ramp.bfloat16() * 3,
        "i64": ramp - 2**40, "i32": ramp.int() - 7, "i16": ramp.short() * -100, "i8": ramp.to(torch.int8) - 3,
        "u8": ramp.to(torch.uint8) + 250, "bool": ramp % 2 == 0, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3),
        'odd "name"\n\u00e9': torch.ones(1),
    })


def views():
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    volume = torch.arange(192.0).reshape(2, 3, 4, 4, 2)
    return {
        "whole": base, "transposed": base.permute(3, 1, 0, 2), "row": base[1, 2], "column": base[:, 1, :, 3],
        "step": base.reshape(-1)[7::3], "expanded": base[0, 0, 0, :1].expand(4, 5), "broadcast": torch.tensor(3.0).expand(2, 2),
        "tied": base, "offset": base.reshape(-1)[100:], "channels_last": volume.to(memory_format=torch.channels_last_3d),
        "half_transposed": base.half()[0, 0].t(), "bytes_transposed": base.to(torch.uint8)[0, 0].t(),
        "double_transposed": base.double()[0, 0].t(), "nothing": base[:0].transpose(0, 1),
    }


def parameters():
    marked = torch.nn.Parameter(torch.arange(3.0))
    marked.note = "an attribute"
    tensor = torch.arange(4.0)
    tensor.note = "another"
    return {
        "plain": torch.nn.Parameter(torch.arange(4.0).reshape(2, 2)), "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "with_state": marked, "with_attribute": tensor, "buffer": torch.ones(2),
        "meta": MetaTensor(torch.arange(6.0).reshape(2, 3)),
    }


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3), torch.nn.BatchNorm3d(2), torch.nn.Conv3d(2, 1, 1))


def prefixed(prefix, state):
    return collections.OrderedDict((prefix + k, v) for k, v in state.items())


def trained():
    net = network()
    adam = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 1, 4, 4, 4)).sum().backward()
    adam.step()
    return net, adam


def nested():
    net, adam = trained()
    return {
        "epoch": 12, "best_metric": np.float64(0.8125), "best_epoch": np.int64(7), "half": np.float16(0.5), "flag": np.bool_(True),
        "name": "caf\u00e9", "done": True, "nothing": None, "big": 2**80, "negative": -(2**70), "small": -3,
        "state_dict": prefixed("module.", net.state_dict()), "optimizer": adam.state_dict(),
        "args": argparse.Namespace(lr=0.1, device=torch.device("cuda:1"), dtype=torch.float16, folder=pathlib.Path("runs"),
                                   phase=Phase.TRAIN, when=datetime.datetime(2026, 1, 2), shape=torch.Size([1, 2])),
        "settings": Settings(a=1), "tags": {"x", "y"}, "frozen": frozenset([1]), "raw": b"\x00\xff", "array": np.arange(6).reshape(2, 3),
        "losses": [0.5, 0.25], "complex": 1 + 2j, "slice": slice(1, 2), "default": collections.defaultdict(int, a=1),
        "bytearray": bytearray(b"ab"), "words": np.array(["a", "b"]), "objects": np.array([1, "x"], dtype=object),
    }


def nnunet():
    net, adam = trained()
    return {
        "network_weights": net.state_dict(), "optimizer_state": adam.state_dict(), "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [0.1, 0.2], "epoch_start_timestamps": [1.5]}, "_best_ema": np.float64(0.9), "current_epoch": 3,
        "init_args": {"plans": {"plans_name": "nnUNetPlans"}, "configuration": "3d_fullres", "fold": 0, "device": torch.device("cuda")},
        "trainer_name": "nnUNetTrainer", "inference_allowed_mirroring_axes": (0, 1, 2),
    }


def plain(tensor):
    return tensor.detach().as_subclass(torch.Tensor).contiguous()


def content(tensor):
    return bytes(plain(tensor).reshape(-1).view(torch.uint8).tolist()).hex()


def describe(state):
    return [{"name": k, "dtype": str(v.dtype).removeprefix("torch."), "shape": list(v.shape), "hex": content(v)}
            for k, v in state.items()]


def swapped(source, target):
    """The same checkpoint as a big-endian machine would write it."""
    sizes = {torch.float32: 4, torch.float16: 2, torch.bfloat16: 2, torch.float64: 8, torch.int64: 8, torch.int32: 4, torch.int16: 2}
    order = [sizes.get(v.dtype, 1) for v in every_type().values()]
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith("byteorder"):
                data = b"big"
            if "/data/" in info.filename:
                size = order[int(info.filename.rsplit("/", 1)[1])]
                data = np.frombuffer(data, f"u{size}").byteswap().tobytes()
            new.writestr(info.filename, data)


def write_torch(folder):
    expected = {}

    def save(name, value, state, **options):
        torch.save(value, folder / name, **options)
        expected[name] = describe(state)

    types = every_type()
    save("types.pt", types, types)
    save("types-legacy.pth", types, types, _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        save(f"types-protocol{protocol}.pt", types, types, pickle_protocol=protocol)
    swapped(folder / "types.pt", folder / "types-big-endian.pt")
    expected["types-big-endian.pt"] = describe(torch.load(folder / "types-big-endian.pt"))
    save("views.pt", views(), views())
    save("views-legacy.pt", views(), views(), _use_new_zipfile_serialization=False)
    save("parameters.pt", parameters(), parameters())
    weights = network().state_dict()
    after = trained()[0].state_dict()
    for protocol in (2, 4):
        save(f"nested-protocol{protocol}.pt", nested(), after, pickle_protocol=protocol)
    save("nested-legacy.pt", nested(), after, _use_new_zipfile_serialization=False)
    save("nnunet.pth", nnunet(), after)
    save("compiled.pt", {"model": prefixed("_orig_mod.module.", weights)}, weights)
    average = {k: v + 1 for k, v in weights.items()}
    save("ema.pt", {"model": weights, "ema": average}, weights)
    save("deep.pt", {"checkpoint": {"model": {"state_dict": weights}}}, weights)
    torch.jit.script(network()).save(folder / "script.pt")
    expected["script.pt"] = describe({k: v for k, v in weights.items()})

    torch.save({"encoder": weights, "decoder": weights}, folder / "two.pt")
    torch.save(network(), folder / "module.pt")
    torch.save({"model": network(), "epoch": 1}, folder / "module-inside.pt")
    torch.save({"epoch": 3}, folder / "no-weights.pt")
    torch.save(torch.ones(2), folder / "single.pt")
    torch.save({"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)}, folder / "quantised.pt")
    torch.save({"w": torch.eye(3).to_sparse()}, folder / "sparse.pt")
    torch.save({"w": torch.ones(2, dtype=torch.complex64)}, folder / "complex.pt")
    torch.save({"state_dict": weights, "x": Hostile()}, folder / "hostile.pt")
    torch.save({"state_dict": weights, "x": Hostile()}, folder / "hostile-legacy.pt", _use_new_zipfile_serialization=False)
    for name in ("hostile.pt", "hostile-legacy.pt"):  # they are live: Python runs them
        torch.load(folder / name)
        os.remove(MARK)
    return expected


def write_numpy(folder):
    ramp = np.arange(24).reshape(2, 3, 4)
    arrays = {"f8": ramp / 7, "f4": (ramp / 3).astype("f4"), "f2": (ramp / 8).astype("f2"), "i8": ramp - 2**40, "i4": ramp.astype("i4"),
              "i2": (ramp * -100).astype("i2"), "i1": (ramp - 12).astype("i1"), "u1": (ramp + 230).astype("u1"), "b1": ramp % 2 == 0,
              "big": (ramp / 3).astype(">f4"), "big_fortran": np.asfortranarray((ramp / 5).astype(">f8")), "scalar": np.float32(2.5),
              "fortran": np.asfortranarray((ramp / 3).astype("f4")),
              "fortran_column": np.asfortranarray(np.ones((3, 1), "f4")), "one": np.ones(1, "f4"), "empty": np.zeros((0, 3), "f4"),
              "net.conv.weight": np.zeros((2, 1, 3, 3, 3), "f4")}
    np.savez(folder / "numpy.npz", **arrays)
    np.savez_compressed(folder / "compressed.npz", **arrays)
    with zipfile.ZipFile(folder / "versions.npz", "w") as z:
        for version in ((1, 0), (2, 0), (3, 0)):
            with z.open(f"v{version[0]}.npy", "w") as f:
                np.lib.format.write_array(f, arrays["f4"], version=version)
    np.savez(folder / "objects.npz", x=np.array([1, "x"], dtype=object))
    np.savez(folder / "records.npz", x=np.zeros(2, dtype=[("a", "f4")]))
    np.savez(folder / "unsigned.npz", x=np.zeros(2, "u4"))

    def arrays_of(name):
        with np.load(folder / name) as z:
            return [{"name": k, "dtype": z[k].dtype.newbyteorder("<").str, "shape": list(z[k].shape),
                     "hex": z[k].astype(z[k].dtype.newbyteorder("<")).tobytes("C").hex()} for k in z.files]

    return {name: arrays_of(name) for name in ("numpy.npz", "compressed.npz", "versions.npz")}


def read(folder):
    """What the tests wrote: minivess.npz has every type, segresnet.npz a network."""
    with np.load(folder / "minivess.npz") as z:
        want = every_type()
        assert set(z.files) == set(want), z.files
        for name, tensor in want.items():
            tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
            assert z[name].dtype == tensor.numpy().dtype and np.array_equal(z[name], tensor.numpy()), name
    net = SegResNet(init_filters=8, blocks_down=(1, 1), blocks_up=(1,))
    with np.load(folder / "segresnet.npz") as z:
        state = {k: torch.from_numpy(z[k]) for k in z.files}
    net.load_state_dict(state, strict=True)
    for name, tensor in net.state_dict().items():
        assert np.array_equal(tensor.numpy(), formula.weights(name, tuple(tensor.shape))), name
    print(folder, "holds what it should")


def bundle(folder):
    """A bundle as the Model Zoo has them, which MONAI's own parser understands."""
    metadata = {
        "name": "Tiny vessels", "version": "0.1.0", "monai_version": "1.4.0", "description": "A network too small for anything",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": 2, "spatial_shape": [32, 32, 16], "channel_def": {"0": "first", "1": "second"}}},
            "outputs": {"pred": {"type": "image", "num_channels": 3, "spatial_shape": [32, 32, 16],
                                 "channel_def": {"0": "background", "1": "artery", "2": "vein"}}},
        },
    }
    config = {
        "imports": ["$import torch"], "channels": 2, "labels": ["background", "artery", "vein"], "resolution": [0.5, 0.5, 1.0],
        "device": "$torch.device('cpu')", "settings": {"filters": 8},
        "network_def": {"_target_": "SegResNet", "spatial_dims": 3, "in_channels": "@channels", "out_channels": "$len(@labels)",
                        "init_filters": "@settings::filters", "blocks_down": [1, 1], "blocks_up": [1], "dropout_prob": 0.2,
                        "act": ["relu", {"inplace": True}], "norm": ["GROUP", {"num_groups": 4}], "upsample_mode": "deconv"},
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": [
            {"_target_": "LoadImaged", "keys": "image"}, {"_target_": "Spacingd", "keys": "image", "pixdim": "@resolution"}]},
    }
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")
    (folder / "configs" / "inference.json").write_text(json.dumps(config, indent=2) + "\n")
    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    net = parser.get_parsed_content("network")
    state = {k: torch.from_numpy(formula.weights(k, tuple(v.shape))) for k, v in net.state_dict().items()}
    net.load_state_dict(state, strict=True)
    torch.save(net.half().state_dict(), folder / "models" / "model.pt")


def main(verb, folder):
    if verb in ("read", "bundle"):
        {"read": read, "bundle": bundle}[verb](folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    expected = write_torch(folder) | write_numpy(folder)
    (folder / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
