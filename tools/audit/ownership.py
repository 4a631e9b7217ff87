"""Who owns which rows: nothing twice, nothing measured that was trained on, and poison as it is described."""

from __future__ import annotations

import poison
from folder import RunFolder
from philox import Key, Stream, purpose


def faults(folder: RunFolder) -> list[str]:
    return _out_of_range(folder) or _shared_rows(folder) + poison.faults(folder) + _requested(folder)


def _sets(folder: RunFolder) -> list[tuple[str, list[int]]]:
    run = folder.run
    sets = [("test", run["test"]), ("validation", run["validation"])]
    for c in run["clients"]:
        sets += [(f"client {c['client']}'s {kind}", c[kind]) for kind in ("train", "holdout", "calibration")]
    return sets


def _out_of_range(folder: RunFolder) -> list[str]:
    """Rows that the data do not have; clients and seed that are not the scenario's."""
    found, b, count = [], folder.run["backdoor"] or {}, len(folder.labels)
    kinds = ("poisoned", "originals", "triggered_test", "control_test", "poisoned_holdout")
    sets = _sets(folder) + [(kind, b[kind]) for kind in kinds if b]
    sets += [(f"request {r['request']}'s forget", r["forget"]) for r in folder.run["requests"]]
    for name, rows in sets:
        wrong = [row for row in rows if type(row) is not int or not 0 <= row < count]
        found += [f"{name} has row {wrong[0]!r}, the data have {count}"] if wrong else []
    if len(folder.images) != count:
        found.append(f"there are {len(folder.images)} images and {count} labels")
    if [c["client"] for c in folder.run["clients"]] != list(range(folder.scenario["partition"]["clients"])):
        found.append("the clients are not those of the scenario")
    if folder.run["seed"] != folder.scenario["scenario"]["seed"]:
        found.append("the seed is not that of the scenario")
    return found[:3]


def _shared_rows(folder: RunFolder) -> list[str]:
    """Only calibration sets may share a row."""
    seen, found = {}, []
    for name, rows in _sets(folder):
        for row in rows:
            both_calibrate = name.endswith("calibration") and seen.get(row, name).endswith("calibration")
            if row in seen and not both_calibrate:
                found.append(f"row {row} is of {seen[row]} and of {name}")
            seen[row] = name
    return found[:3]


def _requested(folder: RunFolder) -> list[str]:
    """A client's requests for parts take them from one shuffle, poisoned ones first, or name them; none twice."""
    found: list[str] = []
    taken: dict[int, set[int]] = {}
    poisoned = set(folder.run["backdoor"]["poisoned"]) if folder.run["backdoor"] else set()
    for r in folder.run["requests"]:
        clients = folder.run["clients"]
        if r["scope"] == "class":
            everybody = [row for c in clients for row in c["train"]]
            wanted = sorted(row for row in everybody if folder.labels[row] == r["class"])
        elif r["scope"] == "client":
            wanted = clients[r["client"]]["train"]
        elif r.get("named"):
            before = taken.setdefault(r["client"], set())
            own = set(clients[r["client"]]["train"]) - before
            wanted = sorted(own & set(r["forget"]))
            before.update(wanted)
        else:
            order = list(clients[r["client"]]["train"])
            Stream(Key(folder.run["seed"], purpose("forget"), r["client"], 0)).shuffle(order)
            order.sort(key=lambda row: row not in poisoned)
            before = taken.setdefault(r["client"], set())
            wanted = sorted([row for row in order if row not in before][: len(r["forget"])])
            before.update(wanted)
        if r["forget"] != wanted:
            found.append(f"request {r['request']} forgets other rows than it should")
    return found
