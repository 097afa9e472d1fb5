"""Runs parts of the benchmark: see scripts/bench, which installs and builds what this needs."""
import argparse
import importlib
import os
import pathlib
import signal
import sys

from report import Report
from workspace import Workspace

PARTS = pathlib.Path(__file__).parent / "parts"
DEFAULT_ORDER = ["downloads", "intake"]


def part_names():
    found = sorted(path.stem for path in PARTS.glob("[a-z]*.py"))
    return [name for name in DEFAULT_ORDER if name in found] + [
        name for name in found if name not in DEFAULT_ORDER
    ]


COMMON = {"rounds": 5, "target": "both", "tmpfs": "/dev/shm", "disk": "build/bench"}


def common_options(parser):
    """Before and after the part's name, which is why the defaults are filled in later."""
    add = lambda name, text, **more: parser.add_argument(
        "--" + name, default=argparse.SUPPRESS, help=f"{text} (default {COMMON[name]})", **more)
    add("rounds", "of each measurement", type=int)
    add("target", "where the files go", choices=["tmpfs", "disk", "both"])
    add("tmpfs", "a memory filesystem", metavar="FOLDER")
    add("disk", "a folder on a disk", metavar="FOLDER")


def main():
    names = part_names()
    modules = {name: importlib.import_module("parts." + name) for name in names}
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="reelkeep beside its peers, on this machine, in one run")
    common_options(parser)
    commands = parser.add_subparsers(dest="part", metavar="PART")
    for name in names:
        command = commands.add_parser(name, help=modules[name].SUMMARY)
        common_options(command)
        modules[name].options(command)
    chosen = argparse.Namespace(**{**COMMON, **vars(parser.parse_args())})
    selected = [chosen.part] if chosen.part else names
    # A run of everything uses what each part has by default.
    for name in selected:
        if chosen.part is None:
            defaults = argparse.ArgumentParser()
            modules[name].options(defaults)
            for key, value in vars(defaults.parse_args([])).items():
                setattr(chosen, key, value)
    if chosen.rounds < 1:
        parser.error("--rounds has to be at least 1")

    # Both end the run through the clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs("build/bench", exist_ok=True)
    report = Report("build/bench")
    with Workspace(chosen) as workspace:
        for name in selected:
            modules[name].run(chosen, workspace, report)
            report.save()
    print(f"all figures: {report.path}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
