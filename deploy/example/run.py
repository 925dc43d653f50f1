#!/usr/bin/python3
"""What `make run` does: Vedette on a fresh store, with something to see.

Starts a village of local sites (village.py), writes a list of them and of 33
sites of the internet, and runs `vedette up` on it. With --sites another list
is watched instead, and there is no village. The store is thrown away at the
end, unless --keep names a folder for it.
"""
import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from village import BACK_AFTER_S, DOWN_AFTER_S, Village  # noqa: E402

INTERNET = """envato.com amazon.co.uk amazon.com facebook.com google.com google.fr google.es google.co.uk
internet.org gmail.com stackoverflow.com github.com heroku.com really-cool-available-domain.com djangoproject.com
rubyonrails.org basecamp.com trello.com yiiframework.com shopify.com another-really-interesting-domain.co airbnb.com
instagram.com snapchat.com youtube.com baidu.com yahoo.com live.com linkedin.com yandex.ru netflix.com wordpress.com
bing.com""".split()

INTRODUCTION = """\
This is Vedette with two kinds of sites:
  6 in a village on this machine: healthy, slow, headless (refuses HEAD), broken (500),
    forged (a certificate that nobody vouches for), and moody, which goes down after about
    {down} s and comes back after about {back} s;
  33 on the internet. Two of them do not exist and are down. Where this machine has no way
    to the internet, all of them are unknown: not being able to look is nobody's outage.
Notices go to this console. Meanwhile, in another terminal:
  {bin}/vedette status --store {store}
  {bin}/vedette explain moody --store {store}
{end}
"""


def site_list(urls):
    lines = ["defaults: {every: 60s, timeout: 20s, owner: you, tags: [internet]}",
             "owners:", "  - {name: you, notify: ['console:']}", "sites:"]
    for name, url in urls.items():
        lines.append(f"  - {{name: {name}, url: '{url}', every: 2s, timeout: 2s, "
                     "confirm: {looks: 2, within: 1500ms}, tags: [village]}")
    lines += [f"  - {{name: {name}, url: 'http://{name}'}}" for name in INTERNET]
    return "\n".join(lines) + "\n"


async def watch(args, folder):
    store = "sqlite:" + os.path.join(os.path.abspath(args.keep or folder), "vedette.db")
    village = Village(folder)
    sites = args.sites
    if not sites:
        await village.start()
        sites = os.path.join(folder, "sites.yaml")
        with open(sites, "w", encoding="utf-8") as out:
            out.write(site_list(village.urls))
        end = f"It ends by itself after {args.duration}." if args.duration else "Ctrl-C ends it."
        print(INTRODUCTION.format(down=DOWN_AFTER_S, back=BACK_AFTER_S, bin=args.bin, store=store, end=end),
              flush=True)

    command = [os.path.join(args.bin, "vedette"), "up", "--store", store, "--sites", sites,
               "--set", "worker.allow=127.0.0.0/8, ::1/128"]
    if args.duration:
        command += ["--for", args.duration]
    child = await asyncio.create_subprocess_exec(*command)
    # Ctrl-C reaches the whole group of a terminal; a plain kill reaches only us.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, child.terminate)
    status = await child.wait()
    await village.stop()
    if not args.keep:
        print("That store was for this run and is thrown away now; `make run KEEP=FOLDER` keeps it there.", flush=True)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", required=True, help="folder of the built programs")
    parser.add_argument("--for", dest="duration", help="end after that time, like 40s")
    parser.add_argument("--sites", help="a list of sites to watch instead of the example")
    parser.add_argument("--keep", metavar="FOLDER", help="where the store is kept; else it is thrown away at the end")
    args = parser.parse_args()
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="vedette-run-")
    try:
        return asyncio.run(watch(args, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
