"""A catalog that has grown: a million files waiting, ten million archived."""
import json
import os
import pathlib
import shutil
import subprocess
import time

import agent
import synthetic
from report import Series, print_table, print_targets
from usage import peak_memory
from workspace import free_port

SUMMARY = "large catalogs: claiming, start, memory, show, sessions, deliveries"
DELIVERIES = 2000
DELIVERY_TURNS = 2
FIRST_ARCHIVED = 1_000_000_000  # behind what was delivered
FIRST_WAITING = 1000  # of the project that may work; the others are due before them


def options(parser):
    parser.add_argument("--waiting", type=int, default=1_000_000, metavar="FILES")
    parser.add_argument("--archived", type=int, default=10_000_000, metavar="FILES")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER",
                        help="fill the catalog of archived files there and keep it; one that is there "
                             "already is used again")
    parser.add_argument("--only", choices=["waiting", "archived", "fill"],
                        help="one of the two; fill: make the catalog in --keep and measure nothing")


def run(chosen, workspace, report):
    # A catalog of this size is no matter of memory.
    home = pathlib.Path(workspace.targets.get("disk") or next(iter(workspace.targets.values())))
    if chosen.only == "fill":
        if not chosen.keep:
            raise SystemExit("growth: --only fill needs --keep FOLDER")
        _grown(chosen, workspace, chosen.keep)
        return
    for name, measure in (("waiting", _waiting), ("archived", _archived)):
        if chosen.only not in (None, name):
            continue
        shutil.rmtree(home / "growth", ignore_errors=True)
        (home / "growth").mkdir()
        try:
            measure(chosen, workspace, report, home / "growth")
        finally:
            shutil.rmtree(home / "growth", ignore_errors=True)


def _start(workspace, home):
    begin = time.monotonic()
    one = agent.Agent(workspace, home, "")
    return one, time.monotonic() - begin


def _catalog(home):
    return home / "state" / "catalog.db"


def _waiting(chosen, workspace, report, home):
    one, _ = _start(workspace, home)
    one.stop()
    blocked = max(0, chosen.waiting - FIRST_WAITING)
    now = int(time.time() * 1000)
    # No [[project]] block has this app_id: it waits for the operator.
    synthetic.fill(_catalog(home), blocked, archived=False, app_id="paused", host="127.0.0.1:9",
                   deadline=now + synthetic.DAY)
    synthetic.fill(_catalog(home), FIRST_WAITING, archived=False, app_id="bench-app",
                   host=f"127.0.0.1:{free_port()}", first=blocked + 1,
                   deadline=now + 2 * synthetic.DAY)
    figures = Series()
    claims = subprocess.run([os.environ["REELKEEP_CLAIM"], str(_catalog(home))], check=True,
                            capture_output=True, text=True)
    for cost in json.loads(claims.stdout):
        figures.add(**cost)
    agent.PROJECT = 'app_id = "bench-app"'
    try:
        for _ in range(chosen.rounds):
            one, ready = _start(workspace, home)
            time.sleep(2)  # of work, so that what it keeps in memory shows
            figures.add(ready_s=ready, peak_mib=peak_memory(one.pid) / 2**20)
            one.stop()
    finally:
        agent.PROJECT = ""
    claim = figures.median("claim_ms")
    targets = [("ms to claim the next", claim, "<= 2", claim <= 2),
               ("seconds until ready", figures.median("ready_s"), "<= 1",
                figures.median("ready_s") <= 1),
               ("peak memory in MiB", max(figures.values["peak_mib"]), "<= 100",
                max(figures.values["peak_mib"]) <= 100)]
    _tell(report, f"{chosen.waiting} files waiting, {blocked} of them before a paused project",
          figures, targets)


def _archived(chosen, workspace, report, home):
    grown = chosen.keep or home / "grown"
    _grown(chosen, workspace, grown)
    figures = Series()
    (home / "empty").mkdir()
    # In turns, so that both meet the same moment.
    for turn in range(DELIVERY_TURNS):
        mark = f"turn-{turn}-{int(time.time())}"
        one, _ = _start(workspace, home / "empty")
        for seconds in _deliveries(one, mark):
            figures.add(delivery_empty_ms=seconds)
        one.stop()
        one, ready = _start(workspace, grown)
        figures.add(ready_s=ready)
        for seconds in _deliveries(one, mark):
            figures.add(delivery_ms=seconds)
        if turn + 1 < DELIVERY_TURNS:
            one.stop()
    command = [workspace.program, "--config", str(grown / "config.toml")]
    middle = f"synthetic-{FIRST_ARCHIVED + chosen.archived // synthetic.FILES_A_SESSION // 2:08}"
    for _ in range(max(5, chosen.rounds)):
        figures.add(show_ms=_run([*command, "show", middle]),
                    sessions_ms=_run([*command, "sessions"]))
    figures.add(peak_mib=peak_memory(one.pid) / 2**20)
    one.stop()
    ratio = figures.median("delivery_ms") / figures.median("delivery_empty_ms")
    targets = [("ms of show", figures.median("show_ms"), "<= 50", figures.median("show_ms") <= 50),
               ("ms of sessions, first page", figures.median("sessions_ms"), "<= 100",
                figures.median("sessions_ms") <= 100),
               ("a delivery / with an empty catalog", ratio, "<= 1.2", ratio <= 1.2)]
    _tell(report, f"{chosen.archived} files archived", figures, targets)


def _grown(chosen, workspace, home):
    """A home with that many archived files in its catalog."""
    mark = home / "filled"
    if mark.exists() and mark.read_text() == str(chosen.archived):
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    one, _ = _start(workspace, home)
    one.stop()
    begin = time.monotonic()
    synthetic.fill(_catalog(home), chosen.archived, archived=True, app_id="bench-app",
                   host="portal.enablex.io", first=FIRST_ARCHIVED)
    print(f"filled {_catalog(home)} with {chosen.archived} files in {time.monotonic() - begin:.0f} s, "
          f"{_catalog(home).stat().st_size >> 20} MiB")
    mark.write_text(str(chosen.archived))


def _run(command):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - begin) * 1000


def _deliveries(one, mark):
    """Milliseconds per delivery, answered and applied, in five batches."""
    found = []
    for batch in range(5):
        bodies = [json.dumps({"type": "session_start", "app_id": "bench-app", "room_id": "room",
                              "conf_num": f"{mark}-{batch}-{number}"}).encode()
                  for number in range(DELIVERIES // 5)]
        begin = time.monotonic()
        one.post(bodies)
        one.wait_applied(len(bodies) * (batch + 1), mark)
        found.append((time.monotonic() - begin) * 1000 / len(bodies))
    return found


def _tell(report, title, figures, targets):
    print_table(title, ["", "median (min-max)"],
                [[name, figures.text(name, 3)] for name in figures.values])
    print_targets(targets)
    report.add("growth", title, {"reelkeep": figures}, targets)
