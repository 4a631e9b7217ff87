"""What the step size is multiplied with, by how far a training has come."""

from __future__ import annotations

import math
from typing import Any


def scheduled(t: dict[str, Any], done: int) -> float:
    """`t`: the scenario's [training]; `done`: jobs that are over."""
    factor = 1.0
    if t["schedule"] == "step":
        every, stones = t["schedule_every"], t["schedule_milestones"]
        factor = t["schedule_factor"] ** (done // every if every else sum(m <= done for m in stones))
    elif t["schedule"] == "cosine":
        way = min(1.0, max(0.0, (done - t["warm_up"]) / (t["schedule_length"] - t["warm_up"])))
        factor = t["schedule_floor"] + (1 - t["schedule_floor"]) * (1 + math.cos(math.pi * way)) / 2
    return factor * (done + 1) / (t["warm_up"] + 1) if done < t["warm_up"] else factor
