#!/usr/bin/env python3
"""Fetch the native runtimes (libtorch, ONNX Runtime) into the user's cache.

Every wheel is pinned by version and SHA-256. A wheel with another hash is
refused, and nothing is unpacked until all of its bytes were checked; a folder
appears under its final name only when it is complete. Running it again costs
a few file look-ups.

Usage: native.py fetch | path | verify
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

# Changing anything that is unpacked means a new VERSION: the folder name is
# baked into the cgo flags, so Go's build cache stays valid across checkouts.
VERSION = "torch-2.1.0-ort-1.27.0-r1"

# Libraries that gotch's cgo block names and a CPU build does not have. An
# empty archive satisfies the linker and adds nothing to the binary.
STUBS = [
    "torch", "cuda", "cudart", "cublas", "cudnn", "caffe2_nvrtc", "nvrtc",
    "nvrtc-builtins", "nvToolsExt", "c10_cuda", "torch_cuda",
]


class Wheel:
    def __init__(self, requirement, file, sha256, members, size_mb):
        self.requirement, self.file, self.sha256 = requirement, file, sha256
        self.members, self.size_mb = members, size_mb


WHEELS = [
    Wheel(
        "torch==2.1.0",
        "torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl",
        "2224622407ca52611cbc5b628106fde22ed8e679031f5a99ce286629fc696128",
        {
            "torch/lib/libc10.so": "torch/lib/libc10.so",
            "torch/lib/libtorch_cpu.so": "torch/lib/libtorch_cpu.so",
            "torch/lib/libgomp-a34b3233.so.1": "torch/lib/libgomp-a34b3233.so.1",
            "torch/include/": "torch/include/",
        },
        670,
    ),
    Wheel(
        "nvidia-cuda-runtime-cu12==12.1.105",
        "nvidia_cuda_runtime_cu12-12.1.105-py3-none-manylinux1_x86_64.whl",
        "6e258468ddf5796e25f1dc591a31029fa317d97a0a94ed93468fc86301d61e40",
        {"nvidia/cuda_runtime/lib/libcudart.so.12": "torch/lib/libcudart.so.12"},
        1,
    ),
    Wheel(
        "nvidia-cuda-cupti-cu12==12.1.105",
        "nvidia_cuda_cupti_cu12-12.1.105-py3-none-manylinux1_x86_64.whl",
        "e54fde3983165c624cb79254ae9818a456eb6e87a7fd4d56a2352c24ee542d7e",
        {"nvidia/cuda_cupti/lib/libcupti.so.12": "torch/lib/libcupti.so.12"},
        14,
    ),
    Wheel(
        "onnxruntime==1.27.0",
        "onnxruntime-1.27.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "e4f7b0e90d2d212e2c2deaa6c8291616183ab815d3ec558ea12d3ac8b26d36f4",
        {"onnxruntime/capi/libonnxruntime.so.1.27.0": "onnxruntime/libonnxruntime.so.1.27.0"},
        19,
    ),
]


def home():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(cache) / "minivess" / "native"


def target():
    return home() / VERSION


def complete(folder):
    return (folder / ".complete").is_file()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(wheel, folder):
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check",
        "--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:",
    ]
    for tag in ("manylinux1_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64"):
        command += ["--platform", tag]
    command += ["--dest", str(folder), wheel.requirement]
    subprocess.run(command, check=True, stdout=sys.stderr)
    path = folder / wheel.file
    if not path.is_file():
        raise SystemExit(f"error: pip did not deliver {wheel.file}\n  found {sorted(p.name for p in folder.iterdir())}")
    found = sha256(path)
    if found != wheel.sha256:
        raise SystemExit(
            f"error: {wheel.file} has the wrong SHA-256\n  expected {wheel.sha256}\n  found    {found}\n"
            "  Nothing was unpacked. Check the package index in use (pip config list), then run `make native` again."
        )
    return path


def unpack(wheel, archive, folder):
    with zipfile.ZipFile(archive) as z:
        for info in z.infolist():
            for source, destination in wheel.members.items():
                if source.endswith("/"):
                    if not info.filename.startswith(source) or info.is_dir():
                        continue
                    out = folder / (destination + info.filename[len(source):])
                elif info.filename == source:
                    out = folder / destination
                else:
                    continue
                out.parent.mkdir(parents=True, exist_ok=True)
                with z.open(info) as src, open(out, "wb") as dst:
                    shutil.copyfileobj(src, dst, 1 << 20)


def write_stubs(folder):
    stubs = folder / "stubs"
    stubs.mkdir()
    for name in STUBS:
        # The eight magic bytes are an archive without members.
        (stubs / f"lib{name}.a").write_bytes(b"!<arch>\n")


def fetch():
    folder = target()
    if complete(folder):
        return
    home().mkdir(parents=True, exist_ok=True)
    need = 3 << 30
    if (free := shutil.disk_usage(home()).free) < need:
        raise SystemExit(
            f"error: {home()} has {free >> 20} MiB free; the native runtimes need {need >> 20} MiB while unpacking\n"
            "  Free some space, or set XDG_CACHE_HOME to a folder on a larger disk."
        )
    with tempfile.TemporaryDirectory(dir=home(), prefix=".fetch-") as scratch:
        scratch = pathlib.Path(scratch)
        built = scratch / "built"
        built.mkdir()
        for i, wheel in enumerate(WHEELS, 1):
            print(f"native runtimes [{i}/{len(WHEELS)}] {wheel.requirement} ({wheel.size_mb} MB)", file=sys.stderr, flush=True)
            archive = download(wheel, scratch)
            unpack(wheel, archive, built)
            archive.unlink()
        write_stubs(built)
        (built / ".complete").write_text(VERSION + "\n")
        if folder.exists() and not complete(folder):
            shutil.rmtree(folder)
        try:
            os.rename(built, folder)
        except OSError:
            if not complete(folder):  # another process finished first: fine
                raise


def verify():
    folder = target()
    if not complete(folder):
        raise SystemExit(f"error: native runtimes are not in {folder}\n  Run `make native`.")
    print(folder)


def main():
    actions = {"fetch": fetch, "path": lambda: print(target()), "verify": verify}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        raise SystemExit(__doc__)
    try:
        actions[sys.argv[1]]()
    except subprocess.CalledProcessError as err:
        raise SystemExit(f"error: pip could not download a native runtime (exit {err.returncode})\n  Check the network, then run `make native` again.")


if __name__ == "__main__":
    main()
