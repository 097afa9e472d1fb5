#!/usr/bin/env python3
"""Deliveries that kill the process are quarantined, the agent lives, and all others are archived.

REELKEEP_CRASH_ON_BODY plants an abort for bodies that hold a text; the test starts the agent again
each time it dies, as systemd does with Restart=always.
"""

import argparse
import json
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.evidence import ArchiveCheck, ChainCheck, Databases, check_answered
from support.posting import Posters, digest, post
from support.processes import Agent, Failure, Provider, Workspace, check, run, wait_for

PILL = "poison-pill"
MOST_DEATHS = 3  # one nobody was prepared for, two that are noted
PILLS = 1 + 1 + 3 + 4  # as often as one is applied for the first time, over all steps
CRASH_LOOP = PILLS * MOST_DEATHS + 3  # more deaths than that: nobody need start it again


class Supervisor:
    """Starts the agent again whenever it ends, until stop()."""

    def __init__(self, agent, environment):
        self.deaths = []
        self._agent = agent
        self._environment = environment
        self._stopping = threading.Event()
        self._ended = threading.Event()
        agent.start(environment)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._stopping.is_set():
            if not self._agent.alive:
                self.deaths.append(self._agent.child.returncode)
                if len(self.deaths) > CRASH_LOOP:
                    return  # the test tells
                try:
                    self._agent.start(self._environment)
                except Failure:
                    return  # the test is over
            self._stopping.wait(0.02)
        self._ended.wait()

    def stop(self):
        # Its children die with the thread that started them: the thread goes last.
        self._stopping.set()
        if self._agent.alive:
            self._agent.stop()
        self._ended.set()
        self._thread.join()


def poison(number):
    return json.dumps({"type": "session_start", "app_id": "simulated-app", "room_id": "r",
                       "conf_num": f"{PILL}-{number}", "trans_date": 1767520800}).encode()


def deliveries(agent):
    return {row["seq"]: row for row in agent.ask("deliveries")}


def settled(agent, posters, sessions):
    """Everything posted is answered and applied, these sessions are complete, the agent is up."""
    if not (posters.idle() and agent.alive and agent.addresses()):
        return False
    if any(row["state"] == "pending" for row in agent.ask("deliveries")):
        return False
    states = {row["conf_num"]: row["state"] for row in agent.ask("sessions")}
    return all(states.get(conf_num) == "complete" for conf_num in sessions)


class Trial:
    def __init__(self, workspace):
        self.provider = Provider(workspace, "poison", "--sessions", "8", "--size", "64KiB",
                                 "--side-size", "2KiB")
        self.agent = Agent(workspace)
        self.supervisor = Supervisor(self.agent, {"REELKEEP_CRASH_ON_BODY": PILL})
        self.posters = Posters(self.agent, 3)
        self.poisonous = set()  # digests
        self.told = []

    def post(self, bodies):
        self.posters.put(bodies)

    def poison(self, number):
        body = poison(number)
        self.poisonous.add(digest(body))
        return body

    def session(self, number):
        return self.provider.bodies(self.provider.sessions[number])

    def survive(self, what, most_deaths, sessions):
        """Waits until all is settled; deaths counted since the last call."""
        def quiet():
            check(len(self.supervisor.deaths) - before <= most_deaths + 3, f"{what}: a crash loop")
            time.sleep(0.1)
            return settled(self.agent, self.posters, sessions)

        before = sum(deaths for _, deaths in self.told)
        wait_for(quiet, 180, lambda: f"{what}: everything is settled, after "
                 f"{len(self.supervisor.deaths) - before} deaths")
        deaths = len(self.supervisor.deaths) - before
        check(deaths <= most_deaths, f"{what}: {deaths} deaths")
        check(all(status == -signal.SIGABRT for status in self.supervisor.deaths),
              f"ends other than the planted one: {self.supervisor.deaths}")
        self.check_rows(what)
        self.told.append((what, deaths))

    def check_rows(self, what):
        rows = deliveries(self.agent)
        for key, seq in self.posters.answered.items():
            row = rows[seq]
            if key in self.poisonous:
                check(row["state"] == "quarantined" and row["reason"].startswith("internal"),
                      f"{what}: {row}")
            else:
                check(row["state"] == "applied", f"{what}: an innocent: {row}")


def deadly_publishing(workspace):
    """What ends the process when it is published waits behind everything else: no crash loop."""
    provider = Provider(workspace, "publishing", "--kinds", "recording", "--recordings", "1")
    agent = Agent(workspace, {"download": {"retry_max": '"6s"'}}, home=workspace.path / "second")
    agent.home.mkdir()
    supervisor = Supervisor(agent, {"REELKEEP_CRASH_AT": "publish.before_rename"})
    posters = Posters(agent, 1)
    conf_num = provider.sessions[0]
    posters.put(provider.bodies(conf_num))
    wait_for(lambda: len(supervisor.deaths) == 2 and agent.alive and agent.addresses(), 180,
             lambda: f"two deaths: {supervisor.deaths}")

    def held_back():
        artifact, = agent.artifacts(conf_num)
        return artifact["error"] and artifact["error"]["code"] == "internal"

    wait_for(held_back, 10, "the artifact is held back")
    posters.put([json.dumps({"type": "session_start", "app_id": "simulated-app",
                             "conf_num": "meanwhile"}).encode()])
    wait_for(posters.idle, 10, "deliveries are answered meanwhile")
    check(len(supervisor.deaths) == 2, f"deaths while it is held back: {supervisor.deaths}")
    supervisor.stop()
    agent.start()
    agent.wait_ready()
    wait_for(lambda: agent.artifacts(conf_num)[0]["state"] == "archived", 180, "archived at last")
    check(agent.artifacts(conf_num)[0]["sha256"] == provider.files[0]["sha256"], "its bytes")
    agent.stop()
    posters.stop()
    print("a publish that ends the process: 2 deaths, then held back")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True)
    with Workspace(parser.parse_args().reelkeep, "poison") as workspace:
        trial = Trial(workspace)
        sessions = trial.provider.sessions
        trial.post(trial.session(0) + [trial.poison(1)] + trial.session(1))
        trial.survive("one among good ones", MOST_DEATHS, sessions[:2])

        # The provider sends again what it is not sure of.
        again = trial.posters.answered[digest(poison(1))]
        trial.post([poison(1)] + trial.session(2))
        trial.survive("the same once more", MOST_DEATHS, sessions[:3])
        wait_for(lambda: deliveries(trial.agent)[again]["duplicates"] == 1, 180,
                 "the repetition is counted")

        trial.post([trial.poison(2)] + trial.session(3) + [trial.poison(3), trial.poison(4)]
                   + trial.session(4))
        trial.survive("three at once", 3 * MOST_DEATHS, sessions[:5])

        nested = [b"[" * (1 << 20), b'{"a":' * 200_000]
        for body in nested:
            status, _, text = post(trial.agent.addresses()[0], body)
            check(status == 200, f"1 MiB of {body[:5]}: {status} {text}")
        trial.post(trial.session(5))
        trial.survive("1 MiB of brackets", 0, sessions[:6])
        rows = deliveries(trial.agent)
        odd = [row for row in rows.values() if row["state"] == "quarantined"]
        check(len(odd) == 4 + len(nested), f"quarantined: {odd}")

        # The catalog is lost: all of it, poison included, is applied from the start.
        trial.supervisor.stop()
        for file in trial.agent.state_dir.glob("catalog.db*"):
            file.unlink()
        supervisor = trial.supervisor
        trial.supervisor = Supervisor(trial.agent, {"REELKEEP_CRASH_ON_BODY": PILL})
        trial.supervisor.deaths.extend(supervisor.deaths)
        trial.post(trial.session(6))
        trial.survive("a rebuild over four", 4 * MOST_DEATHS, sessions[:7])

        trial.supervisor.stop()
        trial.posters.stop()
        with Databases(trial.agent.state_dir) as databases:
            databases.check_integrity()
            ChainCheck().go_on(databases)
            check_answered(databases, trial.posters.answered)
            archive = ArchiveCheck(trial.agent.archive)
            archive.manifests()
            archived = archive.replicas(databases)
        check(archived == 7 * len(trial.provider.files) // 8, f"{archived} archived")
        deadly_publishing(workspace)
        for what, deaths in trial.told:
            print(f"{what}: {deaths} deaths")
        print(f"archived {archived}, deliveries {len(rows)}, quarantined {len(odd)}")


run(main)
