"""Aggregation rules: which arrived updates make the next version, and with which coefficients."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nets import Layout


@dataclass
class Arrival:
    client: int
    samples: int
    staleness: int
    delta: np.ndarray
    base: np.ndarray
    base_version: int
    late: bool = False
    guard: np.ndarray | None = None  # the delta passes a one-sided guard against this erasure
    as_difference: bool = False  # late = "guard": never mixed as a whole model
    rebase: list[np.ndarray] = field(default_factory=list)
    auxiliary: np.ndarray | None = None
    parts: list[np.ndarray] | None = None  # what of the delta each shard of the client made


@dataclass
class Plan:
    """w' = keep w + sum of c_i (delta_i, or base_i + delta_i where whole models are mixed) + extra."""

    arrivals: list[Arrival]
    coefficients: list[float]
    keep: float = 1.0
    whole_model: bool = False
    extra: np.ndarray | None = None


def guarded(delta: np.ndarray, guard: np.ndarray | None) -> np.ndarray:
    """Without what points back along -guard."""
    if guard is None:
        return delta
    g = guard.astype(np.float64)
    along = float(g @ delta.astype(np.float64))
    return delta - delta.dtype.type(along / float(g @ g)) * guard if along < 0 else delta


def staleness_factor(t: dict[str, Any], tau: float) -> float:
    name, a, b = t["staleness"], t["staleness_a"], t["staleness_b"]
    if name == "constant":
        return 1.0
    if name == "polynomial":
        return (1.0 + tau) ** -a
    if name == "exponential":
        return math.exp(-a * tau)
    return 1.0 if tau <= b else 1.0 / (a * (tau - b) + 1.0)  # hinge


class Rule:
    synchronous = False
    whole_model = False

    def __init__(self, training: dict[str, Any], mean_samples: float, clients: int, layout: Layout) -> None:
        self.t, self.mean_samples, self.clients, self.layout = training, mean_samples, clients, layout
        self.buffer: list[Arrival] = []

    def add(self, a: Arrival, model: np.ndarray) -> Plan | None:
        raise NotImplementedError

    def flush(self) -> Plan | None:
        return None

    def merged(self, plan: Plan, model: np.ndarray) -> None:
        """`plan` has been merged into `model`."""

    def forget(self, client: int) -> None:
        self.buffer = [a for a in self.buffer if a.client != client]

    def applied(self, plan: Plan, model: np.ndarray) -> np.ndarray:
        w = model.dtype.type(plan.keep) * model
        for a, c in zip(plan.arrivals, plan.coefficients):
            if plan.whole_model:
                w = w + w.dtype.type(c) * a.base
                for vector in a.rebase:
                    w = w + w.dtype.type(c) * vector
            w = w + w.dtype.type(c) * guarded(a.delta, a.guard)
        return w if plan.extra is None else w + plan.extra

    def _full(self) -> list[Arrival] | None:
        if len(self.buffer) < self.t["buffer_size"]:
            return None
        arrivals, self.buffer = self.buffer, []
        return arrivals


class AsyncDelta(Rule):
    """w + min(1, eta s(tau) clip(n_k / mean n, 0.4, 1.6)) delta."""

    def add(self, a: Arrival, model: np.ndarray) -> Plan:
        omega = min(max(a.samples / self.mean_samples, 0.4), 1.6) if self.t["weight_by_samples"] else 1.0
        return Plan([a], [min(1.0, self.t["server_lr"] * staleness_factor(self.t, a.staleness) * omega)])


class FedAsync(Rule):
    """(1 - a) w + a (w_base + delta), a = alpha s(tau) (Xie, Koyejo, Gupta 2019)."""

    whole_model = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.count = 0

    def add(self, a: Arrival, model: np.ndarray) -> Plan:
        halved_at = self.t["mixing_halved_at"]
        alpha = self.t["mixing"] / (2 if 0 < halved_at <= self.count else 1)
        self.count += 1
        c = min(1.0, alpha * staleness_factor(self.t, a.staleness))
        return Plan([a], [c]) if a.as_difference else Plan([a], [c], keep=1.0 - c, whole_model=True)


class Momentum(Rule):
    """m <- beta m + sum of c_i delta_i, w <- w + m."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.momentum: np.ndarray | None = None

    def _with_momentum(self, plan: Plan) -> Plan:
        beta = self.t["server_momentum"]
        if beta:
            if self.momentum is not None:
                plan.extra = self.momentum.dtype.type(beta) * self.momentum
            total = 0 if plan.extra is None else plan.extra
            for a, c in zip(plan.arrivals, plan.coefficients):
                total = total + a.delta.dtype.type(c) * guarded(a.delta, a.guard)
            self.momentum = total
        return plan

    def forget(self, client: int) -> None:
        super().forget(client)
        self.momentum = None


class FedBuff(Momentum):
    """Once B are in: w + eta / B sum of s(tau_i) delta_i (Nguyen et al. 2022)."""

    def add(self, a: Arrival, model: np.ndarray) -> Plan | None:
        self.buffer.append(a)
        arrivals = self._full()
        if arrivals is None:
            return None
        average = self.t["staleness_average"]
        unit = staleness_factor(self.t, average) if average > 0 else 1.0
        s = [staleness_factor(self.t, x.staleness) / unit for x in arrivals]
        divisor = sum(s) if self.t["buffer_normalisation"] == "staleness" else self.t["buffer_size"]
        scale = self.t["server_lr"] / divisor if divisor > 0 else 0.0
        return self._with_momentum(Plan(arrivals, [x * scale for x in s]))


class FedAvg(Momentum):
    """w + sum of n_i / (sum n) delta_i of a round (McMahan et al. 2017)."""

    synchronous = True

    def add(self, a: Arrival, model: np.ndarray) -> None:
        self.buffer.append(a)

    def flush(self) -> Plan | None:
        if not self.buffer:
            return None
        arrivals, self.buffer = self.buffer, []
        n = [1.0 if self.t["round_weights"] == "uniform" else float(a.samples) for a in arrivals]
        return self._with_momentum(Plan(arrivals, [x / sum(n) for x in n]))


class AsoFed(Rule):
    """w + c (delta - previous + h), c = n_k / N max(1, log of the mean staleness) (Chen et al. 2020)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.known: dict[int, dict[str, Any]] = {}

    def add(self, a: Arrival, model: np.ndarray) -> Plan:
        c = self.known.setdefault(a.client, {"mean": 0.0, "updates": 0, "h": None, "previous": None})
        c["updates"] += 1
        c["mean"] += (a.staleness - c["mean"]) / c["updates"]
        stretch = max(1.0, math.log(c["mean"])) if c["mean"] > 0 else 1.0
        coefficient = a.samples / (self.mean_samples * self.clients) * stretch
        extra = None
        if c["previous"] is not None:
            extra = -a.delta.dtype.type(coefficient) * c["previous"]
        if c["h"] is not None:
            extra = extra + a.delta.dtype.type(coefficient) * c["h"]
        return Plan([a], [coefficient], extra=extra)

    def merged(self, plan: Plan, model: np.ndarray) -> None:
        beta = self.t["aso_beta"]
        for a in plan.arrivals:
            c = self.known[a.client]
            if c["previous"] is not None:
                kept = 0 if c["h"] is None else a.delta.dtype.type(beta) * c["h"]
                c["h"] = kept + a.delta.dtype.type(1 - beta) * c["previous"]
            c["previous"] = guarded(a.delta, a.guard)

    def applied(self, plan: Plan, model: np.ndarray) -> np.ndarray:
        w = super().applied(plan, model)
        if self.t["aso_feature_step"]:
            slot = next(s for s in self.layout.slots if len(s["shape"]) > 1)
            first = w[slot["offset"] : slot["offset"] + slot["size"]].reshape(slot["shape"][0], -1)
            size = np.exp(np.abs(first) - np.abs(first).max(axis=0))
            first *= size / size.sum(axis=0)
        return w

    def forget(self, client: int) -> None:
        self.known.pop(client, None)


class Port(Rule):
    """Weights by samples, likeness to the last course and freshness, which sum to 1 (Su and Li 2022)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.older: list[np.ndarray | None] = [None, None]

    def add(self, a: Arrival, model: np.ndarray) -> Plan | None:
        self.buffer.append(a)
        arrivals = self._full()
        if arrivals is None:
            return None
        cosines = [0.0] * len(arrivals)
        if self.older[1] is not None and self.t["port_similarity"] > 0:
            course = (model - self.older[1]).astype(np.float64)
            cosines = [_cosine(course, x.delta.astype(np.float64)) for x in arrivals]
        self.older = [model, self.older[0]]
        bound, samples = self.t["staleness_bound"], sum(x.samples for x in arrivals)
        p = [
            x.samples
            / samples
            * (
                (cosine + 1) / 2 * self.t["port_similarity"]
                + bound / (x.staleness + bound) * self.t["port_staleness"]
            )
            for x, cosine in zip(arrivals, cosines)
        ]
        total = sum(p)
        return Plan(arrivals, [x / total if total > 0 else 0.0 for x in p])

    def forget(self, client: int) -> None:
        super().forget(client)
        self.older = [None, None]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths > 0 else 0.0


RULES: dict[str, type[Rule]] = {
    "async_delta": AsyncDelta,
    "fedasync": FedAsync,
    "fedbuff": FedBuff,
    "fedavg": FedAvg,
    "aso_fed": AsoFed,
    "port": Port,
}
