"""Figures of a run: a table for people, a document for machines."""
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "commit": commit.stdout.strip(),
    }


class Series:
    """What one contestant did in all rounds: figures by name."""

    def __init__(self):
        self.values = {}

    def add(self, **figures):
        for name, value in figures.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.values[name]) if self.values.get(name) else None

    def text(self, name, digits=2):
        values = self.values.get(name)
        if not values:
            return "-"
        middle = f"{statistics.median(values):.{digits}f}"
        if len(values) == 1:
            return middle
        return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"

    def document(self):
        return {
            name: {"median": statistics.median(values), "min": min(values), "max": max(values),
                   "rounds": values}
            for name, values in self.values.items() if values
        }


class Report:
    def __init__(self, folder):
        self.path = os.path.join(folder, time.strftime("%Y%m%d-%H%M%S.json"))
        self._document = {"machine": machine(), "results": []}
        of = self._document["machine"]
        print(f"{of['processor']}, {of['cores']} cores, {of['memory_gib']} GiB, Linux {of['kernel']}; "
              f"load {of['load_at_start']}; reelkeep {of['commit']}")

    def add(self, part, title, series, targets, **more):
        """series: name -> Series; targets: list of (what, value, limit, met)."""
        self._document["results"].append({
            "part": part, "title": title, **more,
            "series": {name: one.document() for name, one in series.items()},
            "targets": [dict(zip(("what", "value", "limit", "met"), target)) for target in targets],
        })

    def save(self):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self._document, file, indent=1)
            file.write("\n")


def print_table(title, header, rows):
    print(f"\n{title}")
    widths = [max(len(str(row[column])) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())


def print_targets(targets):
    for what, value, limit, met in targets:
        print(f"  {'ok  ' if met else 'MISS'}  {what}: {value:.2f} (target {limit})", flush=True)
