"""Fills the catalog of an agent that is not running with sessions that nobody recorded. The rows are
what the agent itself would have written; the journal knows nothing of them."""
import contextlib
import sqlite3
import time

FILES_A_SESSION = 10
DAY = 86_400_000


def fill(path, count, *, archived, app_id, host, first=1, deadline=None):
    """`count` artifacts from number `first` on, archived with a verified replica each, or waiting to
    be claimed from `deadline` (ms) on in the order of their numbers."""
    now = int(time.time() * 1000)
    deadline = now + DAY if deadline is None else deadline
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as catalog:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000",
                       "locking_mode=EXCLUSIVE", "threads=2"):
            catalog.execute("PRAGMA " + pragma).fetchall()
        # Triggers cost more row by row than counting at the end, and an index over what comes in no
        # order is faster sorted than filled. All others grow at their end, because sessions, names
        # and paths are made in order, or hold nothing of these rows.
        later = catalog.execute("SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger'"
                                " OR name = 'artifact_id'").fetchall()
        for kind, name, _ in later:
            catalog.execute(f"DROP {kind} {name}")
        catalog.execute("BEGIN")
        sessions = (count + FILES_A_SESSION - 1) // FILES_A_SESSION
        _insert(catalog, "session", first, sessions, {
            "row": "i", "app_id": f"'{app_id}'", "conf_num": "printf('synthetic-%08d', i)",
            "room_id": "printf('room-%08d', i / 100)", "started_at": str(now - 2 * DAY),
            "ended_at": str(now - DAY), "cdr_ready": "0", "first_seen_at": f"{now - 2 * DAY} + i",
            "artifacts": str(FILES_A_SESSION), "archived": str(FILES_A_SESSION if archived else 0),
            "bytes": str(FILES_A_SESSION << 20 if archived else 0), "counted": str(FILES_A_SESSION),
            "work": str(0 if archived else FILES_A_SESSION),
            "urgent_deadline": "NULL" if archived else str(deadline),
            "latest_deadline": str(deadline + count)})
        session = f"({first} + (i - {first}) / {FILES_A_SESSION})"
        name = "printf('recording-%08d.mp4', i)"
        folder = f"printf('room-%08d/synthetic-%08d/recording/', {session} / 100, {session})"
        columns = {
            "row": "i", "session": session, "app_id": f"'{app_id}'",
            "conf_num": f"printf('synthetic-%08d', {session})", "kind": "'recording'",
            "source_key": f"'{host}/path/' || {name}", "stage": "''",
            # An odd factor: another number each.
            "id": "printf('%012x', (i * 2654435761) & 281474976710655)",
            "room_id": f"printf('room-%08d', {session} / 100)", "name": name,
            "url": f"'http://{host}/path/' || {name}", "url_at": str(now), "host": f"'{host}'",
            "staging_name": "printf('%012x', (i * 2654435761) & 281474976710655)",
            "path": f"{folder} || {name}", "path_fold": f"{folder} || {name}",
            "offered_at": str(now - DAY), "deadline": f"{deadline} + i", "known_at": str(now - DAY),
            "state": "'archived'" if archived else "'planned'", "disputed": "0", "refetch": "0",
            "replace_old": "0", "in_hand": "0", "attempts": "1" if archived else "0",
            "size": "1048576" if archived else "NULL",
            "digest": "randomblob(32)" if archived else "NULL",
            "received": "1048576" if archived else "0", "deaths": "0",
            "work": "0" if archived else "1", "needs_source": "0" if archived else "1",
            "claimable": "0" if archived else "1", "staged": "0" if archived else "1"}
        _insert(catalog, "artifact", first, count, columns)
        if archived:
            _insert(catalog, "replica", first, count, {
                "row": "i", "artifact": "i", "store": "'local'", "path": f"{folder} || {name}",
                "location": f"'/srv/archive/' || {folder} || {name}", "size": "1048576",
                "digest": f"(SELECT digest FROM artifact WHERE row = i)", "state": "'verified'",
                "verified_at": str(now), "audit_at": str(now + 30 * DAY)})
        for table in ("artifact", "replica"):
            catalog.execute(f"DELETE FROM {table}_count")
            catalog.execute(f"INSERT INTO {table}_count SELECT state, count(*) FROM {table} GROUP BY 1")
        for _, _, sql in later:
            catalog.execute(sql)
        catalog.execute("COMMIT")
        catalog.execute("PRAGMA locking_mode=NORMAL").fetchall()
        catalog.execute("PRAGMA journal_mode=WAL").fetchall()


def _insert(catalog, table, first, count, columns):
    catalog.execute(
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n"
        f" WHERE i < {first + count - 1})"
        f" INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM n")
