#!/usr/bin/env python3
"""A loop that hangs starves the watchdog: systemd then kills the agent and starts it again.

One agent for each loop that has to turn, all at once. The manager's side is a socket of the test's
own; a hang is one thread of the real process that is held by ptrace, while all others go on. Fed
before, not fed while the thread is held, fed again once it is let go.
"""

import argparse
import contextlib
import ctypes
import errno
import os
import pathlib
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.posting import post
from support.processes import Agent, Workspace, check, run, wait_for

LOOPS = ("webhook", "admin", "journal", "agent", "transfers")
INTERVAL = 6.0  # seconds between feedings at the most, as WatchdogSec= says
SKIPPED = 77

_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_DETACH = 0x4206, 0x4207, 17
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_WALL = 0x40000000


def ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")


@contextlib.contextmanager
def held(thread):
    """The thread stands still; tracer and tracee belong to the calling thread."""
    ptrace(_PTRACE_SEIZE, thread)
    ptrace(_PTRACE_INTERRUPT, thread)
    os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        ptrace(_PTRACE_DETACH, thread)


def may_trace():
    """Whether a child of ours can be held at all: containers forbid it."""
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        with held(child):
            return True
    except OSError as error:
        check(error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS), str(error))
        return False
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def thread_of(process, name):
    def found():
        for task in pathlib.Path(f"/proc/{process}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                return int(task.name)
        return None
    return wait_for(found, 180, f"a thread that is called {name}")  # a thread names itself


class Manager:
    """What systemd is told by one agent, with the time of each word."""

    def __init__(self, path):
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._fed = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            if b"WATCHDOG=1" in self._socket.recv(4096).split(b"\n"):
                self._fed.append(time.monotonic())

    def fed_since(self, moment):
        return [fed for fed in self._fed if fed > moment]


def start(workspace, loop):
    agent = Agent(workspace, home=workspace.path / loop, name=loop)
    manager = Manager(workspace.path / f"{loop}.notify")
    agent.home.mkdir()
    agent.start({"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(int(INTERVAL * 1e6))})
    return agent, manager


def starve(agent, manager, loop):
    webhook, _ = agent.wait_ready()
    begin = time.monotonic()
    wait_for(lambda: len(manager.fed_since(begin)) >= 2, 180, f"{loop}: the watchdog is fed")
    thread = thread_of(agent.child.pid, loop)
    with held(thread):
        if loop == "journal":
            # It hangs only when there is something to do; no answer comes.
            threading.Thread(target=post, args=(webhook, b"{}"), daemon=True).start()
        # By then half the interval is over, and more than a feeding would have taken.
        time.sleep(INTERVAL)
        starved = time.monotonic()
        time.sleep(INTERVAL)
        check(not manager.fed_since(starved), f"{loop} hangs and the watchdog is fed")
    freed = time.monotonic()
    wait_for(lambda: manager.fed_since(freed), 180,
             f"{loop} turns again: the watchdog is fed again")
    agent.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--reelkeep", required=True, help="the program under test")
    options = arguments.parse_args()
    if not may_trace():
        print("a thread cannot be held here (ptrace is forbidden): not tested")
        return SKIPPED
    failures = []
    with Workspace(options.reelkeep, "watchdog") as workspace:
        def one(loop, agent, manager):
            try:
                starve(agent, manager, loop)
            except Exception as failure:  # told by the main thread
                failures.append(f"{loop}: {failure}")
        agents = [(loop, *start(workspace, loop)) for loop in LOOPS]
        threads = [threading.Thread(target=one, args=agent) for agent in agents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not failures, "; ".join(failures))
    print(f"{len(LOOPS)} loops held one by one: {', '.join(LOOPS)}; the watchdog starved each time "
          "and was fed again afterwards")
    return 0


run(main)
