#!/usr/bin/env python3
"""The outside checker fails where a run is not what it says: doctored.py AFU."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import unittest
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from run_case import afu_run, checked

SETTINGS = ['output.audit_updates=["0/2"]', "training.rule=fedbuff", "unlearning.method=kd", "unlearning.kd.lr=0.1"]
FOLDER = tempfile.TemporaryDirectory(prefix="afu-audit-")
AFU = ""


def edit_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        text = (run / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (run / name).write_text(text.replace(old, new, 1))

    return edit


def edit_json(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        file = run / "audit/run.json"
        value = json.loads(file.read_text())
        change(value)
        file.write_text(json.dumps(value))

    return edit


def edit_array(file: str, name: str, change: Callable[[np.ndarray], None]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        with np.load(run / "audit" / file) as npz:
            arrays = dict(npz)
        change(arrays[name])
        np.savez(run / "audit" / file, **arrays)

    return edit


def edit_summary(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        value = json.loads((run / "summary.json").read_text())
        change(value)
        (run / "summary.json").write_text(json.dumps(value))

    return edit


def drop_lines(name: str, part: str) -> Callable[[Path], None]:
    """Drops the lines that have `part`."""

    def edit(run: Path) -> None:
        lines = (run / name).read_text().splitlines(keepends=True)
        kept = [line for line in lines if part not in line]
        assert len(kept) < len(lines), f"{name} has no {part!r}"
        (run / name).write_text("".join(kept))

    return edit


def edit_bytes(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        content = (run / name).read_bytes()
        assert content.count(old) == 1, f"{name} has {content.count(old)} times {old!r}"
        (run / name).write_bytes(content.replace(old, new))

    return edit


def without_sums(edit: Callable[[Path], None]) -> Callable[[Path], None]:
    """After `edit` of model.pt its members' checksums are made anew."""

    def packed(run: Path) -> None:
        edit(run)
        with zipfile.ZipFile(run / "model.pt") as old:
            members = []
            for info in old.infolist():
                with old.open(info) as member:
                    member._expected_crc = None  # of what was there before
                    members.append((info.filename, member.read()))
        with zipfile.ZipFile(run / "model.pt", "w") as new:
            for name, content in members:
                new.writestr(name, content)

    return packed


def seal(run: Path) -> None:
    """Makes files.json anew, as who doctors a run would."""
    value = json.loads((run / "files.json").read_text())
    for name, entry in value["files"].items():
        if (run / name).exists():
            content = (run / name).read_bytes()
            entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (run / "files.json").write_text(json.dumps(value))


def add_at(position: int, amount: float) -> Callable[[np.ndarray], None]:
    def change(a: np.ndarray) -> None:
        a[position] += a.dtype.type(amount)

    return change


def swap_rows(value: dict) -> None:
    a, b = value["clients"][0]["train"], value["clients"][2]["train"]
    a[0], b[0] = b[0], a[0]


def swap_order(value: dict) -> None:
    rows = value["clients"][0]["train"]
    rows[0], rows[1] = rows[1], rows[0]


def swap_calibration(value: dict) -> None:
    a, b = value["clients"][0]["calibration"], value["clients"][1]["calibration"]
    a[0], b[0] = b[0], a[0]


class Doctored(unittest.TestCase):
    run_folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.run_folder = Path(FOLDER.name) / "run"
        afu_run(AFU, "logreg", SETTINGS, cls.run_folder)

    def answer(self, change: Callable[[Path], None], seals: bool = True) -> tuple[int, str]:
        """`seals`: who changes the run makes its list of files anew."""
        copy = Path(FOLDER.name) / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.run_folder, copy)
        change(copy)
        if seals:
            seal(copy)
        result = checked(copy)
        return result.returncode, result.stdout + result.stderr

    def differs(self, change: Callable[[Path], None], says: str = "DIFFERS", seals: bool = True) -> None:
        status, text = self.answer(change, seals)
        self.assertEqual(status, 1, text)
        self.assertIn(says, text)

    def test_the_run_as_it_is_agrees(self) -> None:
        status, text = self.answer(lambda run: None)
        self.assertEqual(status, 0, text)
        self.assertIn("agrees: largest differences: weights ", text)
        self.assertIn("client_0_job_2 ", text)

    def test_one_weight_changed_by_a_thousandth(self) -> None:
        self.differs(edit_array("final.npz", "final", add_at(7, 1e-3)), "weights 1.00e-03")

    def test_one_first_weight_changed(self) -> None:
        self.differs(edit_array("initial.npz", "initial", add_at(7, 1e-3)), "is not what the seed 11 draws")

    def test_one_update_changed(self) -> None:
        self.differs(edit_array("updates.npz", "client_0_job_2", add_at(3, 1e-3)), "client_0_job_2 1.00e-03")

    def test_another_staleness_exponent(self) -> None:
        self.differs(edit_text("scenario.toml", "staleness_a = 0.5", "staleness_a = 0.6"), "the weight is")

    def test_another_weight_in_the_log(self) -> None:
        self.differs(edit_text("events.jsonl", '"weight":0.', '"weight":0.0'), "the weight is")

    def test_another_step_size(self) -> None:
        self.differs(edit_text("scenario.toml", "lr = 0.02", "lr = 0.021"), "a job's step size is 0.02")

    def test_another_momentum(self) -> None:
        self.differs(edit_text("scenario.toml", "momentum = 0.9", "momentum = 0.91"))

    def test_another_temperature_of_the_distillation(self) -> None:
        self.differs(edit_text("scenario.toml", "temperature = 3.0", "temperature = 4.0"))

    def test_rows_of_two_clients_swapped(self) -> None:
        self.differs(edit_json(swap_rows))

    def test_a_row_owned_twice(self) -> None:
        def change(value: dict) -> None:
            value["clients"][0]["train"][0] = value["test"][0]

        self.differs(edit_json(change), "is of test and of client 0's train")

    def test_a_poisoned_image_changed(self) -> None:
        row = json.loads((self.run_folder / "audit/run.json").read_text())["backdoor"]["poisoned"][0]

        def change(images: np.ndarray) -> None:
            images[row, 0, 0, 0] ^= 1

        self.differs(edit_array("data.npz", "images", change), "a poisoned row is not its original")

    def test_a_row_out_of_range(self) -> None:
        for row in (-1, 10**6):
            self.differs(edit_json(lambda value: value["test"].append(row)), f"test has row {row}")

    def test_a_triggered_image_changed(self) -> None:
        backdoor = json.loads((self.run_folder / "audit/run.json").read_text())["backdoor"]
        for name in ("triggered_test", "control_test", "poisoned_holdout"):
            row = backdoor[name][-1]

            def change(images: np.ndarray) -> None:
                images[row, 0, 3, 3] ^= 1

            self.differs(edit_array("data.npz", "images", change), f"{name} is not its original")
            self.differs(edit_array("data.npz", "labels", add_at(row, 1)), f"{name} has another label")

    def test_other_rows_with_a_trigger(self) -> None:
        for name, says in (
            ("triggered_test", "are not the last rows"),
            ("control_test", "are not the last rows"),
            ("poisoned_holdout", "poisoned_holdout has other rows"),
            ("originals", "a poisoned row: 18 copies of 17 rows"),
        ):
            self.differs(edit_json(lambda value: value["backdoor"][name].pop()), says)
        self.differs(edit_json(lambda value: value.update(backdoor=None)), "the run has none")

    def test_other_rows_to_forget(self) -> None:
        def change(value: dict) -> None:
            value["requests"][0]["forget"].pop()

        self.differs(edit_json(change), "request 0 forgets other rows than it should")

    def test_rows_in_another_order(self) -> None:
        self.differs(edit_json(swap_order))

    def test_calibration_rows_swapped(self) -> None:
        self.differs(edit_json(swap_calibration), "computes on other rows")

    def test_a_label_changed(self) -> None:
        row = json.loads((self.run_folder / "audit/run.json").read_text())["clients"][2]["train"][0]
        self.differs(edit_array("data.npz", "labels", add_at(row, 1)))

    def test_another_key(self) -> None:
        self.differs(edit_text("audit/jobs.jsonl", '"round":2', '"round":3'), "another key than its own")

    def test_an_update_of_the_erased_client_let_in(self) -> None:
        def change(run: Path) -> None:
            lines = (run / "events.jsonl").read_text().splitlines()
            rejected = next(i for i, line in enumerate(lines) if '"rejected"' in line)
            lines[rejected] = lines[rejected].replace("rejected", "buffered")
            (run / "events.jsonl").write_text("\n".join(lines) + "\n")

        self.differs(change, "client 1 is to be forgotten, its update is accepted")

    def test_a_log_without_the_request(self) -> None:
        self.differs(drop_lines("events.jsonl", '"erase_request"'), "request 0 is due here, after 20 updates")

    def test_a_request_out_of_time(self) -> None:
        def change(run: Path) -> None:
            lines = (run / "events.jsonl").read_text().splitlines()
            request = next(i for i, line in enumerate(lines) if '"erase_request"' in line)
            lines.insert(request - 30, lines.pop(request).replace('"t":0.7', '"t":0.0'))
            (run / "events.jsonl").write_text("\n".join(lines) + "\n")

        self.differs(change, "time runs backwards")

    def test_a_request_that_the_scenario_does_not_have(self) -> None:
        self.differs(edit_text("scenario.toml", "at_update = 20", "at_update = 21"), "request 0 is not due here")
        self.differs(edit_text("scenario.toml", "[[erasure]]\nclient = 1", "[[erasure]]\nclient = 2"), "erasure[0]")
        self.differs(edit_json(lambda value: value["requests"].clear()), "the scenario has 1 requests, run.json 0")

    def test_a_run_that_never_was(self) -> None:
        def change(run: Path) -> None:
            (run / "events.jsonl").write_text("")
            (run / "audit/jobs.jsonl").write_text("")
            with np.load(run / "audit/initial.npz") as npz:
                np.savez(run / "audit/final.npz", final=npz["initial"])

        self.differs(change, "the log has 0")

        def and_its_summary(run: Path) -> None:
            change(run)
            edit_summary(forge)(run)

        def forge(summary: dict) -> None:
            summary["context"]["events"] = summary["counters"]["updates"] = 0

        self.differs(and_its_summary, "the log is empty")

    def test_a_log_cut_short(self) -> None:
        def change(run: Path) -> None:
            lines = (run / "events.jsonl").read_text().splitlines()
            (run / "events.jsonl").write_text("\n".join(lines[:60]) + "\n")
            events = [json.loads(line) for line in lines[:60]]
            updates = sum(e.get("decision") in ("merged", "buffered") for e in events)
            updates -= 2 * len({e["version"] for e in events if e.get("decision") == "merged"})  # buffered before

            def forge(summary: dict) -> None:
                summary["context"]["events"] = sum("event" in e for e in events)
                summary["counters"]["updates"] = updates

            edit_summary(forge)(run)

        self.differs(change, "before the end that the scenario's stop sets")

    def test_no_time_passes(self) -> None:
        def change(run: Path) -> None:
            lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
            lines = [e | {"t": 0} | ({"sent": 0} if "sent" in e else {}) for e in lines]
            (run / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in lines))

        self.differs(change, "takes no time")

    def test_another_outcome_in_the_summary(self) -> None:
        self.differs(edit_text("summary.json", '"outcome": "merged"', '"outcome": "unserved"'), "in the log it was merged")
        self.differs(edit_text("summary.json", '"ended": "completed"', '"ended": "well"'), "which no run does")
        self.differs(edit_text("summary.json", '"requested_at": 0.', '"requested_at": 1.'), "request 0 came at")

    def test_a_job_with_rows_to_be_forgotten(self) -> None:
        plain, self.run_folder = self.run_folder, Path(FOLDER.name) / "class"
        settings = ["unlearning.method=not", 'erasure=[{scope="class",class=1,at_update=20}]']
        afu_run(AFU, "logreg", settings, self.run_folder)
        says = "has rows that were to be forgotten when it was handed out"

        def change(run: Path) -> None:
            jobs = run / "audit/jobs.jsonl"
            parts = jobs.read_text().split('"left_out":[0]')
            begin, end = '"left_out":[0]'.join(parts[:10]), '"left_out":[0]'.join(parts[10:])
            jobs.write_text(begin + '"left_out":[]' + end)  # of a job that began well behind the request

        self.differs(change, says)
        self.run_folder = plain

    def test_a_job_that_was_never_handed_out(self) -> None:
        name = "audit/jobs.jsonl"
        self.differs(drop_lines(name, '"to":"client/0","job":3,'), "job 3 of client 0 is not in audit/jobs.jsonl")
        self.differs(drop_lines(name, '"kind":"erase"'), "request 0 has more erasures than audit/jobs.jsonl")

    def test_a_file_that_is_not_the_sealed_one(self) -> None:
        longer = edit_text("metrics.csv", "0", "00")
        self.differs(longer, "files.json: metrics.csv has", seals=False)
        self.differs(edit_text("metrics.csv", "0", "1"), "files.json: metrics.csv has another content", seals=False)
        self.differs(lambda run: (run / "requests.csv").unlink(), "files.json: requests.csv is missing")
        self.differs(edit_text("files.json", '"events.jsonl"', '"other.jsonl"'), "does not list events.jsonl", False)

    def test_another_model_delivered(self) -> None:
        with np.load(self.run_folder / "audit/final.npz") as npz:
            weights = npz["final"]
        edit = edit_bytes("model.pt", weights[:64].tobytes(), (weights[:64] + 1).tobytes())
        self.differs(without_sums(edit), "model.pt differs from audit/final.npz by up to 1")
        self.differs(lambda run: (run / "model.pt").unlink(), "model.pt is missing")
        other = edit_summary(lambda summary: summary.update(model_sha256="0" * 64))
        self.differs(other, "summary.json's model_sha256 is not that of audit/final.npz")

    def test_what_cannot_be_used(self) -> None:
        cases: list[tuple[Callable[[Path], None], str]] = [
            (lambda run: shutil.rmtree(run / "audit"), "output.audit = true"),
            (lambda run: (run / "audit/run.json").write_text("{"), "cannot be read"),
            (lambda run: (run / "audit/data.npz").write_bytes(b"no zip"), "cannot be read"),
            (lambda run: (run / "summary.json").unlink(), "cannot be read"),
            (edit_text("files.json", '"files"', '"other"'), "files.json' cannot be read"),
            (lambda run: (run / "model.pt").write_bytes(b"no zip"), "model.pt' cannot be read"),
            (edit_text("events.jsonl", '"job":1,', '"jab":1,'), "KeyError"),
            (edit_text("scenario.toml", 'method = "kd"', 'method = "knot"'), "computed again are none, retrain"),
            (edit_text("scenario.toml", '[model]\nname = "logreg"', '[model]\nname = "lenet"'), '"logreg" and'),
        ]
        for change, says in cases:
            status, text = self.answer(change, seals="files.json" not in says)
            self.assertEqual(status, 2, text)
            self.assertNotIn("Traceback", text)
            self.assertIn(says, text)


if __name__ == "__main__":
    AFU = sys.argv.pop(1)
    unittest.main()
