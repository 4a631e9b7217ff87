"""What an erasure computes in one job: each returns the difference that is merged into the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger import Round, Tracked
from nets import Unusable, log_softmax
from philox import Key, Stream, purpose
from training import (
    Adam,
    HeadTrainer,
    Sgd,
    Trainer,
    batches,
    cross_entropy,
    distillation,
    label_distillation,
    log_answers,
)


@dataclass
class Case:
    """What the server knew when it handed the job out."""

    trainer: Trainer
    sections: dict[str, Any]  # [unlearning.<method>] of all methods
    method: str
    seed: int
    request: int
    client: int
    model: np.ndarray
    initial: np.ndarray
    target: Tracked
    rounds: list[Round]
    forget: list[int]
    environments: list[list[int]]
    synchronous: bool
    auxiliary: np.ndarray | None

    def key(self, name: str) -> Key:
        return Key(self.seed, purpose(name), self.client, self.request)


def _sgd(s: dict[str, Any]) -> Sgd:
    return Sgd(s["lr"], s["momentum"], clip_norm=s["clip_norm"])


def gradient_ascent(case: Case) -> np.ndarray:
    s, t = case.sections["gradient_ascent"], case.trainer

    def gradient(w: np.ndarray, rows: list[int]) -> np.ndarray:
        return -t.gradient(w, rows)

    key = case.key("gradient_ascent")
    return t.descend(case.model, case.forget, _sgd(s), s["batch_size"], s["epochs"], key, gradient)


def relabel(case: Case) -> np.ndarray:
    """Graves, Nagisetty and Ganesh 2021: a wrong label for each row, drawn from a stream of the row's own."""
    s, t, key = case.sections["relabel"], case.trainer, case.key("relabel")

    def wrong(row: int, classes: int) -> int:
        other = Stream(Key(key.seed, key.purpose, row, 0)).below(classes - 1)
        return other if other < t.data.labels[row] else other + 1

    def gradient(w: np.ndarray, rows: list[int]) -> np.ndarray:
        z = t.net.forward(w, t.data.images(rows))
        labels = np.array([wrong(r, z.shape[1]) for r in rows])
        return t.net.backward(w, cross_entropy(z, labels)[1].astype(w.dtype))

    return t.descend(case.model, case.forget, _sgd(s), s["batch_size"], s["epochs"], key, gradient)


def fedquit(case: Case) -> np.ndarray:
    """Mora et al. 2024: the teacher's true logit is lowered to the smallest one; KL, Adam."""
    s, t = case.sections["fedquit"], case.trainer
    if s["loss"] != "kl" or s["true_logit"] != "min":
        raise Unusable('unlearning.fedquit: only loss = "kl" with true_logit = "min" is computed again')
    labels = t.data.labels[case.forget]
    z = t.net.forward(case.model, t.data.images(case.forget)).copy()
    z[np.arange(len(z)), labels] = z.min(axis=1)
    targets = log_softmax(z / s["temperature"])
    w = case.model.copy()
    adam = Adam(len(w), w.dtype.type, s["lr"])
    for batch in batches(list(range(len(case.forget))), s["batch_size"], s["epochs"], 0, case.key("fedquit")):
        student = t.net.forward(w, t.data.images([case.forget[i] for i in batch])) / s["temperature"]
        _, d = distillation(targets[batch], student)
        adam.step(w, t.net.backward(w, (d / s["temperature"]).astype(w.dtype)))
    return w - case.model


def negate_first_layer(case: Case) -> np.ndarray:
    slot = case.trainer.net.layout.slots[0]
    delta = np.zeros_like(case.model)
    part = slice(slot["offset"], slot["offset"] + slot["size"])
    delta[part] = -2 * case.model[part]
    return delta


def recovery_sigma(epsilon: float, beta: float, sensitivity: float) -> float:
    b = math.log(1 / beta)
    return sensitivity / (math.sqrt(2.0) * (math.sqrt(b + epsilon) - math.sqrt(b)))


def fedrecovery(case: Case) -> np.ndarray:
    """Zhang et al. 2023: - scale sum p_i pi_i (Delta_u - Delta) / (1 - pi_i), p_i by |Delta|^2."""
    s = case.sections["fedrecovery"]
    earlier, retained = s["weights"] == "earlier", s["residual"] == "retained"
    total, sum_ = 0.0, np.zeros_like(case.model)
    for r in case.rounds:
        all_weights = sum(c.weight for c in r.contributions)
        own = [c for c in r.contributions if c.client == case.client]
        share = sum(c.weight for c in own) / all_weights if all_weights > 0 else 0.0
        aggregate = r.end - r.start
        weight = float(aggregate.astype(np.float64) @ aggregate.astype(np.float64))
        before, total = total, total + weight
        if earlier:
            weight = weight / before if before > 0 else 0.0
        if not own or share >= 1:
            continue
        mine = sum(c.weight * c.delta for c in own)
        residual = share * (aggregate - mine) if retained else mine - share * aggregate
        sum_ = sum_ + weight / (1 - share) * residual
    if total > 0:
        sum_ = sum_ * (-s["scale"] / (1.0 if earlier else total))
    sigma = s["sigma"]
    if s["epsilon"] > 0:
        sigma = recovery_sigma(s["epsilon"], s["beta"], s["sensitivity"])
    if sigma > 0:
        stream = Stream(case.key("fedrecovery"))
        sum_ = sum_ + np.array([sigma * stream.normal() for _ in range(len(sum_))], dtype=sum_.dtype)
    return sum_


def without_target(case: Case, rescaled: bool) -> np.ndarray:
    t = case.target
    if t.contributions == 0:
        return case.model
    if t.accumulator is not None:
        return (case.model - t.accumulator) / (1.0 - t.mass)
    if not rescaled or t.share >= 1:
        return case.model - t.influence
    keep = 1.0 / (1.0 - t.share)
    return keep * (case.model - t.influence) + (1.0 - keep) * case.initial


def kd(case: Case) -> np.ndarray:
    """Wu, Zhu and Mitra 2022: from the model without the target's sum, towards the old model's answers."""
    s, t = case.sections["kd"], case.trainer
    rows = [r for e in case.environments for r in e]
    w = without_target(case, s["subtraction"] == "rescaled").copy()
    steps = list(batches(rows, s["batch_size"], s["epochs"], 0, case.key("kd"))) if s["epochs"] and rows else []
    temperature, state = s["temperature"], t.state(w)
    for i, batch in enumerate(steps):
        x, labels = t.data.images(batch), t.data.labels[batch]
        target = log_answers(t.net.forward(case.model, x) / temperature, labels)
        z = t.net.forward(w, x)
        sets = labels.ndim == 2
        soft = label_distillation(target, z / temperature) if sets else distillation(target, z / temperature)[1]
        _, hard = cross_entropy(z, labels)
        d = soft * temperature + s["hard_weight"] * hard
        lr = s["lr"] * (s["final_lr"] / s["lr"]) ** (i / max(1, len(steps) - 1))
        state.step(w, t.net.backward(w, d.astype(w.dtype)), Sgd(lr, s["momentum"]))
    return w - case.model


def pga_reference(case: Case, rescaled: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """w_ref, and the target's last local model after a FedAvg round."""
    t = case.target
    if t.contributions == 0:
        return case.model, None
    if not (case.synchronous and t.last_base is not None):
        return without_target(case, rescaled), None
    last, pi = t.last_base + t.last_delta, t.last_weight
    if t.last_model is None:
        return case.model, last
    if pi >= 1:
        return case.model - t.last_delta, last
    return case.model + pi / (1 - pi) * (t.last_model - last), last


def pga(case: Case) -> np.ndarray:
    """Halimi et al. 2022: ascent within a ball around w_ref; its radius is a part of the rms distance of
    w_ref to ten random models."""
    s, t, key = case.sections["pga"], case.trainer, case.key("pga")
    if s["stop_accuracy"] > 0:
        raise Unusable("unlearning.pga.stop_accuracy is not computed again")
    reference, last = pga_reference(case, s["rescale"])
    square = 0.0
    for i in range(10):
        model = Key(key.seed, purpose("pga.random_model") + i, key.actor, key.round)
        square += _square(t.net.layout.initial(model).astype(np.float64) - reference)
    radius = s["radius_frac"] * math.sqrt(square / 10)
    stop_at = math.inf
    if last is not None and s["stop_factor"] > 0:
        stop_at = s["stop_factor"] * _square(reference - last)
    if last is not None and s["stop_distance"] > 0:
        stop_at = min(stop_at, s["stop_distance"])
    w, state = reference.copy(), t.state(reference)
    for step, batch in enumerate(batches(case.forget, s["batch_size"], s["epochs"], 0, key)):
        if 0 < s["max_steps"] <= step:
            break
        state.step(w, -t.gradient(w, batch), _sgd(s))
        length = math.sqrt(_square(w - reference))
        w = reference + min(1.0, radius / length if length > 0 else 1.0) * (w - reference)
        if last is not None and _square(w - last) > stop_at:
            break
    return w - case.model


def _square(v: np.ndarray) -> float:
    return float(v.astype(np.float64) @ v.astype(np.float64))


def fedau_merge(case: Case) -> np.ndarray:
    """Gu et al. 2024: the head becomes (1 - alpha) main + alpha auxiliary."""
    heads = HeadTrainer(case.trainer, case.seed)
    delta = np.zeros_like(case.model)
    heads.head_of(delta)[:] = case.sections["fedau"]["alpha"] * (case.auxiliary - heads.head_of(case.model))
    return delta


def fedau_post_hoc(case: Case) -> np.ndarray:
    """FedQUIT's port: a fresh head is trained on random labels, the rest is frozen."""
    s, t, key = case.sections["fedau"], case.trainer, case.key("fedau")
    heads = HeadTrainer(t, case.seed)
    stream = Stream(Key(key.seed, purpose("fedau.head"), key.actor, key.round))
    head = np.zeros(heads.size, dtype=case.model.dtype)
    weights = heads.classes * heads.features
    head[:weights] = [0.01 * stream.normal() for _ in range(weights)]
    features = t.net.features(case.model, t.data.images(case.forget))
    labels = np.array([heads.label(r) for r in case.forget])
    for batch in batches(list(range(len(case.forget))), s["batch_size"], s["head_epochs"], 0, key):
        weight, bias = heads.split(head)
        _, d = cross_entropy(features[batch] @ weight.T + bias, labels[batch])
        head -= s["head_lr"] * np.concatenate([(d.T @ features[batch]).reshape(-1), d.sum(axis=0)])
    delta = np.zeros_like(case.model)
    heads.head_of(delta)[:] = s["post_hoc_alpha"] * (head - heads.head_of(case.model))
    return delta


KERNELS: dict[str, Callable[[Case], np.ndarray]] = {
    "gradient_ascent": gradient_ascent,
    "relabel": relabel,
    "fedquit": fedquit,
    "negate_first_layer": negate_first_layer,
    "fedrecovery": fedrecovery,
    "distil": kd,
    "pga": pga,
    "fedau_merge": fedau_merge,
    "fedau_post_hoc": fedau_post_hoc,
}
