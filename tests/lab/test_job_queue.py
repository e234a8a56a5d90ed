"""The job queue with real processes, which hang, die, are killed and talk too much."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from surefoot.lab.answers import JobResult, Refused
from surefoot.lab.job_queue import AnswerCache, JobQueue, JobRequest
from surefoot.lab.options import QueueLimits

ODD = (sys.executable, str(Path(__file__).with_name("odd_worker.py")))
LIMITS = QueueLimits(workers=1, waiting=4, waiting_per_client=3, grace_seconds=0.3, queue_seconds=30)
LONG = 60.0


def run(coroutine: Callable[[], Awaitable[Any]]) -> Any:
    """In a thread of its own: this one may have a browser's event loop, which another test has opened."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asyncio.wait_for(coroutine(), 60))).result()


@asynccontextmanager
async def opened(limits: QueueLimits = LIMITS, command: tuple[str, ...] = ODD):
    queue = JobQueue(limits, command)
    await queue.open()
    try:
        yield queue
    finally:
        await queue.close()


async def until(met: Callable[[], Any]) -> None:
    while not met():
        await asyncio.sleep(0.005)


def count(file: Path, seconds: float = 0, **more: Any) -> JobRequest:
    return JobRequest("count", {"file": str(file), "seconds": seconds, **more}, LONG)


def blocking(file: Path, number: int = 0, slow: bool = False) -> JobRequest:
    return JobRequest("wait_for_file", {"file": str(file), "number": number}, LONG, slow)


def process_of(answer: JobResult) -> int:
    return json.loads(answer.body)["process"]


async def refusal(asked: Awaitable[JobResult]) -> Refused:
    with pytest.raises(Refused) as caught:
        await asked
    return caught.value


def test_equal_tasks_are_done_once_in_flight_and_after(tmp_path):
    file = tmp_path / "done"

    async def check():
        async with opened() as queue:
            first = [queue.ask(count(file, 0.2), client) for client in "abc"]
            answers = await asyncio.gather(*first, queue.ask(count(file, 0.2), "d"))
            assert len(set(answers)) == 1
            assert await queue.ask(count(file, 0.2), "a") == answers[0]
            assert file.read_text() == "done\n"
            await queue.ask(replace(count(file, 0.2), arguments={"file": str(file), "other": 1}), "a")
            assert file.read_text() == "done\ndone\n"

    run(check)


def test_the_order_of_arguments_does_not_matter():
    one, other = {"a": 1, "b": {"c": 2, "d": [3]}}, {"b": {"d": [3], "c": 2}, "a": 1}
    assert JobRequest("x", one, 1).key == JobRequest("x", other, 1).key
    assert JobRequest("x", one, 1).key != JobRequest("y", one, 1).key
    assert JobRequest("x", {"a": 1}, 1).key != JobRequest("x", {"a": "1"}, 1).key


def test_what_must_be_fresh_is_done_again(tmp_path):
    async def check():
        async with opened() as queue:
            task = replace(count(tmp_path / "done"), keep=False)
            await queue.ask(task, "a")
            await queue.ask(task, "a")
            assert (tmp_path / "done").read_text() == "done\ndone\n"

    run(check)


def test_a_worker_killed_in_mid_job_is_replaced(tmp_path):
    async def check():
        async with opened() as queue:
            asked = asyncio.create_task(queue.ask(blocking(tmp_path / "never"), "a"))
            await until(lambda: queue.running)
            (killed,) = queue.workers
            os.kill(killed, signal.SIGKILL)
            refused = await refusal(asked)
            assert refused.status == 503
            assert refused.retry_after is not None
            after = process_of(await queue.ask(count(tmp_path / "done"), "a"))
            assert after != killed
            assert queue.running == queue.waiting == 0

    run(check)


def test_a_worker_killed_while_idle_is_replaced_before_anybody_notices(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            (killed,) = queue.workers
            os.kill(killed, signal.SIGKILL)
            await until(lambda: killed not in queue.workers)
            assert process_of(await queue.ask(count(tmp_path / "done"), "a")) != killed

    run(check)


def test_a_job_that_ends_its_process_is_refused(tmp_path):
    async def check():
        async with opened() as queue:
            assert (await refusal(queue.ask(JobRequest("die", {}, LONG), "a"))).status == 503
            await queue.ask(count(tmp_path / "done"), "a")

    run(check)


def test_a_job_that_hangs_is_ended_with_its_worker(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            (hanging,) = queue.workers
            refused = await refusal(queue.ask(replace(blocking(tmp_path / "never"), seconds=0.2), "a"))
            assert refused.status == 503
            assert "0.2 seconds" in refused.detail
            await until(lambda: not psutil.pid_exists(hanging))
            assert process_of(await queue.ask(count(tmp_path / "done"), "a")) != hanging

    run(check)


def test_a_job_that_heeds_its_time_keeps_its_worker(tmp_path):
    async def check():
        async with opened(replace(LIMITS, grace_seconds=LONG)) as queue:
            task = JobRequest("until_stopped", {"file": str(tmp_path / "stopped")}, 0.1)
            refused = await refusal(queue.ask(task, "a"))
            assert (refused.status, refused.detail) == (503, "stopped")
            (worker,) = queue.workers
            assert process_of(await queue.ask(count(tmp_path / "done"), "a")) == worker

    run(check)


def test_a_full_queue_refuses_with_a_time_to_come_back(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            asked = [
                asyncio.create_task(queue.ask(blocking(tmp_path / "go", n), f"client {n}")) for n in range(5)
            ]
            await until(lambda: queue.waiting == LIMITS.waiting)
            refused = await refusal(queue.ask(blocking(tmp_path / "go", 6), "another"))
            assert refused.status == 503
            assert refused.retry_after is not None
            assert queue.waiting == queue.longest == LIMITS.waiting
            (tmp_path / "go").touch()
            assert len(await asyncio.gather(*asked)) == 5

    run(check)


def test_one_client_cannot_fill_the_queue(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            greedy = [
                asyncio.create_task(queue.ask(blocking(tmp_path / "go", n), "greedy")) for n in range(3)
            ]
            await until(lambda: queue.waiting == 2)
            refused = await refusal(queue.ask(blocking(tmp_path / "go", 9), "greedy"))
            assert refused.status == 429
            assert refused.retry_after is not None
            other = asyncio.create_task(queue.ask(blocking(tmp_path / "go", 9), "modest"))
            await until(lambda: queue.waiting == 3)
            (tmp_path / "go").touch()
            await asyncio.gather(*greedy, other)
            await queue.ask(count(tmp_path / "done"), "greedy")

    run(check)


def test_who_goes_away_gives_up_the_place(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            running = asyncio.create_task(queue.ask(blocking(tmp_path / "go"), "a"))
            await until(lambda: queue.running)
            gone = asyncio.create_task(queue.ask(count(tmp_path / "done"), "b"))
            await until(lambda: queue.waiting)
            gone.cancel()
            await until(lambda: not queue.waiting)
            (tmp_path / "go").touch()
            await running
            await queue.ask(count(tmp_path / "other"), "b")
            assert not (tmp_path / "done").exists()

    run(check)


def test_a_job_goes_on_while_one_of_its_askers_is_left(tmp_path):
    async def check():
        async with opened() as queue:
            first = asyncio.create_task(queue.ask(blocking(tmp_path / "go"), "a"))
            second = asyncio.create_task(queue.ask(blocking(tmp_path / "go"), "b"))
            await until(lambda: queue.running)
            first.cancel()
            await asyncio.sleep(0.05)
            (tmp_path / "go").touch()
            assert process_of(await second)

    run(check)


def test_a_job_is_told_to_stop_when_nobody_waits_for_it(tmp_path):
    async def check():
        async with opened() as queue:
            task = JobRequest("until_stopped", {"file": str(tmp_path / "stopped")}, LONG)
            asked = asyncio.create_task(queue.ask(task, "a"))
            await until(lambda: queue.running)
            asked.cancel()
            await until((tmp_path / "stopped").exists)
            (worker,) = queue.workers
            assert process_of(await queue.ask(count(tmp_path / "done"), "a")) == worker

    run(check)


def test_slow_tasks_leave_a_worker_for_the_others(tmp_path):
    async def check():
        async with opened(replace(LIMITS, workers=2)) as queue:
            await until(lambda: len(queue.workers) == 2)
            slow = [
                asyncio.create_task(queue.ask(blocking(tmp_path / "go", n, slow=True), "a")) for n in range(2)
            ]
            await until(lambda: queue.running == 1)
            await asyncio.gather(*(queue.ask(count(tmp_path / "done", n=n), "b") for n in range(3)))
            assert (queue.running, queue.waiting) == (1, 1)
            (tmp_path / "go").touch()
            await asyncio.gather(*slow)

    run(check)


def test_a_quick_task_does_not_wait_behind_the_others(tmp_path):
    async def check():
        async with opened() as queue:
            await until(lambda: queue.workers)
            running = asyncio.create_task(queue.ask(blocking(tmp_path / "go"), "a"))
            await until(lambda: queue.running)
            order = []

            async def noted(name: str, quick: bool) -> None:
                await queue.ask(replace(count(tmp_path / "done", name=name), quick=quick), "a")
                order.append(name)

            asked = [asyncio.create_task(noted("usual", False))]
            await until(lambda: queue.waiting == 1)
            asked.append(asyncio.create_task(noted("quick", True)))
            await until(lambda: queue.waiting == 2)
            (tmp_path / "go").touch()
            await asyncio.gather(running, *asked)
            assert order == ["quick", "usual"]

    run(check)


def test_a_client_comes_back_to_its_worker_where_that_costs_nobody_time(tmp_path):
    async def check():
        async with opened(replace(LIMITS, workers=2)) as queue:
            await until(lambda: len(queue.workers) == 2)
            busy = asyncio.create_task(queue.ask(blocking(tmp_path / "first"), "other"))
            await until(lambda: queue.running)
            mine = process_of(await queue.ask(count(tmp_path / "done", n=-1), "mine"))
            (tmp_path / "first").touch()
            others = process_of(await busy)
            assert mine != others
            stuck = [
                asyncio.create_task(queue.ask(blocking(tmp_path / "second", n), client))
                for n, client in enumerate(("other", "mine"))
            ]
            await until(lambda: queue.running == 2)
            again = [
                asyncio.create_task(queue.ask(blocking(tmp_path / "third", n), client))
                for n, client in enumerate(("mine", "other"))
            ]
            await until(lambda: queue.waiting == 2)
            (tmp_path / "second").touch()
            assert [process_of(await one) for one in stuck] == [others, mine]
            await until(lambda: queue.running == 2 and not queue.waiting)
            (tmp_path / "third").touch()
            assert [process_of(await one) for one in again] == [mine, others]

    run(check)


def test_what_a_library_prints_is_no_answer(tmp_path):
    async def check():
        async with opened() as queue:
            (worker,) = {
                process_of(await queue.ask(JobRequest("chatter", {"n": n}, LONG), "a")) for n in range(3)
            }
            assert worker

    run(check)


def test_a_mistake_in_a_job_is_told_and_the_worker_goes_on(tmp_path):
    async def check():
        async with opened() as queue:
            refused = await refusal(queue.ask(JobRequest("mistake", {}, LONG), "a"))
            assert refused.status == 500
            assert "\n" not in refused.detail
            (worker,) = queue.workers
            assert process_of(await queue.ask(count(tmp_path / "done"), "a")) == worker

    run(check)


def test_workers_that_never_start_are_told_in_time():
    async def check():
        limits = replace(LIMITS, queue_seconds=0.2)
        async with opened(limits, (sys.executable, "-c", "raise SystemExit(1)")) as queue:
            assert (await refusal(queue.ask(JobRequest("count", {}, 0.1), "a"))).status == 503
            assert queue.waiting == 0

    run(check)


def test_closing_ends_every_worker_and_refuses_who_waits(tmp_path):
    async def check():
        async with opened(replace(LIMITS, workers=2)) as queue:
            await until(lambda: len(queue.workers) == 2)
            workers = queue.workers
            asked = [asyncio.create_task(queue.ask(blocking(tmp_path / "never", n), "a")) for n in range(3)]
            await until(lambda: queue.running == 2)
        assert {(await refusal(one)).status for one in asked} == {503}
        assert not any(map(psutil.pid_exists, workers))

    run(check)


def test_large_answers_come_whole():
    async def check():
        async with opened() as queue:
            assert (
                len((await queue.ask(JobRequest("large", {"bytes": 5_000_000}, LONG), "a")).body) == 5_000_000
            )

    run(check)


def test_kept_answers_are_bounded_and_the_last_used_stay():
    kept = AnswerCache(100)
    for number in range(20):
        kept.get("0")
        kept.put(str(number), JobResult(b"x" * 20))
    assert kept.bytes == 100
    assert kept.get("0")
    assert kept.get("19")
    assert kept.get("10") is None
    kept.put("too large", JobResult(b"x" * 60))
    assert kept.get("too large") is None
