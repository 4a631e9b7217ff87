#!/usr/bin/env python3
"""Kills runs at random moments, lets each go on, and compares what they end with.

    tools/kill_runs.py build/afu --kills 1000
    tools/kill_runs.py build/afu --kills 20 --scenarios afu_ic,study --seed 7

Each scenario runs once undisturbed. Then it runs again and again and is killed, also while it goes on, with 1 to 3 lanes, until
it has ended by itself; that is repeated until each scenario has its share of the kills. How is drawn each time: SIGKILL after a
random time, or in a random step of writing a file (AFU_FAULT=kill=N: tests/README.md); one time in twelve SIGTERM or SIGHUP, which
end a run in order and are no kills. All files but the trace, and the summary but for real times, must then be those of the
undisturbed run. Exit status 1, with the folder kept, where they are not.

The table at the end, by scenario:

  kills             by SIGKILL
  going on          of these, of a run that had gone on from a checkpoint
  on the way        of these, before it had written a new checkpoint
  in a checkpoint   of the kills: checkpoint.afu was left in the middle of one
  signals           SIGTERM and SIGHUP
  gone on           times that runs went on, by their summaries
  ended             runs that ended by themselves: all of them as the undisturbed one

  --kills N         of all scenarios together (100)
  --scenarios LIST  of: afu_ic, retrain, federaser, knot, several, study (all)
  --every SECONDS   output.checkpoint_every (0.05)
  --updates N       stop.updates of each run (150); with fewer a request may be unserved, which is refused
  --folder PATH     where to run; a temporary folder, removed at the end, where it is not given
  --seed N          of what is drawn (1)
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

COMMON = """
[scenario]
name = "NAME"
seed = 5
[data]
image_size = 16
classes = 4
train_samples = 800
val_samples = 200
test_samples = 200
difficulty = 0.2
[data.backdoor]
trigger = "patch"
size = 2
fraction = 0.5
[partition]
clients = 8
[model]
name = "cnn_small"
[training]
batch_size = 16
RULE
[heterogeneity.compute]
slowdown = { distribution = "lognormal", median = 1.0, sigma = 0.6 }
[unlearning]
method = "METHOD"
[[erasure]]
client = 0
at_update = 40
MORE
[output]
checkpoint_every = EVERY
snapshots = true
OUTPUT
[stop]
updates = UPDATES
"""
SEVERAL = """[[erasure]]
client = 3
at_update = 50
[[erasure]]
client = 5
at_update = 55
"""
AUDIT = 'audit = true\naudit_updates = ["1/3", "2/9"]'
# Method, more of [training], of [[erasure]], of [output].
SCENARIOS = {
    "afu_ic": ("afu_ic", "", "", ""),
    "retrain": ("retrain", "", "", ""),
    "federaser": ("federaser", "", "", ""),
    "knot": ("knot", 'rule = "async_delta"\n[unlearning.knot]\nclusters = 2', "", ""),
    "several": ("fine_tune", "", SEVERAL, AUDIT),
    "study": ("afu_ic", "", "", ""),
}
STUDY = """[study]
name = "killed"
base = "study.toml"
seeds = [1]
methods = ["afu_ic", "retrain", "none"]
"""


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def figures(folder):
    """What must be the same, however often the run was stopped."""
    summary = json.loads((folder / "summary.json").read_text())
    for key in ("wall_seconds", "peak_rss_bytes"):
        del summary[key]
    for key in ("started", "resumed"):
        del summary["context"][key]
    found = {"summary": summary}
    # The trace tells of lanes in real time; the scenario has the number of lanes; files.json has all of these. A run that was
    # killed after its last file leaves the lock, which holds nobody up.
    other = {"summary.json", "trace.json", "scenario.toml", "files.json", "afu.lock"}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in other:
            found[str(file.relative_to(folder))] = digest(file)
    return found


def last_checkpoint(file):
    """The last whole checkpoint in the file, and whether something was begun behind it: see src/lane/checkpoint_file.hpp."""
    data = file.read_bytes()
    at, kind, last = 8, "B", b""
    while len(data) - at >= 12:
        number, size = struct.unpack_from("<IQ", data, at)
        if size > len(data) - at - 12:
            break
        kind = chr(number)
        if kind == "C":
            last = data[at:at + 12 + size]
        at += 12 + size
    return last, at != len(data) or kind not in "BAC"


def checkpoints(folder):
    """Of each unfinished run in the folder, its last checkpoint; those without one are left out."""
    found = {file: last_checkpoint(file)[0] for file in folder.rglob("checkpoint.afu")}
    return {file: last for file, last in found.items() if last}


def in_a_checkpoint(folder):
    return any(folder.rglob("checkpoint.afu.part")) or any(
        last_checkpoint(file)[1] for file in folder.rglob("checkpoint.afu"))


def context(folder):
    return json.loads((folder / "summary.json").read_text())["context"]


def runs_in(folder):
    return sorted(p.parent.relative_to(folder) for p in folder.rglob("summary.json"))


class Counts:
    """What was done to one scenario, in the order of the table."""
    columns = ("kills", "going on", "on the way", "in a checkpoint", "signals", "gone on", "ended")

    def __init__(self):
        self.kills = self.going_on = self.on_the_way = self.in_checkpoints = self.signals = self.resumed = self.ends = 0

    def row(self):
        return (self.kills, self.going_on, self.on_the_way, self.in_checkpoints, self.signals, self.resumed, self.ends)


def table(counts):
    rows = [("scenario", *Counts.columns)]
    rows += [(name, *c.row()) for name, c in counts.items()]
    rows.append(("all", *(sum(column) for column in zip(*(c.row() for c in counts.values())))))
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))) for row in rows)


class Killer:
    def __init__(self, options, folder):
        self.afu = str(pathlib.Path(options.afu).resolve())
        self.options, self.folder = options, folder
        self.random = random.Random(options.seed)
        self.counts = {}

    def write(self, name):
        method, rule, more, output = SCENARIOS[name]
        text = COMMON.replace("NAME", name).replace("METHOD", method).replace("RULE", rule)
        text = text.replace("MORE", more).replace("EVERY", str(self.options.every)).replace("OUTPUT", output)
        (self.folder / (name + ".toml")).write_text(text.replace("UPDATES", str(self.options.updates)))
        if name == "study":
            (self.folder / "killed.toml").write_text(STUDY)

    def command(self, name, output):
        if name == "study":
            return [self.afu, "study", "killed.toml", "-j", "2", "-q", "-o", output]
        lanes = self.random.randint(1, 3)
        return [self.afu, "run", name + ".toml", "-q", "-o", output, "--set", f"compute.lanes={lanes}"]

    def start(self, name, output, fault=None):
        environment = {**os.environ, "AFU_FAULT": fault} if fault else None
        return subprocess.Popen(self.command(name, output), cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env=environment)

    def undisturbed(self, name):
        began = time.monotonic()
        output = name + "-whole"
        process = self.start(name, output)
        error = process.communicate()[1].decode()
        if process.returncode != 0:
            sys.exit(f"{name}: the undisturbed run ended with {process.returncode}: {error}")
        whole = self.folder / output
        return {run: figures(whole / run) for run in runs_in(whole)}, time.monotonic() - began

    def disturbed(self, name, output, seconds):
        """Starts the run, or has it go on, and may stop it: its exit status, by which signal it was stopped, what it said."""
        if self.random.random() < 0.4:
            # Of small numbers as many as of large ones: an early step is the first checkpoint's, or the going on.
            step = int(self.random.choice((5, 20, 80, 320)) * self.random.random()) + 1
            process = self.start(name, output, f"kill={step}")
            error = process.communicate()[1].decode()
            return process.returncode, signal.SIGKILL if process.returncode == -signal.SIGKILL else None, error
        process = self.start(name, output)
        # Short times, for kills of what only begins or goes on, as often as long ones.
        limit = seconds * self.random.choice((0.1, 0.4, 1.2))
        try:
            error = process.communicate(timeout=self.random.uniform(0, limit))[1].decode()
            return process.returncode, None, error
        except subprocess.TimeoutExpired:
            in_order = self.random.random() < 0.14  # of these, so that it is one time in twelve
            sent = self.random.choice((signal.SIGTERM, signal.SIGHUP)) if in_order else signal.SIGKILL
            process.send_signal(sent)
            error = process.communicate()[1].decode()
            return process.returncode, sent, error

    def sitting(self, name, output, seconds):
        """One part of a run. Whether it has ended."""
        counts, folder = self.counts[name], self.folder / output
        before = checkpoints(folder)
        status, sent, error = self.disturbed(name, output, seconds)
        if sent == signal.SIGKILL and status == -sent:
            counts.kills += 1
            counts.going_on += bool(before)
            counts.on_the_way += bool(before) and checkpoints(folder) == before
            counts.in_checkpoints += in_a_checkpoint(folder)
        elif sent is not None and status == 128 + sent:
            counts.signals += 1
        if status == 0:
            return True
        if sent is None or status not in (-sent, 128 + sent):
            sys.exit(f"{name}: ended with {status} after {counts.kills} kills: {error}\nkept: {folder}")
        # A run that was killed when it was over is whole, and would not be begun again; a study would.
        return name != "study" and (folder / "files.json").exists() and context(folder)["ended"] == "completed"

    def one_end(self, name, whole, seconds):
        """From an empty folder to the end of the run, with kills on the way."""
        output = name + "-killed"
        folder = self.folder / output
        shutil.rmtree(folder, ignore_errors=True)
        while not self.sitting(name, output, seconds):
            pass
        found = {run: figures(folder / run) for run in runs_in(folder)}
        for run in found:
            self.counts[name].resumed += (context(folder / run)["resumed"] or {"times": 0})["times"]
        differing = [f"{run}: {key}" for run in whole for key in {**whole[run], **found.get(run, {})}
                     if found.get(run, {}).get(key) != whole[run].get(key)]
        if differing or found.keys() != whole.keys():
            sys.exit(f"{name}: not what the undisturbed run gave: {', '.join(differing) or 'other runs'}\nkept: {folder}")
        self.counts[name].ends += 1

    def run(self, names):
        whole = {}
        for name in names:
            self.write(name)
            whole[name] = self.undisturbed(name)
            self.counts[name] = Counts()
            print(f"{name}: undisturbed in {whole[name][1]:.1f} s", flush=True)
        began, told = time.monotonic(), 0
        share = -(-self.options.kills // len(names))
        try:
            while open_ones := [name for name in names if self.counts[name].kills < share]:
                for name in open_ones:
                    self.one_end(name, *whole[name])
                done = sum(c.kills for c in self.counts.values())
                if done >= told + 50:
                    told = done
                    print(f"{done} kills in {time.monotonic() - began:.0f} s, all runs that ended as they should", flush=True)
        finally:
            print("\n" + table(self.counts), flush=True)
        print("\nevery run ended with what the undisturbed one gave", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afu")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--every", type=float, default=0.05)
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names = options.scenarios.split(",")
    for name in names:
        if name not in SCENARIOS:
            parser.error(f"--scenarios: {name} is none of {', '.join(SCENARIOS)}")
    folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="afu-kills-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    done = False
    try:
        Killer(options, folder).run(names)
        done = True
    finally:
        if done and not options.folder:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
