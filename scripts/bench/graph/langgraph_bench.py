#!/usr/bin/env python3
"""Time one looping LangGraph node that appends a text of 100 bytes, 300 steps a run.

    langgraph_bench.py bare|memory|async|sync|exit RUNS FOLDER

Async, sync and exit are LangGraph's durabilities with its sqlite checkpointer. Prints
one JSON object: the seconds of each run and, where something is stored, the bytes of
five runs. Driven by scripts/bench/graph.py.
"""

import contextlib
import json
import operator
import pathlib
import sqlite3
import sys
import time
from typing import Annotated, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

STEPS, STORED = 300, 5
TEXT = "x" * 100


class State(TypedDict):
    said: Annotated[list, operator.add]


def main():
    subject, runs, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    with contextlib.ExitStack() as stack:
        options, saver = {}, None
        if subject == "memory":
            saver, options = InMemorySaver(), {"durability": "sync"}
        elif subject != "bare":
            connection = stack.enter_context(contextlib.closing(sqlite3.connect(folder / "threads.sqlite", check_same_thread=False)))
            saver, options = SqliteSaver(connection), {"durability": subject}
        graph = build(saver)
        seconds, size = [], 0
        for i in range(runs):
            config = {"recursion_limit": STEPS + 10, "configurable": {"thread_id": f"thread-{i}"}}
            began = time.perf_counter()
            out = graph.invoke({"said": []}, config, **options)
            seconds.append(time.perf_counter() - began)
            if len(out["said"]) != STEPS:
                sys.exit(f"the run came to {len(out['said'])} texts, not {STEPS}")
            if i == STORED - 1:
                size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(json.dumps({"seconds": seconds, "bytes": size}))


def build(saver):
    builder = StateGraph(State)
    builder.add_node("say", lambda state: {"said": [TEXT]})
    builder.add_edge(START, "say")
    builder.add_conditional_edges("say", lambda state: "say" if len(state["said"]) < STEPS else END, ["say", END])
    return builder.compile(checkpointer=saver)


if __name__ == "__main__":
    main()
