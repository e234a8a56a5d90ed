"""Fifty people at one lab: how long they wait, and that the queue stays bounded.

    python benchmarks/lab_load.py                    # 50 sessions on this machine, about a minute

A real server in a process of its own, on the loopback address alone.  Every session opens the page with all
its files, then drags the start, moves a learning rate and looks into steps, with pauses as people make them.
What is refused for lack of room (429, 503) is asked again after the time that the lab tells.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import psutil

SERVE = """
from surefoot.lab.options import QueueLimits
from surefoot.lab.serve import serve
serve(port=0, limits=QueueLimits(workers={workers}), announce=lambda line: print(line, flush=True))
"""
SURFACES = ("beale", "rosenbrock", "himmelblau", "saddle", "rastrigin")
OPTIMIZERS = ("Adam", "SGD", "RMSprop", "Adagrad", "AdamW", "Muon")
MODULES = ("main.js", "api.js", "dom.js", "router.js", "playground.js", "animation.js", "style.css")
TRIES = 20
LONGEST_SECONDS = 85.0


@dataclass
class Tally:
    """What happened.

    Attributes:
        seconds: of each request that was answered, by what was done; with all waiting for room.
        statuses: of every answer.
        errors: in words.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


async def ask(client: httpx.AsyncClient, tally: Tally, what: str, path: str, body: Any = None) -> Any:
    """One request, again where there was no room for it; its JSON, or None."""
    began = time.perf_counter()
    for _ in range(TRIES):
        try:
            answer = await (client.get(path) if body is None else client.post(path, json=body))
        except httpx.HTTPError as error:
            tally.errors[f"{what}: {type(error).__name__}"] += 1
            return None
        tally.statuses[answer.status_code] += 1
        if answer.status_code not in (429, 503) or "retry-after" not in answer.headers:
            break
        await asyncio.sleep(float(answer.headers["retry-after"]))
    tally.seconds.setdefault(what, []).append(time.perf_counter() - began)
    if answer.status_code != 200:
        tally.errors[f"{what}: {answer.status_code} {answer.text[:80]}"] += 1
        return None
    return answer.json() if answer.headers["content-type"] == "application/json" else answer.content


async def visit(url: str, tally: Tally, seed: int, actions: int) -> None:
    """One person's visit."""
    chance = random.Random(seed)
    limits = httpx.Limits(max_connections=6)  # as browsers have it
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await asyncio.sleep(chance.uniform(0, 2))
        await ask(client, tally, "page", "/")
        await asyncio.gather(*(ask(client, tally, "file", f"/static/{name}") for name in MODULES))
        told, _ = await asyncio.gather(
            ask(client, tally, "surfaces", "/api/surfaces"),
            ask(client, tally, "optimizers", "/api/optimizers"),
        )
        recipe = first_recipe(chance)
        surface = next(one for one in told["surfaces"] if one["name"] == recipe["surface"])
        _, animation = await asyncio.gather(
            ask(client, tally, "contours", "/api/contours", {"surface": recipe["surface"]}),
            ask(client, tally, "animation", "/api/animate", recipe),
        )
        for _ in range(actions):
            await asyncio.sleep(chance.uniform(0.5, 2.0))
            match chance.choice(("drag", "drag", "rate", "rate", "inspect")):
                case "inspect":
                    path = chance.randrange(len(recipe["optimizers"]))
                    step = chance.randrange(len(animation["paths"][path]["x"]) - 1)
                    body = {"recipe": recipe, "path": path, "step": step}
                    await ask(client, tally, "inspect", "/api/inspect", body)
                    continue
                case "drag":
                    recipe["start"] = [round(chance.uniform(*surface[axis]), 3) for axis in ("x", "y")]
                case "rate":
                    asked = chance.choice(recipe["optimizers"])
                    asked["hyperparameters"] = {"lr": round(10 ** chance.uniform(-3, -1), 5)}
            animation = await ask(client, tally, "animation", "/api/animate", recipe) or animation


def first_recipe(chance: random.Random) -> dict[str, Any]:
    optimizers = [{"optimizer": name, "hyperparameters": {}} for name in chance.sample(OPTIMIZERS, 3)]
    return {"surface": chance.choice(SURFACES), "optimizers": optimizers, "steps": 200, "seed": 0}


async def watch(process: psutil.Process, peaks: dict[str, float]) -> None:
    """The most memory that the server and its workers took together."""
    while True:
        total = 0
        for part in [process, *process.children(recursive=True)]:
            try:
                memory = await asyncio.to_thread(part.memory_full_info)
                total += getattr(memory, "pss", memory.rss)
            except psutil.Error:
                continue
        peaks["bytes"] = max(peaks["bytes"], total)
        await asyncio.sleep(2)


async def load(url: str, process: psutil.Process, sessions: int, actions: int) -> None:
    tally, peaks = Tally(), {"bytes": 0.0}
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        warm = first_recipe(random.Random(0)) | {"seed": 1}
        await asyncio.gather(*(client.post("/api/animate", json=warm | {"seed": n}) for n in range(4)))
        watching = asyncio.create_task(watch(process, peaks))
        began = time.perf_counter()
        visits = (visit(url, tally, seed, actions) for seed in range(sessions))
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await asyncio.gather(*visits)
        except TimeoutError:
            tally.errors[f"not finished after {LONGEST_SECONDS:g} s"] += 1
        took = time.perf_counter() - began
        watching.cancel()
        health = (await client.get("/api/health")).json()
    show(tally, took, sessions, health["longest"], peaks["bytes"])


def show(tally: Tally, took: float, sessions: int, longest: int, memory: float) -> None:
    requests = sum(tally.statuses.values())
    refused = tally.statuses[429] + tally.statuses[503]
    print(f"{sessions} sessions in {took:.0f} s on {os.cpu_count()} cores: {requests} requests")
    print(f"errors {sum(tally.errors.values())}, refused for lack of room and asked again {refused}")
    for error, count in tally.errors.most_common(5):
        print(f"  {count} × {error}")
    print(f"longest queue {longest}, peak memory {memory / 2**20:.0f} MiB (server and workers)\n")
    print(f"{'':12}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for what, seconds in [
        *tally.seconds.items(),
        ("all", [s for each in tally.seconds.values() for s in each]),
    ]:
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        print(f"{what:12}{len(seconds):9}" + "".join(f"{1000 * cuts[p - 1]:9.0f}" for p in (50, 95, 99)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--actions", type=int, default=12, help="of each session")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    command = [sys.executable, "-P", "-c", SERVE.format(workers=told.workers)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[2]
        asyncio.run(load(url, psutil.Process(server.pid), told.sessions, told.actions))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
