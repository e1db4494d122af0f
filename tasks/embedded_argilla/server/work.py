"""Runs Argilla's background jobs (webhooks, record statuses) in one process.

RQ's own way takes three, each with the whole of Argilla in memory: the pool, a worker, and the worker's scheduler.
Here the jobs run in this process, and a thread does what the scheduler does: it enqueues retries when they are due.
"""

import logging
import os
import threading
import time

from without_app import register_package

register_package()

import argilla_server.jobs.dataset_jobs  # noqa: E402
import argilla_server.jobs.webhook_jobs  # noqa: E402, F401  (imported now, so that the first delivery is quick)
import sqlite_search.engine  # noqa: E402, F401  (registers the search engine "sqlite")
from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402
from rq import SimpleWorker  # noqa: E402
from rq.scheduler import RQScheduler  # noqa: E402

QUEUES = (HIGH_QUEUE, DEFAULT_QUEUE)
# RQ renews the worker's heartbeat 15 s before this has passed, so every 5 s.
WORKER_TTL_S = 20
SCHEDULE_EVERY_S = 1.0


def enqueue_due_retries() -> None:
    """Moves jobs whose time has come from RQ's schedule to their queues, for ever."""
    scheduler = RQScheduler(QUEUES, connection=REDIS_CONNECTION, logging_level=logging.WARNING)
    while True:
        try:
            # One that was killed holds its locks for another minute.
            if len(scheduler.acquired_locks) < len(QUEUES):
                scheduler.acquire_locks()
            scheduler.enqueue_scheduled_jobs()
            scheduler.heartbeat()
        except RedisError as error:
            logging.getLogger(__name__).warning("redis does not answer: %s", error)
        time.sleep(SCHEDULE_EVERY_S)


if __name__ == "__main__":
    threading.Thread(target=enqueue_due_retries, name="scheduler", daemon=True).start()
    worker = SimpleWorker(
        list(QUEUES), connection=REDIS_CONNECTION, name=f"ratchet-{os.getpid()}", default_worker_ttl=WORKER_TTL_S
    )
    worker.work(logging_level="WARNING")
