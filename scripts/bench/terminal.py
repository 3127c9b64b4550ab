"""Time a full-screen program in a pseudo-terminal, as a person would see it."""

import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import termios
import time

# Control sequences, so that what is left is what can be seen.
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^X].*?(?:\x07|\x1b\\)|[@-Z\\^_]|[ -/][0-~])", re.S)


class Frame:
    """What starting the program showed: seconds to the first frame, and memory."""

    def __init__(self, seconds: float, rss_mib: float, text: str):
        self.seconds, self.rss_mib, self.text = seconds, rss_mib, text


def first_frame(argv: list, cwd: str, env: dict, visible: int = 40, settle: float = 1.0, limit: float = 20.0) -> Frame:
    """Start argv on an 80x24 terminal and wait for `visible` printed characters.

    Memory is the resident set `settle` seconds later, with the program idle.
    The program and its children are ended before returning.
    """
    begun = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, {**env, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"})
        finally:
            os._exit(127)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    screen, seconds, alive = b"", None, True
    try:
        while alive and time.perf_counter() - begun < limit:
            screen, alive = listen(fd, screen, 0.05)
            if printed(screen) >= visible:
                seconds = time.perf_counter() - begun
                break
        if seconds is None:
            why = f"within {limit:g} s" if alive else "before it ended"
            raise RuntimeError(f"{argv[0]} drew no frame {why}; it printed {screen[-300:]!r}")
        until = time.perf_counter() + settle
        while time.perf_counter() < until:
            screen, _ = listen(fd, screen, 0.05)
        return Frame(seconds, rss_mib(pid), ESCAPES.sub(b"", screen).decode(errors="replace"))
    finally:
        end(pid, fd)


def listen(fd: int, screen: bytes, timeout: float):
    """Add what the program wrote; answer the questions terminals are asked."""
    if not select.select([fd], [], [], timeout)[0]:
        return screen, True
    try:
        chunk = os.read(fd, 65536)
    except OSError:  # the program has gone
        return screen, False
    if b"\x1b[c" in chunk:
        os.write(fd, b"\x1b[?62;22c")
    if b"\x1b[6n" in chunk:
        os.write(fd, b"\x1b[1;1R")
    return screen + chunk, bool(chunk)


def printed(screen: bytes) -> int:
    return len(re.sub(rb"\s", b"", ESCAPES.sub(b"", screen)))


def rss_mib(pid: int) -> float:
    match = re.search(r"^VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(match[1]) / 1024 if match else 0.0


def end(pid: int, fd: int) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, sign)  # the child of a pty leads a session of its own
        except ProcessLookupError:
            pass
        deadline = time.perf_counter() + 3
        while time.perf_counter() < deadline:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                os.close(fd)
                return
            if select.select([fd], [], [], 0.02)[0]:
                try:
                    os.read(fd, 65536)
                except OSError:
                    pass
    os.close(fd)
