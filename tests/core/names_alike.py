#!/usr/bin/env python3
"""names_alike.py FOLDER NAMES: fails where two names in the folder are one to some filesystem.

Judged by Python's Unicode tables, which are not the program's: canonical caseless matching. NAMES
is the list that they were made of, percent-encoded, one a line: it has to hold names that are alike
without being equal in ASCII, or nothing was tried.
"""

import collections
import os
import sys
import unicodedata
import urllib.parse


def key(name):
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def alike(names):
    groups = collections.defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


folder, listed = sys.argv[1:]
with open(listed, encoding="ascii") as lines:
    wanted = {urllib.parse.unquote(line.rstrip("\n"), errors="surrogateescape") for line in lines}
beyond_ascii = [group for group in alike(wanted) if not all(map(str.isascii, group))]
if len(beyond_ascii) < 5:
    sys.exit(f"only {len(beyond_ascii)} groups of names that differ in more than ASCII case")
if collisions := alike(os.listdir(folder)):
    sys.exit(f"one name to some filesystem: {collisions}")
