#!/usr/bin/env python3
"""Lets one call to the disk fail after the other while the agent starts: on an empty state directory,
and on one that holds an archived session.

Each time the agent either becomes ready all the same or ends with an error's status and its cause in
words, never by a signal. Nothing is damaged: journal and catalog are whole, what was archived is
there, and the next start, without a fault, is ready and archives.
"""

import argparse
import errno
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.disk import Orders
from support.evidence import ArchiveCheck, Databases
from support.posting import Posters, is_working
from support.processes import Agent, Failure, Provider, Workspace, check, library, run, wait_for

KINDS_TRIED = ("open", "write", "size", "sync", "name", "mode")
ERRORS = {errno.EIO: ("input/output error", "disk i/o error"),
          errno.ENOSPC: ("no space left", "is full")}
STATUSES = {5, 6, 7, 8, 9, 70}  # of errors, see README


class Start:
    """An agent over a state directory that is made anew for each fault."""

    def __init__(self, workspace, options, name, template):
        self.template = template
        self.agent = Agent(workspace, name=name, home=workspace.path / name)
        self.agent.home.mkdir()
        self.orders = Orders(workspace.path / f"{name}.orders")
        self.environment = {**self.orders.environment(self.agent.state_dir),
                            "LD_PRELOAD": options.disk}
        self.ready = self.ended = 0

    def lay_out(self):
        shutil.rmtree(self.agent.state_dir, ignore_errors=True)
        if self.template:
            shutil.copytree(self.template, self.agent.state_dir, symlinks=True)

    def run(self):
        """Until it is ready, catalog and store included (True), or has ended (False)."""
        self.lay_out()
        self.agent.start(self.environment)
        wait_for(lambda: not self.agent.alive or is_working(self.agent), 180,
                 "it is ready or has ended")
        return self.agent.alive

    def count(self, kind):
        self.orders.count(kind)
        check(self.run(), "the agent does not start without a fault")
        seen = self.orders.seen
        self.agent.stop()
        return seen

    def fault(self, kind, error, after):
        self.orders.fail(kind, error, after)
        is_ready = self.run()
        failed, last = self.orders.failed, self.orders.last
        if is_ready:
            self.ready += 1
            self.orders.rest()
            self.agent.stop()
        else:
            self.ended += 1
            status = self.agent.child.returncode
            said = self.agent.log.read_text(errors="replace").lower()
            check(status in STATUSES, f"{last}, errno {error}: ended with status {status}: {said}")
            # SQLite tries to open without creating then, and loses the first errno.
            words = (*ERRORS[error], *(["unable to open database file"] if kind == "open" else []))
            check(any(word in said for word in words),
                  f"{last}, errno {error}: does not say why: {said}")
        with Databases(self.agent.state_dir) as databases:
            databases.check_integrity()
            if self.template:
                archive = ArchiveCheck(self.agent.archive)
                archive.manifests(everything=True)
                archive.replicas(databases)
        self.orders.rest()
        self.agent.start()
        wait_for(lambda: is_working(self.agent), 180, "the next start works")
        return failed


def archived_state(workspace, provider):
    """A state directory whose agent archived a session and was killed."""
    agent = Agent(workspace, name="before", home=workspace.path / "before")
    agent.home.mkdir()
    agent.start()
    wait_for(lambda: is_working(agent), 180, "the agent works")
    posters = Posters(agent, 1)
    posters.put(provider.bodies(provider.sessions[0]))
    wait_for(posters.idle, 180, "all deliveries are answered")
    wait_for(lambda: [row["state"] for row in agent.ask("sessions")] == ["complete"], 180,
             "the session is archived")
    posters.stop()
    agent.kill()
    return agent.state_dir


def check_whole(start, provider):
    """The agent, started without a fault, holds or fetches the session."""
    posters = Posters(start.agent, 1)
    posters.put(provider.bodies(provider.sessions[0]))
    wait_for(posters.idle, 180, "all deliveries are answered")
    wait_for(lambda: [row["state"] for row in start.agent.ask("sessions")] == ["complete"], 180,
             "the session is archived")
    posters.stop()
    start.agent.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True, help="the program")
    parser.add_argument("--disk", required=True, type=library, help="the library to preload")
    parser.add_argument("--share", type=float, default=1.0, help="of the faults (default: all)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    begin = time.monotonic()
    with Workspace(options.reelkeep, "start") as workspace:
        provider = Provider(workspace, f"start-{options.seed}", "--recordings", "1", "--kinds",
                            "recording", "--size", "24KiB")
        starts = [Start(workspace, options, "empty", None),
                  Start(workspace, options, "used", archived_state(workspace, provider))]
        faults = [(start, kind, error, after) for start in starts for kind in KINDS_TRIED
                  for after in range(start.count(kind)) for error in ERRORS]
        random.Random(options.seed).shuffle(faults)
        faults = faults[:max(1, round(len(faults) * options.share))]
        failed = 0
        for start, kind, error, after in faults:
            try:
                failed += start.fault(kind, error, after)
                check_whole(start, provider)
            except Failure as failure:
                raise Failure(f"{start.agent.name}: {kind} {after + 1}, errno {error}: "
                              f"{failure}") from failure
        print(f"faults at the start {len(faults)}, calls that failed {failed}, ready all the same "
              f"{sum(start.ready for start in starts)}, ended with status and cause "
              f"{sum(start.ended for start in starts)}, nothing damaged, every next start archives; "
              f"{time.monotonic() - begin:.0f} s")


run(main)
