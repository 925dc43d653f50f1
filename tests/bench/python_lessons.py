#!/usr/bin/python3
"""The two experiments that every course on concurrency begins with: waiting runs side by side in threads, counting
runs side by side only in processes.

    python_lessons.py       one line of JSON: seconds by experiment and way
"""
import concurrent.futures
import json
import time

SLEEP_S, SLEEPS = 4, 4
COUNT_TO, COUNTS = 10_000_000, 4


def wait(_):
    time.sleep(SLEEP_S)


def count(_):
    n = 0
    while n < COUNT_TO:
        n += 1


def timed(way, work, times):
    began = time.monotonic()
    if way == "serial":
        for i in range(times):
            work(i)
    else:
        pool = (concurrent.futures.ThreadPoolExecutor if way == "threads"
                else concurrent.futures.ProcessPoolExecutor)
        with pool(times) as p:
            list(p.map(work, range(times)))
    return time.monotonic() - began


if __name__ == "__main__":
    print(json.dumps({name: {way: timed(way, work, times) for way in ("serial", "threads", "processes")}
                      for name, work, times in (("sleep", wait, SLEEPS), ("count", count, COUNTS))}))
