#!/usr/bin/env python3
"""Time minivess's metrics and the reference packages side by side on this machine.

    python3 scripts/bench/metrics.py [--rounds 3] [--only transform,near,half_missing,noise,centreline,betti]

The packages are installed in an environment of their own beside the other caches,
pinned by scripts/peers/metrics_requirements.txt; MONAI comes from the peers'
environment that parity uses (scripts/peers/venv.sh, or MINIVESS_PEERS names one).
MetricsReloaded is fetched from GitHub at a fixed commit; MINIVESS_METRICS_RELOADED
may name a checkout of it instead.

Both sides read the same masks of 512×512×64 voxels, spacing (1, 1, 2), and take
turns; who goes first alternates. Both use two threads where the package can. A
number is the median over rounds of the best time within a round. Where both sides
claim the same definition, their values must agree to 1e-5, or the script fails.
Memory is the process's greatest resident set above one that only reads the masks,
per voxel. Needs nothing but Python's standard library and Go.
"""

import io
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request
import zipfile

from compare import HERE, ROOT, Failed, compare, environment, laid_out, run, take_turns

REQUIREMENTS = ROOT / "scripts" / "peers" / "metrics_requirements.txt"
RELOADED = "https://github.com/Project-MONAI/MetricsReloaded/archive/cb38dfc0a5ed4fa3bdc559e4960b6e2b93c3b967.zip"
VOXELS = 512 * 512 * 64

DISTANCES = ["metrics-reloaded", "monai", "surface-distance", "medpy"]
# What is compared: Go's benchmark, and for each peer how many times as fast we
# are to be (None: no target), and how often it is run in a round.
SUBJECTS = {
    "transform": ("distance transform, float32", "Transform/float32", "near", {"edt": 3, "scipy": 15}, 2),
    "near": ("HD95+NSD+ASSD, nearly agreeing", "Distances/near", "near", {"metrics-reloaded": 50, "monai": 50, "surface-distance": None, "medpy": None}, 1),
    "half_missing": ("HD95+NSD+ASSD, half missing", "Distances/half_missing", "half_missing", dict.fromkeys(DISTANCES[:2], 10), 1),
    "noise": ("HD95+NSD+ASSD, dense noise", "Distances/noise", "noise", dict.fromkeys(DISTANCES[:2], 10), 1),
    "centreline": ("clDice", "Centreline/near", "near", {"skimage": 3}, 1),
    "betti": ("Betti numbers of 128×128×64", "Betti", "near", {"gudhi": 50, "cc3d": None}, 1),
}
NAMES = {
    "edt": "edt 3.1.2", "scipy": "scipy 1.17.1", "metrics-reloaded": "MetricsReloaded", "monai": "MONAI 1.4.0",
    "surface-distance": "surface-distance 0.1 (no ASSD)", "medpy": "MedPy 0.5.2 (no NSD)", "skimage": "scikit-image 0.26.0",
    "gudhi": "gudhi 3.13.0", "cc3d": "connected-components-3d 4.1.1 (b0 only)",
}


def main():
    rows = compare(__doc__, SUBJECTS, 3, "bench-metrics.json", measured, table)
    return 1 if any(row["differs"] for row in rows) else 0


def measured(folder, names, rounds):
    bench = Bench(folder)
    for name in names:
        yield from bench.subject(name, rounds)


class Bench:
    """Both sides, on masks in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.python = metrics_python()
        self.monai = None
        run([self.python, HERE / "metrics_peer.py", "masks", folder])
        self.binary = folder / "metrics.test"
        run(["go", "test", "-c", "-o", self.binary, "./engine/metrics"])

    def subject(self, name, rounds):
        title, ours_name, pair, peers, times = SUBJECTS[name]
        print(f"measuring {title}", file=sys.stderr, flush=True)
        sides = {"ours": lambda: self.ours(ours_name)}
        for peer in peers:
            sides[peer] = lambda peer=peer: self.peer(peer, pair, times)
        found = {side: [] for side in sides}
        for side in take_turns(sides, rounds):
            found[side].append(sides[side]())
        ours = found.pop("ours")
        idle = {"ours": self.ours(f"Load/{pair}")["peak_bytes"], "peer": self.peer("nothing", pair, 1)["peak_bytes"]}
        floor = self.ours("Transform/floor")["seconds"] if name == "transform" else None
        for k, (peer, theirs) in enumerate(found.items()):
            ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs)]
            yield {
                "what": title if k == 0 else "", "subject": title, "peer": NAMES[peer],
                "ours_seconds": statistics.median(r["seconds"] for r in ours),
                "peer_seconds": statistics.median(r["seconds"] for r in theirs),
                "times_faster": statistics.median(ratios), "range": [min(ratios), max(ratios)], "target": peers[peer],
                "ours_bytes_a_voxel": bytes_a_voxel(ours, idle["ours"], name),
                "peer_bytes_a_voxel": bytes_a_voxel(theirs, self.idle(peer, pair, idle["peer"]), name),
                "floors": statistics.median(r["seconds"] for r in ours) / floor if floor else None,
                "values": {"ours": ours[0]["values"], "peer": theirs[0]["values"]},
                "differs": differences(ours[0]["values"], theirs[0]["values"]),
            }

    def ours(self, name):
        pattern = "/".join(f"^{part}$" for part in f"Benchmark{name}".split("/"))
        env = os.environ | {"MINIVESS_BENCH_MASKS": str(self.folder), "GOMAXPROCS": "2"}
        argv = [self.binary, "-test.run=^$", f"-test.bench={pattern}", "-test.benchtime=1x"]
        written = self.folder / "values.json"
        written.write_text("{}")
        _, peak = with_memory(argv, env)  # one run: garbage of those before is not the method's memory
        text, _ = with_memory([*argv, "-test.count=3"], env)
        lines = re.findall(r"^Benchmark\S+\s+\d+\s+([\d.]+) ns/op", text, re.M)
        if not lines:
            raise Failed(f"no timings of {name} in:\n{text}")
        return {"seconds": min(map(float, lines)) / 1e9, "values": json.loads(written.read_text()), "peak_bytes": peak}

    def peer(self, name, pair, times):
        python = self.python
        if name == "monai":
            if self.monai is None:
                try:
                    self.monai = environment.python()
                except environment.Missing as why:
                    raise Failed(str(why)) from why
            python = self.monai
        text = run([python, HERE / "metrics_peer.py", name, pair, self.folder, times])
        found = json.loads(text.splitlines()[-1])
        return found | {"seconds": min(found["seconds"])}

    def idle(self, peer, pair, plain):
        """Memory of a peer's process before it computes: MONAI's import is not its metrics'."""
        if peer != "monai":
            return plain
        text = run([self.monai, "-c", "import monai.metrics, resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"])
        return int(text) * 1024 + 2 * VOXELS


def bytes_a_voxel(found, idle, name):
    if name == "betti":
        return None  # of a part of the volume: what is above the noise is not of the method
    above = (max(r["peak_bytes"] for r in found) - idle) / VOXELS
    return max(above - (4 if name == "transform" else 0), 0)  # the result is not counted


def differences(ours, theirs):
    """Metrics of the same name whose values differ by more than 1e-5."""
    return {key: [ours[key], theirs[key]] for key in ours.keys() & theirs.keys() if abs(ours[key] - theirs[key]) > 1e-5 * max(1, abs(theirs[key]))}


def table(rows):
    cells = [["what", "minivess", "peer", "", "times faster", "target", "", "bytes a voxel, ours", "theirs"]]
    for r in rows:
        target = f"≥ {r['target']}" if r["target"] else ""
        verdict = ("met" if r["times_faster"] >= r["target"] else "MISSED") if r["target"] else ""
        if r["differs"]:
            verdict = f"DIFFERS {r['differs']}"
        low, high = r["range"]
        spread = f"{r['times_faster']:.1f}" + (f" ({low:.1f}–{high:.1f})" if low != high else "")
        ours = show(r["ours_seconds"]) if r["what"] else ""
        if r["what"] and r["floors"]:
            ours += f", {r['floors']:.1f} floors"
        memory = ["" if b is None else f"{b:.2f}" for b in (r["ours_bytes_a_voxel"], r["peer_bytes_a_voxel"])]
        cells.append([r["what"], ours, show(r["peer_seconds"]), r["peer"], spread, target, verdict, memory[0] if r["what"] else "", memory[1]])
    notes = ["A floor is six passes over the transform's result at this machine's speed of copying. Memory is above the two masks, a transform's result aside."]
    return [*laid_out(cells), *notes]


def show(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def metrics_python():
    """The interpreter of the environment with the pinned packages, made if it is not there."""
    checkout = os.environ.get("MINIVESS_METRICS_RELOADED", "")

    def finish(python):
        packages = pathlib.Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
        if checkout:
            shutil.copytree(pathlib.Path(checkout) / "MetricsReloaded", packages / "MetricsReloaded")
        else:
            unpack_reloaded(packages)
        run([python, "-c", "import edt, gudhi, cc3d, medpy, surface_distance, skimage, MetricsReloaded.metrics.pairwise_measures"])

    return environment.own("metrics", REQUIREMENTS, "500 MB", finish, RELOADED + checkout)


def unpack_reloaded(packages):
    try:
        with urllib.request.urlopen(RELOADED, timeout=60) as answer:
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    except OSError as why:
        raise Failed(f"MetricsReloaded could not be fetched ({why}); let MINIVESS_METRICS_RELOADED name a checkout of {RELOADED}") from why
    for name in archive.namelist():
        inner = name.split("/", 1)[1]
        if inner.startswith("MetricsReloaded/") and ".." not in inner and inner.endswith(".py"):
            target = packages / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))


def with_memory(argv, env):
    """Run and return what was printed and the greatest resident set in bytes."""
    process = subprocess.Popen(list(map(str, argv)), cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"{argv[0]} ended with {process.returncode}: {text[-2000:]}")
    return text, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
