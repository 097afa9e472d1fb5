"""Files from a server to a folder, synced and with their SHA-256 known: reelkeep, curl, aria2."""
import os
import pathlib
import subprocess
import time

import agent
import offer
from report import Series, print_table, print_targets
from usage import busy_cpu, cpu_of, peak_memory
from workspace import empty

SUMMARY = "download works: wall time, CPU seconds per GiB and peak memory beside curl and aria2"
# Peer's wall time over ours, against the better peer.
WANTED = {"1x4G": 1.5, "64x64M": 1.8, "5000x200K": 1.2, "16x256M-tls": 1.3}
MOST_MEMORY = 64 * 2**20
MOST_OF_LIMIT = 1.5
FILES_A_SESSION = 8
MOST_WARMED = {"tmpfs": 4 * 2**30, "disk": 2**30}  # more would keep a disk busy
MANY_FILES = 1000  # of which what one contestant brought stays until the others are done
PEERS = ["curl", "aria2"]


def options(parser):
    parser.add_argument("--work", action="append", metavar="COUNTxSIZE[-tls]", type=offer.parse_work,
                        help="sizes in MiB or with K, M, G; again for several "
                             f"(default {' '.join(WANTED)})")
    parser.add_argument("--only", choices=["reelkeep", "curl", "aria2", "limit"], action="append",
                        help="leave out the other contestants")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a key of the agent's [download] (default: none, its defaults)")


def run(chosen, workspace, report):
    for work in chosen.work or [offer.parse_work(name) for name in WANTED]:
        with offer.Offer(workspace, work) as offered:
            for name, target in workspace.targets.items():
                _compare(chosen, workspace, report, offered, name, target)


def _compare(chosen, workspace, report, offered, target_name, target):
    contestants = {"reelkeep": _reelkeep, "curl": _curl, "aria2": _aria2, "limit": _limit}
    if chosen.only:
        contestants = {name: contestants[name] for name in contestants if name in chosen.only}
    if target_name != "tmpfs":
        contestants.pop("limit", None)
    settings = dict(pair.split("=", 1) for pair in chosen.set)
    series = {name: Series() for name in contestants}
    # ext4 looks past every inode that was deleted within the last minutes: who creates files after
    # thousands were removed pays for that (2.7 s and 3.5 s/GiB became 4.9 and 8.1).
    keeps = target_name != "tmpfs" and offered.work.count >= MANY_FILES
    empty(target)
    for round_number in range(chosen.rounds):
        for name, contestant in contestants.items():
            if not keeps:
                empty(target)
            folder = pathlib.Path(target) / f"{name}-{round_number}"
            folder.mkdir(mode=0o755)
            subprocess.run(["sync", "-f", str(target)], check=True)
            warm = min(offered.work.total, MOST_WARMED[target_name])
            figures = contestant(workspace, offered, folder, round_number == 0, settings, warm)
            series[name].add(**figures)
    empty(target)
    targets = _targets(offered, series)
    title = f"{offered.work.name} on {target_name}"
    print_table(f"{title}, {chosen.rounds} rounds, median (min-max)",
                ["", "seconds", "CPU s/GiB", "machine s/GiB", "peak MiB"],
                [[name, one.text("seconds"), one.text("cpu_per_gib"),
                  one.text("machine_cpu_per_gib"), one.text("peak_mib", 0)]
                 for name, one in series.items()])
    print_targets(targets)
    report.add("downloads", title, series, targets, target=target_name, work=offered.work.name)


def _warm(target, size):
    """The memory that files go to, right before the clock starts: a virtual machine gives what is
    free back to its host within seconds, and whoever writes first pays for having it returned (1.4 s
    for 1 GiB instead of 0.3)."""
    file = pathlib.Path(target) / "warm"
    block = bytes(2**20)
    with open(file, "wb") as output:
        for _ in range(size // len(block)):
            output.write(block)
    file.unlink()


def _targets(offered, series):
    found = []
    if "reelkeep" not in series:
        return found
    ours = series["reelkeep"]
    peers = [series[name].median("seconds") for name in PEERS if name in series]
    if peers:
        wanted = WANTED.get(offered.work.name, 1.0)
        ratio = min(peers) / ours.median("seconds")
        found.append(("best peer's time / reelkeep's", ratio, f">= {wanted}", ratio >= wanted))
    if "curl" in series:
        ratio = ours.median("cpu_per_gib") / series["curl"].median("cpu_per_gib")
        found.append(("CPU per GiB / curl + dgst's", ratio, "<= 1", ratio <= 1))
    peak = ours.median("peak_mib")
    found.append(("peak memory in MiB", peak, "<= 64", peak * 2**20 <= MOST_MEMORY))
    if "limit" in series:
        ratio = ours.median("seconds") / series["limit"].median("seconds")
        found.append(("time / the machine's limit", ratio, f"<= {MOST_OF_LIMIT}", ratio <= MOST_OF_LIMIT))
    return found


def _reelkeep(workspace, offered, target, check, settings, warm):
    one = agent.Agent(workspace, target, offered.server.certificate, settings=settings)
    try:
        events = agent.recording_events(offered.urls, FILES_A_SESSION)
        _warm(target, warm)
        machine = _Machine(offered)
        cpu = cpu_of(one.pid)
        begin = time.monotonic()
        one.post(events)
        one.wait_archived(len(offered.urls), 600)
        seconds = time.monotonic() - begin
        figures = _figures(offered, seconds, cpu_of(one.pid) - cpu, peak_memory(one.pid), machine)
        if one.archived_digests() != offered.digests:
            raise RuntimeError("reelkeep: not the digests that were offered")
    finally:
        one.stop()
    if check:
        for manifest in pathlib.Path(target).rglob("manifest-sha256.txt"):
            subprocess.run(["sha256sum", "-c", "--quiet", manifest.name], cwd=manifest.parent, check=True)
    return figures


def _figures(offered, seconds, cpu, peak, machine=None):
    gib = offered.work.total / 2**30
    return {"seconds": seconds, "cpu_per_gib": cpu / gib, "peak_mib": peak / 2**20,
            **({"machine_cpu_per_gib": machine.used() / gib} if machine else {})}


class _Machine:
    """What all cores did meanwhile, less the server and this process: with the kernel's threads
    that write to the disk what `write` only left in memory, and whatever else runs here."""

    def __init__(self, offered):
        self._server = offered.server
        self._begin = self._now()

    def _now(self):
        return busy_cpu() - self._server.cpu() - time.process_time()

    def used(self):
        return self._now() - self._begin


class _Commands:
    """Commands one after the other: time, CPU and the largest peak of them all."""

    def __init__(self):
        self.begin = time.monotonic()
        self.cpu = 0.0
        self.peak = 0

    def run(self, command, output=None):
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=output or subprocess.DEVNULL, stderr=subprocess.PIPE)
        complaints = process.stderr.read()
        process.stderr.close()
        # wait4() because a Popen does not tell what its process used.
        _, waited, used = os.wait4(process.pid, 0)
        process.returncode = status = os.waitstatus_to_exitcode(waited)
        if status != 0:
            raise RuntimeError(f"{command[0]}: status {status}: {complaints.decode()[-500:]}")
        self.cpu += used.ru_utime + used.ru_stime
        self.peak = max(self.peak, used.ru_maxrss * 1024)

    def seconds(self):
        return time.monotonic() - self.begin


def _curl(workspace, offered, target, check, _, warm):
    listed = offered.curl_list(target)
    _warm(target, warm)
    machine = _Machine(offered)
    commands = _Commands()
    commands.run(["curl", "--parallel", "--parallel-max", "16", "--config", listed])
    _digest_and_sync(commands, offered, target, check)
    return _figures(offered, commands.seconds(), commands.cpu, commands.peak, machine)


def _digest_and_sync(commands, offered, target, check):
    files = [pathlib.Path(target) / name for name in offered.digests]
    digests = offered.folder.parent / "digests"
    with open(digests, "wb") as output:
        commands.run(["openssl", "dgst", "-sha256", "-r", *files], output)
    commands.run(["sync", *files, target])
    if check:
        found = dict(reversed(line.split(" *", 1)) for line in digests.read_text().splitlines())
        if {pathlib.Path(name).name: digest for name, digest in found.items()} != offered.digests:
            raise RuntimeError("curl: not the bytes that were offered")


def _aria2(workspace, offered, target, check, _, warm):
    _warm(target, warm)
    machine = _Machine(offered)
    commands = _Commands()
    many = len(offered.urls) > 1
    commands.run(["aria2c", "--no-conf", "--quiet", "--file-allocation=none", "--disable-ipv6",
                  f"--ca-certificate={offered.server.certificate}",
                  *(["-j16"] if many else ["-x4"]), f"--dir={target}",
                  f"--input-file={offered.aria2_list()}"])
    files = [pathlib.Path(target) / name for name in offered.digests]
    commands.run(["sync", *files, target])
    for file in files:
        if file.stat().st_size != offered.work.size:
            raise RuntimeError(f"aria2: {file.name} has {file.stat().st_size} bytes")
    return _figures(offered, commands.seconds(), commands.cpu, commands.peak, machine)


def _limit(workspace, offered, target, check, _, warm):
    _warm(target, warm)
    """The CPU that nobody can save, spread over all cores: receiving, serving, writing, hashing."""
    served = offered.server.cpu()
    commands = _Commands()
    commands.run(["curl", "--config", offered.curl_list(None)])
    served = offered.server.cpu() - served
    written = pathlib.Path(target) / "written"
    commands.run(["dd", "if=/dev/zero", f"of={written}", "bs=1M", "iflag=count_bytes",
                  f"count={offered.work.total}"])
    commands.run(["openssl", "dgst", "-sha256", *(offered.folder / name for name in offered.digests)])
    cpu = commands.cpu + served
    return _figures(offered, cpu / os.cpu_count(), cpu, commands.peak)
