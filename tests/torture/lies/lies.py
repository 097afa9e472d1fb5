#!/usr/bin/env python3
"""A provider that lies in every way that table.py knows, over plain sockets and TLS.

Each row has a place, a file and a credential of its own; one agent fetches from all, with the rules
of production where the test may have a network of its own. Told and checked of each: what the
artifact ends as, with which error, after how many requests. Whatever the lie, nothing is archived
but the provider's bytes, and no pair is sent to another host, port or scheme.
"""

import argparse
import datetime
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from scene import Certificates, Inside, Scene, check_pairs
from support import world as worlds
from support.evidence import ArchiveCheck, Databases, file_digest
from support.posting import Posters, is_working
from support.processes import Agent, Failure, Workspace, check, run, wait_for
from support.scripted_server import Hub
from table import BOUNDLESS, TABLE

SMALL_DISK = 96 << 20

def verdict(scene, artifact):
    """Empty: as expected, and settled."""
    lie = scene.lie
    error = artifact["error"] or {"code": None, "message": ""}
    told = (f"{artifact['state']}, {artifact['attempts']} attempts, {scene.requests()} requests, "
            f"error {error}, disputed {artifact['disputed']}")
    if (artifact["state"], error["code"], artifact["disputed"]) != (lie.state, lie.code, lie.disputed):
        return told
    if lie.says not in error["message"]:
        return told
    if lie.state == "waiting" and artifact["attempts"] < lie.attempts:
        return told
    return ""


def check_requests(scene, artifact):
    """As many as the row allows; of what is tried again and again so many for each attempt, and for
    the one that the end of the test cut off."""
    lie, count = scene.lie, scene.requests()
    least, most = lie.requests or (0, lie.per_attempt * (artifact["attempts"] + 1))
    check(least <= count <= most,
          f"{lie.name}: {count} requests in {artifact['attempts']} attempts, not {least} to {most}")


def check_bytes(scene, artifact):
    """Nothing but the truth is called archived, or has a verified replica."""
    replicas = artifact["replicas"]
    if artifact["state"] != "archived":
        return check(not replicas, f"{scene.lie.name}: {artifact['state']} with {replicas}")
    check(len(replicas) == 1 and artifact["sha256"] == scene.digest(),
          f"{scene.lie.name}: archived other bytes: {artifact}")
    check(replicas[0]["state"] == "verified" and
          file_digest(replicas[0]["location"]) == scene.digest(),
          f"{scene.lie.name}: {replicas[0]} is not the provider's file")
    return None


def check_end(scene, artifact):
    check_bytes(scene, artifact)
    check_requests(scene, artifact)
    allowed = ("waiting", "planned", "running") if scene.lie.state == "waiting" else (
        scene.lie.state,)
    check(artifact["state"] in allowed, f"{scene.lie.name}: {verdict(scene, artifact)}")


def check_patience(scene, artifact):
    """What the provider asks for is waited for, but an hour at the most."""
    if scene.lie.not_before:
        waited = scene.last_request - scene.first_request
        check(waited >= scene.lie.not_before,
              f"{scene.lie.name}: asked again after {waited} s, Retry-After was not waited for")
    if scene.lie.attempts == 1 and scene.lie.state == "waiting":
        at = datetime.datetime.fromisoformat(artifact["next_attempt_at"].replace("Z", "+00:00"))
        left = at.timestamp() - time.time()
        check(1800 < left <= 3600, f"{scene.lie.name}: tried again in {left} s")


class Stage:
    """An agent and the rows that it fetches."""

    def __init__(self, name, workspace, world, certificates, scenes, settings, home=None):
        self.scenes = scenes
        self.left = {scene.conf_num: scene for scene in scenes}
        self.last = {}
        self.agent = Agent(
            workspace,
            {"download": {"stall_timeout": '"3s"', "connect_timeout": '"10s"', "concurrency": "64",
                          "per_host": "64", "allow_plain_http": "false", "retry_max": '"3s"',
                          "allow_private_addresses": str(not world.apart).lower(),
                          "ca_file": f'"{certificates.file}"', **settings}},
            "\n".join(scene.project() for scene in scenes), home=home, name=name)
        self.posters = Posters(self.agent, 3)
        self.agent.start()

    def begin(self):
        self.agent.wait_ready()
        wait_for(lambda: is_working(self.agent), 180, "the agent works")
        self.posters.put([scene.body() for scene in self.scenes])
        wait_for(self.posters.idle, 180, "all deliveries are answered")
        wait_for(lambda: all(row["state"] != "pending" for row in self.agent.ask("deliveries")),
                 180, "all deliveries are applied")

    def settled(self):
        check(self.agent.alive, "the agent ended")
        for scene in list(self.left.values()):
            artifact, = self.agent.artifacts(scene.conf_num)
            self.last[scene.conf_num] = artifact
            if not verdict(scene, artifact):
                check_patience(scene, artifact)
                del self.left[scene.conf_num]
        return not self.left

    def lacking(self):
        return "\n".join(
            f"{scene.lie.name}: expected {scene.lie.state}, {scene.lie.code}, {scene.lie.says!r}; "
            f"is {verdict(scene, self.last[conf_num])}" for conf_num, scene in self.left.items())

    def stop(self):
        self.agent.stop()
        self.posters.stop()

    def check(self):
        """Nothing changed its mind. How many files are archived."""
        broken = []
        for scene in self.scenes:
            artifact, = self.agent.artifacts(scene.conf_num)
            self.last[scene.conf_num] = artifact
            try:
                check_end(scene, artifact)
            except Failure as failure:
                broken.append(str(failure))
        check(not broken, "\n".join(broken))
        with Databases(self.agent.state_dir) as databases:
            databases.check_integrity()
            archive = ArchiveCheck(self.agent.archive)
            archive.manifests(everything=True)
            kept = archive.replicas(databases)
        check(len(archive.files()) == kept, "files in the archive that are not archived")
        return kept

    def print(self):
        for scene in self.scenes:
            artifact = self.last[scene.conf_num]
            more = "+" if scene.lie.state == "waiting" else " "
            print(f"{scene.lie.name:46} {scene.lie.state:12} {scene.lie.code or '-':13} "
                  f"{scene.requests():3}{more} requests{'  disputed' * artifact['disputed']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--loopback", action="store_true", help="as without the right to a network")
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reelkeep-world-") as folder, \
            Workspace(options.reelkeep, "lies") as workspace:
        world = worlds.World(False) if options.loopback else worlds.leave(folder)
        hub = Hub()
        workspace.on_close.append(hub.close)
        certificates = Certificates(workspace.path / "certificates", world)
        inside = Inside(hub, world, worlds.NAMES)

        def on_stage(table, first):
            return [Scene(hub, world, certificates, inside, number, lie)
                    for number, lie in enumerate(table, first)
                    if options.only in lie.name and (world.apart or not lie.apart)]

        stages = [Stage("agent", workspace, world, certificates, on_stage(TABLE, 0), {})]
        if world.apart:  # may mount
            disk = workspace.path / "disk"
            worlds.small_disk(disk, SMALL_DISK)
            stages.append(Stage("cramped", workspace, world, certificates,
                                on_stage(BOUNDLESS, len(TABLE)),
                                {"minimum_free_space": '"16MiB"'}, home=disk))
        for stage in stages:
            stage.begin()
        wait_for(lambda: all([stage.settled() for stage in stages]), 500,
                 lambda: "\n".join(stage.lacking() for stage in stages))
        for stage in stages:
            stage.stop()
        hub.close()
        kept = sum(stage.check() for stage in stages)
        scenes = [scene for stage in stages for scene in stage.scenes]
        pairs = check_pairs(scenes, hub)
        for place in inside.places.values():
            check(place.connections == 0, f"{place.connections} connections to a private address")
        for stage in stages:
            stage.print()
        reached = "private addresses reached 0" if world.apart else "private addresses not tried"
        print(f"{len(scenes)} lies, {sum(scene.requests() for scene in scenes)} requests, {kept} "
              f"archived, wrong bytes archived 0; pairs sent to their own place {pairs} times, to "
              f"another 0; {reached}; {time.monotonic() - start:.0f} s")


run(main)
