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
    digest = hashlib.sha256(b"".join((HERE / f).read_bytes() for f in ("venv.sh", "requirements.txt"))).hexdigest()[:12]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "minivess" / "peers" / digest
    if not (folder / ".minivess-peers").exists():
        print("installing the peers (PyTorch 2.1.0, MONAI 1.4.0; about 700 MB, once)", file=sys.stderr)
        folder.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["bash", str(HERE / "venv.sh"), str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing("the peers' environment could not be built: " + " / ".join(done.stderr.strip().splitlines()[-3:]))
    return folder


if __name__ == "__main__":
    try:
        print(python())
    except Missing as why:
        sys.exit(str(why))
