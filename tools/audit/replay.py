"""A run, computed again: the log tells in which order things came, everything else is computed here."""

from __future__ import annotations

from typing import Any

import numpy as np

from folder import RunFolder, client_of
from ledger import History, Ledger
from nets import Unusable, make_net
from philox import Key, purpose
from rounds import training_sgd
from rules import RULES, Arrival, Plan, Rule
from schedule import Schedule
from serving import METHODS, Request, make_request
from step_sizes import scheduled
from training import Data, HeadTrainer, Trainer

WEIGHT_TOLERANCE, VECTOR_WEIGHT_TOLERANCE = 1e-9, 1e-5
NO_WORK = {"halted", "resumed"}


class Mismatch(Exception):
    """The log says something that does not follow from the scenario and what came before."""


class Replay:
    def __init__(self, folder: RunFolder, dtype: type) -> None:
        self.folder, self.scenario = folder, folder.scenario
        self.training, self.method = self.scenario["training"], self.scenario["unlearning"]["method"]
        self.seed = self.scenario["scenario"]["seed"]
        if self.method not in METHODS:
            raise Unusable(f"unlearning.method is {self.method!r}, computed again are {', '.join(METHODS)}")
        if self.training["ewc_strength"]:
            raise Unusable("training.ewc_strength is above 0, which is not computed again")
        if any(self.training.get("augment", {}).values()):
            raise Unusable("training.augment changes the images, which is not computed again")
        if self.scenario["scenario"]["clock"] != "virtual":
            raise Unusable('scenario.clock is "wall": its log has arrivals and decisions in no common order')
        net = make_net(self.scenario["model"]["name"], folder.layout)
        self.trainer = Trainer(net, Data(folder.images, folder.labels, dtype))
        self.heads = HeadTrainer(self.trainer, self.seed)
        self.initial = folder.initial.astype(dtype)
        self.restart = self.initial if folder.restart is None else folder.restart.astype(dtype)
        self.rows: list[list[int]] = [c["train"] for c in folder.run["clients"]]
        self.requests = [make_request(self, i, r) for i, r in enumerate(folder.run["requests"])]
        self.schedule = Schedule(self.scenario, self.requests, self.require)
        self.asked = {r.client for r in self.requests if r.client is not None}
        self.shards: list[list[list[int]]] = [c.get("shards", []) for c in folder.run["clients"]]
        if self.method == "afu_ic" and len(self.asked) < len(self.requests):
            raise Unusable("several requests of one client by \"afu_ic\" are not computed again")

        self.model, self.version, self.epoch = self.initial, 0, 0
        self.versions = {0: self.model}
        self.mean_samples = max(1.0, sum(map(len, self.rows)) / len(self.rows))
        self.rule = self.make_rule(self.training["rule"], len(self.rows))
        self.parked: Rule | None = None
        decay = self.scenario["unlearning"]["afu_ic"]["ledger_decay"] if self.method == "afu_ic" else 0.0
        self.ledger = Ledger(sorted(self.asked), self.rule.whole_model, decay)
        every = self.scenario["unlearning"]["federaser"]["interval"] if self.method == "federaser" else 1
        self.history = History(every, 0 if self.rule.synchronous else len(self.rows))
        self.excluded: set[int] = set()
        self.honours: dict[int, dict[int, float]] = {c: {} for c in range(len(self.rows))}  # requests, since when
        self.corrections: list[tuple[int, list[np.ndarray]]] = []
        self.restarts: list[int] = []  # versions with which a retraining began
        self.auxiliary: dict[int | None, np.ndarray] = {}
        self.update: dict[str, Any] | None = None  # that has just come
        self.group: list[tuple[int, int, float]] = []  # client, staleness, weight: decisions still to come
        self.line = 0
        self.updates_checked: dict[str, float] = {}
        self._keep()

    # ---- what is told

    def mismatch(self, text: str) -> Mismatch:
        return Mismatch(f"events.jsonl:{self.line}: {text}" if self.line else text)

    def require(self, ok: bool, text: str) -> None:
        if not ok:
            raise self.mismatch(text)

    # ---- the log

    def run(self) -> None:
        for self.line, entry in enumerate(self.folder.events, 1):
            self.schedule.line(entry)
            if "event" in entry:
                self.require(not self.group, "decisions of a merge are missing before this event")
                self.update = None
                handler = getattr(self, "on_" + entry["event"], None)
            else:
                handler = getattr(self, "decided_" + entry["decision"], None)
                if handler is None and entry["decision"] not in NO_WORK:
                    raise Unusable(f"events.jsonl:{self.line}: {entry['decision']!r} is not computed again")
            if handler:
                handler(entry)
        self.require(not self.group, "decisions of a merge are missing at the end")
        self.schedule.end(self.folder.summary)
        for request in self.requests:
            request.finish()

    def on_train_task(self, entry: dict[str, Any]) -> None:
        self.schedule.task(entry)
        client, job = client_of(entry["to"]), entry["job"]
        task = self.task_of(client, job, entry)
        owed = {number for number, since in self.honours[client].items() if since < entry["sent"]}
        text = f"job {job} of client {client} has rows that were to be forgotten when it was handed out"
        self.require(owed <= set(task["left_out"]), text)

    def on_update(self, entry: dict[str, Any]) -> None:
        task = self.task_of(client_of(entry["from"]), entry["job"])
        self.schedule.update(entry, not task["left_out"])
        self.update = entry | {"client": client_of(entry["from"])}
        name = f"client_{self.update['client']}_job_{entry['job']}"
        if name in self.folder.updates:
            difference = self.trained(self.update["client"], entry["job"])[0] - self.folder.updates[name]
            self.updates_checked[name] = float(np.abs(difference).max())

    def on_erase_request(self, entry: dict[str, Any]) -> None:
        request = self.requests[entry["job"]]
        request.repeats = self.repeated_by(request)
        request.made = True
        self.schedule.changed()
        who = range(len(self.rows)) if request.client is None else [request.client]
        for client in who:
            self.rule.forget(client)
            if request.client is None:
                self.honours[client][request.number] = entry["t"]
        if request.client is not None:
            if request.number not in self.honours[request.client]:  # else another's retraining is without its rows already
                self.excluded.add(request.client)
            earlier = {
                row
                for other in self.requests
                if other is not request and other.made and other.scope != "client"
                if other.client in (None, request.client)
                for row in other.forget
            }
            request.forget = [row for row in request.forget if row not in earlier]
        if self.method == "none":
            self.readmit(request)

    def repeated_by(self, request: Request) -> list[int]:
        """The earlier requests that take all rows of this one between them; otherwise none."""
        others = [r for r in self.requests if r.made and r.client in (None, request.client)]
        owned = self.folder.run["requests"]
        rows = {row for r in others for row in owned[r.number]["forget"]}
        return [r.number for r in others] if rows.issuperset(owned[request.number]["forget"]) else []

    def on_erase_result(self, entry: dict[str, Any]) -> None:
        self.require(0 <= entry["job"] < len(self.requests), f"there is no request {entry['job']}")
        self.requests[entry["job"]].erase_result()

    def on_calibrate_result(self, entry: dict[str, Any]) -> None:
        if entry["job"] < len(self.requests):
            self.requests[entry["job"]].calibrate_result()

    # ---- updates

    def task_of(self, client: int, job: int, entry: dict[str, Any] | None = None) -> dict[str, Any]:
        """The job as it was handed out; `entry` tells of it."""
        task = self.folder.tasks.get((client, job))
        self.require(task is not None, f"job {job} of client {client} is not in audit/jobs.jsonl")
        self.require(task["version"] in self.versions, f"job {job} of client {client} has a version yet to come")
        same = entry is None or (task["version"], task["epoch"]) == (entry["version"], entry["epoch"])
        self.require(same, f"job {job} of client {client} was handed out with another version than it came back")
        return task

    def trained(self, client: int, job: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The update, and with FedAU the auxiliary head."""
        self.parts: list[np.ndarray] | None = None  # of the update, by the client's shards
        task = self.task_of(client, job)
        key = Key(self.seed, purpose("train"), client, job)
        self.require(task["key"] == vars(key), f"job {job} of client {client} has another key than its own")
        self.require(set(task["left_out"]) <= set(self.honours[client]), "rows are left out that nobody asked for")
        gone = {row for r in task["left_out"] for row in self.folder.run["requests"][r]["forget"]}
        rows = [row for row in self.rows[client] if row not in gone]
        t, base = self.training, self.versions[task["version"]]
        sgd = training_sgd(t, self.step_size(client, job, task))
        order = (t["batch_size"], t["local_epochs"], t["local_steps"], key)
        if task["extras"] == "auxiliary":
            return self.trained_with_head(client, base, rows, sgd, order)
        if task["extras"]:
            raise Unusable(f"a job trains with {task['extras']!r}, which is not computed again")
        if self.shards[client]:
            shards = [[row for row in shard if row not in gone] for shard in self.shards[client]]
            update, self.parts = self.trainer.train_shards(base, shards, sgd, *order[:2], key)
            return update, None
        return self.trainer.train(base, rows, sgd, *order), None

    def trained_with_head(self, client: int, base: np.ndarray, rows: list, sgd: Any, order: tuple) -> Any:
        s = self.scenario["unlearning"]["fedau"]
        request = next(r for r in self.requests if r.client == client and not r.made)
        gamma = s["gamma"] if request.scope == "client" else 1.0
        head = self.heads.start(base, self.auxiliary.get(client), gamma)
        forget = set(request.forget)
        return self.heads.train(base, head, forget, s["backbone"], rows, sgd, *order)

    def step_size(self, client: int, job: int, task: dict[str, Any]) -> float:
        plain = self.training["lr"] * self.lr_factor(client, job, task)
        allowed = {plain}
        if self.method == "fine_tune" and any(r.made for r in self.requests):
            allowed.add(plain * self.scenario["unlearning"]["fine_tune"]["lr_factor"])
        self.require(task["lr"] in allowed, f"a job's step size is {task['lr']}, allowed is {sorted(allowed)}")
        return task["lr"]

    def lr_factor(self, client: int, job: int, task: dict[str, Any]) -> float:
        """What the schedule says of the job: the client's earlier ones since the training began (anew) count."""
        t = self.training
        if t["schedule"] == "constant" and t["warm_up"] == 0:
            return 1.0
        if t["schedule_by"] != "jobs" or self.method in ("roll_back", "sifu"):
            raise Unusable("of schedules only those by jobs are computed again, and not where training goes back")
        began = max((v for v in self.restarts if v <= task["version"]), default=0)
        done = sum(
            c == client and j < job and other["kind"] == "train" and other["version"] >= began
            for (c, j), other in self.folder.tasks.items()
        )
        return scheduled(t, done)

    def arrival(self) -> Arrival:
        """The update that has just come, let in."""
        update = self.update
        self.require(update is not None, "no update has come")
        client, job = update["client"], update["job"]
        self.require(client not in self.excluded, f"client {client} is to be forgotten, its update is accepted")
        task = self.task_of(client, job, update)
        delta, head = self.trained(client, job)
        self.require(self.trainer.finite, f"the update of client {client} is not finite, and accepted")
        gone = {row for r in task["left_out"] for row in self.folder.run["requests"][r]["forget"]}
        samples = sum(row not in gone for row in self.rows[client])
        base = update["version"]
        a = Arrival(client, samples, self.version - base, delta, self.versions[base], base, auxiliary=head, parts=self.parts)
        a.late = update["epoch"] < self.epoch
        self.update = None
        self.schedule.update_accepted(client)
        self._treat_late(a, update["epoch"])
        return a

    def _treat_late(self, a: Arrival, epoch: int) -> None:
        policy = self.scenario["unlearning"]["late"]
        if not a.late:
            return
        if policy == "guard":
            a.as_difference = True
            if self.corrections and self.corrections[-1][1]:
                a.guard = self.corrections[-1][1][0]
        elif policy == "rebase":
            a.rebase = [v for e, vectors in self.corrections if e > epoch for v in vectors]

    def take(self, a: Arrival) -> Plan | None:
        if a.auxiliary is not None:
            self.auxiliary[a.client] = a.auxiliary
        return self.rule.add(a, self.model)

    def decided_rejected(self, decision: dict[str, Any]) -> None:
        self.update = None

    def decided_late_dropped(self, decision: dict[str, Any]) -> None:
        self.update = None
        self.schedule.changed()

    def decided_not_finite(self, decision: dict[str, Any]) -> None:
        """`training.non_finite = "drop"`, and none else is dropped."""
        update = self.update
        self.require(update is not None, "no update has come")
        self.require(self.training["non_finite"] == "drop", "an update is dropped that would end the run")
        self.task_of(update["client"], update["job"], update)
        self.trained(update["client"], update["job"])
        self.require(not self.trainer.finite, f"the update of client {update['client']} is finite, and dropped")
        self.update = None
        self.schedule.changed()

    def decided_buffered(self, decision: dict[str, Any]) -> None:
        a = self.arrival()
        self.require(a.client == decision["client"], f"the update of client {a.client} has come")
        self.require(a.staleness == decision["staleness"], f"staleness is {a.staleness}")
        self.require(self.take(a) is None, "the buffer is full, so it is merged")

    def decided_merged(self, decision: dict[str, Any]) -> None:
        if not self.group:
            plan = self.rule.flush() if self.rule.synchronous else self.take(self.arrival())
            self.require(plan is not None, "there is nothing to merge")
            if self.rule.synchronous:
                self.schedule.round_ended()
            self.merge(plan)
        client, staleness, weight = self.group.pop(0)
        self.require(decision["version"] == self.version, f"the version is {self.version}")
        self.require(decision["client"] == client, f"the update of client {client} is merged here")
        self.require(decision["staleness"] == staleness, f"staleness is {staleness}")
        self.check_weight(decision, weight, self.training["rule"] == "port")

    decided_late_rebased = decided_late_guarded = decided_late_accepted = decided_merged

    def check_weight(self, decision: dict[str, Any], weight: float, of_vectors: bool) -> None:
        """`of_vectors`: it follows from vectors, so from rounded numbers."""
        allowed = VECTOR_WEIGHT_TOLERANCE if of_vectors else WEIGHT_TOLERANCE
        text = f"the weight is {weight!r}, not {decision['weight']!r}"
        self.require(abs(decision["weight"] - weight) <= allowed, text)

    def merge(self, plan: Plan) -> None:
        before = self.model
        after = self.rule.applied(plan, before)
        self.ledger.merged(plan, after)
        self.rule.merged(plan, before)
        self.history.merged(plan, before, after)
        self.publish(after)
        self.group = [(a.client, a.staleness, c) for a, c in zip(plan.arrivals, plan.coefficients)]

    # ---- versions

    def publish(self, model: np.ndarray) -> None:
        self.model = model
        self.version += 1
        self.versions[self.version] = model
        self._keep()

    def _keep(self) -> None:
        self.ledger.keep(self.version)
        self.history.keep(self.version)

    def request_of(self, decision: dict[str, Any]) -> Request:
        for r in self.requests:
            if r.client == decision["client"] and r.made and not (r.forgotten and self.method != "afu_ic"):
                return r
            if self.method == "fedosd" and r.client == decision["client"] and r.made:
                return r
        raise self.mismatch("no request is being served that this could be of")

    def decided_erasure_merged(self, decision: dict[str, Any]) -> None:
        request = self.request_of(decision)
        self.schedule.decided(request.number, decision["decision"])
        before = self.model
        self.publish(request.erased(before))
        self.epoch += 1
        request.merged = True
        self.corrections.append((self.epoch, []))
        self._correct(request, before)
        if request.scope == "samples":
            self.readmit(request)
        self._check_version(decision)

    def decided_calibration_merged(self, decision: dict[str, Any]) -> None:
        request = self.request_of(decision)
        before = self.model
        after, weight = request.calibrated(before)
        self.check_weight(decision, weight, self.scenario["calibration"]["max_delta"] > 0)
        self.publish(after)
        self._correct(request, before)
        self._check_version(decision)

    def _correct(self, request: Request, before: np.ndarray) -> None:
        """Until a model counts as erased, what is done to it is what a rebase adds to older bases."""
        if not request.forgotten and self.corrections:
            self.corrections[-1][1].append(self.model - before)

    def decided_replaced(self, decision: dict[str, Any]) -> None:
        request = self.request_of(decision)
        self.schedule.decided(request.number, decision["decision"])
        self.publish(request.replaced(self.model))
        if not request.merged:
            self.epoch += 1
            request.merged = True
            self.corrections.append((self.epoch, []))
        self._check_version(decision)

    def decided_restarted(self, decision: dict[str, Any]) -> None:
        request = self.request_of(decision)
        for r in self.company(request):
            self.schedule.decided(r.number, decision["decision"])
        self.ledger.reset()
        self.corrections = []
        self.publish(self.restart)
        self.restarts.append(self.version)
        self.epoch += 1
        for r in self.company(request):
            self.readmit(r)
        self.schedule.restart(request.number, self.excluded)
        staying = [c for c in range(len(self.rows)) if c not in self.excluded]
        self.mean_samples = max(1.0, sum(len(self.left(c)) for c in staying) / max(1, len(staying)))
        self.rule = self.make_rule(self.training["rule"], len(staying))
        if self.scenario["unlearning"]["coordination"] == "blocking" and not self.rule.synchronous:
            self.parked, self.rule = self.rule, self.make_rule("fedavg", 1)
        self._check_version(decision)

    def decided_forgotten(self, decision: dict[str, Any]) -> None:
        for request in self.company(self.request_of(decision)):
            self.schedule.decided(request.number, decision["decision"])
            request.forgotten = True
            self.readmit(request)
            if request.client is not None and self.method != "afu_ic":
                self.ledger.forget(request.client)
                self.history.forget(request.client)
                self.auxiliary.pop(request.client, None)
                self._keep()
        if self.parked is not None:
            self.rule, self.parked = self.parked, None

    def _check_version(self, decision: dict[str, Any]) -> None:
        self.require(decision["version"] == self.version, f"the version is {self.version}")
        self.require(decision["epoch"] == self.epoch, f"the erasure epoch is {self.epoch}")

    def company(self, request: Request) -> list[Request]:
        """Those that a retraining serves at once: of the samples of one name, each client's."""
        if self.method != "retrain" or not request.named:
            return [request]
        found = [request]
        for r in self.requests[request.number + 1 :]:
            if r.named != request.named or r.client is None or r.client <= found[-1].client:
                break
            found.append(r)
        return found

    # ---- who is there

    def make_rule(self, name: str, clients: int) -> Rule:
        return RULES[name](self.training, self.mean_samples, clients, self.folder.layout)

    def left(self, client: int) -> list[int]:
        gone = {row for r in self.honours[client] for row in self.folder.run["requests"][r]["forget"]}
        return [row for row in self.rows[client] if row not in gone]

    def readmit(self, request: Request) -> None:
        if request.scope == "samples" and request.number not in self.honours[request.client]:
            self.honours[request.client][request.number] = self.schedule.now
            self.excluded.discard(request.client)

    def participants(self, request: Request) -> dict[int, list[int]]:
        all_ = {c: self.left(c) for c in range(len(self.rows)) if c not in self.excluded}
        if request.scope == "samples" and request.client in self.excluded:
            all_[request.client] = [row for row in self.left(request.client) if row not in request.forget]
        return dict(sorted(all_.items()))

    def environments(self) -> list[list[int]]:
        forgotten = {r.label for r in self.requests if r.label is not None}
        sets = [c["calibration"] for c in self.folder.run["clients"] if c["client"] not in self.asked]
        kept = [[row for row in rows if not forgotten or self.folder.labels[row] not in forgotten] for rows in sets]
        return [rows for rows in kept if rows]
