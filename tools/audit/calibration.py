"""AFU-IC's calibration on the retained clients' held-out images, in its default form: cross entropy of the
environments and distillation from the model before the erasure, all images in each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from nets import Unusable, log_softmax
from training import Adam, Sgd, Trainer, clipped, log_answers


def refuse_what_is_not_computed(c: dict[str, Any]) -> None:
    for key, allowed in (
        ("invariance", "none"),
        ("fisher", 0.0),
        ("batch_size", 0),
        ("gate", False),
        ("guard_rank", 0),
        ("environments", "client"),
    ):
        if c[key] != allowed:
            raise Unusable(f"calibration.{key} is {c[key]!r}; what is computed again is {allowed!r}")


class Calibrator:
    def __init__(self, trainer: Trainer, settings: dict[str, Any], environments: list[list[int]]) -> None:
        self.trainer, self.c = trainer, settings
        self.rows = [r for e in environments for r in e]
        self.labels = trainer.data.labels[self.rows]
        # A row's weight in the mean over environments of their mean cross entropies.
        self.weights = np.array([1 / (len(environments) * len(e)) for e in environments for _ in e])

    def delta(
        self,
        base: np.ndarray,
        before: np.ndarray,
        erased: np.ndarray,
        erasure: np.ndarray,
        steps: int,
        stages: int,
    ) -> np.ndarray:
        """From `base`; with several stages from the model before the erasure, in so many parts through it."""
        log_before = self.trainer.log_probabilities(before, self.rows)
        log_erased = self.trainer.log_probabilities(erased, self.rows)
        w = base - erasure if stages > 1 else base.copy()
        state, adam = self.trainer.state(w), Adam(len(w), w.dtype.type, self.c["lr"])
        sgd = Sgd(self.c["lr"], self.c["momentum"], clip_norm=self.c["clip_norm"])
        taken = 0
        for step in range(steps):
            if stages > 1 and step >= taken * steps // stages:
                taken += 1
                w += erasure * w.dtype.type(1 / stages)
            g = self._gradient(w, log_before, log_erased)
            if self.c["optimiser"] == "adam":
                adam.step(w, clipped(g, self.c["clip_norm"]))
            else:
                state.step(w, g, sgd)
        return w - base

    def risk(self, w: np.ndarray) -> float:
        z = self.trainer.net.forward(w, self.trainer.data.images(self.rows))
        if self.labels.ndim == 2:
            losses = np.logaddexp(0, np.where(self.labels, -z, z)).mean(axis=1)
        else:
            losses = -log_softmax(z)[np.arange(len(z)), self.labels]
        return float((self.weights * losses).sum())

    def _gradient(self, w: np.ndarray, log_before: np.ndarray, log_erased: np.ndarray) -> np.ndarray:
        placebo = self.c["placebo"]
        risk, beta, kd = (1.0, 0.0, 0.0) if placebo else (self.c["risk"], self.c["beta"], self.c["kd"])
        z = self.trainer.net.forward(w, self.trainer.data.images(self.rows))
        p = np.exp(log_answers(z, self.labels))
        d = p.copy()
        if self.labels.ndim == 2:
            d -= self.labels
        else:
            d[np.arange(len(d)), self.labels] -= 1
        d *= risk * self.weights[:, None]
        d += beta / len(p) * (p - np.exp(log_before)) + kd / len(p) * (p - np.exp(log_erased))
        if self.labels.ndim == 2:  # each term is a mean over labels
            d /= z.shape[1]
        return self.trainer.net.backward(w, d.astype(w.dtype))
