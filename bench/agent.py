"""The agent as users run it: journal, catalog and syncs on, defaults but for what a provider on
this machine needs."""
import base64
import contextlib
import http.client
import json
import pathlib
import sqlite3
import threading
import time

import nginx
from workspace import free_port, wait_until

USER, PASSWORD = "enablex", "bench"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
EVENT_SENDERS = 8
PROJECT = ""  # further lines of the project's block


class Agent:
    def __init__(self, workspace, home, certificate, environment=None, settings=None):
        self._workspace = workspace
        self.home = pathlib.Path(home)
        self.webhook, self.admin = free_port(), free_port()
        download = {"allow_plain_http": "true", "allow_private_addresses": "true",
                    "minimum_free_space": '"64MiB"', **({"ca_file": f'"{certificate}"'} if certificate else {}),
                    **(settings or {})}
        lines = "\n".join(f"{key} = {value}" for key, value in download.items())
        configuration = self.home / "config.toml"
        configuration.write_text(f"""
[agent]
state_dir = "state"
[webhook]
listen = "127.0.0.1:{self.webhook}"
username = "{USER}"
password = "{PASSWORD}"
[admin]
listen = "127.0.0.1:{self.admin}"
[download]
{lines}
[[project]]
username = "{nginx.USER}"
password = "{nginx.PASSWORD}"
hosts = ["127.0.0.1", "localhost"]
{PROJECT}
""")
        configuration.chmod(0o600)
        self.log = self.home / "log"
        self.process = workspace.start(
            [workspace.program, "--config", str(configuration), "serve"], self.log, env=environment)
        wait_until(self._is_ready, 30, f"the agent ({self.log})", self.process)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        status = self._workspace.stop(self.process)
        if status != 0:
            raise RuntimeError(f"the agent ended with status {status}: {self.log}")

    def _is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def post(self, bodies):
        """Posts events as a provider does: a few connections at once, each waiting for its answers."""
        failures = []

        def send(mine):
            connection = http.client.HTTPConnection("127.0.0.1", self.webhook, timeout=60)
            for body in mine:
                connection.request("POST", "/webhook", body,
                                   {"Authorization": AUTHORIZATION, "Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(answer.status)

        senders = [threading.Thread(target=send, args=(bodies[first::EVENT_SENDERS],))
                   for first in range(min(EVENT_SENDERS, len(bodies)))]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        if failures:
            raise RuntimeError(f"the webhook answered {failures[0]}")

    def wait_archived(self, count, seconds):
        """Returns at the moment when `count` artifacts are archived, give or take the pause."""
        path = self.home / "state" / "catalog.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as catalog:
            question = "SELECT count FROM artifact_count WHERE state = 'archived'"
            wait_until(lambda: (catalog.execute(question).fetchone() or (0,))[0] >= count, seconds,
                       f"{count} files archived", self.process, pause=0.01)

    def wait_applied(self, count, mark):
        """Until the sessions whose conf_num begins with `mark` are in the catalog."""
        path = self.home / "state" / "catalog.db"
        with contextlib.closing(
                sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as catalog:
            question = "SELECT count(*) FROM session WHERE conf_num >= ? AND conf_num < ?"
            wait_until(lambda: catalog.execute(question, (mark, mark + "~")).fetchone()[0] >= count,
                       600, f"{count} deliveries applied", self.process, pause=0.005)

    def archived_digests(self):
        path = self.home / "state" / "catalog.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as catalog:
            return {name: digest.hex() for name, digest in catalog.execute(
                "SELECT name, digest FROM artifact WHERE state = 'archived'")}


def recording_events(urls, files_a_session):
    """One event for each session, naming all its recordings."""
    now = int(time.time())
    return [
        json.dumps({
            "type": "recording", "trans_date": now, "app_id": "bench-app", "room_id": "room",
            "conf_num": f"session-{first // files_a_session:05}",
            "recording": urls[first:first + files_a_session],
        }).encode()
        for first in range(0, len(urls), files_a_session)
    ]
