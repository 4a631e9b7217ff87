"""Requests: what each method does to the model, from its erasure to the end of its calibrations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from calibration import Calibrator, refuse_what_is_not_computed
from erasures import KERNELS, Case
from nets import Unusable
from rounds import Participants, federaser, fedosd_recovery, fedosd_unlearning

METHODS = (
    "none retrain subtract not fine_tune gradient_ascent relabel fedquit fedrecovery kd pga fedau federaser "
    "fedosd afu_ic"
).split()


class Request:
    """One erasure's way. The replay tells it of results and asks it for the model at each decision."""

    def __init__(self, replay: Any, number: int, description: dict[str, Any]) -> None:
        self.replay, self.number, self.scope = replay, number, description["scope"]
        self.client: int | None = description["client"]
        self.label: int | None = description["class"]
        self.forget: list[int] = description["forget"]
        self.named: Any = description.get("named")  # subjects, or a file of ids
        self.repeats: list[int] = []  # earlier requests that take all its rows
        self.made = self.merged = self.forgotten = False
        self.delta: np.ndarray | None = None
        self._erase_jobs = iter(replay.folder.erase_jobs.get(number, []))

    def finish(self) -> None:
        """The log is at its end: at most one job of a kind may still be out."""
        left = {"erasures": sum(1 for _ in self._erase_jobs), "calibrations": self._calibrations_left()}
        for kind, number in left.items():
            if number > 1:
                raise self.replay.mismatch(f"{number} {kind} of request {self.number} were handed out and never came")

    def _calibrations_left(self) -> int:
        return 0

    def case(self, version: int) -> Case:
        r = self.replay
        return Case(
            r.trainer,
            r.scenario["unlearning"],
            r.method,
            r.seed,
            self.number,
            -1 if self.client is None else self.client,
            r.versions[version],
            r.initial,
            r.ledger.at(version, self.client),
            r.history.at(version),
            self.forget,
            r.environments(),
            r.rule.synchronous,
            r.auxiliary.get(self.client),
        )

    def erase_result(self) -> None:
        job = next(self._erase_jobs, None)
        if job is None:
            r = self.replay
            raise r.mismatch(f"request {self.number} has more erasures than audit/jobs.jsonl")
        if job["kernel"] in KERNELS:
            case = self.case(job["version"])
            self._check_rows(job, case)
            self.delta = KERNELS[job["kernel"]](case)

    def _check_rows(self, job: dict[str, Any], case: Case) -> None:
        wanted = case.environments if job["kernel"] == "distil" else [self.forget]
        if job["rows"] and job["rows"][: len(wanted)] != wanted:
            raise self.replay.mismatch(f"an erasure of request {self.number} computes on other rows than its own")

    def calibrate_result(self) -> None:
        raise self.replay.mismatch(f"the method {self.replay.method!r} calibrates nothing")

    def erased(self, model: np.ndarray) -> np.ndarray:
        """The version that holds the erasure."""
        if self.replay.method == "subtract":
            return self.replay.ledger.removed(self.client, model)
        if self.delta is None:
            raise self.replay.mismatch(f"an erasure of request {self.number} is merged before it is computed")
        return model + self.delta

    def calibrated(self, model: np.ndarray) -> tuple[np.ndarray, float]:
        raise self.replay.mismatch(f"the method {self.replay.method!r} calibrates nothing")

    def replaced(self, model: np.ndarray) -> np.ndarray:
        raise self.replay.mismatch(f"the method {self.replay.method!r} replaces no model")


class Eraser(Request):
    """FedEraser."""

    def replaced(self, model: np.ndarray) -> np.ndarray:
        r = self.replay
        case = self.case(r.version)
        if not case.rounds:
            return r.history.first
        return federaser(case, r.history.first, Participants(r.participants(self)), r.training)


class Osd(Request):
    """FedOSD: the model after the unlearning rounds, then that after the recovery."""

    before: np.ndarray | None = None

    def replaced(self, model: np.ndarray) -> np.ndarray:
        case, others = self.case(self.replay.version), Participants(self.replay.participants(self))
        if self.before is None:
            self.before = model
            return fedosd_unlearning(case, others)
        return fedosd_recovery(case, self.before, others)


class AfuIc(Request):
    """The ledger's entry is subtracted; the server calibrates, before or after that is published."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        s, self.c = self.replay.scenario["unlearning"]["afu_ic"], self.replay.scenario["calibration"]
        for key, allowed in (("erasure", "ledger"), ("gain_by", "model"), ("match_steps", 0)):
            if s[key] != allowed:
                raise Unusable(f"unlearning.afu_ic.{key} is {s[key]!r}; what is computed again is {allowed!r}")
        refuse_what_is_not_computed(self.c)
        self.gain, self.at_once = s["gain"], s["publish"] == "at_once"
        self._calibrate_jobs = iter(self.replay.folder.calibrate_jobs.get(self.number, []))
        self.shards: dict[int, np.ndarray] = {}  # what of the ledger is taken out
        self.before: np.ndarray | None = None
        self.reference: np.ndarray | None = None  # the erased model: of distillation
        self.draft: np.ndarray | None = None  # what nobody has seen
        self.done_in_private: np.ndarray | None = None
        self.change: np.ndarray | None = None  # of the last calibration
        self.change_from = self.taken = 0
        self.enough = False  # the cross entropy is what it was before the erasure, or the steps are used up

    def _calibrations_left(self) -> int:
        return sum(1 for _ in self._calibrate_jobs)

    def erase_result(self) -> None:
        r = self.replay
        job = next(self._erase_jobs, None)
        if job is None:
            raise r.mismatch(f"request {self.number} has more erasures than audit/jobs.jsonl")
        if self.delta is None:
            entry = r.ledger.at(job["version"], self.client)
            influence = entry.influence
            if entry.shards:
                self.shards = {s: entry.shards[s] for s in self.asked() if entry.shards[s] is not None}
                influence = sum(self.shards.values(), np.zeros_like(r.model))
            self.delta = np.zeros_like(r.model) if influence is None else -self.gain * influence
            self.before = r.model
        elif self.at_once:
            raise r.mismatch("a draft is computed in private where the erasure is to be published at once")
        elif self.draft is None:
            self.draft = self.reference = self.before + self.delta
        else:
            self.draft = self.draft + self.change
            done = self.done_in_private
            self.done_in_private = self.change if done is None else done + self.change

    def asked(self) -> list[int]:
        """The target's shards that the request is about: all, or those that hold a row of it."""
        shards = self.replay.shards[self.client]
        part, rows = self.scope == "samples", set(self.forget)
        return [s for s, shard in enumerate(shards) if not part or not rows.isdisjoint(shard)]

    def erased(self, model: np.ndarray) -> np.ndarray:
        r = self.replay
        r.ledger.take_out(self.client, self.shards)
        influence = r.ledger.entries[self.client].influence
        delta = -self.gain * influence if r.rule.whole_model and influence is not None else self.delta
        model = model + delta
        if self.done_in_private is not None:
            model = model + self.done_in_private
        else:
            self.reference = model
        return model

    def calibrate_result(self) -> None:
        r, job = self.replay, next(self._calibrate_jobs, None)
        if job is None:
            raise r.mismatch(f"request {self.number} has more calibrations than audit/jobs.jsonl")
        if job["rows"] != r.environments():
            raise r.mismatch(f"a calibration of request {self.number} computes on others' rows than who stays")
        steps, stages = self.c["window_steps"], 1
        first = not self.forgotten
        if first:
            if self.taken > 0 and (self.enough or not self.c["until_loss"]):
                raise r.mismatch(f"request {self.number} is calibrated once more, though it was enough")
            steps = self.c["steps"]
            stages = min(max(steps, 1), self.c["stages"]) if self.taken == 0 else 1
            self.taken += steps
        hidden = self.draft is not None and not self.merged
        base = self.draft if hidden else r.versions[job["version"]]
        calibrator = Calibrator(r.trainer, self.c, r.environments())
        self.change = calibrator.delta(base, self.before, self.reference, self.delta, steps, stages)
        self.change_from = job["version"]
        if first and self.c["until_loss"]:
            level = calibrator.risk(base + self.change) <= calibrator.risk(self.before)
            self.enough = level or self.taken >= self.c["until_loss_steps"]

    def calibrated(self, model: np.ndarray) -> tuple[np.ndarray, float]:
        if self.change is None:
            raise self.replay.mismatch(f"a calibration of request {self.number} is merged before it is computed")
        weight = 1.0
        if self.c["staleness_discount"]:
            weight /= math.sqrt(1.0 + self.replay.version - self.change_from)
        length = float(np.linalg.norm(self.change.astype(np.float64)))
        if 0 < self.c["max_delta"] < length:
            weight *= self.c["max_delta"] / length
        return model + model.dtype.type(weight) * self.change, weight


def make_request(replay: Any, number: int, description: dict[str, Any]) -> Request:
    kinds = {"federaser": Eraser, "fedosd": Osd, "afu_ic": AfuIc}
    return kinds.get(replay.method, Request)(replay, number, description)
