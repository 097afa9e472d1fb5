#!/usr/bin/env python3
"""A provider that fails and lies in every way that `reelkeep simulate` knows.

Each row of the table has a provider and a credential of its own; one agent fetches from all. Told
and checked: what the artifact ends as, after how many attempts, with which error. Whatever the lie,
nothing is archived but the provider's true bytes.
"""

import argparse
import dataclasses
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.evidence import ArchiveCheck, Databases, file_digest
from support.posting import Posters, get
from support.processes import Agent, Provider, Workspace, check, project, run, wait_for

SPAN = 3  # seconds that the projects of late rows offer their files; as long is tried afterwards


@dataclasses.dataclass
class Lie:
    name: str
    failures: list
    state: str                   # that the artifact ends or stays in
    code: str = None             # of its error
    attempts: tuple = (1, 1)     # from, to; waiting artifacts are watched up to the first
    kind: str = "recording"
    disputed: bool = False
    late: bool = False           # known only after the deadline
    redirect: bool = False       # another host may be redirected to
    not_before: float = 0        # seconds that the answers ask to wait, in all


def waits(name, *failures, code="corrupt", **more):
    """Wrong for ever: fetched again and again until the end of its time."""
    return Lie(name, list(failures), "waiting", code, (3, 1000), **more)


def archived(name, *failures, attempts=1, **more):
    return Lie(name, list(failures), "archived", None, (attempts, attempts), **more)


LIES = [
    archived("honest"),
    # Statuses.
    archived("403 twice", "403:2", attempts=3),
    waits("403 for ever", "403", code="unauthorized"),
    waits("401 for ever", "401", code="unauthorized"),
    archived("404 twice", "404:2", attempts=3),
    waits("404 for ever", "404", code="not_found"),
    waits("410 for ever", "410", code="not_found"),
    waits("400 for ever", "400", code="unavailable"),
    waits("416 to a whole request", "416", code="unavailable"),
    archived("429 with Retry-After", "429:1:1", attempts=2, not_before=1),
    archived("503 twice with Retry-After", "503:2:1", attempts=3, not_before=2),
    waits("503 for ever", "503:100000:0", code="unavailable"),
    archived("500 and 502", "500:1", "502:2", attempts=3),
    # Bodies that end early.
    archived("half a body, resumed", "truncate:0.5:3", attempts=4),
    archived("nothing of the body at first", "truncate:0:2", attempts=3),
    waits("half a body for ever, no ranges", "truncate:0.5", "no-ranges", code="unavailable"),
    archived("half a body, no ranges", "truncate:0.5:2", "no-ranges", attempts=3),
    archived("half a body, no validator", "truncate:0.5:2", "no-validator", attempts=3),
    archived("half a body, a weak validator", "truncate:0.5:2", "weak-etag", attempts=3),
    archived("another file when resuming", "truncate:0.5:1", "changed:1", attempts=2),
    archived("another file, no validator", "truncate:0.5:1", "changed:1", "no-validator",
             attempts=2),
    archived("another file, a weak validator", "truncate:0.5:1", "changed:1", "weak-etag",
             attempts=2),
    archived("silence within the body", "stall:0.5:1", attempts=2),
    waits("silence for ever", "stall:0", code="timeout"),
    archived("a slow drip", "slow:96KiB"),
    # Bodies that are something else.
    waits("a sign-in page", "html"),
    archived("a sign-in page twice", "html:2", attempts=3),
    waits("a sign-in page as chat", "html", kind="chatdata"),
    waits("an error in JSON", "json"),
    archived("an error in JSON once", "json:1", attempts=2),
    waits("an empty body", "empty"),
    archived("an empty body once", "empty:1", attempts=2),
    waits("gzip nobody asked for", "gzip"),
    archived("gzip once", "gzip:1", attempts=2),
    waits("half a file as if it was whole", "short:0.5"),
    archived("half a file as if it was whole, once", "short:0.5:1", attempts=2),
    archived("a declared size that is wrong", attempts=2, kind="transcoded", disputed=True),
    archived("a declared size that is wrong, a sign-in page between", "html:1", attempts=3,
             kind="transcoded", disputed=True),
    # Other places.
    archived("a redirect to a host that is allowed", "redirect", redirect=True),
    waits("a redirect to another host", "redirect", code="invalid"),
    # After the deadline.
    archived("late but there", late=True),
    Lie("late: 404", ["404"], "expired", "not_found", (1, 2), late=True),
    Lie("late: 410", ["410"], "expired", "not_found", (1, 2), late=True),
    Lie("late: 503 for ever", ["503:100000:0"], "expired", "unavailable", (3, 1000), late=True),
    Lie("late: a sign-in page", ["html"], "quarantined", "corrupt", (3, 1000), late=True),
    Lie("late: an empty body", ["empty"], "quarantined", "corrupt", (3, 1000), late=True),
]


class Row:
    """A lie with its provider."""

    def __init__(self, workspace, number, lie):
        self.lie = lie
        options = [word for failure in lie.failures for word in ("--fail", failure)]
        self.app_id = f"app-{number}"
        self.username = f"user-{number}@example.com"
        self.provider = Provider(workspace, f"lie-{number}", "--kinds", lie.kind, "--recordings",
                                 "1", "--size", "192KiB", "--username", self.username, *options,
                                 app_id=self.app_id)
        self.conf_num = self.provider.sessions[0]
        self.truth = self.provider.files[0]

    def project(self):
        more = f'offered_for = "{SPAN}s"\n' if self.lie.late else ""
        if self.lie.redirect:
            more += 'redirect_hosts = ["localhost"]\n'
        return project(self.app_id, self.username, more)

    def bodies(self):
        return self.provider.bodies(self.conf_num, time.time() - (100 if self.lie.late else 0),
                                    1 if self.lie.disputed else 0)

    def verdict(self, artifact):
        """Empty: as expected, and settled."""
        lie = self.lie
        told = (f"{artifact['state']}, {artifact['attempts']} attempts, error "
                f"{artifact['error']}, disputed {artifact['disputed']}")
        code = artifact["error"]["code"] if artifact["error"] else None
        if (artifact["state"], code, artifact["disputed"]) != (lie.state, lie.code, lie.disputed):
            return told
        if not lie.attempts[0] <= artifact["attempts"] <= lie.attempts[1]:
            return told
        return ""


def check_bytes(row, artifact):
    """Nothing but the truth is called archived, or has a verified replica."""
    replicas = artifact["replicas"]
    if artifact["state"] == "archived":
        check(artifact["sha256"] == row.truth["sha256"] and len(replicas) == 1,
              f"{row.lie.name}: archived other bytes: {artifact}")
    else:
        check(not replicas, f"{row.lie.name}: {artifact['state']} with replicas: {replicas}")
    for replica in replicas:
        check(replica["state"] == "verified" and
              file_digest(replica["location"]) == row.truth["sha256"],
              f"{row.lie.name}: {replica} is not the provider's file")


def refused_credential(workspace):
    """A project whose password is wrong: few requests, no attempt burned, the metric says so."""
    row = Row(workspace, 9000, Lie("a wrong password", [], "planned"))
    row.provider = Provider(workspace, "refused", "--sessions", "10", "--kinds", "recording",
                            "--size", "32KiB", "--password", "another", "--username",
                            row.username, app_id=row.app_id)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelkeep", required=True)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    options = parser.parse_args()
    start = time.monotonic()
    with Workspace(options.reelkeep, "lies") as workspace:
        rows = [Row(workspace, number, lie) for number, lie in enumerate(LIES)
                if options.only in lie.name]
        refused = refused_credential(workspace)
        agent = Agent(workspace, {"download": {"stall_timeout": '"1s"', "concurrency": "16"}},
                      "\n".join(row.project() for row in [*rows, refused]))
        posters = Posters(agent, 3)
        agent.start()
        agent.wait_ready()
        posted = time.monotonic()
        posters.put([body for row in rows for body in row.bodies()])
        posters.put([body for conf_num in refused.provider.sessions
                     for body in refused.provider.bodies(conf_num)])
        wait_for(posters.idle, 30, "all deliveries are answered")
        wait_for(lambda: all(row["state"] != "pending" for row in agent.ask("deliveries")), 30,
                 "all deliveries are applied")
        left = {row.lie.name: row for row in rows}
        last = {}

        def settled():
            check(agent.alive, "the agent ended")
            for row in list(left.values()):
                artifact, = agent.artifacts(row.conf_num)
                check_bytes(row, artifact)
                last[row.lie.name] = artifact
                if not row.verdict(artifact):
                    check(time.monotonic() - posted >= row.lie.not_before,
                          f"{row.lie.name}: Retry-After was not waited for")
                    del left[row.lie.name]
            time.sleep(0.2)
            return not left

        wait_for(settled, 60, lambda: "\n".join(
            f"{name}: expected {row.lie.state}, {row.lie.code}, {row.lie.attempts} attempts; "
            f"is {row.verdict(last[name])}" for name, row in left.items()))
        breaker = 'reelkeep_breaker_open{app_id="%s"} 1' % refused.app_id
        wait_for(lambda: breaker in get(agent.addresses()[1] + "/metrics")[1], 20,
                 "the breaker of the wrong password is open")
        burned = sum(artifact["attempts"] for conf_num in refused.provider.sessions
                     for artifact in agent.artifacts(conf_num))
        check(burned <= 8, f"{burned} attempts burned with a wrong password")

        # Nothing changes its mind.
        for row in rows:
            artifact, = agent.artifacts(row.conf_num)
            check_bytes(row, artifact)
            allowed = ("waiting", "planned", "running") if row.lie.state == "waiting" else (
                row.lie.state,)
            check(artifact["state"] in allowed, f"{row.lie.name}: {row.verdict(artifact)}")
        agent.stop()
        posters.stop()
        with Databases(agent.state_dir) as databases:
            databases.check_integrity()
            archive = ArchiveCheck(agent.archive)
            archive.manifests(everything=True)
            kept = archive.replicas(databases)
        check(len(archive.files()) == kept, "files in the archive that are not archived")
        for row in rows:
            artifact = last[row.lie.name]
            code = artifact["error"]["code"] if artifact["error"] else "-"
            more = "+" if row.lie.state == "waiting" else ""
            print(f"{row.lie.name:40} {artifact['state']:12} {code:13} "
                  f"{artifact['attempts']}{more} attempts{' disputed' * artifact['disputed']}")
        print(f"{len(rows)} lies, {kept} archived, wrong bytes archived 0; wrong password: "
              f"{burned} attempts for {len(refused.provider.sessions)} files; "
              f"{time.monotonic() - start:.0f} s")


run(main)
