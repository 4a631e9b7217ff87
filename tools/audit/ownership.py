"""Who owns which rows: nothing twice, nothing measured that was trained on, and poison as it is described."""

from __future__ import annotations

import numpy as np

from folder import RunFolder
from philox import Key, Stream, purpose


def faults(folder: RunFolder) -> list[str]:
    return _shared_rows(folder) + _poison(folder) + _requested(folder)


def _shared_rows(folder: RunFolder) -> list[str]:
    """Only calibration sets may share a row."""
    run, seen, found = folder.run, {}, []
    sets = [("test", run["test"]), ("validation", run["validation"])]
    for c in run["clients"]:
        sets += [(f"client {c['client']}'s {kind}", c[kind]) for kind in ("train", "holdout", "calibration")]
    for name, rows in sets:
        for row in rows:
            both_calibrate = name.endswith("calibration") and seen.get(row, name).endswith("calibration")
            if row in seen and not both_calibrate:
                found.append(f"row {row} is of {seen[row]} and of {name}")
            seen[row] = name
    return found[:3]


def _poison(folder: RunFolder) -> list[str]:
    b, found = folder.run["backdoor"], []
    if b is None:
        return []
    trained = {row for c in folder.run["clients"] for row in c["train"]}
    if not set(b["poisoned"]) <= set(folder.run["clients"][b["client"]]["train"]):
        found.append(f"not all poisoned rows are client {b['client']}'s to train on")
    if set(b["originals"]) & trained:
        found.append("an original of a poisoned row is trained on as well")
    if (folder.labels[b["poisoned"]] != b["label"]).any():
        found.append("a poisoned row has another label than the backdoor's")
    if b["trigger"] == "patch":
        wanted = folder.images[b["originals"]].copy()
        wanted[:, :, -b["size"] :, -b["size"] :] = 255
        if not np.array_equal(wanted, folder.images[b["poisoned"]]):
            found.append("a poisoned row is not its original with a white square in the corner")
    return found


def _requested(folder: RunFolder) -> list[str]:
    """A client's requests for parts of its samples take them from one shuffle, poisoned ones first."""
    found, taken = [], {}
    poisoned = set(folder.run["backdoor"]["poisoned"]) if folder.run["backdoor"] else set()
    for r in folder.run["requests"]:
        clients = folder.run["clients"]
        if r["scope"] == "class":
            everybody = [row for c in clients for row in c["train"]]
            wanted = sorted(row for row in everybody if folder.labels[row] == r["class"])
        elif r["scope"] == "client":
            wanted = clients[r["client"]]["train"]
        else:
            order = list(clients[r["client"]]["train"])
            Stream(Key(folder.run["seed"], purpose("forget"), r["client"], 0)).shuffle(order)
            order.sort(key=lambda row: row not in poisoned)
            begin = taken.get(r["client"], 0)
            taken[r["client"]] = begin + len(r["forget"])
            wanted = sorted(order[begin : begin + len(r["forget"])])
        if r["forget"] != wanted:
            found.append(f"request {r['request']} forgets other rows than it should")
    return found
