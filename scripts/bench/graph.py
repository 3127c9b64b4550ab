#!/usr/bin/env python3
"""Time minivess's graph runtime, LangGraph and eino side by side on this machine.

    python3 scripts/bench/graph.py [--rounds 5]

One looping node appends a text of 100 bytes, 300 steps a run; what is timed is the run, on a
new thread each time, until everything is stored. The sides take turns, each in a process of its own; who goes first alternates. A number is the median over rounds of
the median run within a round. LangGraph comes from PyPI into an environment of its own
beside the other caches, pinned by scripts/bench/graph/requirements.txt; eino is pinned by
the Go module in scripts/bench/graph. Durable means flushed to the disk: minivess's thread
journal against LangGraph's sqlite checkpointer, at the same durability. Needs nothing but
Python's standard library and Go.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "peers"))

import environment  # noqa: E402  (scripts/peers)
import machine  # noqa: E402

FOLDER = HERE / "graph"
REQUIREMENTS = FOLDER / "requirements.txt"
STEPS = 300

# What is compared: the subject of our side, of eino and of LangGraph, our
# target in microseconds a step, and how many runs a round has on each side.
SUBJECTS = {
    "bare": ("nothing stored", "bare", "eino", "bare", 3.0, {"ours": 200, "eino": 100, "langgraph": 7}),
    "memory": ("in memory, each step", "memory", None, "memory", None, {"ours": 200, "langgraph": 7}),
    "async": ("durable, async", "async", None, "async", 30.0, {"ours": 100, "langgraph": 5}),
    "sync": ("durable, sync", "sync", None, "sync", None, {"ours": 7, "langgraph": 5}),
    "exit": ("durable, at the end", "exit", None, "exit", None, {"ours": 100, "langgraph": 7}),
}


class Failed(Exception):
    """Something that could not be run, and why."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects, separated by commas: " + ", ".join(SUBJECTS))
    parser.add_argument("--out", default=str(ROOT / "dist" / "bench-graph.json"), help="where the JSON goes")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in SUBJECTS]:
        parser.error(f"unknown subject {unknown[0]!r}; choose from {', '.join(SUBJECTS)}")
    if options.rounds < 1:
        parser.error("rounds must be 1 or more")
    about = machine.describe(ROOT)
    print("\n".join(machine.lines(about)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            sides = Sides(pathlib.Path(folder))
            rows = [measure(sides, name, options.rounds) for name in chosen]
        except (Failed, environment.Missing) as why:
            sys.exit(str(why))
    print("\n" + "\n".join(table(rows)) + "\n")
    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps({"machine": about, "rounds": options.rounds, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    partial.replace(out)
    print(f"written to {out}")
    missed = [row["title"] for row in rows if row["target"] and row["ours"] > row["target"]]
    if missed:
        print("slower than wanted: " + ", ".join(missed))
    return 1 if missed else 0


class Sides:
    """The programs of both languages, and a folder for what they store."""

    def __init__(self, folder):
        self.folder = folder
        self.python = python()
        self.binary = folder / "graph"
        run(["go", "build", "-o", self.binary, "."], cwd=FOLDER)

    def time(self, side, subject, runs):
        """Microseconds a step, and the bytes of 1,500 steps."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            program = [self.python, FOLDER / "langgraph_bench.py"] if side == "langgraph" else [self.binary]
            found = json.loads(run([*program, subject, str(runs), place]))
        return statistics.median(found["seconds"]) / STEPS * 1e6, found["bytes"]


def measure(sides, name, rounds):
    title, ours, eino, langgraph, target, runs = SUBJECTS[name]
    subjects = {side: subject for side, subject in (("ours", ours), ("eino", eino), ("langgraph", langgraph)) if subject}
    print(f"measuring: {title}", file=sys.stderr, flush=True)
    found = {side: [] for side in subjects}
    stored = {}
    for i in range(rounds):
        for side in list(subjects)[:: 1 if i % 2 == 0 else -1]:
            micros, size = sides.time(side, subjects[side], runs[side])
            found[side].append(micros)
            if size:
                stored[side] = size
    row = {"subject": name, "title": title, "target": target, "bytes": stored, "rounds": found}
    return row | {side: statistics.median(values) for side, values in found.items()}


def table(rows):
    yield "| 300 steps that each append 100 bytes | minivess, µs a step | eino 0.9.2 | LangGraph 1.2.22 | ratio | stored by 1,500 steps: minivess | LangGraph | ratio |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        peers = [row[side] / row["ours"] for side in ("eino", "langgraph") if side in row]
        size = row["bytes"]
        cells = [
            row["title"], spread(row, "ours") + (f" (at most {row['target']:g})" if row["target"] else ""),
            spread(row, "eino") if "eino" in row else "–", spread(row, "langgraph"), " and ".join(f"{r:.3g}" for r in peers),
            kilobytes(size.get("ours")), kilobytes(size.get("langgraph")),
            f"{size['langgraph'] / size['ours']:.3g}" if len(size) == 2 else "–",
        ]
        yield "| " + " | ".join(cells) + " |"


def spread(row, side):
    values = row["rounds"][side]
    return f"{micros(row[side])} ({micros(min(values))}–{micros(max(values))})"


def micros(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def kilobytes(size):
    return f"{size / 1000:,.0f} kB" if size else "–"


def python():
    """The interpreter of the environment with LangGraph, made if it is not there."""
    return environment.own("langgraph", REQUIREMENTS, "60 MB",
                           lambda python: environment.output(python, "-c", "import langgraph.checkpoint.sqlite"))


def run(command, cwd=None):
    try:
        done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    except OSError as why:
        raise Failed(f"{command[0]} could not be run: {why}") from why
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} failed: " + "\n".join(done.stderr.strip().splitlines()[-5:]))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
