"""The disk below the agent, as support/disk.cpp notes it: what a power cut leaves of it.

The model is a journaling filesystem without mercy. Bytes are on the medium after a successful
fsync or fdatasync of their file that began after they were written; names after an fsync of their
folder. A rename is there or not, never half. After a failed fsync the bytes are lost although the
file still shows them. Of what was not synced a cut leaves nothing, everything, everything up to
some moment, any part of it, or the names and lengths with zeros for bytes.
"""

import hashlib
import mmap
import os
import pathlib
import random
import re
import stat
import struct

from support.evidence import file_digest
from support.processes import check

PAGE = 4096
HEAD = struct.Struct("<IcQQQ")
CUTS = ("synced", "all", "zeros", "ordered", "random")
NEVER = 2**64 - 1
KINDS = {"open": 0, "write": 1, "size": 2, "sync": 3, "name": 4, "remove": 5, "mode": 6}


class File:
    def __init__(self, data=b"", unread=None):
        self.data = bytearray(data)  # on the medium
        self.unread = unread         # (path, stamp) instead: never written again, so read when asked
        self.mode = 0o600
        self.pending = []  # (number, "W", offset, bytes) or (number, "T", "F" or "P", size or mode)
        self.syncs = {}              # running ones: token -> number at the start

    def load(self):
        if self.unread:
            self.data = bytearray(pathlib.Path(self.unread[0]).read_bytes())
            self.unread = None

    def left(self, cut):
        if self.pending:
            self.load()
        data = bytearray(self.data)
        for change in self.pending:
            cut.apply(data, change)
        return data

    def left_mode(self, cut):
        modes = [change[2] for change in self.pending if change[1] == "P" and cut.keeps(change[0])]
        return modes[-1] if modes else self.mode


class Names:
    """A change of one or two folders."""

    def __init__(self, number, gone, come):
        self.number = number
        self.gone = gone  # [(folder, name)]
        self.come = come  # [(folder, name, inode)]

    def keys(self):
        return set(self.gone) | {(folder, name) for folder, name, _ in self.come}

    def apply(self, folders):
        for folder, name in self.gone:
            folders.get(folder, {}).pop(name, None)
        for folder, name, inode in self.come:
            folders.setdefault(folder, {})[name] = inode


class Cut:
    """How much of what was not synced survives."""

    def __init__(self, how, rng, newest):
        self.how = how
        self._rng = rng
        self._until = rng.randrange(newest + 1)

    def keeps(self, number):
        if self.how == "ordered":
            return number < self._until
        if self.how == "random":
            return self._rng.random() < 0.5
        return self.how != "synced"

    def apply(self, data, change):
        number, what, *values = change
        if what == "P" or not self.keeps(number):
            return
        if what == "T":
            resize(data, values[0])
        elif what == "F":
            resize(data, max(len(data), values[0]))
        elif self.how == "zeros":
            resize(data, max(len(data), values[0] + len(values[1])))
        elif self.how == "random":
            offset, written = values
            resize(data, max(len(data), offset + len(written)))
            at = 0
            while at < len(written):
                end = min(len(written), at + PAGE - (offset + at) % PAGE)
                if self._rng.random() < 0.7:
                    data[offset + at:offset + end] = written[at:end]
                at = end
        else:
            write(data, *values)


def resize(data, size):
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


def write(data, offset, written):
    resize(data, max(len(data), offset + len(written)))
    data[offset:offset + len(written)] = written


class Disk:
    """`root` and what is below it; `log` is what the agent's calls were noted in."""

    def __init__(self, root, log):
        self.root = pathlib.Path(root)
        self.log = pathlib.Path(log)
        self.changes = 0  # noted so far
        self.lost = 0     # bytes that cuts took
        self._digests = {}

    def environment(self):
        self.log.write_bytes(b"")
        return {"REELKEEP_DISK_ROOTS": str(self.root), "REELKEEP_DISK_LOG": str(self.log)}

    def settle(self):
        """Everything that is there now is on the medium."""
        self._files, self._folders, self._names = {}, {}, []
        self._ids = {}
        self._unfinished = set()
        self._number, self._offset = 0, 0
        self.answered = 0  # deliveries whose answer was on its way
        self._top = os.stat(self.root).st_ino
        for folder, folders, files in os.walk(self.root):
            here = self._folders.setdefault(os.stat(folder).st_ino, {})
            for name in folders:
                here[name] = os.stat(os.path.join(folder, name)).st_ino
                self._folders.setdefault(here[name], {})
            for name in files:
                path = os.path.join(folder, name)
                if name.endswith("-shm"):
                    continue
                status = os.stat(path)
                here[name] = status.st_ino
                mode = stat.S_IMODE(status.st_mode)
                stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
                # A .part that has its last mode already is still to be synced and renamed.
                published = mode == 0o440 and not name.endswith(".part")
                file = (File(unread=(path, stamp)) if published
                        else File(pathlib.Path(path).read_bytes()))
                file.mode = mode
                self._files[status.st_ino] = file
                if name.endswith(".part") and status.st_size > 0:
                    self._unfinished.add(status.st_ino)

    def records(self):
        """What was noted since settle(), without an end that was cut off."""
        bytes_ = self.log.read_bytes()
        at, found = 0, []
        while at + HEAD.size <= len(bytes_):
            size, what, inode, a, b = HEAD.unpack_from(bytes_, at)
            end = at + HEAD.size + size
            if end > len(bytes_):
                break
            found.append((what.decode(), inode, a, b, bytes_[at + HEAD.size:end]))
            at = end
        return found

    def unfinished(self):
        """Inodes of the downloads that were begun at settle()."""
        return self._unfinished

    def go_on(self, record):
        what, inode, a, b, more = record
        if what in "CM":
            # The disk gives an inode's number away again.
            self._ids[inode] = f"{inode}/{self._number}"
        inode = self._ids.get(inode, inode)
        if what in "CMLUR":
            a = self._ids.get(a, a)
        if what == "R":
            b = self._ids.get(b, b)
        self._number += 1
        self.changes += 1
        number = self._number
        if what == "C":
            self._files[inode] = File()
            self._names.append(Names(number, [], [(a, os.fsdecode(more), inode)]))
        elif what == "M":
            self._folders[inode] = {}
            self._names.append(Names(number, [], [(a, os.fsdecode(more), inode)]))
        elif what == "W":
            check(self._files[inode].unread is None, "a published file was written to")
            self._files[inode].pending.append((number, "W", a, more))
        elif what in "TFP" and inode in self._files:
            self._files[inode].pending.append((number, what, a))
        elif what == "R":
            source, target = (os.fsdecode(name) for name in more.split(b"\0"))
            self._names.append(Names(number, [(a, source)], [(b, target, inode)]))
        elif what == "L":
            self._names.append(Names(number, [], [(a, os.fsdecode(more), inode)]))
        elif what == "U":
            self._names.append(Names(number, [(a, os.fsdecode(more))], []))
        elif what == "S" and inode in self._files:
            self._files[inode].syncs[a] = number
        elif what == "S":
            self._files.setdefault(("folder", inode), File()).syncs[a] = number
        elif what == "E":
            self._synced(inode, a, b)
        elif what == "A":
            self.answered += 1

    def _synced(self, inode, token, good):
        if inode in self._folders:
            began = self._files[("folder", inode)].syncs.pop(token)
            if good:
                self._settle_names(inode, began)
            return
        file = self._files[inode]
        began = file.syncs.pop(token)
        kept = []
        for change in file.pending:
            if change[0] > began:
                kept.append(change)
            elif good:
                file.load()
                ALL.apply(file.data, change)
                file.mode = change[2] if change[1] == "P" else file.mode
            elif change[1] == "W":
                kept.append((change[0], "F", change[2] + len(change[3])))
            else:
                kept.append(change)
        file.pending = kept

    def _settle_names(self, folder, began):
        """All changes of that folder, and the earlier ones of the same names elsewhere."""
        settled, keys = set(), set()
        for change in reversed(self._names):
            in_folder = any(key[0] == folder for key in change.keys())
            if (in_folder and change.number <= began) or change.keys() & keys:
                settled.add(change)
                keys |= change.keys()
        for change in self._names:
            if change in settled:
                change.apply(self._folders)
        self._names = [change for change in self._names if change not in settled]

    def cut(self, how, rng):
        """What is left when the power goes now."""
        return Left(self, Cut(how, rng, self._number))


ALL = Cut("all", random.Random(0), 0)


class Left:
    """The files after a cut: paths relative to the root."""

    def __init__(self, disk, cut):
        self._disk, self._cut = disk, cut
        folders = {inode: dict(names) for inode, names in disk._folders.items()}
        for change in disk._names:
            if cut.keeps(change.number):
                change.apply(folders)
        self.folders, self._inodes = [], {}
        self._walk(folders, disk._top, "")
        self._contents = {}

    def _walk(self, folders, inode, prefix):
        for name, child in folders.get(inode, {}).items():
            if child in self._disk._folders:
                self.folders.append(prefix + name)
                self._walk(folders, child, prefix + name + "/")
            elif child in self._disk._files:
                self._inodes[prefix + name] = child

    def __contains__(self, path):
        return path in self._inodes

    def paths(self):
        return self._inodes.keys()

    def state(self):
        """What journal and catalog are left with: name -> bytes."""
        return {path.rsplit("/", 1)[-1]: bytes(self.read(path)) for path in self._inodes
                if re.fullmatch(r"state/(journal|catalog)\.db(-wal|-journal)?", path)}

    def _untouched(self, inode):
        file = self._disk._files[inode]
        return file.unread if file.unread and not file.pending else None

    def read(self, path):
        inode = self._inodes[path]
        if unread := self._untouched(inode):
            return pathlib.Path(unread[0]).read_bytes()
        if inode not in self._contents:
            self._contents[inode] = self._disk._files[inode].left(self._cut)
        return self._contents[inode]

    def digest(self, path):
        if unread := self._untouched(self._inodes[path]):
            known = self._disk._digests
            if unread[1] not in known:
                known[unread[1]] = file_digest(unread[0])
            return known[unread[1]]
        return hashlib.sha256(self.read(path)).hexdigest()

    def make_real(self):
        """Makes the folder look like that."""
        root = self._disk.root
        for path in self._inodes:
            if not self._untouched(self._inodes[path]):
                self.read(path)
        for folder, folders, files in os.walk(root, topdown=False):
            relative = os.path.relpath(folder, root)
            prefix = "" if relative == "." else relative + "/"
            for name in files:
                path = prefix + name
                real = os.path.join(folder, name)
                kept = path in self and (unread := self._untouched(self._inodes[path])) \
                    and os.stat(real).st_ino == unread[1][0]
                if not kept:
                    if path not in self or os.stat(real).st_size > len(self.read(path)):
                        self._disk.lost += os.stat(real).st_size
                    os.unlink(real)
            for name in folders:
                if prefix + name not in self.folders:
                    os.rmdir(os.path.join(folder, name))
        for path in self.folders:
            (root / path).mkdir(mode=0o700, exist_ok=True)
        made = {}
        for path, inode in self._inodes.items():
            if (root / path).exists():
                continue
            file = self._disk._files[inode]
            if inode in made:
                os.link(made[inode], root / path)
                continue
            (root / path).write_bytes(self.read(path))
            (root / path).chmod(file.left_mode(self._cut))
            made[inode] = root / path


class Orders:
    """Lets calls of the running agent fail; see struct Orders in support/disk.cpp."""

    _LAYOUT = struct.Struct("<IiQQQQ128s256s")

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.write_bytes(bytes(PAGE))
        self._file = open(self.path, "r+b")
        self._page = mmap.mmap(self._file.fileno(), PAGE)
        self.rest()

    def environment(self, root):
        return {"REELKEEP_DISK_ROOTS": str(root), "REELKEEP_DISK_FAULT": str(self.path)}

    def _put(self, kinds, error, after, times, part):
        # `in` goes last: it arms the rest.
        whole = self._LAYOUT.pack(kinds, error, NEVER, times, 0, 0, part.encode(), b"")
        struct.pack_into("<Q", self._page, 8, NEVER)
        self._page[0:8] = whole[0:8]
        self._page[16:len(whole)] = whole[16:]
        struct.pack_into("<Q", self._page, 8, after)

    def rest(self):
        self._put(0, 0, NEVER, 1, "")

    def count(self, kind, part=""):
        self._put(1 << KINDS[kind], 0, NEVER, 1, part)

    def fail(self, kind, error, after, part="", times=1):
        """The call after `after` others of that kind, on a path with `part` in it, fails with the
        errno `error`, or writes half when that is 0; and so do the next ones, `times` in all."""
        self._put(1 << KINDS[kind], error, after, times, part)

    @property
    def seen(self):
        return self._LAYOUT.unpack_from(self._page)[4]

    @property
    def failed(self):
        return self._LAYOUT.unpack_from(self._page)[5]

    @property
    def last(self):
        return self._LAYOUT.unpack_from(self._page)[7].split(b"\0")[0].decode()
