"""Deliveries a second that the webhook takes durably, beside servers that store nothing."""
import json
import os
import pathlib
import subprocess
import sys

import agent
import offer
from report import Series, print_table, print_targets
from workspace import empty, free_port, listens, wait_until

SUMMARY = "the webhook: deliveries a second beside adnanh/webhook and nginx, and latency under load"
HERE = pathlib.Path(__file__).parent.parent
CONNECTIONS = 64
SYNC_MS = 5
LEAST_OVER_WEBHOOK = 3
LEAST_OVER_SINGLE = 10
LEAST_OF_NGINX = 1 / 3
MOST_SLOWER = 4
# What the pool downloads meanwhile: as much as lasts longer than the load.
DOWNLOADS = "64x64M"


def options(parser):
    parser.add_argument("--seconds", type=int, default=5, help="of load in one measurement (default 5)")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="only this; again for several")


def run(chosen, workspace, report):
    for target_name, target in workspace.targets.items():
        with offer.Offer(workspace, offer.parse_work("1x1M")) as offered:
            for name in chosen.row or ROWS:
                if name != "downloads":
                    ROWS[name](_Bench(chosen, workspace, report, offered, target_name, target))
        if not chosen.row or "downloads" in chosen.row:
            with offer.Offer(workspace, offer.parse_work(DOWNLOADS)) as offered:
                _downloads(_Bench(chosen, workspace, report, offered, target_name, target))


class _Bench:
    def __init__(self, chosen, workspace, report, offered, target_name, target):
        self.seconds, self.rounds = chosen.seconds, chosen.rounds
        self.workspace, self._report, self.offered = workspace, report, offered
        self.target_name, self.target = target_name, target

    def agent(self, environment=None):
        empty(self.target)
        return agent.Agent(self.workspace, self.target, self.offered.server.certificate, environment)

    def load(self, url, connection="keep", pause_ms=0.0):
        load = subprocess.run(
            ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{self.seconds}s", "--timeout", "10s",
             "-s", HERE / "deliveries.lua", url, "--", os.urandom(4).hex(), agent.AUTHORIZATION,
             connection, str(pause_ms)],
            check=True, capture_output=True, text=True).stdout
        told = json.loads(load.splitlines()[-1])
        if told["failed"] > 0:
            raise RuntimeError(f"{url}: {told['failed']} of {told['requests']} requests failed")
        return {"per_second": told["requests"] / told["seconds"], "p50_ms": told["p50_ms"],
                "p99_ms": told["p99_ms"]}

    def deliveries(self, one, **more):
        return self.load(f"http://127.0.0.1:{one.webhook}/webhook", **more)

    def tell(self, title, series, targets, columns):
        title = f"{title}, state on {self.target_name}"
        print_table(f"{title}, {self.rounds} rounds, median (min-max)",
                    ["", *(header for header, _, _ in columns)],
                    [[name, *(one.text(figure, digits) for _, figure, digits in columns)]
                     for name, one in series.items()])
        print_targets(targets)
        self._report.add("intake", title, series, targets, target=self.target_name)


_RATE = ("per second", "per_second", 0)
_LATENCY = [("p50 ms", "p50_ms", 2), ("p99 ms", "p99_ms", 2)]


def _ratio_target(what, ours, theirs, least, limit):
    ratio = ours.median("per_second") / theirs.median("per_second")
    return (what, ratio, limit, ratio >= least)


def _keep_alive(bench):
    ours, theirs = Series(), Series()
    hooks = bench.workspace.memory / "hooks.json"
    hooks.write_text(json.dumps([{"id": "bench", "execute-command": "/bin/true"}]))
    for _ in range(bench.rounds):
        one = bench.agent()
        ours.add(**bench.deliveries(one))
        one.stop()
        port = free_port()
        hook = bench.workspace.start(["webhook", "-hooks", hooks, "-ip", "127.0.0.1", "-port", str(port)],
                                     bench.workspace.memory / "webhook.log")
        wait_until(lambda: listens(port), 10, "webhook", hook)
        theirs.add(**bench.load(f"http://127.0.0.1:{port}/hooks/bench"))
        bench.workspace.stop(hook)
    bench.tell(f"{CONNECTIONS} keep-alive connections",
               {"reelkeep, durable": ours, "webhook, /bin/true": theirs},
               [_ratio_target("over webhook", ours, theirs, LEAST_OVER_WEBHOOK,
                              f">= {LEAST_OVER_WEBHOOK}")], [_RATE, *_LATENCY])


def _slow_sync(bench):
    library = bench.workspace.memory / "slow_sync.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "slow_sync.c", "-ldl"],
                   check=True)
    slow = {**os.environ, "LD_PRELOAD": str(library), "SLOW_SYNC_MS": str(SYNC_MS)}
    ours, single = Series(), Series()
    for _ in range(bench.rounds):
        one = bench.agent(slow)
        ours.add(**bench.deliveries(one))
        one.stop()
        empty(bench.target)
        told = subprocess.run([sys.executable, HERE / "single_commits.py", bench.target / "single.db", "2"],
                              env=slow, check=True, capture_output=True, text=True).stdout
        single.add(per_second=float(told))
    bench.tell(f"a sync of {SYNC_MS} ms, {CONNECTIONS} keep-alive connections",
               {"reelkeep, durable": ours, "single commits": single},
               [_ratio_target("over single commits", ours, single, LEAST_OVER_SINGLE,
                              f">= {LEAST_OVER_SINGLE}")], [_RATE, *_LATENCY])


def _new_connections(bench):
    ours, theirs = Series(), Series()
    for _ in range(bench.rounds):
        one = bench.agent()
        ours.add(**bench.deliveries(one, connection="close"))
        one.stop()
        theirs.add(**bench.load(f"http://127.0.0.1:{bench.offered.server.plain_answer}/",
                                connection="close"))
    bench.tell("a new connection for each delivery",
               {"reelkeep, durable": ours, "nginx, return 200": theirs},
               [_ratio_target("of nginx", ours, theirs, LEAST_OF_NGINX, ">= 1/3")], [_RATE, *_LATENCY])


def _downloads(bench):
    quiet, busy = Series(), Series()
    events = agent.recording_events(bench.offered.urls, 8)
    for _ in range(bench.rounds):
        one = bench.agent()
        full = bench.deliveries(one)["per_second"]
        one.stop()
        # A closed loop: the answer's time comes on top of the pause, so that it stays below half.
        pause = CONNECTIONS / (full / 2) * 1000
        one = bench.agent()
        quiet.add(**bench.deliveries(one, pause_ms=pause))
        one.stop()
        one = bench.agent()
        one.post(events)
        busy.add(**bench.deliveries(one, pause_ms=pause))
        done = len(one.archived_digests())
        busy.add(mib_per_second=done * bench.offered.work.size / 2**20 / bench.seconds)
        if done == bench.offered.work.count:
            print(f"  (the downloads ended before the load: use fewer --seconds than {bench.seconds})")
        one.stop()
    slower = busy.median("p99_ms") / quiet.median("p99_ms")
    bench.tell(f"half of that load, {CONNECTIONS} keep-alive connections",
               {"without downloads": quiet, "while the pool downloads": busy},
               [("p99 with downloads / without", slower, f"<= {MOST_SLOWER}", slower <= MOST_SLOWER)],
               [_RATE, *_LATENCY, ("downloaded MiB/s", "mib_per_second", 0)])


ROWS = {"keep-alive": _keep_alive, "slow-sync": _slow_sync, "new-connections": _new_connections,
        "downloads": _downloads}
