"""The agent and the stand-in provider as child processes of a torture test.

Children die with the thread that started them, so also when the test is killed itself
(PR_SET_PDEATHSIG). Nothing uses a fixed port: everything listens on port 0 and says where.
"""

import argparse
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

WEBHOOK_USER = ("enablex", "torture")
FILES_USER = ("files@example.com", "simulated")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A promise was broken, or the test could not be carried out."""


def check(holds, message):
    if not holds:
        raise Failure(message)


def wait_for(condition, seconds, what):
    """Polls until condition() is true and returns its value; a Failure says what did not come."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def library(path):
    """A library to preload, as a type of an argument. The loader only warns of one that is not there,
    and the test would wait for what never happens."""
    if not pathlib.Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{path} is not built (cmake --build builds it)")
    return str(pathlib.Path(path).resolve())


def _dies_with_us():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(arguments, log, environment=None):
    """A child whose output goes to the end of the file `log`."""
    with open(log, "ab") as out:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                env={**os.environ, **(environment or {})},
                                preexec_fn=_dies_with_us)


class Workspace:
    """A directory of the test's own and the processes in it; `with` ends and removes them all."""

    def __init__(self, program, name):
        self.program = str(pathlib.Path(program).resolve())
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"reelkeep-{name}-"))
        self.children = []
        self.on_close = []
        self.keep = False  # when the test fails
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self):
        return self

    def spawn(self, arguments, log, environment=None):
        with self._lock:
            check(not self._closed, "the test is over")
            child = spawn(arguments, log, environment)
            self.children.append(child)
            return child

    def __exit__(self, kind, error, _trace):
        with self._lock:
            self._closed = True  # a thread that starts agents does not start another one
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for action in reversed(self.on_close):
            action()
        if kind is not None and issubclass(kind, Exception):
            for log in sorted(self.path.glob("*.log"), key=lambda file: file.stat().st_mtime)[-3:]:
                print(f"--- the end of {log.name}", file=sys.stderr)
                print("\n".join(log.read_text(errors="replace").splitlines()[-40:]),
                      file=sys.stderr)
            if self.keep:
                print(f"kept: {self.path}", file=sys.stderr)
                return
        shutil.rmtree(self.path, ignore_errors=True)


class Provider:
    """`reelkeep simulate`: serves the files of its sessions, and knows what they have to be."""

    def __init__(self, workspace, seed, *options, app_id="simulated-app"):
        self.app_id = app_id
        arguments = [workspace.program, "simulate", "--listen", "127.0.0.1:0", "--seed", seed,
                     "--app-id", app_id, *options]
        # {conf_num, kind, stage, name, url, size, sha256}; the port in its URLs is another one.
        self.files = json.loads(subprocess.run([*arguments, "--print-expected"], check=True,
                                               capture_output=True).stdout)
        log = workspace.path / f"provider-{seed}.log"
        child = workspace.spawn(arguments, log)

        def origin():
            check(child.poll() is None, f"the provider ended: {log.read_text()}")
            return re.search(r" on (http://\S+)\n", log.read_text())

        self.origin = wait_for(origin, 180, "the provider's address").group(1)
        for file in self.files:
            file["url"] = self.origin + re.sub(r"^http://[^/]*", "", file["url"])
        self.sessions = list(dict.fromkeys(file["conf_num"] for file in self.files))

    def bodies(self, conf_num, ended_at=None, size_error=0):
        """The provider's events of a session, each a body to POST. `size_error` is added to the
        sizes that they declare."""
        common = {"app_id": self.app_id, "room_id": "torture-room", "conf_num": conf_num,
                  "trans_date": int(ended_at or time.time())}
        events = [{"type": "session_start"}, {"type": "session_stop"}]
        mine = [file for file in self.files if file["conf_num"] == conf_num]
        recordings = [file["url"] for file in mine if file["kind"] == "recording"]
        if recordings:
            events.append({"type": "recording", "recording": recordings})
        for file in mine:
            if file["kind"] == "recording":
                continue
            transcoded = file["kind"] == "transcoded"
            event = {"type": file["kind"], "recording" if transcoded else "url": file["url"]}
            if transcoded:
                event["stage"] = file["stage"]
            if file["kind"] in ("transcoded", "live_recording"):
                event["file_size"] = str(file["size"] + size_error)
            events.append(event)
        return [json.dumps({**event, **common}).encode() for event in events]


class Agent:
    """`reelkeep serve`, started as often as needed over one state directory.

    `settings`: TOML values by table and key, e.g. {"download": {"stall_timeout": '"1s"'}}, over
    defaults that make retries quick. Each start logs to a file of its own.
    """

    def __init__(self, workspace, settings=None, projects=None, home=None, name="agent"):
        self.workspace = workspace
        self.name = name  # of its files in the workspace
        self.home = pathlib.Path(home or workspace.path)
        self.state_dir = self.home / "state"
        self.archive = self.state_dir / "archive"
        self.starts = 0
        self.child = None
        self.log = None
        self._addresses = None
        values = {
            "agent": {"state_dir": f'"{self.state_dir}"', "intake_reserve": '"1MiB"'},
            "webhook": {"listen": '"127.0.0.1:0"', "username": f'"{WEBHOOK_USER[0]}"',
                        "password": f'"{WEBHOOK_USER[1]}"'},
            "admin": {"listen": '"127.0.0.1:0"'},
            "download": {"per_host": "8", "allow_plain_http": "true",
                         "allow_private_addresses": "true", "retry_min": '"50ms"',
                         "retry_max": '"500ms"', "minimum_free_space": '"16MiB"'},
        }
        for table, more in (settings or {}).items():
            values[table].update(more)
        self.config = workspace.path / f"{name}.toml"
        self.config.write_text("".join(
            f"[{table}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) + "\n"
            for table, keys in values.items()) + (projects or project("*")))
        self.config.chmod(0o600)

    def start(self, environment=None):
        """Returns at once; see wait_ready()."""
        self.starts += 1
        self._addresses = None
        self.log = self.workspace.path / f"{self.name}-{self.starts:04}.log"
        # The logs of the last starts tell enough.
        (self.workspace.path / f"{self.name}-{self.starts - 5:04}.log").unlink(missing_ok=True)
        self.child = self.workspace.spawn(
            [self.workspace.program, "--config", str(self.config), "serve"], self.log, environment)
        self.workspace.children[:] = [child for child in self.workspace.children
                                      if child.poll() is None]

    @property
    def alive(self):
        return self.child is not None and self.child.poll() is None

    def addresses(self):
        """(webhook URL, admin origin) of the running agent; nothing: it does not answer yet."""
        if self._addresses is None and self.log is not None and self.log.exists():
            found = re.search(r"reelkeep is ready.* webhook=(\S+) admin=(\S+)",
                              self.log.read_text(errors="replace"))
            if found:
                self._addresses = (found.group(1), found.group(2))
        return self._addresses

    def wait_ready(self, seconds=30):
        def ready():
            check(self.alive, f"the agent ended at its start ({self.child.returncode})")
            return self.addresses()
        return wait_for(ready, seconds, "the agent listens")

    def kill(self):
        self.child.kill()
        return self.child.wait()

    def stop(self):
        self.child.terminate()
        status = self.child.wait(15)
        check(status == 0, f"the agent answered SIGTERM with status {status}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def ask(self, *arguments):
        """The JSON answer of a reading command."""
        answer = subprocess.run([self.workspace.program, "--config", str(self.config), *arguments,
                                 "--json"], capture_output=True, check=False, timeout=60)
        check(answer.returncode == 0, f"reelkeep {' '.join(arguments)}: status "
              f"{answer.returncode}: {answer.stderr.decode(errors='replace')}")
        return json.loads(answer.stdout)

    def artifacts(self, conf_num):
        return self.ask("show", conf_num)["artifacts"]


def project(app_id, username=FILES_USER[0], more=""):
    """A [[project]] block whose files are on this machine."""
    return (f'[[project]]\napp_id = "{app_id}"\nusername = "{username}"\n'
            f'password = "{FILES_USER[1]}"\nhosts = ["127.0.0.1"]\n{more}\n')


def run(main):
    """The outcome of a test as exit status; main() returns one, or nothing for success."""
    try:
        sys.exit(main() or 0)
    except Failure as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
