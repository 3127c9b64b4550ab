#!/usr/bin/env python3
"""Where the peers' Python environment is; built when it is not there.

    python3 scripts/peers/environment.py     prints its interpreter

MINIVESS_PEERS may name an environment that exists already; otherwise it lies
beside the other caches, under a name made of its recipe. Needs nothing but
Python's standard library.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Missing(Exception):
    """The environment is not there and cannot be built, and why."""


def python():
    """The interpreter's path."""
    if named := os.environ.get("MINIVESS_PEERS"):
        folder = pathlib.Path(named)
    else:
        folder = built()
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        raise Missing(f"{interpreter} is not there")
    return str(interpreter)


def built():
    recipe = b"".join((HERE / f).read_bytes() for f in ("venv.sh", "requirements.txt"))
    folder = home("", recipe)
    if not (folder / ".minivess-peers").exists():
        print("installing the peers (PyTorch 2.1.0, MONAI 1.4.0; about 700 MB, once)", file=sys.stderr)
        folder.parent.mkdir(parents=True, exist_ok=True)
    output("bash", HERE / "venv.sh", folder)
    return folder


def own(name, requirements, size, finish, recipe=""):
    """The interpreter of an environment of its own, with the packages that the file
    requirements pins; built when it is not there. finish adds what else the
    recipe names, and fails if something does not load."""
    folder = home(name + "-", requirements.read_bytes() + recipe.encode())
    interpreter, stamp = folder / "bin" / "python", folder / ".minivess-peers"
    if not stamp.exists():
        print(f"installing {name} (about {size}, once)", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        output(sys.executable, "-m", "venv", folder)
        output(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements)
        finish(interpreter)
        stamp.touch()
    return interpreter


def home(prefix, recipe):
    """Where an environment with this recipe lies."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return cache / "minivess" / "peers" / (prefix + hashlib.sha256(recipe).hexdigest()[:12])


def output(*command):
    """What a command prints, or Missing with its last words."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{pathlib.Path(command[0]).name} failed: " + " / ".join(done.stderr.strip().splitlines()[-3:]))
    return done.stdout


if __name__ == "__main__":
    try:
        print(python())
    except Missing as why:
        sys.exit(str(why))
