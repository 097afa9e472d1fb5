"""single_commits.py FILE SECONDS: commits of one row each to an SQLite database, one after the
other, as durable as the journal's. Prints how many a second."""
import sqlite3
import sys
import time

database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("CREATE TABLE entry(seq INTEGER PRIMARY KEY, body BLOB)")
body = bytes(300)
begin = time.monotonic()
count = 0
while time.monotonic() - begin < float(sys.argv[2]):
    database.execute("INSERT INTO entry(body) VALUES (?)", (body,))
    count += 1
print(count / (time.monotonic() - begin))
