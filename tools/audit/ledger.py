"""What the server remembers of single clients, and of rounds, so that a contribution can be taken out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rules import Plan, guarded


@dataclass(frozen=True)
class Tracked:
    """One client's entry; vectors are never changed in place, so an entry is a snapshot."""

    influence: np.ndarray | None = None  # S_u
    shards: tuple[np.ndarray | None, ...] = ()  # S_u,s of each shard; () where clients train on all at once
    accumulator: np.ndarray | None = None  # A_u, of its whole models, with mass m_u
    mass: float = 0.0
    last_base: np.ndarray | None = None
    last_delta: np.ndarray | None = None
    last_model: np.ndarray | None = None  # the version that its last update is a model of
    last_weight: float = 0.0
    contributions: int = 0
    weight: float = 0.0
    all_weights: float = 0.0

    @property
    def share(self) -> float:
        return self.weight / self.all_weights if self.all_weights > 0 else 0.0


def _plus(a: np.ndarray | None, b: np.ndarray) -> np.ndarray:
    return b if a is None else a + b


class Ledger:
    def __init__(self, clients: list[int], whole_model: bool, decay: float) -> None:
        self.whole_model, self.decay = whole_model, decay
        self.entries = {c: Tracked() for c in clients}
        self._at_version: dict[int, dict[int, Tracked]] = {}

    def keep(self, version: int) -> None:
        self._at_version[version] = dict(self.entries)

    def at(self, version: int, client: int) -> Tracked:
        return self._at_version[version].get(client, Tracked())

    def merged(self, plan: Plan, after: np.ndarray) -> None:
        for client, entry in self.entries.items():
            self.entries[client] = self._after(client, entry, plan, after)

    def _after(self, client: int, t: Tracked, plan: Plan, after: np.ndarray) -> Tracked:
        keep = plan.keep
        influence = None if t.influence is None else plan.keep * t.influence
        shards = t.shards
        accumulator = None if t.accumulator is None else plan.keep * t.accumulator
        changes: dict = {"last_model": None, "mass": t.mass * (plan.keep if plan.whole_model else 1.0)}
        changes["all_weights"], changes["weight"] = t.all_weights, t.weight
        changes["contributions"] = t.contributions
        for a, c in zip(plan.arrivals, plan.coefficients):
            delta = guarded(a.delta, a.guard)
            changes["all_weights"] += c
            base_influence = self.at(a.base_version, client).influence if plan.whole_model else None
            if base_influence is not None:
                influence = _plus(influence, c * base_influence)
            if a.client != client:
                continue
            if t.influence is not None and self.decay:
                influence = influence - self.decay * keep * t.influence
                keep *= 1 - self.decay
                shards = tuple(None if s is None else (1 - self.decay) * s for s in shards)
            influence = _plus(influence, c * delta)
            if a.parts is not None:
                before = shards or (None,) * len(a.parts)
                shards = tuple(_plus(s, c * part) for s, part in zip(before, a.parts))
            if self.whole_model:
                model = a.base + sum(a.rebase, np.zeros_like(a.base)) if plan.whole_model else 0
                accumulator = _plus(accumulator, c * (model + delta))
            changes["weight"] += c
            changes["contributions"] += 1
            if plan.whole_model:
                changes["mass"] += c
            changes |= {"last_base": a.base, "last_delta": a.delta, "last_weight": c, "last_model": after}
        return replace(t, influence=influence, shards=shards, accumulator=accumulator, **changes)

    def removed(self, client: int, model: np.ndarray) -> np.ndarray:
        """The model without all that is accounted for; the others' accumulators grow with it."""
        t = self.entries[client]
        if not self.whole_model:
            return model if t.influence is None else model - t.influence
        if t.accumulator is None:
            return model
        keep = 1.0 / (1.0 - t.mass)
        for c, entry in self.entries.items():
            if c != client and entry.accumulator is not None:
                self.entries[c] = replace(entry, accumulator=keep * entry.accumulator, mass=keep * entry.mass)
        return keep * (model - t.accumulator)

    def take_out(self, client: int, taken: dict[int, np.ndarray]) -> None:
        """Of those shards what they were is out of the model; what they have contributed since stays."""
        t = self.entries[client]
        rests = [s if i not in taken or s is None else s - taken[i] for i, s in enumerate(t.shards)]
        self.entries[client] = replace(t, shards=tuple(rests))

    def forget(self, client: int) -> None:
        self.entries[client] = Tracked()

    def reset(self) -> None:
        self.entries = {c: Tracked() for c in self.entries}


@dataclass
class Contribution:
    client: int
    weight: float
    delta: np.ndarray


@dataclass
class Round:
    start: np.ndarray
    end: np.ndarray | None = None
    contributions: list[Contribution] = field(default_factory=list)


class History:
    """Rounds; of asynchronous rules, as many merged updates as there are clients."""

    def __init__(self, every: int, round_size: int) -> None:
        self.every, self.round_size = max(1, every), round_size
        self.rounds: list[Round] = []
        self.first: np.ndarray | None = None
        self._open: Round | None = None
        self._number = 0
        self._at_version: dict[int, int] = {}

    def keep(self, version: int) -> None:
        self._at_version[version] = len(self.rounds)

    def at(self, version: int) -> list[Round]:
        return self.rounds[: self._at_version[version]]

    def merged(self, plan: Plan, before: np.ndarray, after: np.ndarray) -> None:
        if self.first is None:
            self.first = before
        if self._open is None:
            self._open = Round(before)
        for a, c in zip(plan.arrivals, plan.coefficients):
            self._open.contributions.append(Contribution(a.client, c, a.delta))
        if self.round_size == 0 or len(self._open.contributions) >= self.round_size:
            self._open.end = after
            if self._number % self.every == 0:
                self.rounds.append(self._open)
            self._number += 1
            self._open = None

    def forget(self, client: int) -> None:
        for r in self.rounds + ([self._open] if self._open else []):
            r.contributions = [c for c in r.contributions if c.client != client]
