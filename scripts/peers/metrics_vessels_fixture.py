#!/usr/bin/env python3
"""Write the masks whose centreline measures pin ours to Python's packages.

Usage: metrics_vessels_fixture.py FOLDER
(in an environment of metrics_shape_requirements.txt)

One mask a line, as JSON: shape, spacing, the voxels (bits, x fastest, in
hexadecimal, first voxel = lowest bit of the first byte), and for each piece in
the order of first voxels (x fastest) what follows from scikit-image's skeleton
(Lee), networkx's graphs of it and scipy's distance transform. The next line's
mask, of the same shape, serves as this one's prediction for radius errors.
"""

import itertools
import json
import pathlib
import sys

import networkx
import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize


def masks():
    rng = np.random.default_rng(20210327)
    for spacing in [(1.0, 1.0, 1.0), (0.7, 0.7, 2.0), (0.5, 1.25, 0.8)]:
        shape = (44, 36, 16)
        for _ in range(2):
            yield tubes(shape, rng), spacing
        for sigma, share in [(1.6, 0.75), (2.2, 0.6), (1.1, 0.6)]:
            noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
            yield noise > np.quantile(noise, share), spacing


def tubes(shape, rng):
    """Crooked tubes of random radii."""
    mask = np.zeros(shape, bool)
    grid = np.indices(shape).reshape(3, -1).T
    for _ in range(5):
        at, way, radius = rng.uniform(0, shape), rng.normal(size=3) * (1, 1, 0.4), rng.uniform(1, 3)
        for _ in range(40):
            way = way + rng.normal(size=3) * 0.25
            way /= np.linalg.norm(way)
            at = at + way
            mask |= (((grid - at) ** 2).sum(1) <= radius**2).reshape(shape)
    return mask


def graph_of(voxels, spacing):
    graph = networkx.Graph()
    graph.add_nodes_from(voxels)
    for v in voxels:
        for d in itertools.product((-1, 0, 1), repeat=3):
            w = tuple(np.add(v, d).tolist())
            if d > (0, 0, 0) and w in graph:
                graph.add_edge(v, w, weight=float(np.linalg.norm(np.multiply(d, spacing))))
    return graph


def measure(graph):
    """Length, branch points and ends of a centreline, whose branch voxels are
    those with three neighbours or more; touching ones are one branch point."""
    branching = [v for v, degree in graph.degree if degree >= 3]
    length = sum(w for a, b, w in graph.edges(data="weight") if not (graph.degree[a] >= 3 and graph.degree[b] >= 3))
    branches = 0
    ends = sum(1 for _, degree in graph.degree if degree == 1)
    for cluster in networkx.connected_components(graph.subgraph(branching)):
        inner = graph.subgraph(cluster)
        exits = [v for v in cluster for w in graph[v] if w not in cluster]
        branches += len(exits) >= 3
        ends += len(exits) == 1
        if len(exits) == 2:  # a passage
            length += networkx.shortest_path_length(inner, *exits, weight="weight")
        else:
            length += networkx.minimum_spanning_tree(inner).size("weight")
    return length, branches, ends


def pieces(mask, spacing):
    # Transposed, so that labels ascend with first voxels, x fastest.
    labels, n = ndimage.label(mask.transpose(2, 1, 0), np.ones((3, 3, 3)))
    labels = labels.transpose(2, 1, 0)
    thin = skeletonize(mask, method="lee") != 0
    depth = ndimage.distance_transform_edt(mask, sampling=spacing)
    for i in range(1, n + 1):
        voxels = [tuple(v) for v in np.argwhere(thin & (labels == i)).tolist()]
        row = {"voxels": int((labels == i).sum()), "centreline_voxels": len(voxels)}
        if voxels:
            radii = depth[tuple(np.transpose(voxels))]
            row["length"], row["branch_points"], row["end_points"] = measure(graph_of(voxels, spacing))
        else:
            radii = depth[labels == i].max(keepdims=True)
        row |= {"radius_mean": radii.mean(), "radius_min": radii.min(), "radius_max": radii.max()}
        yield row


def radius_error(ref, pred, spacing):
    thin = skeletonize(ref, method="lee") != 0
    a, b = (ndimage.distance_transform_edt(m, sampling=spacing)[thin] for m in (ref, pred))
    found = b > 0
    row = {"voxels": len(a), "found": int(found.sum()), "error": np.abs(a - b).mean()}
    if found.any():
        row |= {"found_error": np.abs(a - b)[found].mean(), "found_bias": (b - a)[found].mean()}
    return row


def main():
    cases = list(masks())
    with (pathlib.Path(sys.argv[1]) / "vessels.jsonl").open("w") as file:
        for i, (mask, spacing) in enumerate(cases):
            case = {
                "shape": mask.shape, "spacing": spacing,
                "mask": np.packbits(mask.ravel(order="F"), bitorder="little").tobytes().hex(),
                "components": list(pieces(mask, spacing)),
                "radius": radius_error(mask, cases[(i + 1) % len(cases)][0], spacing),
            }
            print(json.dumps(case), file=file)


if __name__ == "__main__":
    main()
