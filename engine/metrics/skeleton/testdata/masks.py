"""Write masks.txt: random masks and their skeletons by scikit-image.

python -m venv /tmp/v && /tmp/v/bin/pip install -r requirements.txt
/tmp/v/bin/python masks.py > masks.txt

One line a mask: "nx ny nz mask skeleton", voxels as bits, x fastest, in
hexadecimal (first voxel = lowest bit of the first byte).
"""

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

SHAPES = [(1, 9, 11), (9, 1, 8), (8, 9, 1), (1, 1, 7), (5, 5, 5), (6, 7, 8), (12, 10, 9), (16, 14, 12), (6, 7, 75), (9, 66, 8), (67, 5, 9)]


def main() -> None:
    rng = np.random.default_rng(20240607)
    for shape in SHAPES:
        show(np.ones(shape, bool))
        for density in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
            show(rng.random(shape) < density)
        for sigma in (0.8, 1.5):
            noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
            show(noise > np.quantile(noise, 0.6))
            show(noise > np.quantile(noise, 0.3))


def show(mask) -> None:
    thin = skeletonize(mask, method="lee") != 0
    print(*mask.shape, bits(mask), bits(thin))


def bits(mask) -> str:
    return np.packbits(mask.ravel(order="F"), bitorder="little").tobytes().hex()


if __name__ == "__main__":
    main()
