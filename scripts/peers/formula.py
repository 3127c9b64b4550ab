"""Numbers that both languages can compute: weights and images without files.

Element i of the tensor called name is a hash of both, scaled to what a network
can work with. engine/nn/nntest/formula.go is the same in Go.
"""

import numpy as np


def uniform(name, count):
    """count float64 numbers in [-1, 1), each a multiple of 2^-23."""
    h = np.uint64(0xCBF29CE484222325)  # FNV-1a of the name
    with np.errstate(over="ignore"):
        for byte in name.encode():
            h = (h ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        z = h + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # SplitMix64
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def weights(name, shape):
    """float32 values of a parameter, sized so that signals neither die nor explode."""
    u = uniform(name, int(np.prod(shape)))
    if len(shape) > 1:
        u = u * np.sqrt(3.0 / np.prod(shape[1:]))
    elif name.endswith((".weight", ".running_var")):
        u = 1.0 + 0.25 * u
    else:
        u = 0.1 * u
    return u.astype(np.float32).reshape(shape)


def image(name, shape):
    """float32 values in [-1, 1)."""
    return uniform(name, int(np.prod(shape))).astype(np.float32).reshape(shape)
