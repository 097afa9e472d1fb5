#!/usr/bin/env python3
"""Lets one call to the disk fail after the other, under a running agent that is never restarted.

A session of two files is counted through: so many writes, syncs, renames ... to the journal, the
catalog, staging and archive. Then, with a session of its own each, the first of them fails, the
second, and so on, with every errno that such a call may give; writes also happen half. Each time:
the delivery is answered 200 or 503, the log names the cause, the agent goes on by itself, and the
session ends archived with the provider's bytes. What a row of failures does is tried as well. At
the end journal, catalog, archive and manifests are whole.
"""

import argparse
import collections
import contextlib
import errno
import pathlib
import random
import re
import sqlite3
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.disk import KINDS, Orders
from support.evidence import ArchiveCheck, ChainCheck, Databases, check_answered, file_digest
from support.posting import Posters
from support.processes import Agent, Failure, Provider, Workspace, check, library, run, wait_for

FULL = (errno.ENOSPC, errno.EDQUOT)
ERRORS = {  # kind of call -> what it may fail with; 0: half a write
    "open": (*FULL, errno.EIO, errno.EINTR),
    "write": (*FULL, errno.EIO, errno.EINTR, 0),
    "size": (*FULL, errno.EIO),
    "sync": (*FULL, errno.EIO, errno.EINTR),
    "name": (*FULL, errno.EIO),
    "remove": (errno.EIO,),
    "mode": (errno.EIO,),
}
PARTS = ("journal.db", "catalog.db", "/archive/")
INVISIBLE = (0, errno.EINTR)  # done again or done on: nothing to tell
IN_A_ROW = 5
# SQLite moves the WAL into the file when it can, the next time as well; a folder that cannot be made
# readable for the archive's group holds its files all the same.
MAY_BE_SILENT = r"(write|fsync|fdatasync) .*\.db|fchmod .*/archive/[^.]*"
# The same work begins with a sync of the WAL, as each commit ends with one, and a commit's must be
# told: what was silent is done again, and comes but once in a thousand pages.
MAY_BE_SILENT_ONCE = r"(fsync|fdatasync) .*\.db-wal"
SAID = {errno.ENOSPC: ("no space left", "is full"),
        errno.EDQUOT: ("quota", "is full"),
        errno.EIO: ("input/output error", "disk i/o error")}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True, help="the program")
    parser.add_argument("--disk", required=True, type=library, help="the library to preload")
    parser.add_argument("--share", type=float, default=1.0, help="of the faults (default: all)")
    parser.add_argument("--agents", type=int, default=4, help="at once")
    parser.add_argument("--seed", type=int, default=None, help="which faults a share takes")
    parser.add_argument("--keep", action="store_true", help="do not remove the directory")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


class Trial:
    """One agent, and faults for it."""

    def __init__(self, workspace, options, provider, sessions, number):
        home = workspace.path / f"agent{number}"
        home.mkdir()
        self.provider, self.sessions = provider, sessions
        self.agent = Agent(workspace, home=home, name=f"agent{number}")
        self.orders = Orders(home / "orders")
        self.agent.start({**self.orders.environment(home / "state"), "LD_PRELOAD": options.disk})
        self.agent.wait_ready()
        self.posters = Posters(self.agent, 1)
        self.archive = ArchiveCheck(self.agent.archive)
        self.done = []          # sessions
        self.injected = collections.Counter()  # (part, kind) -> calls that failed
        self.silent = collections.Counter()
        self.slowest = 0

    def session(self):
        """The next one comes, and is archived whole. Returns where the log was before it."""
        conf_num = self.sessions.pop()
        start = time.monotonic()
        said_before = self.agent.log.stat().st_size
        self.posters.put(self.provider.bodies(conf_num))
        wanted = sum(file["conf_num"] == conf_num for file in self.provider.files)
        catalog = self.agent.state_dir / "catalog.db"

        def archived():
            check(self.agent.alive, f"the agent ended ({self.agent.child.returncode})")
            if not catalog.exists():
                return False
            with contextlib.closing(sqlite3.connect(f"file:{catalog}?mode=ro",
                                                    uri=True)) as connection:
                # The agent is ready for deliveries before its catalog has tables.
                if not connection.execute(
                        "SELECT 1 FROM sqlite_master WHERE name = 'artifact'").fetchone():
                    return False
                found = connection.execute(
                    "SELECT a.state FROM artifact a JOIN session s ON s.row = a.session "
                    "WHERE s.conf_num = ?", (conf_num,)).fetchall()
            return len(found) == wanted and all(state == "archived" for state, in found)

        wait_for(archived, 120, f"session {conf_num} is archived")
        self.done.append(conf_num)
        self.slowest = max(self.slowest, time.monotonic() - start)
        return said_before

    def said(self, since):
        with open(self.agent.log, errors="replace") as log:
            log.seek(since)
            return log.read().lower()

    def count(self, kind, part):
        self.orders.count(kind, part)
        self.session()
        return self.orders.seen

    def fault(self, part, kind, error, after, times, may_be_silent=True):
        self.orders.fail(kind, error, after, part, times)
        try:
            before = self.session()
        except Failure as failure:
            raise Failure(f"{kind} {after + 1} of {part}, errno {error}, {times} in a row "
                          f"({self.orders.last}): {failure}") from failure
        failed, last = self.orders.failed, self.orders.last
        self.orders.rest()
        self.injected[part, kind] += failed
        if not failed or error in INVISIBLE:
            return

        def tells():
            return any(word in self.said(before) for word in SAID[error])
        if re.fullmatch(MAY_BE_SILENT, last):
            self.silent[part, kind] += not tells()
            return
        if may_be_silent and re.fullmatch(MAY_BE_SILENT_ONCE, last):
            try:
                wait_for(tells, 60, last)
            except Failure:
                self.silent[part, kind] += 1
                self.fault(part, kind, error, after, times, may_be_silent=False)
            return
        # The last call of a session may fail after all of it is called archived.
        wait_for(tells, 180, lambda: f"{last}, errno {error}: the log does not say why, but: "
                 f"{self.said(before)}")

    def finish(self):
        wait_for(self.posters.idle, 180, "all deliveries are answered")
        wait_for(lambda: not self.archive.leftovers(), 180,
                 lambda: f"an empty staging: {self.archive.leftovers()}")
        check(self.agent.starts == 1 and self.agent.alive, "the agent was restarted")
        check(set(self.posters.refused) <= {503}, f"answers: {self.posters.refused}")
        self.agent.stop()
        self.posters.stop()
        self.archive.manifests(everything=True)
        with Databases(self.agent.state_dir) as databases:
            databases.check_integrity()
            ChainCheck().go_on(databases)
            check_answered(databases, self.posters.answered)
            archived = self.archive.replicas(databases)
            digests = {digest: path for path, digest in databases.rows(
                "catalog.db", "SELECT path, lower(hex(digest)) FROM replica")}
        files = [file for file in self.provider.files if file["conf_num"] in set(self.done)]
        check(archived == len(files) == len(self.archive.files()),
              f"{archived} archived, {len(self.archive.files())} files, {len(files)} offered")
        for file in files:
            check(file["sha256"] in digests, f"{file['conf_num']} {file['name']}: other bytes")
            check(file_digest(self.agent.archive / digests[file["sha256"]]) == file["sha256"],
                  f"{file['conf_num']} {file['name']}: other bytes")
        return archived


def planned(trial, options):
    """Every fault: (part, kind, errno, after, times)."""
    trial.session()
    faults = []
    for part in PARTS:
        for kind in KINDS:
            calls = trial.count(kind, part)
            if calls:
                print(f"  {part}: {calls} calls of kind {kind}")
            for error in ERRORS[kind]:
                faults += [(part, kind, error, after, 1) for after in range(calls)]
                if calls and error not in INVISIBLE:
                    faults.append((part, kind, error, 0, IN_A_ROW))
    random.Random(options.seed).shuffle(faults)
    return faults[:max(1, round(len(faults) * options.share))]


def main():
    options = arguments()
    print(f"seed {options.seed}", flush=True)
    start = time.monotonic()
    with Workspace(options.reelkeep, "faults") as workspace:
        workspace.keep = options.keep
        provider = Provider(workspace, f"faults-{options.seed}", "--sessions", "4000",
                            "--recordings", "1", "--kinds", "recording,chatdata", "--size", "24KiB",
                            "--side-size", "1KiB")
        sessions = list(provider.sessions)
        trials = [Trial(workspace, options, provider, sessions, number)
                  for number in range(options.agents)]
        faults = planned(trials[0], options)
        left = collections.deque(faults)
        failures = []

        def work(trial):
            try:
                while left and not failures:
                    try:
                        fault = left.popleft()
                    except IndexError:
                        break
                    trial.fault(*fault)
            except Exception as failure:  # told by the main thread
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(trial,)) for trial in trials]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        archived = sum(trial.finish() for trial in trials)
        injected = sum((trial.injected for trial in trials), collections.Counter())
        silent = sum((trial.silent for trial in trials), collections.Counter())
        for (part, kind), count in sorted(injected.items()):
            quiet = f", {silent[part, kind]} of them without a word" if silent[part, kind] else ""
            print(f"  {part} {kind}: {count} failed{quiet}")
        refused = sum(trial.posters.refused[503] for trial in trials)
        print(f"faults {len(faults)}, calls that failed {sum(injected.values())}, answered 503 and "
              f"posted again {refused}, archived {archived} of {archived}, all whole, no restart; "
              f"the slowest recovery {max(trial.slowest for trial in trials):.1f} s; "
              f"{time.monotonic() - start:.0f} s")


run(main)
