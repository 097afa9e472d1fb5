"""What is on disk, read without the program: journal, catalog, archive, manifests.

Databases are read from a copy, so that looking does not repair them before the agent has to.
"""

import hashlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

from support.processes import check

MANIFEST = "manifest-sha256.txt"


def file_digest(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


class Databases:
    """A copy of journal and catalog, of those in a folder or given as bytes by name; `with`
    removes it."""

    def __init__(self, state_dir=None, contents=None):
        self._copy = pathlib.Path(tempfile.mkdtemp(prefix="reelkeep-look-"))
        for name in ("journal.db", "catalog.db"):
            for suffix in ("", "-wal", "-journal"):
                if state_dir and (state_dir / (name + suffix)).exists():
                    shutil.copy(state_dir / (name + suffix), self._copy / (name + suffix))
        for name, bytes_ in (contents or {}).items():
            (self._copy / name).write_bytes(bytes_)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._copy, ignore_errors=True)

    def rows(self, database, query, values=()):
        if not (self._copy / database).exists():
            return []
        connection = sqlite3.connect(self._copy / database)
        try:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return []  # killed before it had tables
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def check_integrity(self):
        for database in ("journal.db", "catalog.db"):
            for (answer,) in self.rows(database, "PRAGMA integrity_check"):
                check(answer == "ok", f"{database}: {answer}")


class ChainCheck:
    """Recomputes the journal's chain; each call goes on where the last one ended."""

    def __init__(self):
        self._last = (0, bytes(32))

    def go_on(self, databases):
        seq, chain = self._last
        if seq > 0:
            kept = databases.rows("journal.db", "SELECT chain FROM entry WHERE seq = ?", (seq,))
            check(kept == [(chain,)], f"journal row {seq} is gone or was changed")
        for row in databases.rows(
                "journal.db", "SELECT seq, kind, entry.received_at, digest, remote, user, content_type, "
                "chain, bytes FROM entry LEFT JOIN body USING (seq) WHERE seq > ? ORDER BY seq",
                (seq,)):
            check(row[0] == seq + 1, f"after journal row {seq} comes {row[0]}")
            link = hashlib.sha256()
            for field in (chain, *row[:7]):
                raw = field if isinstance(field, bytes) else str(field).encode()
                link.update(str(len(raw)).encode() + b":" + raw + b",")
            check(link.digest() == row[7], f"the chain breaks at journal row {row[0]}")
            check(row[8] is not None and hashlib.sha256(row[8]).digest() == row[3],
                  f"the body of journal row {row[0]} is not the one of its digest")
            seq, chain = row[0], row[7]
        self._last = (seq, chain)
        return seq


def check_answered(databases, answered):
    """Each body answered 200 is journaled, once, under the number that was told."""
    rows = databases.rows("journal.db",
                          "SELECT seq, lower(hex(digest)) FROM entry WHERE kind = 'delivery'")
    journaled = {}
    for seq, key in rows:
        check(key not in journaled, f"rows {journaled.get(key)} and {seq} hold the same delivery")
        journaled[key] = seq
    for key, seq in answered.items():
        check(journaled.get(key) == seq, f"delivery {seq} was answered 200; the journal has "
              + (f"row {journaled[key]}" if key in journaled else "nothing"))
    return len(rows)


class ArchiveCheck:
    """What the catalog calls archived is there, whole and unchanged. Each file is read again only
    when it changed since the last look."""

    def __init__(self, archive):
        self._archive = archive
        self._seen = {}
        self._lines = {}  # manifest -> files that it names, relative to the archive

    def _changed(self, path):
        state = os.stat(path)
        stamp = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        if self._seen.get(path) == stamp:
            return False
        self._seen[path] = stamp
        return True

    def replicas(self, databases):
        """Every archived artifact has a verified replica; each of these its file and its line in a
        manifest (manifests() goes before this)."""
        named = set().union(*self._lines.values())
        found = databases.rows(
            "catalog.db", "SELECT a.id, a.state, r.path, r.size, lower(hex(r.digest)), r.state "
            "FROM artifact a LEFT JOIN replica r ON r.artifact = a.row")
        archived = {row[0] for row in found if row[1] == "archived"}
        for artifact, _, path, size, digest, state in found:
            if state != "verified":
                continue
            file = self._archive / path
            check(file.is_file(), f"artifact {artifact} is called archived; {file} does not exist")
            check(file.stat().st_size == size, f"{file} does not have its {size} bytes")
            if self._changed(file):
                check(file_digest(file) == digest, f"{file} does not have its digest {digest}")
                check(path in named, f"{path} is called archived and in no manifest")
        lonely = archived - {row[0] for row in found if row[5] == "verified"}
        check(not lonely, f"archived without a verified replica: {sorted(lonely)}")
        return len(archived)

    def manifests(self, everything=False):
        """`sha256sum -c` accepts each manifest, and no path stands in one twice."""
        for manifest in sorted(self._archive.rglob(MANIFEST)):
            if not self._changed(manifest) and not everything:
                continue
            answer = subprocess.run(["sha256sum", "-c", "--quiet", "--strict", MANIFEST],
                                    cwd=manifest.parent, capture_output=True, check=False)
            check(answer.returncode == 0, f"sha256sum -c {manifest}: {answer.stderr.decode()}")
            lines = manifest.read_text().splitlines()
            folder = manifest.parent.relative_to(self._archive)
            self._lines[manifest] = {str(folder / line[66:]) for line in lines}
            check(len(lines) == len(set(lines)) == len({line[66:] for line in lines}),
                  f"{manifest} names a file twice")

    def files(self):
        """Published files, without manifests and what the archive keeps for itself."""
        return sorted(path for path in self._archive.rglob("*") if path.is_file()
                      and path.name != MANIFEST
                      and not path.relative_to(self._archive).parts[0].startswith("."))

    def manifest_lines(self):
        return sum(len(manifest.read_text().splitlines())
                   for manifest in self._archive.rglob(MANIFEST))

    def leftovers(self):
        """Files in staging."""
        return sorted(path.name for path in (self._archive / ".staging").rglob("*")
                      if path.is_file())
