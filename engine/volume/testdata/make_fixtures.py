"""Write the files that the tests read back: every datatype, byte order and
version by nibabel, with what nibabel itself reads from them.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_fixtures.py nibabel

The files are committed; running this again gives the same bytes.
"""
import gzip
import json
import pathlib
import sys

import nibabel as nib
import numpy as np

SHAPE = (3, 4, 5)
DTYPES = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split()
CLASSES = {1: nib.Nifti1Image, 2: nib.Nifti2Image}
PAIRS = {1: nib.Nifti1Pair, 2: nib.Nifti2Pair}

# A rotation about no axis in particular, with anisotropic voxels and an offset.
QUATERNION = np.array([0.9, 0.2, -0.3, 0.25]) / np.linalg.norm([0.9, 0.2, -0.3, 0.25])
ROTATION = nib.quaternions.quat2mat(QUATERNION) @ np.diag([0.5, 0.7, 2.0])
AFFINE = nib.affines.from_matvec(ROTATION, [-11.5, 7.25, 3.0])
SHEARED = nib.affines.from_matvec(ROTATION @ np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]), [1, 2, 3])


def values(dtype):
    """Values that reach the ends of the type's range."""
    rng = np.random.default_rng(sum(map(ord, dtype)))
    d = np.dtype(dtype)
    if d.kind == "f":
        v = rng.normal(scale=1e3, size=SHAPE).astype(d)
        v[0, 0, 0], v[1, 0, 0] = np.finfo(np.float32).max, np.finfo(np.float32).tiny
        return v
    info = np.iinfo(d)
    v = rng.integers(info.min, info.max, size=SHAPE, dtype=d, endpoint=True)
    v[0, 0, 0], v[1, 0, 0] = info.min, info.max
    return v


def image(cls, data, order, version):
    header = cls.header_class(endianness=order)
    header.set_data_dtype(np.dtype(data.dtype).newbyteorder(order))
    img = cls(data, AFFINE, header)
    img.header.set_xyzt_units("micron", "sec")
    img.header["descrip"] = b"minivess fixture"
    img.set_qform(AFFINE, code=1)
    img.set_sform(AFFINE, code=2)
    return img


def describe(path):
    """What nibabel reads, exact: floats as hexadecimal."""
    img = nib.load(path)
    real = np.asanyarray(img.dataobj, dtype=np.float64)
    with np.errstate(over="ignore"):
        as32 = img.get_fdata(dtype=np.float64).astype(np.float32)
    return {
        "file": path.name,
        "dtype": img.get_data_dtype().newbyteorder("=").name,
        "shape": list(img.shape),
        "zooms": [float(z).hex() for z in img.header.get_zooms()[:3]],
        "unit": {"micron": "um", "mm": "mm", "meter": "m", "unknown": ""}[img.header.get_xyzt_units()[0]],
        "affine": [[float(x).hex() for x in row] for row in img.affine],
        "extensions": [[e.get_code(), e.get_content().decode("latin1") if isinstance(e.get_content(), bytes) else str(e.get_content())]
                       for e in img.header.extensions],
        "stored": [str(x) if img.get_data_dtype().kind in "iu" else float(x).hex()
                   for x in np.asanyarray(img.dataobj.get_unscaled()).ravel(order="F")],
        "float32": [float(x).hex() for x in as32.ravel(order="F")],
        "float64": [float(x).hex() for x in real.ravel(order="F")],
    }


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    paths = []

    def save(img, name):
        nib.save(img, out / name)
        paths.append(out / name)

    for version, cls in CLASSES.items():
        for order, word in (("<", "le"), (">", "be")):
            for dtype in DTYPES:
                save(image(cls, values(dtype), order, version), f"v{version}_{word}_{dtype}.nii")

    # Scaling, as stored by other programs: slope and inter set by hand.
    for dtype in ("int16", "uint8", "float32"):
        img = image(CLASSES[1], values(dtype), "<", 1)
        name = f"scaled_{dtype}.nii"
        save(img, name)
        raw = bytearray((out / name).read_bytes())
        raw[112:120] = np.array([0.0375, -12.1], "<f4").tobytes()
        (out / name).write_bytes(raw)

    # Pairs, extensions, and each way to state an affine.
    for version, cls in PAIRS.items():
        save(image(cls, values("int16"), ">", version), f"pair_v{version}.hdr")
    img = image(CLASSES[1], values("int16"), "<", 1)
    img.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"kept on rewriting"))
    img.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI_attributes/>"))
    save(img, "extensions.nii")
    img = image(CLASSES[1], values("uint8"), "<", 1)
    img.set_sform(None, code=0)
    save(img, "qform.nii")
    flipped = AFFINE @ np.diag([1, 1, -1, 1])
    img = image(CLASSES[2], values("uint8"), ">", 2)
    img.set_sform(None, code=0)
    img.set_qform(flipped, code=1)
    save(img, "qform_left_handed.nii")
    img = image(CLASSES[1], values("uint8"), "<", 1)
    img.set_sform(SHEARED, code=2)
    save(img, "sheared.nii")
    img = image(CLASSES[1], values("uint8"), "<", 1)
    img.header["sform_code"] = img.header["qform_code"] = 0
    img.header.set_zooms((0.5, 0.75, 2.5))
    save(nib.Nifti1Image(np.asarray(img.dataobj), None, img.header), "no_affine.nii")
    save(CLASSES[1](values("uint8").reshape(3, 4, 5, 1, 1), AFFINE), "trailing_ones.nii")
    save(CLASSES[1](values("uint8")[:, :, :1], AFFINE), "one_slice.nii")
    img = image(CLASSES[1], values("int16"), "<", 1)
    save(img, "plain.nii.gz")
    (out / "plain.nii.gz").write_bytes(gzip.compress(gzip.decompress((out / "plain.nii.gz").read_bytes()), mtime=0))

    manifest = [describe(p) for p in paths]
    (out / "manifest.json").write_text(json.dumps(manifest, indent=None, separators=(",", ":")).replace('{"file"', '\n{"file"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
