from __future__ import annotations

import threading

import pytest

from orders.api_client import ApiUnreachable
from orders.retail.parallel import do_all


def test_every_job_is_done_once_and_told_in_the_calling_thread() -> None:
    told: dict[int, int] = {}
    threads: set[int] = set()

    def done(job: int, answer: int) -> None:
        told[job] = answer
        threads.add(threading.get_ident())

    do_all(range(100), lambda job: job * job, done, threading.Event())
    assert told == {job: job * job for job in range(100)}
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("where", ["job", "told"])
def test_an_error_stops_the_rest_soon(where: str) -> None:
    stop = threading.Event()
    done: list[int] = []

    def do(job: int) -> int:
        done.append(job)
        if where == "job" and job == 10:
            raise ApiUnreachable("gone")
        return job

    def tell(job: int, _answer: int) -> None:
        if where == "told" and job == 10:
            raise KeyboardInterrupt

    with pytest.raises((ApiUnreachable, KeyboardInterrupt)):
        do_all(range(1_000), do, tell, stop)
    assert stop.is_set()
    assert len(done) < 100
