#!/usr/bin/env python3
"""Fills the disk under the running agent: a tmpfs of its own that holds journal, catalog, staging
and archive.

1. Below minimum_free_space while downloads run: they pause, /metrics and /readyz say so, deliveries
   are still answered 200.
2. No byte left: deliveries are answered 200 out of the intake reserve.
3. The reserve is used up too: 503 with Retry-After, the sender keeps the event; the agent lives.
4. Space again: by itself everything is stored and archived, no attempt was burned, the journal is
   whole. 5. The same, but the agent is killed while the disk is full and has to start on it.
"""

import argparse
import errno
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.evidence import ArchiveCheck, ChainCheck, Databases, check_answered, file_digest
from support.posting import Posters, get, post
from support.processes import Agent, Provider, Workspace, check, run, wait_for

SKIPPED = 77  # SKIP_RETURN_CODE
MIB = 1 << 20
DISK = 112 * MIB
# What runs may still bring until its space is looked at again (26 MiB) fits in less than that.
MINIMUM = 32 * MIB


def mount(workspace):
    """The small disk, unmounted at the end; None: not permitted."""
    place = workspace.path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "reelkeep-test", place],
                          capture_output=True, check=False)
    if done.returncode != 0:
        print(f"skipped: a tmpfs cannot be mounted: {done.stderr.decode().strip()}")
        return None
    workspace.on_close.append(lambda: subprocess.run(["umount", "-l", place], check=False))
    return place


class Ballast:
    """A file that leaves so much free."""

    def __init__(self, disk):
        self._disk = disk
        self._path = disk / "ballast"

    def free(self):
        status = os.statvfs(self._disk)
        return status.f_bavail * status.f_frsize

    def leave(self, wanted):
        with open(self._path, "ab") as file:
            while self.free() > wanted:
                try:
                    size = min(MIB, max(4096, self.free() - wanted))
                    os.posix_fallocate(file.fileno(), file.tell(), size)
                    file.seek(0, os.SEEK_END)
                except OSError as full:
                    check(full.errno == errno.ENOSPC, f"the ballast: {full}")
                    return

    def remove(self):
        self._path.unlink(missing_ok=True)


class Trial:
    def __init__(self, workspace, disk):
        self.disk = disk
        self.ballast = Ballast(disk)
        # 60 MiB in all: with the ballast gone it fits. Slow, so that the disk fills meanwhile.
        self.provider = Provider(workspace, "disk", "--sessions", "5", "--recordings", "1", "--kinds",
                                 "recording,transcoded", "--size", "4MiB", "--fail", "slow:3MiB")
        # Its space is looked at again while it comes.
        self.large = Provider(workspace, "large", "--sessions", "1", "--recordings", "1", "--kinds",
                              "recording", "--size", "20MiB", "--fail", "slow:8MiB")
        self.agent = Agent(workspace, {
            "agent": {"intake_reserve": '"2MiB"'},
            "download": {"minimum_free_space": str(MINIMUM), "per_host": "4"}}, home=disk)
        self.numbers = iter(range(10**9))
        self.answered = {}
        self.attempts = 0

    def files(self):
        return self.provider.files + self.large.files

    def metric(self, name):
        found = re.search(rf"^{name} (\S+)$", get(self.agent.addresses()[1] + "/metrics")[1], re.M)
        check(found, f"no metric {name}")
        return float(found.group(1))

    def readiness(self):
        return get(self.agent.addresses()[1] + "/readyz")

    def filler(self, size=16 * 1024):
        """An event that makes no work but takes space in the journal."""
        return json.dumps({"type": "chat_typing", "app_id": "simulated-app", "conf_num": "filler",
                           "number": next(self.numbers), "text": "x" * size}).encode()

    def paused(self):
        return self.metric("reelkeep_disk_paused") == 1

    def complete(self, sessions):
        def done():
            check(self.agent.alive, "the agent ended")
            states = {row["conf_num"]: row["state"] for row in self.agent.ask("sessions")}
            time.sleep(0.1)
            return all(states.get(conf_num) == "complete" for conf_num in sessions)
        wait_for(done, 180, lambda: "complete: " + ", ".join(
            f"{row['conf_num']} {row['state']}" for row in self.agent.ask("sessions")))

    def check_archived(self, sessions):
        """All there, at the first attempt each."""
        truth = {(file["conf_num"], file["name"]): file["sha256"] for file in self.files()}
        for conf_num in sessions:
            artifacts = self.agent.artifacts(conf_num)
            check(len(artifacts) == sum(key[0] == conf_num for key in truth), f"{artifacts}")
            for artifact in artifacts:
                check(artifact["state"] == "archived" and
                      artifact["sha256"] == truth[(conf_num, artifact["name"])] ==
                      file_digest(artifact["replicas"][0]["location"]), f"{artifact}")
                check(artifact["attempts"] == 1 and artifact["error"] is None,
                      f"attempts burned: {artifact}")


def pause_at_the_watermark(trial, posters):
    sessions = trial.large.sessions + trial.provider.sessions[:2]
    posters.put(trial.large.bodies(sessions[0]))
    staging = trial.agent.archive / ".staging"
    wait_for(lambda: any(part.stat().st_size > 2 * MIB for part in staging.glob("*.part")), 180,
             "the large download runs")
    posters.put([body for conf_num in sessions[1:] for body in trial.provider.bodies(conf_num)])
    wait_for(lambda: trial.metric("reelkeep_running_transfers") > 1, 180, "more downloads run")
    trial.ballast.leave(MINIMUM - 4 * MIB)
    wait_for(trial.paused, 180, "reelkeep_disk_paused 1")
    status, text = trial.readiness()
    check(status == 503 and "disk" in text, f"/readyz while paused: {status} {text}")
    posters.put([trial.filler() for _ in range(20)])
    posters.put([body for body in trial.provider.bodies(trial.provider.sessions[2])])
    wait_for(posters.idle, 180, "deliveries are answered while downloads pause")
    check(not posters.refused, f"answers while downloads pause: {posters.refused}")
    wait_for(lambda: trial.metric("reelkeep_running_transfers") == 0, 180, "all downloads paused")
    large, = trial.agent.artifacts(sessions[0])
    check(large["state"] == "planned" and large["error"]["code"] == "no_space"
          and 0 < large["received"] < trial.large.files[0]["size"], f"cut off by the disk: {large}")
    return (f"downloads paused with {large['received'] >> 20} of 20 MiB received, "
            f"{trial.ballast.free() >> 20} MiB free")


def live_on_the_reserve(trial, posters):
    reserve = trial.agent.state_dir / "intake-reserve"
    check(reserve.exists(), "no intake reserve")
    trial.ballast.leave(0)
    stored = 0
    while reserve.exists():
        status, _, text = post(trial.agent.addresses()[0], trial.filler())
        check(status == 200, f"with the reserve there: {status} {text}")
        stored += 1
        check(stored < 2000, "the reserve is never given up")
    # It is good for some more.
    posters.put([trial.filler(2000) for _ in range(20)])
    wait_for(posters.idle, 180, "deliveries are answered out of the reserve")
    check(not posters.refused, f"answers out of the reserve: {posters.refused}")
    status, text = trial.readiness()
    check(status == 503 and "disk" in text, f"/readyz on a full disk: {status} {text}")
    return f"deliveries answered 200 with no byte free: {stored + 20}"


def refuse_and_recover(trial, posters):
    """Even the reserve is gone."""
    refused = None
    for _ in range(1000):
        trial.ballast.leave(0)
        body = trial.filler(60_000)
        status, headers, text = post(trial.agent.addresses()[0], body)
        if status != 200:
            check(status == 503, f"on a full disk: {status} {text}")
            check(re.fullmatch(r"\d+", headers["Retry-After"] or ""), f"Retry-After: {headers}")
            refused = body
            break
    check(refused, "1000 deliveries were stored on a full disk")
    status, text = trial.readiness()
    check(status == 503, f"/readyz with a full journal: {status} {text}")
    check(get(trial.agent.addresses()[1] + "/livez")[0] == 200, "/livez")
    check(trial.agent.alive, "the agent ended on a full disk")
    # The provider sends again what was refused; posted by hand and not answered 200 is theirs.
    posters.put([refused, *(trial.filler() for _ in range(5)),
                 *trial.provider.bodies(trial.provider.sessions[3])])
    wait_for(lambda: posters.refused[503] >= 3, 180, "503 for what is posted meanwhile")
    return "503 with Retry-After when nothing is left"


def resume(trial, posters, sessions):
    trial.ballast.remove()
    wait_for(posters.idle, 180, "what was refused is stored")
    trial.complete(sessions)
    wait_for(lambda: trial.metric("reelkeep_disk_paused") == 0, 180, "reelkeep_disk_paused 0")
    wait_for(lambda: trial.readiness()[0] == 200, 180, lambda: f"ready again: {trial.readiness()}")
    trial.check_archived(sessions)


def start_on_a_full_disk(trial, posters):
    trial.agent.kill()
    for reserve in trial.agent.state_dir.glob("intake-reserve*"):
        reserve.unlink()
    trial.ballast.leave(0)
    trial.agent.start()
    posters.put(trial.provider.bodies(trial.provider.sessions[4]))
    # Whether it can open its databases now is not promised; that it is there afterwards is, by
    # itself or as the service manager starts it again.
    end = time.monotonic() + 3
    while time.monotonic() < end and trial.agent.alive:
        time.sleep(0.05)
    how = "stays" if trial.agent.alive else f"ends ({trial.agent.child.returncode})"
    trial.ballast.remove()
    if not trial.agent.alive:
        trial.agent.start()
    trial.agent.wait_ready()
    return f"an agent started on a full disk {how}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True)
    start = time.monotonic()
    with Workspace(parser.parse_args().reelkeep, "full-disk") as workspace:
        disk = mount(workspace)
        if disk is None:
            return SKIPPED
        trial = Trial(workspace, disk)
        trial.agent.start()
        trial.agent.wait_ready()
        posters = Posters(trial.agent, 3)
        told = [pause_at_the_watermark(trial, posters), live_on_the_reserve(trial, posters),
                refuse_and_recover(trial, posters)]
        resume(trial, posters, trial.large.sessions + trial.provider.sessions[:4])
        told.append(start_on_a_full_disk(trial, posters))
        resume(trial, posters, trial.large.sessions + trial.provider.sessions)
        trial.agent.stop()
        posters.stop()
        with Databases(trial.agent.state_dir) as databases:
            databases.check_integrity()
            ChainCheck().go_on(databases)
            journaled = check_answered(databases, posters.answered)
            archive = ArchiveCheck(trial.agent.archive)
            archive.manifests(everything=True)
            archived = archive.replicas(databases)
        check(archived == len(archive.files()) == len(trial.files()), f"{archived} archived")
        check(not archive.leftovers(), f"left in staging: {archive.leftovers()}")
        print("\n".join(told))
        print(f"journaled {journaled}, answered 503 and posted again {posters.refused[503]}, "
              f"archived {archived} of {len(trial.files())} at the first attempt each; "
              f"{time.monotonic() - start:.0f} s")
    return 0


run(main)
