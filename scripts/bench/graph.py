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

import json
import pathlib
import statistics
import sys
import tempfile

from compare import HERE, compare, environment, run, take_turns

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


def main():
    rows = compare(__doc__, SUBJECTS, 5, "bench-graph.json", measured, table)
    missed = [row["title"] for row in rows if row["target"] and row["ours"] > row["target"]]
    if missed:
        print("slower than wanted: " + ", ".join(missed))
    return 1 if missed else 0


def measured(folder, names, rounds):
    sides = Sides(folder)
    return [measure(sides, name, rounds) for name in names]


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
    for side in take_turns(subjects, rounds):
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


if __name__ == "__main__":
    sys.exit(main())
