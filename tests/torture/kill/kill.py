#!/usr/bin/env python3
"""Kills the agent again and again while deliveries are posted, downloaded and published.

Every second round ends by SIGKILL at a random moment, the others at a named crash point (all of
src/fs are taken in turn). After each kill, before the next start: every delivery that was answered
200 is journaled once under its number, the chain holds, what the catalog calls archived is there
with its digest, `sha256sum -c` accepts every manifest. At the end everything is archived, once, and
nothing is left over. The same seed gives the same schedule (not the same interleaving).
"""

import argparse
import collections
import itertools
import json
import os
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.evidence import ArchiveCheck, ChainCheck, Databases, check_answered, file_digest
from support.posting import Posters, digest
from support.processes import Agent, Failure, Provider, Workspace, check, library, run, wait_for

CRASH_STATUS = 86  # fs::k_crash_status
SMALL_SESSIONS_PER_ROUND = 2
LAST_ROUND_SESSIONS = 12
PUBLISHED_BY_LINK = "publish.after_link"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True, help="the program")
    parser.add_argument("--without-rename", required=True, type=library,
                        help="the library to preload")
    parser.add_argument("--sources", required=True, help="root of the repository")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="do not remove the directory")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def crash_points(sources):
    """Those that the sources name: a new one is taken in by itself."""
    found = set()
    for file in (pathlib.Path(sources) / "src").rglob("*.cpp"):
        found |= set(re.findall(r'\bcrash_point\("([^"]+)"\)', file.read_text()))
    check(found, "no crash points in the sources")
    return sorted(found)


class Noise:
    """Deliveries that make no work: unknown types, bodies that nobody understands, repetitions."""

    def __init__(self, rng):
        self._rng = rng
        self._numbers = itertools.count()
        self.understood = set()  # digests of bodies that must not be quarantined
        self.offered = []        # good bodies; some are posted again

    def __call__(self):
        number = next(self._numbers)
        what = self._rng.random()
        if what < 0.2:
            return b'{"type": "recording", "broken": ' + str(number).encode()
        if what < 0.4 and self.offered:
            return self._rng.choice(self.offered)
        body = json.dumps({"type": "breakout_started", "app_id": "simulated-app",
                           "conf_num": f"noise-{number % 50}", "number": number}).encode()
        self.understood.add(digest(body))
        return body


class Drill:
    def __init__(self, workspace, options):
        self.options = options
        self.rng = random.Random(options.seed)
        self.workspace = workspace
        rounds = options.rounds
        self.small = Provider(workspace, f"small-{options.seed}", "--sessions",
                              str(rounds * SMALL_SESSIONS_PER_ROUND + LAST_ROUND_SESSIONS),
                              "--size", "96KiB", "--side-size", "3KiB", "--fail", "503:1:0@10%",
                              "--fail", "truncate:0.5:1@8%")
        self.large = Provider(workspace, f"large-{options.seed}", "--sessions", str(rounds),
                              "--recordings", "1", "--kinds", "recording", "--size", "6MiB",
                              "--fail", "slow:8MiB")
        self.agent = Agent(workspace)
        self.noise = Noise(random.Random(options.seed + 1))
        self.posters = Posters(self.agent, 4, self.noise)
        self.good = set()  # digests of the bodies that offer files
        self.chain = ChainCheck()
        self.archive = ArchiveCheck(self.agent.archive)
        self.points = collections.Counter()
        self.in_hand = collections.Counter()  # artifacts at the kills, by state
        self.kills = self.archived = self.journaled = 0

    def feed(self, number):
        """Puts the deliveries of a round into the queue, in any order, some of them twice."""
        first = number * SMALL_SESSIONS_PER_ROUND
        count = SMALL_SESSIONS_PER_ROUND
        if number == self.options.rounds:
            count = LAST_ROUND_SESSIONS
        bodies = [body for conf_num in self.small.sessions[first:first + count]
                  for body in self.small.bodies(conf_num)]
        if number < self.options.rounds:
            bodies += self.large.bodies(self.large.sessions[number])
        self.good |= {digest(body) for body in bodies}
        self.noise.offered += bodies
        bodies += self.rng.sample(bodies, 3)
        self.rng.shuffle(bodies)
        self.posters.put(bodies)

    def kill_somewhere(self, number):
        self.agent.start()
        if self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.15))  # while it starts
            self.feed(number)
        else:
            self.agent.wait_ready()
            self.feed(number)
            # Early: while it takes deliveries. Late: while it fetches and publishes.
            time.sleep(self.rng.uniform(0, 0.2) if self.rng.random() < 0.4
                       else self.rng.uniform(0.1, 1.2))
        status = self.agent.kill()
        check(status == -9, f"the agent ended by itself with status {status}")

    def crash_at(self, number, point):
        environment = {"REELKEEP_CRASH_AT": point}
        if point == PUBLISHED_BY_LINK:
            environment["LD_PRELOAD"] = self.options.without_rename
        self.agent.start(environment)
        self.feed(number)
        child = self.agent.child
        wait_for(lambda: child.poll() is not None, 180, f"the crash at {point}")
        check(child.returncode == CRASH_STATUS,
              f"expected the crash at {point}, the agent ended with status {child.returncode}")
        self.points[point] += 1

    def look(self):
        """While no agent runs."""
        self.agent._addresses = None
        check(not self.posters.broken, "; ".join(self.posters.broken))
        answered = dict(self.posters.answered)
        self.archive.manifests()
        with Databases(self.agent.state_dir) as databases:
            databases.check_integrity()
            self.chain.go_on(databases)
            self.journaled = check_answered(databases, answered)
            self.archived = self.archive.replicas(databases)
            self.in_hand.update(dict(databases.rows(
                "catalog.db", "SELECT state, count(*) FROM artifact GROUP BY state")))

    def finish(self):
        """A last run without a kill; its deliveries load it once more."""
        self.agent.start()
        self.agent.wait_ready()
        self.feed(self.options.rounds)
        sessions = len(self.small.sessions) + len(self.large.sessions)
        self.posters.quiet()
        wait_for(self.posters.idle, 180, "all deliveries are answered")

        def complete():
            check(self.agent.alive, "the agent ended by itself")
            states = collections.Counter(row["state"] for row in self.agent.ask("sessions")
                                         if not row["conf_num"].startswith("noise-"))
            complete.states = states
            time.sleep(0.1)
            return states["complete"] == sessions and sum(states.values()) == sessions

        wait_for(complete, 60 + self.options.rounds, lambda: f"all complete: {complete.states}")
        wait_for(lambda: not self.archive.leftovers(), 10,
                 lambda: f"an empty staging: {self.archive.leftovers()}")
        wait_for(lambda: all(row["state"] != "pending" for row in self.agent.ask("deliveries")),
                 10, "no delivery is pending")
        loaded = self.agent.descriptors()
        self.check_answers()
        self.agent.stop()
        self.look()
        self.agent.start()
        self.agent.wait_ready()
        fresh = self.agent.descriptors()
        # Connections of downloads and posters are kept; a leak would show the files of this run,
        # 84 at least, or their deliveries.
        check(loaded <= fresh + 40, f"{loaded} descriptors after the work, {fresh} after a start")
        self.agent.stop()
        return loaded, fresh

    def check_answers(self):
        """What the program says, held against what the provider serves and what is on disk."""
        told = {}
        files = self.small.files + self.large.files
        for conf_num in self.small.sessions + self.large.sessions:
            for artifact in self.agent.artifacts(conf_num):
                told[(conf_num, artifact["kind"], artifact["stage"], artifact["name"])] = artifact
        check(len(told) == len(files), f"{len(told)} artifacts for {len(files)} files")
        places = set()
        for file in files:
            artifact = told[(file["conf_num"], file["kind"], file["stage"], file["name"])]
            name = f"{file['conf_num']} {file['name']}"
            check(artifact["state"] == "archived" and artifact["error"] is None,
                  f"{name}: {artifact}")
            check(artifact["sha256"] == file["sha256"], f"{name}: not the provider's bytes")
            check(len(artifact["replicas"]) == 1, f"{name}: {artifact['replicas']}")
            place = artifact["replicas"][0]["location"]
            check(file_digest(place) == file["sha256"], f"{place}: not the provider's bytes")
            check("~" not in os.path.basename(place), f"{place}: published twice")
            places.add(place)
        on_disk = self.archive.files()
        check(places == {str(path) for path in on_disk},
              f"{len(on_disk)} files in the archive for {len(files)} artifacts")
        check(self.archive.manifest_lines() == len(files),
              f"{self.archive.manifest_lines()} manifest lines for {len(files)} files")
        self.archive.manifests(everything=True)
        numbers = {seq: key for key, seq in self.posters.answered.items()}
        for row in self.agent.ask("deliveries"):
            key = numbers.get(row["seq"])
            if key in self.good or key in self.noise.understood:
                wanted = "applied" if key in self.good else "ignored"
                check(row["state"] == wanted, f"an innocent delivery: {row}")

    def run(self):
        points = crash_points(self.options.sources)
        start = time.monotonic()
        for number in range(self.options.rounds):
            if number % 2:
                self.crash_at(number, points[number // 2 % len(points)])
            else:
                self.kill_somewhere(number)
            self.kills += 1
            self.look()
            if number % 50 == 49:
                print(f"  {number + 1} rounds, {self.archived} archived, "
                      f"{time.monotonic() - start:.0f} s", flush=True)
        loaded, fresh = self.finish()
        self.posters.stop()
        missed = [point for point in points if self.points[point] == 0]
        check(not missed or self.options.rounds < 2 * len(points),
              f"crash points that were not hit: {missed}")
        files = len(self.small.files) + len(self.large.files)
        print(f"rounds {self.options.rounds}, kills {self.kills} "
              f"({self.kills - sum(self.points.values())} SIGKILL, "
              f"{sum(self.points.values())} at crash points), "
              f"requests cut off {self.posters.cut_off} "
              f"({self.posters.known_already} of these were stored), "
              f"transfers cut off {self.in_hand['running']}, "
              f"publishing cut off {self.in_hand['verifying']}\n"
              f"deliveries answered 200 {len(self.posters.answered)}, journaled "
              f"{self.journaled}; archived {files} of {files}; descriptors {loaded} after the "
              f"load, {fresh} after a start; {time.monotonic() - start:.0f} s")
        for point in points:
            print(f"  crash point {point}: {self.points[point]}")


def main():
    options = arguments()
    print(f"seed {options.seed}", flush=True)
    with Workspace(options.reelkeep, "kill") as workspace:
        workspace.keep = options.keep
        drill = Drill(workspace, options)
        try:
            drill.run()
        except (Failure, KeyError) as failure:
            raise Failure(f"{failure} (seed {options.seed}, kill {drill.kills + 1})") from failure


run(main)
