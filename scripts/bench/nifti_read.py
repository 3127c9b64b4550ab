"""Read a 512x512x100 int16 .nii.gz with nibabel and with engine/volume.

Prints one JSON line: median seconds of each, and their ratio (below 1 means
that engine/volume is faster). Both decode to float32 voxels in memory.
Needs the packages of nifti_read.requirements.txt; run from anywhere:

    python scripts/bench/nifti_read.py [--repeat 7]
"""
import argparse
import gc
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import nibabel
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPE = (512, 512, 100)


def write(path):
    """Noise over a background with bright tubes: compresses as microscopy does."""
    rng = numpy.random.default_rng(0)
    data = rng.normal(200, 30, SHAPE)
    x, y = numpy.mgrid[: SHAPE[0], : SHAPE[1]]
    for _ in range(20):
        cx, cy, r = rng.uniform(0, 512, 2).tolist() + [rng.uniform(4, 20)]
        data[(x - cx) ** 2 + (y - cy) ** 2 < r * r] += 600
    image = nibabel.Nifti1Image(data.astype(numpy.int16), numpy.diag([0.5, 0.5, 1, 1]))
    image.header.set_xyzt_units("micron")
    nibabel.save(image, path)


def time_nibabel(path, repeat):
    times = []
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        data = nibabel.load(path).get_fdata(dtype=numpy.float32, caching="unchanged")
        times.append(time.perf_counter() - start)
        assert data.shape == SHAPE
        del data
    return statistics.median(times)


def time_go(path, repeat):
    out = subprocess.run(
        ["go", "test", "-run", "^$", "-bench", "^BenchmarkRead$", "-benchtime", "3x", "-count", str(repeat), "./engine/volume"],
        cwd=ROOT, env={**os.environ, "MINIVESS_BENCH_NIFTI": str(path)}, check=True, capture_output=True, text=True,
    ).stdout
    times = [float(ns) / 1e9 for ns in re.findall(r"^BenchmarkRead\S*\s+\d+\s+([\d.]+) ns/op", out, re.M)]
    if len(times) != repeat:
        raise SystemExit(f"expected {repeat} timings in:\n{out}")
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "bench.nii.gz"
        write(path)
        # The first reading fills the page cache.
        time_nibabel(path, 1)
        peer, ours = time_nibabel(path, repeat), time_go(path, repeat)
        print(json.dumps({
            "bench": "nifti_read", "shape": SHAPE, "dtype": "int16", "file_bytes": path.stat().st_size,
            "nibabel": nibabel.__version__, "nibabel_seconds": round(peer, 4),
            "minivess_seconds": round(ours, 4), "ratio": round(ours / peer, 3),
        }))


if __name__ == "__main__":
    main()
