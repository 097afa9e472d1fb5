"""One large file through a long fat pipe: reelkeep and aria2 with the same number of connections."""
import pathlib
import subprocess
import time

import agent
import offer
from long_pipe import LongPipe
from report import Series, print_table, print_targets
from usage import cpu_of, peak_memory
from workspace import empty

SUMMARY = "a large file over a long fat pipe: rate beside aria2 at equal connections"
CONNECTIONS = 4


def options(parser):
    parser.add_argument("--file", default="1x1G", type=offer.parse_work, metavar="1xSIZE",
                        help="what is fetched (default 1x1G)")
    parser.add_argument("--round-trip", default=100, type=int, metavar="MS", help="(default 100)")
    parser.add_argument("--window", default=1024, type=int, metavar="KIB",
                        help="that one connection carries per round trip (default 1024)")


def run(chosen, workspace, report):
    work = chosen.file if isinstance(chosen.file, offer.Work) else offer.parse_work(chosen.file)
    with offer.Offer(workspace, work) as offered:
        pipe = LongPipe(offered.server.http, chosen.round_trip / 1000, chosen.window * 1024)
        try:
            for name, target in workspace.targets.items():
                _compare(chosen, workspace, report, offered, pipe, name, target)
        finally:
            pipe.stop()


def _compare(chosen, workspace, report, offered, pipe, target_name, target):
    series = {"reelkeep": Series(), "aria2": Series()}
    for _ in range(chosen.rounds):
        for name, contestant in (("reelkeep", _reelkeep), ("aria2", _aria2)):
            empty(target)
            pipe.most_open = 0
            figures = contestant(workspace, offered, pipe, target)
            figures["mib_per_second"] = offered.work.total / 2**20 / figures["seconds"]
            figures["connections"] = pipe.most_open
            series[name].add(**figures)
    empty(target)
    ratio = series["aria2"].median("seconds") / series["reelkeep"].median("seconds")
    targets = [("aria2's time / reelkeep's", ratio, ">= 1", ratio >= 1)]
    title = (f"{offered.work.name} over {chosen.round_trip} ms and {chosen.window} KiB "
             f"a connection, on {target_name}")
    print_table(f"{title}, {chosen.rounds} rounds, median (min-max)",
                ["", "seconds", "MiB/s", "connections"],
                [[name, one.text("seconds"), one.text("mib_per_second", 1), one.text("connections", 0)]
                 for name, one in series.items()])
    print_targets(targets)
    report.add("pipe", title, series, targets, target=target_name, work=offered.work.name)


def _url(offered, pipe):
    return offered.urls[0].replace(f":{offered.server.http}/", f":{pipe.port}/")


def _reelkeep(workspace, offered, pipe, target):
    one = agent.Agent(workspace, target, offered.server.certificate,
                      settings={"per_host": str(CONNECTIONS)})
    try:
        cpu = cpu_of(one.pid)
        begin = time.monotonic()
        one.post(agent.recording_events([_url(offered, pipe)], 1))
        one.wait_archived(1, 600)
        figures = {"seconds": time.monotonic() - begin, "cpu": cpu_of(one.pid) - cpu,
                   "peak_mib": peak_memory(one.pid) / 2**20}
        if one.archived_digests() != offered.digests:
            raise RuntimeError("reelkeep: not the bytes that were offered")
    finally:
        one.stop()
    return figures


def _aria2(_, offered, pipe, target):
    (name, digest), = offered.digests.items()
    begin = time.monotonic()
    subprocess.run(
        ["aria2c", "--no-conf", "--quiet", "--file-allocation=none", "--disable-ipv6",
         f"-x{CONNECTIONS}", f"-s{CONNECTIONS}", f"--checksum=sha-256={digest}",
         f"--http-user={offer.nginx.USER}", f"--http-passwd={offer.nginx.PASSWORD}",
         "--http-auth-challenge=false", f"--dir={target}", f"--out={name}", _url(offered, pipe)],
        check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["sync", str(pathlib.Path(target) / name), str(target)], check=True)
    return {"seconds": time.monotonic() - begin}
