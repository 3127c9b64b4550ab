"""Let nibabel write fresh files, engine/volume rewrite them, and nibabel read
the result: values, affine, spacing, unit and extensions must be the same.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python crosscheck.py

The tests compare against committed files; this checks the other direction.
"""
import pathlib
import subprocess
import sys
import tempfile

import nibabel as nib
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def compare(a, b, path, same_dtype):
    x, y = nib.load(a), nib.load(b)
    problems = []
    if same_dtype and a.name.endswith((".nii", ".hdr", ".img")) and a.read_bytes() != b.read_bytes():
        problems.append("bytes")
    with np.errstate(over="ignore"):
        left, right = (i.get_fdata(dtype=np.float64).astype(np.float32) for i in (x, y))
    left = left.reshape(right.shape)
    if not np.array_equal(left, right, equal_nan=True):
        problems.append("values")
    if not np.allclose(x.affine, y.affine, rtol=1e-7, atol=1e-12):
        problems.append("affine")
    if not np.allclose(x.header.get_zooms()[:3], y.header.get_zooms()[:3], rtol=1e-6):
        problems.append("zooms")
    if x.header.get_xyzt_units() != y.header.get_xyzt_units():
        problems.append("units")
    if [(e.get_code(), e.get_content()) for e in x.header.extensions] != [(e.get_code(), e.get_content()) for e in y.header.extensions]:
        problems.append("extensions")
    if problems:
        print(f"{path}: {', '.join(problems)} differ")
    return not problems


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source, out = folder / "in", folder / "out"
        subprocess.run([sys.executable, HERE / "make_fixtures.py", source], check=True)
        (out / "raw").mkdir(parents=True)
        (out / "volume").mkdir()
        subprocess.run(["go", "run", "./engine/volume/testdata/crosscheck", source, out], check=True, cwd=HERE.parents[2])
        paths = sorted(p for p in source.iterdir() if p.suffix in (".nii", ".gz", ".hdr"))
        ok = [compare(p, out / "raw" / p.name, f"raw/{p.name}", True) for p in paths]
        ok += [compare(p, out / "volume" / (p.name.split(".")[0] + ".nii.gz"), f"volume/{p.name}", False) for p in paths]
        print(f"{sum(ok)} of {len(ok)} files agree with nibabel {nib.__version__}")
        return 0 if all(ok) and len(ok) > 100 else 1


if __name__ == "__main__":
    sys.exit(main())
