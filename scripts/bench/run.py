#!/usr/bin/env python3
"""Time minivess and its peers side by side on this machine.

    python3 scripts/bench/run.py [--only networks,nifti,start,screen,weights,metrics,threads] [--rounds 3]

Ours and theirs take turns, and who goes first alternates, so that a machine
that warms up or is busy for a while does both the same favour. Numbers are
medians over rounds; a ratio below 1 means that minivess is faster. Prints a
table, writes JSON, and fails if an entry could not be measured. Needs nothing
but Python's standard library; the peers' environment is built beside the other
caches by scripts/peers/venv.sh, or named by MINIVESS_PEERS.
"""

import json
import os
import re
import statistics
import sys
import tempfile
import time

import terminal
from compare import HERE, ROOT, Failed, announced, arguments, environment, laid_out, parser, run, take_turns, write

BIN = ROOT / "bin"

# The networks whose training step, prediction and memory are compared.
NETWORKS = [
    {"name": "SegResNet-8", "model": "segresnet", "filters": 8, "batch": 2, "patch": "64x64x32"},
    {"name": "SegResNet-16", "model": "segresnet", "filters": 16, "batch": 1, "patch": "96x96x32"},
    {"name": "SwinUNETR-24", "model": "swinunetr", "filters": 24, "batch": 1, "patch": "64x64x32"},
    {"name": "DynUNet-32", "model": "dynunet", "filters": 32, "batch": 1, "patch": "64x64x32"},
]
# What minivess is told beside that: four levels, where MONAI's has no default.
SETTINGS = {"dynunet": ["--set=model.options.strides=[1,2,2,2]"]}


class Row:
    """One line of the table. Lists hold one number a round, in seconds (or MiB)."""

    def __init__(self, name, ours, peer=None, peer_name="", target="", unit="s", ratio_limit=None, limit=None, **facts):
        self.name, self.ours, self.peer, self.peer_name = name, ours, peer, peer_name
        self.target, self.unit, self.facts = target, unit, facts
        ratios = [a / b for a, b in zip(ours, peer)] if peer else []
        self.ratio = statistics.median(ratios) if ratios else None
        self.spread = (min(ratios), max(ratios)) if ratios else None
        self.met = None
        if ratio_limit is not None and self.ratio is not None:
            self.met = self.ratio <= ratio_limit
        if limit is not None:
            self.met = statistics.median(ours) <= limit

    def cells(self):
        ratio = ""
        if self.ratio is not None:
            ratio = f"{self.ratio:.3f}"
            if self.spread[0] != self.spread[1]:
                ratio += f" ({self.spread[0]:.3f}–{self.spread[1]:.3f})"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        peer = f"{show(self.peer, self.unit)} {self.peer_name}" if self.peer else ""
        return [self.name, show(self.ours, self.unit), peer, ratio, self.target, verdict]

    def json(self):
        return {
            "name": self.name, "unit": self.unit, "ours": self.ours, "ours_median": statistics.median(self.ours),
            "peer": self.peer, "peer_name": self.peer_name, "peer_median": statistics.median(self.peer) if self.peer else None,
            "ratio": self.ratio, "ratio_spread": self.spread, "target": self.target, "met": self.met, **self.facts,
        }


def show(values, unit):
    v = statistics.median(values)
    if unit == "MiB":
        return f"{v:.0f} MiB"
    return f"{v:.2f} s" if v >= 1 else f"{v * 1000:.1f} ms"


def networks(options):
    """Predictions and training steps of networks against PyTorch and MONAI."""
    for what in NETWORKS:
        for forward in (True, False):
            yield from network(options, what, forward)


def network(options, what, forward):
    argv = [f"--{k}={what[k]}" for k in ("model", "filters", "batch", "patch")]
    argv += [f"--steps={options.steps}", f"--threads={options.threads}"] + ["--forward"] * forward
    plain = [peers(), str(HERE / "network.py"), *argv]
    commands = {"ours": [binary("minivess-worker"), "bench", *argv, *SETTINGS.get(what["model"], [])], "plain": plain}
    if what["model"] == "segresnet" and not forward:
        commands["channels_last"] = [*plain, "--channels-last"]
    found = timed(commands, options.rounds, bench_figures, fill=False)
    size = f"batch {what['batch']}, {what['patch'].replace('x', '×')}"
    name = f"{what['name']} {'forward' if forward else 'training step'}, {size}"
    facts = {k: v for k, v in what.items() if k != "name"} | {"forward": forward, "threads": options.threads}

    def row(title, key, peer, peer_name, **more):
        ours, theirs = ([f[key] for f in found[who]] for who in ("ours", peer))
        return Row(title, ours, theirs, peer_name, **more, **facts)

    goal = {"target": "ratio ≤ 1.00", "ratio_limit": 1.0}
    processor = {who: [f["median_cpu_seconds"] for f in found[who]] for who in ("ours", "plain")}
    yield row(name, "median_seconds", "plain", "PyTorch+MONAI", **goal, processor_seconds=processor)
    yield row("  its peak memory", "peak_mib", "plain", "PyTorch+MONAI", unit="MiB", **goal)
    if "channels_last" in commands:
        yield row("  its time again", "median_seconds", "channels_last", "PyTorch+MONAI, channels last")


def bench_figures(argv):
    figures = json.loads(run(argv).splitlines()[-1])
    return figures | {"peak_mib": figures["peak_bytes"] / 2**20}


def nifti_read(options):
    """Reading a gzipped volume against nibabel."""
    script = HERE / "nifti_read.py"
    if not script.exists():
        raise Failed(f"{script.relative_to(ROOT)} is not there")
    found = [json.loads(run([peers(), str(script), "--repeat=3"]).splitlines()[-1]) for _ in range(max(2, options.rounds // 2))]
    shape = "×".join(map(str, found[0]["shape"]))
    return [Row(
        f"read NIfTI, {shape} {found[0]['dtype']}, gzipped", [f["minivess_seconds"] for f in found],
        [f["nibabel_seconds"] for f in found], f"nibabel {found[0]['nibabel']}",
    )]


def start_up(options):
    """Starting and ending the command, beside importing the peers."""
    minivess = binary("minivess")
    commands = {"ours": [minivess, "version"]}
    try:
        commands["plain"] = [peers(), "-c", "import torch, monai"]
    except Failed as why:
        print(f"  start-up is measured without a peer: {why}", file=sys.stderr)
    times = timed(commands, max(options.rounds, 5), wall_seconds)
    return [Row("start: minivess version", times["ours"], times.get("plain"), "import torch, monai", "< 100 ms", limit=0.1)]


def wall_seconds(argv):
    begun = time.perf_counter()
    run(argv)
    return time.perf_counter() - begun


def screen(options):
    """The terminal program: time to its first frame, and memory when idle."""
    minivess = binary("minivess")
    with tempfile.TemporaryDirectory() as folder:
        env = {k: v for k, v in os.environ.items() if not k.startswith("MINIVESS_")}
        try:
            frames = [terminal.first_frame([minivess], folder, env) for _ in range(options.rounds + 1)][1:]
        except RuntimeError as why:
            raise Failed(str(why)) from why
    return [
        Row("first frame of the terminal program", [f.seconds for f in frames], target="< 300 ms", limit=0.3),
        Row("idle memory of the terminal program", [f.rss_mib for f in frames], target="< 150 MB", unit="MiB", limit=150e6 / 2**20),
    ]


def metrics(options):
    """Scoring one volume: all metrics of the default definition."""
    out = run(["go", "test", "-run", "^$", "-bench", "^BenchmarkCompareOnVessels$/^(near|half_missing)$/^all$",
                  "-benchtime", "2x", "-count", str(options.rounds), "./engine/metrics"])
    rows = []
    for pair in ("near", "half_missing"):
        times = [float(ns) / 1e9 for ns in re.findall(rf"^BenchmarkCompareOnVessels/{pair}/all\S*\s+\d+\s+([\d.]+) ns/op", out, re.M)]
        if not times:
            raise Failed(f"no timings in:\n{out}")
        rows.append(Row(f"score a volume, 512×512×64, {pair.replace('_', ' ')}", times))
    return rows


def weights(options):
    """Loading a checkpoint of 250 MB, values checked, against reading the file; and looking into it."""
    out = run(["go", "test", "-run", "^$", "-bench", "^Benchmark(Load|Open)$", "-benchtime", "5x",
                  "-count", str(options.rounds), "./engine/nn/weights"])
    rows = []
    for kind in ("safetensors", "pytorch", "npz"):
        # An operation is one reading of the file and one loading; the metric is their ratio.
        found = re.findall(rf"^BenchmarkLoad/{kind}\S*\s+\d+\s+([\d.]+) ns/op\s+([\d.]+) ×read", out, re.M)
        opened = re.findall(rf"^BenchmarkOpen/{kind}\S*\s+\d+\s+([\d.]+) ns/op", out, re.M)
        if not found or not opened:
            raise Failed(f"no timings of {kind} in:\n{out}")
        load = [float(ns) / 1e9 * float(r) / (1 + float(r)) for ns, r in found]
        read = [float(ns) / 1e9 / (1 + float(r)) for ns, r in found]
        rows.append(Row(f"load 250 MB, {kind}", load, read, "reading the file", "ratio ≤ 1.20", ratio_limit=1.2))
        rows.append(Row(f"look into 250 MB, {kind}", [float(ns) / 1e9 for ns in opened], target="< 50 ms", limit=0.05))
    return rows


def threads(options):
    """1,000 conversations in a workspace, and one of 500 turns."""
    out = run(["go", "test", "-run", "^$", "-bench", "^Benchmark(ListCold1000|List1000|Search1000|Resume500Turns)$",
                  "-benchtime", "10x", "-count", str(options.rounds), "./agent/thread"])
    # The target of resuming holds for the whole first turn, too.
    wanted = {
        "ListCold1000": ("list 1,000 threads of 20 turns, no index", None),
        "List1000": ("list 1,000 threads of 20 turns", 0.05),
        "Search1000/found=1000": ("search them for what all have", 0.05),
        "Search1000/found=0": ("search them for what none has", 0.05),
        "Resume500Turns/open": ("resume a thread of 500 turns", 0.1),
        "Resume500Turns/turn": ("resume it and have one more turn", 0.1),
        "Resume500Turns/next_turn": ("have the turn after that", None),
    }
    for name, (title, limit) in wanted.items():
        times = [float(ns) / 1e9 for ns in re.findall(rf"^Benchmark{name}(?:-\d+)?\s+\d+\s+([\d.]+) ns/op", out, re.M)]
        if not times:
            raise Failed(f"no timings of {name} in:\n{out}")
        yield Row(title, times, target=f"< {limit * 1000:.0f} ms" if limit else "", limit=limit)


ENTRIES = {"networks": networks, "nifti": nifti_read, "start": start_up, "screen": screen, "weights": weights, "metrics": metrics, "threads": threads}


def timed(commands, rounds, measure, fill=True):
    """Measure each command once a round, by turns."""
    times = {name: [] for name in commands}
    for argv in commands.values() if fill else []:
        measure(argv)  # fills caches; not counted
    for name in take_turns(commands, rounds):
        times[name].append(measure(commands[name]))
    return times


def binary(name):
    path = BIN / name
    if not path.exists():
        raise Failed(f"{path.relative_to(ROOT)} is not built; run make build")
    return str(path)


def peers():
    """The interpreter of the peers' environment, built when it is not there."""
    try:
        return environment.python()
    except environment.Missing as why:
        raise Failed(str(why)) from why


def table(rows):
    cells = [["what", "minivess", "peer", "ratio (range)", "target", ""]] + [r.cells() for r in rows]
    return laid_out(cells)


def main():
    p = parser(__doc__, "entry", ENTRIES, 3, "bench.json")
    p.add_argument("--steps", type=int, default=4, help="steps timed in a round")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of a network")
    options, chosen = arguments(p, "entry", ENTRIES, "steps", "threads")
    about = announced()
    rows, failures = [], {}
    for name in chosen:
        print(f"measuring {name}: {ENTRIES[name].__doc__.strip()}", file=sys.stderr, flush=True)
        try:
            for row in ENTRIES[name](options):
                rows.append(row)
        except Failed as why:
            failures[name] = str(why)
    print("\n" + "\n".join(table(rows)) + "\n")
    for name, why in failures.items():
        print(f"not measured: {name}: {why}")
    write(options.out, {"machine": about, "rounds": options.rounds, "rows": [r.json() for r in rows], "not_measured": failures})
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
