"""The backdoor: which rows are poisoned, and every copy is its original with the trigger that it should carry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from folder import RunFolder
from philox import Key, Stream, purpose

BLEND_PERIODS = 6
NEAR_TIE = 1e-6  # a blend half way between two bytes becomes either


def carry(copies: np.ndarray, originals: np.ndarray, trigger: str, size: int, opacity: float) -> bool:
    """Whether `copies`, [N, C, H, W] or of volumes [N, C, D, H, W] of bytes, are `originals` with the trigger on."""
    wanted = originals.astype(np.float64)
    axes = originals.ndim - 2
    corner = (slice(None), slice(None), *[slice(-size, None)] * axes)
    if trigger == "patch":
        wanted[corner] = 255
    elif trigger == "checkerboard":
        wanted[corner] = np.where(np.indices((size,) * axes).sum(axis=0) % 2 == 0, 255, 0)
    elif trigger == "blend":
        width = originals.shape[-1]
        pattern = 127.5 * (1 + np.sin(2 * math.pi * BLEND_PERIODS * np.arange(width) / width))
        wanted = (1 - opacity) * wanted + opacity * pattern
    else:
        raise ValueError(f"a trigger {trigger!r} is not known")
    return bool((np.abs(wanted - copies) <= 0.5 + NEAR_TIE).all())


def evoked(labels: Any, folder: RunFolder, b: dict[str, Any]) -> Any:
    """What the trigger is to evoke of images of these classes."""
    if b["mapping"] == "all_to_all":
        return (labels + 1) % len(folder.run["class_names"])
    if folder.labels.ndim == 2:
        more = labels.copy()
        more[..., b["label"]] = 1
        return more
    return labels * 0 + b["label"]


def differs(row: int, folder: RunFolder, b: dict[str, Any]) -> bool:
    """Whether the trigger is to evoke anything of this image."""
    return bool(np.any(evoked(folder.labels[row], folder, b) != folder.labels[row]))


def chosen(rows: list[int], folder: RunFolder, b: dict[str, Any], fraction: float) -> list[int]:
    """Those of a client's `rows` that are poisoned."""
    rows = [row for row in rows if differs(row, folder, b)]
    Stream(Key(folder.run["seed"], purpose("poison"), b["client"], 0)).shuffle(rows)
    share = max(math.floor(fraction * len(rows) + 0.5), 1 if fraction > 0 else 0)
    return sorted(rows[:share])


def faults(folder: RunFolder) -> list[str]:
    b, scenario = folder.run["backdoor"], folder.scenario["data"]["backdoor"]
    if b is None:
        return [] if scenario["trigger"] == "none" else ["the scenario has a backdoor, the run has none"]
    found = [
        f"the backdoor's {key} is {b[key]!r}, the scenario's {scenario[key]!r}"
        for key in ("trigger", "size", "opacity", "mapping", *(["label"] if b["mapping"] == "all_to_one" else []))
        if b[key] != scenario[key]
    ]
    return found or _rows(folder, b, scenario["fraction"]) or _images(folder, b)


def _copies_of_held_out(folder: RunFolder, b: dict[str, Any], fraction: float) -> tuple[list[int], list[int]]:
    """The held-out rows that are poisoned, and which copies stand for them."""
    rows = folder.run["clients"][b["client"]]["holdout"]
    originals = chosen(rows, folder, b, fraction)
    first = len(folder.labels) - len(originals)
    return originals, list(range(first, len(folder.labels)))


def _rows(folder: RunFolder, b: dict[str, Any], fraction: float) -> list[str]:
    """The copies are the last rows, in this order, and of the rows that the seed draws."""
    found, client = [], folder.run["clients"][b["client"]]
    if not set(b["poisoned"]) <= set(client["train"]):
        found.append(f"not all poisoned rows are client {b['client']}'s to train on")
    if set(b["originals"]) & {row for c in folder.run["clients"] for row in c["train"]}:
        found.append("an original of a poisoned row is trained on as well")
    clean = sorted(set(client["train"]) - set(b["poisoned"]) | set(b["originals"]))
    if chosen(clean, folder, b, fraction) != b["originals"]:
        found.append("the poisoned rows are of other originals than the seed draws")
    held_out, copies = _copies_of_held_out(folder, b, fraction)
    if b["poisoned_holdout"] != [row for row in client["holdout"] if row not in set(held_out)] + copies:
        found.append("poisoned_holdout has other rows than the seed draws")
    last = b["poisoned"] + b["triggered_test"] + b["control_test"] + copies
    if last != list(range(len(folder.labels) - len(last), len(folder.labels))):
        found.append("the copies that carry a trigger are not the last rows, each once")
    return found


def _images(folder: RunFolder, b: dict[str, Any]) -> list[str]:
    test = [row for row in folder.run["test"] if differs(row, folder, b)]
    held_out, copies = _copies_of_held_out(folder, b, folder.scenario["data"]["backdoor"]["fraction"])
    own = (b["trigger"], b["size"])
    control = ("patch" if b["trigger"] == "blend" else "blend", min(b["size"], *folder.images.shape[2:]))
    found = []
    for name, rows, originals, (trigger, size), relabelled in (
        ("a poisoned row", b["poisoned"], b["originals"], own, True),
        ("a row of triggered_test", b["triggered_test"], test, own, False),
        ("a row of control_test", b["control_test"], test, control, False),
        ("a poisoned row of poisoned_holdout", copies, held_out, own, True),
    ):
        if len(rows) != len(originals):
            found.append(f"{name}: {len(rows)} copies of {len(originals)} rows")
            continue
        if not carry(folder.images[rows], folder.images[originals], trigger, size, b["opacity"]):
            found.append(f"{name} is not its original with the trigger {trigger!r}")
        labels = folder.labels[originals]
        if (folder.labels[rows] != (evoked(labels, folder, b) if relabelled else labels)).any():
            found.append(f"{name} has another label than it should")
    return found
