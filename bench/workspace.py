"""Folders and processes of a run. Both are gone when it ends, however it ends."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time


class Workspace:
    def __init__(self, options):
        self.program = os.environ["REELKEEP"]
        self._children = []
        self._folders = []
        self.targets = {}
        wanted = ["tmpfs", "disk"] if options.target == "both" else [options.target]
        for name in wanted:
            base = options.tmpfs if name == "tmpfs" else options.disk
            os.makedirs(base, exist_ok=True)
            self.targets[name] = self._folder(base)
        # What the server offers lies in memory, so that only the target's medium counts.
        self.memory = self._folder(options.tmpfs)

    def _folder(self, base):
        path = pathlib.Path(tempfile.mkdtemp(prefix="reelkeep-bench-", dir=base)).resolve()
        self._folders.append(path)
        path.chmod(0o755)  # nginx' workers are another user when this is run by root
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def start(self, command, log, **more):
        """A process that is ended with the run at the latest."""
        with open(log, "ab") as out:
            child = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more)
        self._children.append(child)
        return child

    def stop(self, child):
        child.terminate()
        status = child.wait(60)
        self._children.remove(child)
        return status


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what, child=None, pause=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if child is not None and child.poll() is not None:
            raise RuntimeError(f"{what}: the process ended with status {child.returncode}")
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def empty(folder):
    """Removes what is in a folder and waits until its filesystem has nothing left to write."""
    for path in pathlib.Path(folder).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    subprocess.run(["sync", "-f", str(folder)], check=True)
