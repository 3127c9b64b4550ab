#!/usr/bin/env python3
"""Check `minivess mcp` with the official Python client and server of MCP.

    python3 scripts/peers/mcp_check.py [--bench] [bin/minivess]

The client (mcp_requirements.txt) is installed once, in an environment of its own
beside the other caches. Every check runs over stdio in both forms of the
protocol, the handshake of 2025-11-25 and the stateless one of 2026-07-28, and
over HTTP; then minivess uses the tools of a Python server. Exits with 1 when one fails. With --bench it
measures instead, beside a Python server that does nothing.
"""

import os
import pathlib
import subprocess
import sys

import environment

HERE = pathlib.Path(__file__).resolve().parent

try:
    import mcp
except ImportError:
    if os.environ.get("MINIVESS_MCP_INSIDE"):
        raise
    os.environ["MINIVESS_MCP_INSIDE"] = "1"
    python = str(environment.own("mcp", HERE / "mcp_requirements.txt", "40 MB",
                                 lambda python: environment.output(python, "-c", "import mcp, httpx2")))
    os.execv(python, [python, *sys.argv])

import asyncio
import contextlib
import json
import logging
import re
import stat
import tempfile
import time

import httpx2
import jsonschema
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

logging.disable(logging.CRITICAL)
DEMO = {"name": "demo", "volumes": 3, "shape": [16, 16, 8]}
READS = {"dataset_list": {}, "job_list": {}, "runs_list": {}, "model_list": {}, "runs_sql": {"query": "select count(*) as n from runs"}}


def wait_for(what, seen, patience=60):
    """Ask until it is so; only a server that never gets there makes this slow."""
    end = time.monotonic() + patience
    while not seen():
        if time.monotonic() > end:
            raise AssertionError(f"{what} never happened")
        time.sleep(0.05)


class Person:
    """Answers the questions of a server and remembers them."""

    def __init__(self, action="accept", content=None):
        self.action, self.content, self.asked = action, content, []

    async def __call__(self, _context, params):
        self.asked.append(params.message)
        return ElicitResult(action=self.action, content=self.content if self.action == "accept" else None)


def text(result):
    return result.content[0].text


async def listings(connect):
    """Everything that can be listed, with schemas that are schemas."""
    async with connect() as client:
        tools = (await client.list_tools()).tools
        names = {t.name for t in tools}
        assert {"dataset_list", "train_launch", "run_delete", "compare_runs"} <= names, names
        for t in tools:
            jsonschema.Draft202012Validator.check_schema(t.input_schema)
            jsonschema.Draft202012Validator.check_schema(t.output_schema)
            assert t.title and t.description and t.annotations, t.name
            assert t.annotations.open_world_hint is False, t.name
        by_name = {t.name: t.annotations for t in tools}
        assert by_name["dataset_list"].read_only_hint and not by_name["dataset_list"].destructive_hint
        assert not by_name["train_launch"].read_only_hint and not by_name["train_launch"].destructive_hint
        assert by_name["run_delete"].destructive_hint and not by_name["run_delete"].idempotent_hint
        uris = {str(r.uri) for r in (await client.list_resources()).resources}
        assert {"minivess://runs", "minivess://datasets"} <= uris, uris
        templates = {t.uri_template for t in (await client.list_resource_templates()).resource_templates}
        assert {"minivess://runs/{id}", "minivess://runs/{id}/report", "minivess://datasets/{name}"} <= templates, templates
        prompts = (await client.list_prompts()).prompts
        assert "compare_runs" in {p.name for p in prompts}
        got = await client.get_prompt("compare_runs", {"runs": "a-b-1111, c-d-2222"})
        assert "a-b-1111, c-d-2222" in got.messages[0].content.text


async def reading(connect):
    """Reading tools answer unasked, with values that fit their schemas; the client checks that."""
    async with connect() as client:
        for name, args in READS.items():
            result = await client.call_tool(name, args)
            assert not result.is_error, (name, text(result))
            assert result.structured_content["summary"] == text(result)
        body = json.loads((await client.read_resource("minivess://datasets")).contents[0].text)
        assert "instruction" in body["notice"] and "datasets" in body["data"], body


async def mistakes(connect):
    """Errors are results that say what to do."""
    async with connect() as client:
        result = await client.call_tool("run_show", {"run": "nothing-like-it"})
        assert result.is_error and text(result).startswith("not_found: "), text(result)
        result = await client.call_tool("dataset_show", {"datset": "demo"})
        error = result.meta["minivess/error"]
        assert result.is_error and error["code"] == "bad_arguments" and error["message"] and error["hint"], error
        with contextlib.suppress(mcp.MCPError):
            await client.read_resource("minivess://runs/nothing-like-it")
            raise AssertionError("a run that is not there was read")
        result = await client.call_tool("dataset_show", {"dataset": "x" * (2 << 20)})
        assert result.is_error and "bytes of arguments" in text(result), text(result)


async def unasked(connect, home):
    """A client that cannot ask changes nothing and is told how a person can."""
    async with connect() as client:
        result = await client.call_tool("dataset_create_synthetic", DEMO)
        assert result.is_error and "needs_approval" in text(result) and "minivess tool" in text(result), text(result)
        assert not (home / ".minivess/datasets/demo").exists()


async def asked(connect, home):
    """A person sees what would happen; no means no, yes means this call once."""
    no = Person("decline")
    async with connect(no) as client:
        result = await client.call_tool("dataset_create_synthetic", DEMO)
        assert result.is_error and "refused" in text(result), text(result)
        assert not (home / ".minivess/datasets/demo").exists()
    yes, steps = Person(), []

    async def progress(done, total, _message):
        steps.append((done, total))

    async with connect(yes) as client:
        result = await client.call_tool("dataset_create_synthetic", DEMO, progress_callback=progress)
        assert not result.is_error, text(result)
        shown = await client.call_tool("dataset_show", {"dataset": "demo"})
        assert len(shown.structured_content["members"]) == 3
        listed = {str(r.uri) for r in (await client.list_resources()).resources}
        assert "minivess://datasets/demo" in listed, listed
    assert len(yes.asked) == 1 and "demo" in yes.asked[0] and "Writes: " in yes.asked[0], yes.asked
    counts = [done for done, _ in steps]
    assert counts and counts == sorted(set(counts)), steps
    trail = [json.loads(line) for line in (home / ".minivess/audit.jsonl").read_text().splitlines()]
    outcomes = [r["data"]["outcome"] for r in trail if r["kind"] == "tool_ended" and "/mcp-check/" in r["data"]["call"]]
    assert "refused" in outcomes and "done" in outcomes, outcomes
    assert any("mcp-check" in r["data"].get("approved_by", "") for r in trail)


async def cancelled(connect, home):
    """A cancelled call ends its tool."""
    started = asyncio.Event()

    async def progress(_done, _total, _message):
        started.set()

    async with connect(Person()) as client:
        big = {"name": "big", "volumes": 2000, "shape": [64, 64, 32]}
        call = asyncio.create_task(client.call_tool("dataset_create_synthetic", big, progress_callback=progress))
        await asyncio.wait_for(started.wait(), 60)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        trail = home / ".minivess/audit.jsonl"
        await asyncio.to_thread(wait_for, "the end of the cancelled call", lambda: "context canceled" in trail.read_text())
        assert not (await client.call_tool("dataset_list")).is_error


CHECKS = (listings, reading, mistakes, unasked, asked, cancelled)


async def run(check, connect, home):
    await (check(connect, home) if check.__code__.co_argcount == 2 else check(connect))


def over_stdio(binary, mode):
    @contextlib.contextmanager
    def start(home):
        server = StdioServerParameters(command=binary, args=["mcp", "--workspace", str(home)], env={"HOME": str(home), "USER": "checker"})

        def connect(person=None):
            return Client(server, mode=mode, elicitation_callback=person, client_info=mcp.types.Implementation(name="mcp-check", version="1"))

        yield connect

    return start


@contextlib.contextmanager
def http_server(binary, home):
    """A server on a free port, and the token it made for itself."""
    env = {**os.environ, "HOME": str(home), "USER": "checker", "MINIVESS_MCP_TOKEN": ""}
    server = subprocess.Popen([binary, "mcp", "--http", "127.0.0.1:0", "--workspace", str(home)], stderr=subprocess.PIPE, text=True, env=env)
    try:
        line = server.stderr.readline()
        url = re.search(r"http://\S+/mcp", line).group(0)
        kept = home / ".minivess/mcp-token"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600, "others can read the token"
        token = kept.read_text().strip()
        assert token not in line, "the token was printed"
        yield url, token
    finally:
        server.terminate()
        assert server.wait(20) == 0, "the server did not end well"


def over_http(binary):
    @contextlib.contextmanager
    def start(home):
        with http_server(binary, home) as (url, token):
            guard(url, token)

            def connect(person=None):
                http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
                return Client(
                    streamable_http_client(url, http_client=http),
                    elicitation_callback=person,
                    client_info=mcp.types.Implementation(name="mcp-check", version="1"),
                )

            yield connect

    return start


def guard(url, token):
    """Who may speak with the server at all."""
    good = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for change, status in (
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer " + token[:-1]}, 401),
        ({"Authorization": "Basic " + token}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ):
        got = httpx2.post(url, json=ping, headers={**good, **change}).status_code
        assert got == status, (change, got)


PEER = """
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("peer")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@server.tool()
async def count(to: int, ctx: Context) -> str:
    "Count."
    for i in range(to):
        await ctx.report_progress(i + 1, to)
    return "counted"

server.run()
"""


def foreign(binary, home):
    """minivess uses the tools of a Python server, once a person looked at them."""
    (home / "peer.py").write_text(PEER)
    (home / ".minivess").mkdir()
    (home / ".minivess/mcp.yaml").write_text(
        json.dumps({"servers": [{"name": "peer", "command": sys.executable, "args": ["peer.py"], "trust_read_only": True}]})
    )

    def minivess(*args):
        env = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": ""}
        return subprocess.run([binary, *args, "--workspace", str(home)], capture_output=True, text=True, env=env, timeout=60)

    assert minivess("tool", "peer__add", '{"a":2,"b":3}').returncode == 2, "a tool was there that nobody had looked at"
    looked = json.loads(minivess("mcp", "refresh", "peer", "--json").stdout)
    assert [(t["name"], t["effect"]) for t in looked["tools"]] == [("peer__add", "read"), ("peer__count", "launch")], looked
    value = json.loads(minivess("tool", "peer__add", '{"a":2,"b":3}', "--json").stdout)["value"]
    assert value["text"] == "5" and "instruction" in value["notice"], value
    assert minivess("tool", "peer__count", '{"to":3}').returncode == 3, "a stranger's tool ran unasked"
    done = minivess("tool", "peer__count", '{"to":3}', "--yes")
    assert done.returncode == 0 and "counted" in done.stdout, done
    wrong = minivess("tool", "peer__add", '{"a":"x"}')
    assert wrong.returncode == 2 and "do not fit" in wrong.stderr, wrong


async def timed(server, tool, args, rounds=300):
    """Milliseconds of connecting, tools/list and a call: the median of each."""
    began = time.perf_counter()
    async with Client(server, mode="legacy", cache=None) as client:
        connected = time.perf_counter() - began
        session, out = client.session, [connected]
        for ask in (session.list_tools, lambda: session.call_tool(tool, args)):
            times = []
            for _ in range(rounds):
                at = time.perf_counter()
                await ask()
                times.append(time.perf_counter() - at)
            out.append(sorted(times)[rounds // 2])
        return [f"{1000 * t:.2f}" for t in out]


def bench(binary):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "peer.py").write_text(PEER)
        ours = StdioServerParameters(command=binary, args=["mcp", "--workspace", str(home)], env={"HOME": str(home)})
        theirs = StdioServerParameters(command=sys.executable, args=[str(home / "peer.py")])
        print("milliseconds (median of 300)       connect  tools/list  tools/call")
        for name, server, tool, args in (
            ("minivess, all tools, dataset_list", ours, "dataset_list", {}),
            ("Python MCPServer, 2 tools, add", theirs, "add", {"a": 2, "b": 3}),
        ):
            connect, listing, call = asyncio.run(timed(server, tool, args))
            print(f"{name:34} {connect:>7} {listing:>11} {call:>11}")


def main():
    if "--bench" in sys.argv:
        sys.argv.remove("--bench")
        bench(str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "bin/minivess").resolve()))
        return
    binary = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "bin/minivess").resolve())
    failed = False
    ways = {
        "stdio, 2025-11-25": over_stdio(binary, "legacy"),
        "stdio, 2026-07-28": over_stdio(binary, "2026-07-28"),
        "HTTP": over_http(binary),
    }
    for way, start in ways.items():
        for check in CHECKS:
            with tempfile.TemporaryDirectory() as folder:
                home, began = pathlib.Path(folder), time.monotonic()
                try:
                    with start(home) as connect:
                        asyncio.run(asyncio.wait_for(run(check, connect, home), 120))
                    outcome = f"ok ({time.monotonic() - began:.1f} s)"
                except BaseException as why:  # noqa: BLE001
                    if isinstance(why, KeyboardInterrupt):
                        raise
                    while isinstance(why, BaseExceptionGroup) and len(why.exceptions) == 1:
                        why = why.exceptions[0]
                    failed, outcome = True, f"FAILED: {type(why).__name__}: {why}"
                print(f"{way:18} {check.__name__:10} {outcome}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        began, outcome = time.monotonic(), ""
        try:
            foreign(binary, pathlib.Path(folder))
            outcome = f"ok ({time.monotonic() - began:.1f} s)"
        except Exception as why:  # noqa: BLE001
            failed, outcome = True, f"FAILED: {type(why).__name__}: {why}"
        print(f"{'as a client':18} {'foreign':10} {outcome}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
