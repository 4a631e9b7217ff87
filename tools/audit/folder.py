"""A run's folder, read: what afu wrote with output.audit = true."""

from __future__ import annotations

import json
import tomllib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nets import Layout, Unusable

SCHEMA = 1


@dataclass
class RunFolder:
    scenario: dict[str, Any]
    run: dict[str, Any]
    events: list[dict[str, Any]]
    layout: Layout
    images: np.ndarray  # [N, C, H, W], of volumes [N, C, D, H, W], uint8
    labels: np.ndarray
    initial: np.ndarray
    restart: np.ndarray | None
    final: np.ndarray
    updates: dict[str, np.ndarray]
    summary: dict[str, Any]
    path: Path
    tasks: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)  # by client and job
    erase_jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by request, in order
    calibrate_jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


# What a method's variant says of the switches that are left out where they say no more than it.
SWITCHES = {
    "federaser": {
        "paper": {"norm": "global", "calibrate": "client", "printed_factor": False},
        "printed": {"norm": "global", "calibrate": "client", "printed_factor": True},
        "code": {"norm": "layer", "calibrate": "mean", "printed_factor": False},
    },
    "fedrecovery": {
        "derivation": {"weights": "all", "residual": "target"},
        "code": {"weights": "earlier", "residual": "retained"},
    },
}


def spelled_out(scenario: dict[str, Any]) -> dict[str, Any]:
    """With every switch of every method, and the keys of [calibration.research] among those of [calibration], where
    runs of earlier versions have them."""
    calibration = scenario["calibration"]
    calibration.update(calibration.pop("research", {}))
    for method, variants in SWITCHES.items():
        section = scenario["unlearning"][method]
        if "variant" in section:
            scenario["unlearning"][method] = variants[section["variant"]] | section
    return scenario


def client_of(node: str) -> int:
    return int(node.removeprefix("client/"))


def read(path: Path) -> RunFolder:
    audit = path / "audit"
    if not audit.is_dir():
        raise Unusable(f"'{path}' has no audit/: the run was made without output.audit = true")
    try:
        scenario = spelled_out(tomllib.loads((path / "scenario.toml").read_text()))
        run = json.loads((audit / "run.json").read_text())
        summary = json.loads((path / "summary.json").read_text())
        events = _lines(path / "events.jsonl")
        jobs = _lines(audit / "jobs.jsonl")
        data, initial = _arrays(audit / "data.npz"), _arrays(audit / "initial.npz")
        final = _arrays(audit / "final.npz")
        updates = _arrays(audit / "updates.npz") if (audit / "updates.npz").exists() else {}
        if run["schema"] != SCHEMA:
            raise Unusable(f"'{audit}/run.json' has schema {run['schema']}, this program reads {SCHEMA}")
        if run["layout"]["buffers"]:
            raise Unusable("the model has running statistics (BatchNorm), which are not computed again")
        folder = RunFolder(
            scenario,
            run,
            events,
            Layout(run["layout"]["parameters"]),
            data["images"],
            data["labels"],
            initial["initial"],
            initial.get("restart"),
            final["final"],
            updates,
            summary,
            path,
        )
        _sort_jobs(folder, jobs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as e:
        raise Unusable(f"'{path}' cannot be read: {type(e).__name__}: {e}") from e
    if folder.layout.size != len(folder.initial) or folder.layout.size != len(folder.final):
        raise Unusable(f"'{path}': the layout has {folder.layout.size} parameters, the weights have others")
    return folder


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as npz:
        return {name: npz[name] for name in npz.files}


def _sort_jobs(folder: RunFolder, jobs: list[dict[str, Any]]) -> None:
    for job in jobs:
        if job["kind"] == "train":
            folder.tasks[client_of(job["to"]), job["job"]] = job
        elif job["kind"] == "erase":
            folder.erase_jobs.setdefault(job["request"], []).append(job)
        elif job["kind"] == "calibrate" and job["kernel"] == "calibrate":
            folder.calibrate_jobs.setdefault(job["request"], []).append(job)
