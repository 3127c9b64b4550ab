"""What the scripts share that time minivess beside others: options, turns, the table's layout, the JSON."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "peers"))

import environment  # noqa: E402  (scripts/peers)
import machine  # noqa: E402


class Failed(Exception):
    """Something that could not be run, and why."""


def compare(doc, subjects, rounds, out, measure, table):
    """Measure the subjects that the command line chooses, print the table and write the JSON; the rows.

    measure gets a folder of its own, the names of the subjects and the number of rounds, and gives rows.
    """
    options, chosen = arguments(parser(doc, "subject", subjects, rounds, out), "subject", subjects)
    about = announced()
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = list(measure(pathlib.Path(folder), chosen, options.rounds))
        except (Failed, environment.Missing) as why:
            sys.exit(str(why))
    print("\n" + "\n".join(table(rows)) + "\n")
    write(options.out, {"machine": about, "rounds": options.rounds, "rows": rows})
    return rows


def parser(doc, what, names, rounds, out):
    """The options that every script has."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    plural = "entries" if what == "entry" else what + "s"
    p.add_argument("--only", default=",".join(names), help=f"{plural}, separated by commas: " + ", ".join(names))
    p.add_argument("--rounds", type=int, default=rounds, help="turns of each side")
    p.add_argument("--out", default=str(ROOT / "dist" / out), help="where the JSON goes")
    return p


def arguments(p, what, names, *positive):
    """The options as given, and the names chosen; the numbers called positive must be."""
    options = p.parse_args()
    chosen = [name for name in options.only.split(",") if name]
    if unknown := [name for name in chosen if name not in names]:
        p.error(f"unknown {what} {unknown[0]!r}; choose from {', '.join(names)}")
    for number in ("rounds", *positive):
        if getattr(options, number) < 1:
            p.error(f"{number} must be 1 or more")
    return options, chosen


def announced():
    """What machine this is, printed."""
    about = machine.describe(ROOT)
    print("\n".join(machine.lines(about)), flush=True)
    return about


def take_turns(sides, rounds):
    """The sides in the order in which they are measured: every other round goes backwards."""
    for i in range(rounds):
        yield from list(sides)[:: 1 if i % 2 == 0 else -1]


def laid_out(cells):
    """Lines of a table whose first row is the head."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    text = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells]
    return [text[0], "-" * max(map(len, text)), *text[1:]]


def write(path, report):
    """Put the report where it is wanted, whole or not at all."""
    out = pathlib.Path(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    partial.replace(out)
    print(f"written to {out}")


def run(command, cwd=ROOT):
    """What a command prints, or Failed with its last words."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    except OSError as why:
        raise Failed(f"{command[0]} could not be run: {why}") from why
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: " + " / ".join(tail))
    return done.stdout
