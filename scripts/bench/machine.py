"""Describe the machine that a benchmark ran on, from /proc and the tools on PATH."""

import os
import pathlib
import platform
import re
import subprocess


def describe(root: pathlib.Path) -> dict:
    cpu = read("/proc/cpuinfo")
    flags = set((re.search(r"^flags\s*:\s*(.*)$", cpu, re.M) or [None, ""])[1].split())
    memory = re.search(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), re.M)
    return {
        "cpu": (re.search(r"^model name\s*:\s*(.*)$", cpu, re.M) or [None, platform.processor() or "unknown"])[1],
        "vector": [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cores_quota": quota(),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "go": command(["go", "env", "GOVERSION"], root),
        "python": platform.python_version(),
        "commit": command(["git", "rev-parse", "--short=12", "HEAD"], root),
        "dirty": command(["git", "status", "--porcelain", "--untracked-files=no"], root) != "",
    }


def lines(m: dict) -> list:
    cores = f"{m['cores']} cores"
    if m["cores_quota"]:
        cores += f" (limited to {m['cores_quota']:g})"
    out = [
        f"{m['cpu']}, {cores}, {m['memory_gib']} GiB, {' '.join(m['vector']) or 'no wide vectors'}",
        f"{m['system']}, {m['go']}, Python {m['python']}, commit {m['commit']}{' with changes' if m['dirty'] else ''}",
    ]
    if m["load_before"] > 0.5:
        out.append(f"the load before was {m['load_before']}: other work disturbs these numbers")
    return out


def quota():
    """The number of cores that a control group (version 2) allows, or None."""
    fields = read("/sys/fs/cgroup/cpu.max").split()
    if len(fields) == 2 and fields[0] != "max":
        return int(fields[0]) / int(fields[1])
    return None


def read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def command(argv: list, cwd: pathlib.Path) -> str:
    try:
        return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
