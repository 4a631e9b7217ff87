"""When things are due by the scenario: requests, the end of the run, and that time does not run backwards."""

from __future__ import annotations

from typing import Any

from folder import client_of

ENDINGS = ("interrupted", "diverged", "starved: ", "failed: ")  # besides "completed"


def _named(erasure: dict[str, Any]) -> Any:
    return erasure.get("subject") if erasure["scope"] == "subject" else erasure.get("file")


def _of_clients(erasures: list[dict[str, Any]], requests: list[Any]) -> list[dict[str, Any]]:
    """Samples that are named are asked of each client that has some, a request each, in the clients' order."""
    wanted: list[dict[str, Any]] = []
    for e in erasures:
        name, client = _named(e), e.get("client")
        if not name:
            wanted.append(e)
            continue
        wanted.append(e | {"scope": "samples", "client": client})
        if client is not None or len(wanted) > len(requests):
            continue
        wanted[-1]["client"] = requests[len(wanted) - 1].client
        while len(wanted) < len(requests):
            r = requests[len(wanted)]
            if r.named != name or r.client is None or r.client <= wanted[-1]["client"]:
                break
            wanted.append(wanted[-1] | {"client": r.client})
    return wanted


class Schedule:
    """Counts what the replay lets in. `require(ok, text)` raises where the log says otherwise."""

    def __init__(self, scenario: dict[str, Any], requests: list[Any], require: Any) -> None:
        self.wanted = _of_clients(scenario.get("erasure", []), requests)
        self.stop, self.requests, self.require = scenario["stop"], requests, require
        self.updates = self.accepted = self.rounds = self.events = 0
        self.by_client: dict[int, int] = {}
        self.asked_at: dict[int, float] = {}
        self.restarted: set[int] = set()
        self.times: dict[int, dict[str, list[float]]] = {}  # by request and decision
        self.due: list[int] = []
        self.posted: set[int] = set()
        self.now, self.stopped = 0.0, False
        self.handed_out: dict[tuple[int, int], float] = {}
        self._reckon = True  # as the run starts

    def changed(self) -> None:
        """Numbers that requests and the end wait for may have been reached by this event."""
        self._reckon = True

    def update_accepted(self, client: int) -> None:
        self.updates += 1
        self.accepted += 1
        self.by_client[client] = self.by_client.get(client, 0) + 1
        self._reckon = True

    def round_ended(self) -> None:
        self.rounds += 1
        self._reckon = True

    def restart(self, request: int, excluded: set[int]) -> None:
        """The numbers begin anew; updates of those who left stay counted."""
        self.reckon()
        self.restarted.add(request)
        self.rounds = 0
        self.by_client = {c: n for c, n in self.by_client.items() if c in excluded}
        self.updates = sum(self.by_client.values())

    def decided(self, request: int, decision: str) -> None:
        if decision == "forgotten":
            self.reckon()
        self.times.setdefault(request, {}).setdefault(decision, []).append(self.now)

    def enough(self) -> bool:
        waiting = any("forgotten" not in self.times.get(i, {}) for i in self.restarted)
        counts = ((self.stop["updates"], self.updates), (self.stop["rounds"], self.rounds))
        return not waiting and any(0 < limit <= count for limit, count in counts)

    def reckon(self) -> None:
        if not self._reckon:
            return
        self._reckon = False
        for i, e in enumerate(self.wanted):
            reached = 0 <= e.get("at_update", -1) <= self.updates or 0 <= e.get("at_round", -1) <= self.rounds
            if reached and i not in self.posted:
                self.posted.add(i)
                self.due.append(i)
        self.stopped = self.stopped or self.enough()

    def check_requests(self) -> None:
        found = len(self.requests)
        self.require(len(self.wanted) == found, f"the scenario has {len(self.wanted)} requests, run.json {found}")
        for i, (e, r) in enumerate(zip(self.wanted, self.requests)):
            wanted = (e.get("client"), e["scope"], e.get("class"))
            self.require(wanted == (r.client, r.scope, r.label), f"erasure[{i}] is {wanted}, run.json has another")

    # ---- lines of the log

    def line(self, entry: dict[str, Any]) -> None:
        before, self.now = self.now, entry["t"]
        self.require(self.now >= before, f"time runs backwards, from {before} s to {self.now} s")
        if "event" not in entry:
            self.require(self.now == before or self.events == 0, "a decision has another time than its event")
            return
        self.events += 1
        self.require(entry["sent"] <= self.now, f"it arrives at {self.now} s, sent at {entry['sent']} s")
        self.reckon()
        self.require(not self.stopped, "the log goes on behind the end that the scenario's stop sets")
        if self.stop["seconds"] > 0:
            self.require(self.now <= self.stop["seconds"], f"stop.seconds is {self.stop['seconds']}")
        if entry["event"] == "erase_request":
            return self._request(entry["job"], before)
        for i in self.due[:1]:
            self.require(False, f"request {i} is due here, after {self.updates} updates, and does not come")
        for i, e in enumerate(self.wanted):
            if i not in self.asked_at and e.get("at_seconds", -1) >= 0:
                self.require(self.now <= e["at_seconds"], f"request {i} was due at {e['at_seconds']} s")

    def _request(self, number: int, before: float) -> None:
        known = isinstance(number, int) and 0 <= number < len(self.requests)
        self.require(known, f"there is no request {number}")
        self.require(number not in self.asked_at, f"request {number} comes a second time")
        if self.wanted[number].get("at_seconds", -1) >= 0:
            at = self.wanted[number]["at_seconds"]
            self.require(self.now == at, f"request {number} comes at {self.now} s, it is due at {at} s")
        else:
            first = self.due[:1] == [number] and self.now == before
            self.require(first, f"request {number} is not due here, after {self.updates} updates at {before} s")
            self.due.pop(0)
        self.asked_at[number] = self.now

    def task(self, entry: dict[str, Any]) -> None:
        """A training job reaches its client."""
        self.handed_out[client_of(entry["to"]), entry["job"]] = self.now

    def update(self, entry: dict[str, Any], work: bool) -> None:
        """`work`: its job has samples for sure, so that it took time."""
        client, job = client_of(entry["from"]), entry["job"]
        begun = self.handed_out.get((client, job))
        self.require(begun is not None, f"job {job} of client {client} never reached its client")
        took = entry["sent"] > begun or (not work and entry["sent"] == begun)
        self.require(took, f"job {job} of client {client} takes no time: it begins at {begun} s")

    # ---- the end

    def end(self, summary: dict[str, Any]) -> None:
        """The log got as far as the scenario says, or as far as summary.json says and why."""
        self.reckon()
        context, ended = summary["context"], summary["context"]["ended"]
        for what, told, found in (
            ("events", context["events"], self.events),
            ("updates", summary["counters"]["updates"], self.accepted),
        ):
            self.require(told == found, f"summary.json counts {told} {what}, the log has {found}")
        if ended == "completed":
            self._completed(summary["virtual_seconds"])
        else:
            known = isinstance(ended, str) and ended.startswith(ENDINGS)
            self.require(known, f"summary.json says that the run ended {ended!r}, which no run does")
        for i, r in enumerate(self.requests):
            self._outcome(i, r, summary["erasures"])

    def _completed(self, seconds: float) -> None:
        limit = self.stop["seconds"]
        self.require(self.events > 0, "the log is empty, and summary.json says that the run was completed")
        if self.stopped or self.enough():
            self.require(seconds == self.now, f"the log ends at {self.now} s, summary.json at {seconds} s")
            return
        reached = f"{self.updates} updates and {self.rounds} rounds"
        self.require(limit > 0, f"the log ends after {reached}, before the end that the scenario's stop sets")
        self.require(seconds == limit, f"the log ends after {reached} and {seconds} s, stop.seconds is {limit}")
        for i in self.due:
            self.require(False, f"request {i} was due, after {self.updates} updates, and did not come")
        for i, e in enumerate(self.wanted):
            if i not in self.asked_at:
                self.require(not 0 <= e.get("at_seconds", -1) < limit, f"request {i} did not come when it was due")

    def _outcome(self, i: int, request: Any, told: list[dict[str, Any]]) -> None:
        """What summary.json says of a request is what the log has."""
        self.require(len(told) == len(self.requests), f"summary.json has {len(told)} requests, not {len(self.requests)}")
        record, times = told[i], self.times.get(i, {})
        self.require(
            (record["client"], record["scope"], record["class"]) == (request.client, request.scope, request.label),
            f"request {i} is of another client or scope in summary.json",
        )
        self.require(
            record["requested_at"] == self.asked_at.get(i),
            f"request {i} came at {self.asked_at.get(i)} s, summary.json says {record['requested_at']}",
        )
        merged = record["outcome"] == "merged"
        if request.repeats:
            merged_before = all(self._merged(j) for j in request.repeats)
            self.require(merged == merged_before, f"summary.json calls request {i} {record['outcome']!r}")
            return
        self.require(
            merged == self._merged(i),
            f"summary.json calls request {i} {record['outcome']!r}; in the log it was "
            + ("merged" if self._merged(i) else "not merged"),
        )
        if merged:
            last = [t for of in times.values() for t in of]
            self.require(record["merged_at"] in last, f"request {i} was not merged at {record['merged_at']} s")
        forgotten = times.get("forgotten", [None])[-1]
        self.require(
            record["forgotten_at"] == forgotten,
            f"request {i} was forgotten at {forgotten}, summary.json says {record['forgotten_at']}",
        )

    def _merged(self, i: int) -> bool:
        if self.requests[i].repeats:
            return all(self._merged(j) for j in self.requests[i].repeats)
        return bool({"erasure_merged", "replaced", "forgotten"} & set(self.times.get(i, {})))
