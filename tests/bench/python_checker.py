#!/usr/bin/python3
"""What people write first: HEAD requests with python3-requests over a list.

    python_checker.py --how serial|threads|processes|joblib --workers 4 \\
                      --names names.json URLS.txt

One line of JSON: looks, alarms, wall_s, cpu_s. An alarm is a status of 400 and
up or no answer within 20 s, as the exercise has it. Names come from a table, so
that resolving costs it nothing.
"""
import argparse
import concurrent.futures
import json
import resource
import socket
import time

import joblib
import requests

NAMES = {}
TIMEOUT_S = 20
ask_system = socket.getaddrinfo


def from_table(host, port, family=0, type=0, proto=0, flags=0):
    if host in NAMES:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (NAMES[host], port))]
    if host and host[0].isdigit():
        return ask_system(host, port, family, type, proto, flags)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def begin(names):
    NAMES.update(names)
    socket.getaddrinfo = from_table


def alarm(url):
    try:
        return requests.head(url, timeout=TIMEOUT_S).status_code >= 400
    except requests.RequestException:
        return True


def look(how, workers, urls, names):
    if how == "serial":
        return [alarm(u) for u in urls]
    if how == "threads":
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return list(pool.map(alarm, urls))
    if how == "processes":
        with concurrent.futures.ProcessPoolExecutor(workers, initializer=begin, initargs=(names,)) as pool:
            return list(pool.map(alarm, urls, chunksize=max(1, len(urls) // workers // 8)))
    return joblib.Parallel(n_jobs=workers, backend="threading")(joblib.delayed(alarm)(u) for u in urls)


def cpu_s():
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--how", required=True, choices=["serial", "threads", "processes", "joblib"])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--names", required=True)
    parser.add_argument("urls")
    args = parser.parse_args()
    with open(args.names, encoding="utf-8") as f:
        names = json.load(f)
    with open(args.urls, encoding="utf-8") as f:
        urls = f.read().split()
    begin(names)
    cpu, wall = cpu_s(), time.monotonic()
    alarms = look(args.how, args.workers, urls, names)
    print(json.dumps({"looks": len(urls), "alarms": sum(alarms), "wall_s": time.monotonic() - wall,
                      "cpu_s": cpu_s() - cpu}))


if __name__ == "__main__":
    main()
