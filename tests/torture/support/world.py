"""A network of the test's own: public-looking addresses and names that only this process and its
children see (namespaces of Linux), so that the agent runs with the rules of production, private
addresses refused, and a mount table of its own. Without the right to that, everything is on the
loopback, and what needs more is skipped.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import subprocess

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
_IFF_UP_RUNNING = 0x41
_libc = ctypes.CDLL(None, use_errno=True)

PUBLIC = ("93.184.216.34", "93.184.216.35")  # on this network's loopback, nowhere else
# What is listened at beside the loopback; nobody may come.
PRIVATE = ("10.1.2.3", "169.254.169.254")
PRIVATE_V6 = ("fd00::7",)
NAMES = {
    "files.provider.test": [PUBLIC[0]],
    "storage.elsewhere.test": [PUBLIC[1]],
    # Names that an attacker points to the inside.
    "loopback.provider.test": ["127.0.0.1"],
    "loopback6.provider.test": ["::1"],
    "mapped.provider.test": ["::ffff:127.0.0.1"],
    "nobody.provider.test": ["0.0.0.0"],
    "inside.provider.test": ["10.1.2.3"],
    "metadata.provider.test": ["169.254.169.254"],
    "unique.provider.test": ["fd00::7"],
    # Rebinding: the public address does not answer, the next one is inside.
    "rebinds.provider.test": ["93.184.216.99", "127.0.0.1"],
}


class World:
    """Where things are. `apart`: a network of our own."""

    def __init__(self, apart):
        self.apart = apart
        self.address = PUBLIC[0] if apart else "127.0.0.1"
        self.host = "files.provider.test" if apart else "127.0.0.1"
        self.other_address = PUBLIC[1] if apart else "127.0.0.1"
        self.other_host = "storage.elsewhere.test" if apart else "localhost"
        self.inside = ["127.0.0.1", *PRIVATE, *PRIVATE_V6, "::1"] if apart else []


def _ask(sock, what, name, payload):
    fcntl.ioctl(sock, what, struct.pack("16s", name.encode()) + payload)


def _address(text):
    return struct.pack("<HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def _give_addresses():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        _ask(sock, _SIOCSIFFLAGS, "lo", struct.pack("<H14x", _IFF_UP_RUNNING))
        for number, address in enumerate([*PUBLIC, *PRIVATE]):
            _ask(sock, _SIOCSIFADDR, f"lo:{number}", _address(address))
            _ask(sock, _SIOCSIFNETMASK, f"lo:{number}", _address("255.255.255.255"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        for address in PRIVATE_V6:
            fcntl.ioctl(sock, _SIOCSIFADDR, socket.inet_pton(socket.AF_INET6, address) +
                        struct.pack("<Ii", 128, socket.if_nametoindex("lo")))


def _unshare():
    if _libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS) == 0:
        return
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "namespaces are not permitted")
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def leave(folder):
    """Moves this process into a network of its own if that is permitted; no thread runs yet.
    `folder` keeps what is mounted over /etc/hosts."""
    try:
        _unshare()
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
        hosts = pathlib.Path(folder) / "hosts"
        hosts.write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(
            f"{address} {name}\n" for name, addresses in NAMES.items() for address in addresses))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True, capture_output=True)
        _give_addresses()
        for address in PUBLIC:
            with socket.create_server((address, 0)):
                pass
        return World(True)
    except (OSError, subprocess.CalledProcessError) as refused:
        print(f"no network of our own ({refused}): rows that need one are skipped")
        # It may be a new one all the same (a chroot's root cannot be made private): without its
        # loopback interface nobody is reached there.
        with contextlib.suppress(OSError), \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            _ask(sock, _SIOCSIFFLAGS, "lo", struct.pack("<H14x", _IFF_UP_RUNNING))
        return World(False)


def small_disk(folder, size):
    """A tmpfs of that size over `folder`, which this process and its children alone see."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "reelkeep-test", folder], check=True)
