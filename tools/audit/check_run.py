#!/usr/bin/env python3
"""Computes a run of afu again from its folder and compares the weights.

    tools/audit/check_run.py RUN... [--precision float64|float32] [--tolerance X]

Each run was made with output.audit = true. Exit status: 0 all agree; 1 one does not; 2 one cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import delivered
import folder as run_folder
import ownership
from folder import RunFolder
from nets import Unusable
from philox import Key, purpose
from replay import Mismatch, Replay

# afu trains in float32, this computes in float64: what is left is float32's rounding, gathered over the run.
# A file of another shape than afu writes.
DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, OverflowError)
TOLERANCES = {"logreg": 1e-6, "cnn_small": 5e-6}


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())


def check_initial(folder: RunFolder) -> None:
    """The first weights are drawn as they should be, bit by bit."""
    scenario = folder.scenario
    seeds = [("initial", folder.initial, scenario["model"]["init_seed"] or scenario["scenario"]["seed"])]
    if folder.restart is not None:
        seeds.append(("restart", folder.restart, scenario["unlearning"]["retrain"]["init_seed"]))
    for name, weights, seed in seeds:
        if not np.array_equal(folder.layout.initial(Key(seed, purpose("init"), 0, 0)), weights):
            raise Mismatch(f"audit/initial.npz: {name} is not what the seed {seed} draws")


def check(path: Path, dtype: type, tolerance: float | None) -> bool:
    folder = run_folder.read(path)
    replay = Replay(folder, dtype)
    check_initial(folder)
    for fault in delivered.sealed(path):
        raise Mismatch(f"files.json: {fault}")
    replay.schedule.check_requests()
    for fault in ownership.faults(folder):
        raise Mismatch(f"audit/run.json: {fault}")
    replay.run()
    found = {"weights": largest_difference(replay.model, folder.final)} | replay.updates_checked
    missing = sorted(set(folder.updates) - set(replay.updates_checked))
    if missing:
        raise Mismatch(f"audit/updates.npz: no event tells of {', '.join(missing)}")
    allowed = TOLERANCES[folder.scenario["model"]["name"]] if tolerance is None else tolerance
    good = all(difference <= allowed for difference in found.values())
    for fault in delivered.faults(folder) if good else []:
        raise Mismatch(fault)
    parts = ", ".join(f"{name} {difference:.2e}" for name, difference in found.items())
    moved = largest_difference(folder.final, folder.initial)
    print(
        f"{path}: {'agrees' if good else 'DIFFERS'}: largest differences: {parts}; tolerance {allowed:g}; "
        f"{folder.summary['context']['ended']}; {replay.version} versions, the weights moved by up to {moved:.3g}"
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--precision", choices=["float64", "float32"], default="float64")
    parser.add_argument("--tolerance", type=float)
    arguments = parser.parse_args()
    status = 0
    for path in arguments.runs:
        try:
            if not check(path, np.dtype(arguments.precision).type, arguments.tolerance):
                status = max(status, 1)
        except Mismatch as e:
            print(f"{path}: DIFFERS: {e}", file=sys.stderr)
            status = max(status, 1)
        except (Unusable, *DAMAGE) as e:
            e = e if isinstance(e, Unusable) else f"{type(e).__name__}: {e}"
            print(f"{path}: cannot be used: {e}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
