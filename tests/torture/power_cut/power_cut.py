#!/usr/bin/env python3
"""Cuts the power under the agent again and again while deliveries are posted, downloaded and
published.

Every change that the agent makes on its disk is noted (support/disk.cpp). Each round ends by
SIGKILL at a random moment; then the folder is made to look as a disk would after a power cut at
that moment: what was not synced is gone, or there in part, or zeros; the next start is another
boot. Many more cuts, at other moments of the round, are only looked at. After each cut: every
delivery whose answer 200 was on its way is journaled, journal and catalog are whole, what the
catalog calls archived is there with its digest and its line in the manifest. In some rounds the
disk also fails to sync, and what it failed with is lost. At the end everything is archived with
the provider's bytes and nothing is left over.
"""

import argparse
import collections
import errno
import pathlib
import random
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.disk import CUTS, Disk, Orders
from support.evidence import MANIFEST, ArchiveCheck, ChainCheck, Databases, check_answered, file_digest
from support.posting import Posters
from support.processes import Agent, Failure, Provider, Workspace, check, library, run, wait_for

SMALL_SESSIONS_PER_ROUND = 2
LOOKS_PER_ROUND = 12


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True, help="the program")
    parser.add_argument("--disk", required=True, type=library, help="the library to preload")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="do not remove the directory")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


class Drill:
    def __init__(self, workspace, options):
        self.options = options
        self.rng = random.Random(options.seed)
        rounds = options.rounds
        self.small = Provider(workspace, f"small-{options.seed}", "--sessions",
                              str(rounds * SMALL_SESSIONS_PER_ROUND), "--size", "96KiB",
                              "--side-size", "3KiB", "--fail", "503:1:0@10%")
        # The first connections break: what comes then continues a file.
        self.large = Provider(workspace, f"large-{options.seed}", "--sessions", str(rounds),
                              "--recordings", "2", "--kinds", "recording", "--size", "1536KiB",
                              "--fail", "slow:768KiB", "--fail", "truncate:0.3:1")
        home = workspace.path / "disk"
        home.mkdir()
        self.agent = Agent(workspace, home=home)
        self.disk = Disk(home, workspace.path / "disk.notes")
        self.orders = Orders(workspace.path / "disk.orders")
        self.boot = workspace.path / "boot_id"
        self.posters = Posters(self.agent, 4)
        self.chain = ChainCheck()
        self.archive = ArchiveCheck(self.agent.archive)
        self.kinds = collections.Counter()
        self.cuts = self.looks = self.failed_syncs = self.answers = self.archived = 0
        self.unfinished = 0  # cuts that left the beginning of a file
        self.continued = set()  # of these, the ones that the next start went on with

    def feed(self, number):
        first = number * SMALL_SESSIONS_PER_ROUND
        sessions = self.small.sessions[first:first + SMALL_SESSIONS_PER_ROUND]
        bodies = [body for conf_num in sessions for body in self.small.bodies(conf_num)]
        bodies += self.large.bodies(self.large.sessions[number])
        self.rng.shuffle(bodies)
        self.posters.put(bodies)

    def power_on(self, number):
        """A start in a new boot; until some moment of it."""
        self.boot.write_text(f"boot-{number}\n")
        self.disk.settle()
        self.orders.rest()
        if number % 2 == 1:
            self.orders.fail("sync", errno.EIO, self.rng.randrange(120), times=self.rng.choice((1, 3)))
        self.agent.start({**self.disk.environment(), "LD_PRELOAD": self.options.disk,
                          "REELKEEP_DISK_FAULT": str(self.orders.path),
                          "REELKEEP_DISK_BOOT": str(self.boot)})
        self.feed(number)
        time.sleep(self.rng.uniform(0.05, 0.3) if self.rng.random() < 0.3
                   else self.rng.uniform(0.3, 2.0))
        status = self.agent.kill()
        check(status == -9, f"the agent ended by itself with status {status}")
        self.failed_syncs += self.orders.failed
        log = self.agent.log.read_text(errors="replace")
        check("the journal is not the one" not in log, "the catalog was ahead of the journal")

    def cut_power(self):
        records = self.disk.records()
        # Right after a promise, and anywhere.
        promises = [i + 1 for i, record in enumerate(records) if record[0] in "AE"]
        moments = sorted(self.rng.choice(promises) if promises and self.rng.random() < 0.6
                         else self.rng.randrange(len(records) + 1) for _ in range(LOOKS_PER_ROUND))
        answered = set()
        parts = self.disk.unfinished()
        for at, record in enumerate([*records, None]):
            while moments and moments[0] == at:
                moments.pop(0)
                how = self.rng.choice(CUTS)
                self.look(self.disk.cut(how, self.rng), answered, f"'{how}' after change {at}")
                self.looks += 1
            if record is None:
                break
            self.disk.go_on(record)
            if record[0] == "A":
                answered.add(record[2])
            if record[0] == "W" and record[2] > 0 and record[1] in parts:
                self.continued.add((self.cuts, record[1]))
        self.answers += len(answered)
        # Zeros for bytes are what a continued download has to notice.
        how = self.rng.choice((*CUTS, "zeros"))
        left = self.disk.cut(how, self.rng)
        self.look(left, answered, f"'{how}' at the end")
        left.make_real()
        self.kinds[how] += 1
        self.cuts += 1
        self.unfinished += any(path.endswith(".part") for path in left.paths())

    def look(self, left, answered, when):
        """At what a cut leaves, without a start."""
        try:
            with Databases(contents=left.state()) as databases:
                databases.check_integrity()
                seqs = {seq for seq, in databases.rows("journal.db", "SELECT seq FROM entry")}
                check(answered <= seqs, f"answered 200 and gone: {sorted(answered - seqs)}")
                found = databases.rows(
                    "catalog.db", "SELECT a.id, a.state, r.path, r.size, lower(hex(r.digest)), "
                    "r.state FROM artifact a LEFT JOIN replica r ON r.artifact = a.row")
            whole = set()
            lines = set()
            for path in left.paths():
                if path.endswith("/" + MANIFEST):
                    folder = path[:-len(MANIFEST)]
                    lines |= {(folder + line[66:], line[:64]) for line in
                              left.read(path).decode(errors="replace").split("\n") if line}
            for artifact, _, path, size, digest, state in found:
                if state != "verified":
                    continue
                path = "state/archive/" + path
                check(path in left, f"{artifact} is called archived; {path} does not exist")
                check(left.digest(path) == digest, f"{artifact} is called archived; {path} has "
                      f"other bytes")
                check((path, digest) in lines, f"{path} is called archived and in no manifest")
                whole.add(artifact)
            lonely = {row[0] for row in found if row[1] == "archived"} - whole
            check(not lonely, f"archived without a verified replica: {sorted(lonely)}")
        except (Failure, sqlite3.Error) as failure:
            raise Failure(f"a cut {when}: {failure}") from failure

    def look_again(self):
        """With the whole history, after the cut became real."""
        check(not self.posters.broken, "; ".join(self.posters.broken))
        with Databases(self.agent.state_dir) as databases:
            self.chain.go_on(databases)
            check_answered(databases, dict(self.posters.answered))

    def finish(self):
        self.boot.write_text("boot-last\n")
        self.agent.start()
        self.agent.wait_ready()
        wait_for(self.posters.idle, 180, "all deliveries are answered")
        sessions = self.small.sessions + self.large.sessions

        def complete():
            check(self.agent.alive, "the agent ended by itself")
            complete.states = collections.Counter(row["state"] for row in self.agent.ask("sessions"))
            time.sleep(0.1)
            return complete.states == {"complete": len(sessions)}

        wait_for(complete, 60 + self.options.rounds, lambda: f"all complete: {complete.states}")
        wait_for(lambda: not self.archive.leftovers(), 10,
                 lambda: f"an empty staging: {self.archive.leftovers()}")
        files = self.small.files + self.large.files
        told = {(conf_num, artifact["kind"], artifact["stage"], artifact["name"]): artifact
                for conf_num in sessions for artifact in self.agent.artifacts(conf_num)}
        places = set()
        for file in files:
            artifact = told[(file["conf_num"], file["kind"], file["stage"], file["name"])]
            check(artifact["state"] == "archived", f"{artifact}")
            place = artifact["replicas"][0]["location"]
            check(file_digest(place) == file["sha256"], f"{place}: not the provider's bytes")
            places.add(place)
        check(len(told) == len(files) == len(places), f"{len(told)} artifacts of {len(files)} files")
        self.agent.stop()
        self.posters.stop()
        self.look_again()
        self.archive.manifests(everything=True)
        with Databases(self.agent.state_dir) as databases:
            databases.check_integrity()
            self.archived = self.archive.replicas(databases)
        check(places == {str(path) for path in self.archive.files()},
              f"{len(self.archive.files())} files in the archive for {len(files)} artifacts")

    def run(self):
        start = time.monotonic()
        for number in range(self.options.rounds):
            self.power_on(number)
            self.cut_power()
            self.look_again()
            if number % 25 == 24:
                print(f"  {number + 1} cuts, {time.monotonic() - start:.0f} s", flush=True)
        self.finish()
        kinds = ", ".join(f"{how} {self.kinds[how]}" for how in CUTS)
        print(f"power cuts {self.cuts} ({kinds}), {self.unfinished} of them in the middle of "
              f"downloads, {len(self.continued)} downloads continued after one, {self.looks} more "
              f"looked at; changes noted {self.disk.changes}, "
              f"syncs that failed {self.failed_syncs}, bytes that cuts took {self.disk.lost}; "
              f"answered 200 before a cut {self.answers}, lost 0; archived {self.archived} of "
              f"{len(self.small.files) + len(self.large.files)}, all whole; "
              f"{time.monotonic() - start:.0f} s")


def main():
    options = arguments()
    print(f"seed {options.seed}", flush=True)
    with Workspace(options.reelkeep, "power-cut") as workspace:
        workspace.keep = options.keep
        drill = Drill(workspace, options)
        try:
            drill.run()
        except (Failure, KeyError, sqlite3.Error) as failure:
            raise Failure(f"{failure!r} (seed {options.seed}, cut {drill.cuts + 1})") from failure


run(main)
