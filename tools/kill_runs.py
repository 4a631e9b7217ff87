#!/usr/bin/env python3
"""Kills runs at random moments, lets each go on, and compares what they end with.

    tools/kill_runs.py build/afu --kills 1000
    tools/kill_runs.py build/afu --kills 20 --scenarios afu_ic,study --seed 7

Each scenario runs once undisturbed. Then it runs again and again and is sent SIGKILL (one time in ten SIGTERM or SIGHUP,
which end it in order) after a random time, also while it goes on, with 1 to 3 lanes, until it has ended by itself; that
is repeated until so many kills are done. All files but the trace, and the summary but for real times, must then be those of
the undisturbed run. Exit status 1, with the folder kept, where they are not.

  --kills N         of all scenarios together (100)
  --scenarios LIST  of: afu_ic, retrain, federaser, knot, several, study (all)
  --every SECONDS   output.checkpoint_every (0.05)
  --updates N       stop.updates of each run (150)
  --folder PATH     where to run; a temporary folder, removed at the end, where it is not given
  --seed N          of the random times (1)
"""
import argparse
import hashlib
import json
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
at_update = 60
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
at_update = 80
[[erasure]]
client = 5
at_update = 85
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
    # The trace tells of lanes in real time; the scenario has the number of lanes; files.json has all of these.
    other = {"summary.json", "trace.json", "scenario.toml", "files.json"}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in other:
            found[str(file.relative_to(folder))] = digest(file)
    return found


def in_a_checkpoint(folder):
    """Whether checkpoint.afu was left behind the last whole checkpoint: see src/lane/checkpoint_file.hpp."""
    files = list(folder.rglob("checkpoint.afu"))
    if list(folder.rglob("checkpoint.afu.part")):
        return True
    for file in files:
        data = file.read_bytes()
        at, kind = 8, "B"
        while len(data) - at >= 12:
            kind_number, size = struct.unpack_from("<IQ", data, at)
            kind, at = chr(kind_number), at + 12 + size
        if at != len(data) or kind not in "BAC":
            return True
    return False


def logged(folder):
    """Bytes of all logs of events."""
    return sum(p.stat().st_size for p in folder.rglob("events.jsonl"))


def context(folder):
    return json.loads((folder / "summary.json").read_text())["context"]


def runs_in(folder):
    return sorted(p.parent.relative_to(folder) for p in folder.rglob("summary.json"))


class Killer:
    def __init__(self, options, folder):
        self.afu = str(pathlib.Path(options.afu).resolve())
        self.options, self.folder = options, folder
        self.random = random.Random(options.seed)
        self.kills = self.signals = self.ends = self.resumed = 0
        self.in_checkpoints = self.on_the_way = 0  # of the kills

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

    def start(self, name, output):
        return subprocess.Popen(self.command(name, output), cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)

    def undisturbed(self, name):
        began = time.monotonic()
        output = name + "-whole"
        process = self.start(name, output)
        error = process.communicate()[1].decode()
        if process.returncode != 0:
            sys.exit(f"{name}: the undisturbed run ended with {process.returncode}: {error}")
        whole = self.folder / output
        return {run: figures(whole / run) for run in runs_in(whole)}, time.monotonic() - began

    def sitting(self, name, output, seconds):
        """Starts the run, or has it go on, and may kill it. Whether it has ended by itself."""
        folder = self.folder / output
        before = logged(folder)
        process = self.start(name, output)
        # Short times, for kills of what only begins or goes on, as often as long ones.
        limit = seconds * self.random.choice((0.1, 0.4, 1.2))
        sent = None
        try:
            error = process.communicate(timeout=self.random.uniform(0, limit))[1].decode()
        except subprocess.TimeoutExpired:
            in_order = self.random.random() < 0.1
            sent = self.random.choice((signal.SIGTERM, signal.SIGHUP)) if in_order else signal.SIGKILL
            process.send_signal(sent)
            error = process.communicate()[1].decode()
            self.kills += not in_order
            self.signals += in_order
            if not in_order:
                self.in_checkpoints += in_a_checkpoint(folder)
                self.on_the_way += 0 < before == logged(folder)
        if process.returncode == 0:
            return True
        if sent is None or process.returncode not in (-sent, 128 + sent):
            sys.exit(f"{name}: ended with {process.returncode} after {self.kills} kills: {error}\n"
                     f"kept: {self.folder / output}")
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
            self.resumed += (context(folder / run)["resumed"] or {"times": 0})["times"]
        differing = [f"{run}: {key}" for run in whole for key in whole[run]
                     if found.get(run, {}).get(key) != whole[run][key]]
        if differing or found.keys() != whole.keys():
            sys.exit(f"{name}: not what the undisturbed run gave: {', '.join(differing) or 'other runs'}\nkept: {folder}")
        self.ends += 1

    def run(self, names):
        whole = {}
        for name in names:
            self.write(name)
            whole[name] = self.undisturbed(name)
            print(f"{name}: undisturbed in {whole[name][1]:.1f} s", flush=True)
        while self.kills < self.options.kills:
            for name in names:
                if self.kills >= self.options.kills:
                    break
                self.one_end(name, *whole[name])
            print(f"{self.kills} kills ({self.in_checkpoints} in the middle of a checkpoint, {self.on_the_way} of what "
                  f"was not yet where it had been), {self.signals} signals in order, {self.resumed} times gone on, "
                  f"{self.ends} runs ended: all the same", flush=True)


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
