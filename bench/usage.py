"""CPU time and memory of processes, from /proc."""
import os
import pathlib

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    """Seconds of CPU that a process used, with children it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(int(value) for value in fields[11:15]) / _TICK


def tree_of(pid):
    """A process and what it started."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            pids += tree_of(int(child))
    return pids


def cpu_of_tree(pid):
    return sum(cpu_of(one) for one in tree_of(pid))


def busy_cpu():
    """Seconds that all cores together did anything, the kernel's own threads included."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = [int(value) for value in file.readline().split()[1:8]]
    return (user + nice + system + irq + softirq) / _TICK


def peak_memory(pid):
    """Bytes that were resident at most (VmHWM)."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmHWM of process {pid}")
