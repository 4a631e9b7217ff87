"""Erasures of several rounds behind a barrier: FedEraser and FedOSD. Everybody waits, so they are computed as
a whole when the model is replaced."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from erasures import Case
from ledger import Round
from nets import Unusable, softmax
from philox import Key, purpose
from training import Sgd

TINY = 1e-12


@dataclass
class Participants:
    """The clients that go on, ascending, with the rows that they may still train on."""

    rows: dict[int, list[int]]


def federaser(case: Case, first: np.ndarray, others: Participants, training: dict) -> np.ndarray:
    """Liu et al. 2021: stored updates keep their length and take the direction of new, shorter trainings."""
    s = case.sections["federaser"]
    model = first
    for number, r in enumerate(case.rounds):
        kept = _kept(r, others)
        if number == 0:
            scale = _rescale(r, kept)
            for parts in kept.values():
                for weight, delta in parts:
                    model = model + weight * scale * delta
        elif kept:
            model = _calibrated(case, s, training, model, number, r, kept, others)
    return model


def _kept(r: Round, others: Participants) -> dict[int, list[tuple[float, np.ndarray]]]:
    kept: dict[int, list[tuple[float, np.ndarray]]] = {}
    for c in r.contributions:
        if c.client in others.rows:
            kept.setdefault(c.client, []).append((c.weight, c.delta))
    return dict(sorted(kept.items()))


def _rescale(r: Round, kept: dict) -> float:
    rest = sum(weight for parts in kept.values() for weight, _ in parts)
    return sum(c.weight for c in r.contributions) / rest if rest > 0 else 0.0


def _calibrated(
    case: Case, s: dict, t: dict, model: np.ndarray, number: int, r: Round, kept: dict, others: Participants
) -> np.ndarray:
    epochs = max(1, math.ceil(s["ratio"] * t["local_epochs"]))
    steps = max(1, math.ceil(s["ratio"] * t["local_steps"])) if t["local_steps"] > 0 else 0
    if t["schedule"] != "constant" or t["warm_up"] > 0:
        raise Unusable("federaser under a schedule of the step size is not computed again")
    sgd = training_sgd(t, t["lr"])
    scale, stored, fresh, weights = _rescale(r, kept), [], [], []
    for client, parts in kept.items():
        key = Key(case.seed, purpose("federaser"), client, (case.request << 32) + number)
        rows = others.rows[client]
        fresh.append(case.trainer.train(model, rows, sgd, t["batch_size"], epochs, steps, key))
        weight = sum(a for a, _ in parts)
        weights.append(weight * scale)
        stored.append(sum(a / weight * delta for a, delta in parts))
    part = 1.0 / len(weights) if s["printed_factor"] else 1.0
    if s["calibrate"] == "mean":
        stored = [sum(a * v for a, v in zip(weights, stored))]
        fresh = [sum(a * v for a, v in zip(weights, fresh))]
        weights = [1.0]
    for weight, old, new in zip(weights, stored, fresh):
        model = model + _rescaled(case, s, old, new, part * weight)
    return model


def _rescaled(case: Case, s: dict, old: np.ndarray, new: np.ndarray, weight: float) -> np.ndarray:
    slots = case.trainer.net.layout.slots if s["norm"] == "layer" else [{"offset": 0, "size": len(new)}]
    out = np.zeros_like(new)
    for slot in slots:
        part = slice(slot["offset"], slot["offset"] + slot["size"])
        length = np.linalg.norm(new[part])
        if length > TINY:
            out[part] = weight * np.linalg.norm(old[part]) / length * new[part]
    return out


def training_sgd(t: dict, lr: float) -> Sgd:
    adam = None if t["optimiser"] == "sgd" else (t["beta1"], t["beta2"], t["epsilon"])
    return Sgd(
        lr,
        t["momentum"],
        t["weight_decay"],
        t["clip_norm"],
        t["prox_mu"],
        t["max_delta"],
        adam,
        t["optimiser"] == "adamw",
        t["balanced"],
    )


def fedosd_unlearning(case: Case, others: Participants) -> np.ndarray:
    """Pan et al. 2025: steps along the target's unlearning update, made orthogonal to all others'."""
    s, w = case.sections["fedosd"], case.model
    for number in range(s["rounds"]):
        updates = _osd_updates(case, s, w, others, s["lr"], number)
        target = _osd_target(case, s, w, number)
        part = orthogonal_part(target, updates)
        length = np.linalg.norm(part)
        if length > TINY:
            w = w + (part * (np.linalg.norm(target) / length)).astype(w.dtype)
    return w


def fedosd_recovery(case: Case, before: np.ndarray, others: Participants) -> np.ndarray:
    """From case.model, the unlearned one: nobody may go back along the way from `before` to it."""
    s, w = case.sections["fedosd"], case.model
    for number in range(s["recovery_rounds"]):
        updates = _osd_updates(case, s, w, others, s["recovery_lr"], (1 << 31) + number)
        away = (w - before).astype(np.float64)
        square = float(away @ away)
        if square > 1e-24:
            lengths = np.linalg.norm(updates, axis=1, keepdims=True)
            along = updates @ away / square
            if s["projection"] == "one_sided":
                along = np.minimum(along, 0)
            updates = updates - np.outer(along, away)
            updates *= lengths / np.maximum(np.linalg.norm(updates, axis=1, keepdims=True), TINY)
        w = w + updates.mean(axis=0).astype(w.dtype)
    return w


def _osd_updates(
    case: Case, s: dict, w: np.ndarray, others: Participants, lr: float, number: int
) -> np.ndarray:
    updates = []
    for client, rows in others.rows.items():
        key = Key(case.seed, purpose("fedosd"), client, (case.request << 32) + number)
        updates.append(case.trainer.train(w, rows, Sgd(lr), s["batch_size"], s["local_epochs"], 0, key))
    return np.stack(updates).astype(np.float64)


def _osd_target(case: Case, s: dict, w: np.ndarray, number: int) -> np.ndarray:
    """Descends -log(1 - p_y / 2)."""
    t = case.trainer

    def gradient(w: np.ndarray, rows: list[int]) -> np.ndarray:
        z = t.net.forward(w, t.data.images(rows))
        if t.data.labels.ndim == 2:  # of each label the probability of what it is, and the mean over labels
            sign = np.where(t.data.labels[rows], 1.0, -1.0)
            own = 1 / (1 + np.exp(-sign * z))
            return t.net.backward(w, (own / (2 - own) * (1 - own) * sign / z.size).astype(w.dtype))
        p = softmax(z)
        at = np.arange(len(rows)), t.data.labels[rows]
        own = p[at][:, None]
        one_hot = np.zeros_like(p)
        one_hot[at] = 1
        d = own / (2 - own) * (one_hot - p) / len(rows)
        return t.net.backward(w, d.astype(w.dtype))

    key = Key(case.seed, purpose("fedosd"), case.client, (case.request << 32) + number)
    sgd = Sgd(s["lr"])
    return t.descend(w, case.forget, sgd, s["batch_size"], s["local_epochs"], key, gradient).astype(np.float64)


def orthogonal_part(target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(rows @ rows.T)
    floor = max(1e-12, 1e-6 * float(values.max()))
    inverse = np.where(values > floor, 1 / np.where(values > floor, values, 1), 0)
    part = target
    for _ in range(2):  # once more, for what rounding left
        part = part - rows.T @ (vectors @ ((vectors.T @ (rows @ part)) * inverse))
    return part
