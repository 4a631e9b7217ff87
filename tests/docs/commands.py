#!/usr/bin/env python3
"""Plays the commands of every page, in a copy of the repository: commands.py AFU [--list].

AFU is the program in its build folder; the test programs beside it are used too. Each command that tools/check_docs.py --list
prints has a row in RULES: it is run, a shorter one is run in its place, or it is left out for a reason. Exit status 1 where a
command fails, where one has no row, or where a row has no command. --list only tells what would become of each.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_docs  # noqa: E402


class Rule(NamedTuple):
    pattern: str  # of the whole command
    instead: str = r"\g<0>"  # what is run in its place
    left_out: str = ""  # why nothing is
    needs: str = ""  # a file of the data folder, without which it is left out


IN_CI = "CI runs it"  # held to .ci/run below
FEW = " --set data.train_samples=400 --set stop.updates=130"  # of the quickstart: its request comes after 120 updates
STUDY = "configs/studies/quickstart.toml"
SHORT_STUDY = "sed -e 's/^seeds = .*/seeds = [11]/' -e 's/^methods = .*/methods = [\"afu_ic\", \"retrain\"]/'" \
    f" -e 's/^data.train_samples = .*/data.train_samples = 400/' -e 's/^stop.updates = .*/stop.updates = 130/' {STUDY}" \
    " > configs/studies/short.toml && build/afu study configs/studies/short.toml"

# The first row that fits counts.
RULES = [
    # set-up, builds, and what other machines have
    Rule(r"tools/setup\.sh && (build/afu run .*)", r"\1"),
    Rule(r"tools/setup\.sh --help"),
    Rule(r"tools/setup\.sh( --cuda| --(fuzz|checks) --no-build)?|tools/test\.sh|tools/fuzz\.sh \d+", left_out=IN_CI),
    Rule(r"tools/(setup\.sh --user|pack_afu\.sh)", r"\g<0> --help"),  # the first builds all anew; tools/elsewhere.md tells what was tried
    Rule(r"cmake --preset [at]san|cmake --build --preset [at]san .*|ctest --preset [at]san .*", left_out=IN_CI),
    Rule(r"tools/tidy\.sh --core", left_out=IN_CI),
    Rule(r"tools/tidy\.sh", r"\g<0> --help"),  # the copy has no origin/main
    # in a folder apart: this may itself run under ctest, whose log an inner one would take
    Rule(r"(?:tools/test\.sh|ctest --test-dir build) (.*)", r"mkdir -p listed/tests && cp build/CTestTestfile.cmake listed && cp"
         r" build/tests/CTestTestfile.cmake listed/tests && ctest --test-dir listed --show-only --no-tests=error \1"),
    Rule(r"cmake --build build --target test_\w+", left_out="the tests are built"),
    Rule(r"cmake --install build --prefix .*", "cmake --install build --prefix ../installed && ../installed/bin/afu --version"
         " && cmp ../installed/share/man/man1/afu.1 <(build/afu man)"),
    Rule(r"cpack --config build/CPackConfig.cmake", left_out="needs dpkg-dev; tools/try_deb.sh tries the package"),
    Rule(r"git ls-files .*clang-format .*", left_out="the test docs/format does it"),
    Rule(r"tools/fetch_medmnist\.sh .*", left_out="needs the network"),
    Rule(r"(tools/bench_peers/run\.sh(?: --images)?).*", r"\1 --help"),  # the first run installs 6 GB
    Rule(r"build-cuda/afu devices", left_out=IN_CI),
    Rule(r"build-cuda/afu .*", left_out="needs a GPU"),
    # studies
    Rule(rf"build/afu study {re.escape(STUDY)}", SHORT_STUDY),
    Rule(rf"build/afu study {re.escape(STUDY)} --plan", r"\g<0> -o runs/planned"),  # the short one lies in its folder
    Rule(r"build/afu study configs/studies/\w*(oasis)\w*\.toml", r"\g<0> --plan", needs="oasis_alzheimer_28.npz"),
    Rule(r"build/afu study configs/studies/\w*breast\.toml", r"\g<0> --plan", needs="breastmnist.npz"),
    Rule(r"build/afu study configs/studies/\w*pneumonia\.toml", r"\g<0> --plan", needs="pneumoniamnist.npz"),
    Rule(r"build/afu study configs/studies/(methods|patient_ledger)\.toml", r"\g<0> --plan", needs="oasis_alzheimer_28.npz"),
    Rule(r"build/afu study (\S+)( -j 1)?", r"\g<0> --plan"),
    Rule(r"build/afu study (\S+) --worker", SHORT_STUDY.replace("&& build/afu study", "&& build/afu study --worker")),
    Rule(r"build/afu study (\S+) --watch", r"build/afu study configs/studies/short.toml --watch"),
    Rule(r"build/afu study (\S+) --sbatch --array 4", r"\g<0> -o runs/planned"),
    Rule(r"build/afu study (\S+) --submit --array 4", left_out="needs Slurm; the test cluster/slurm does it"),
    # runs
    Rule(r"build/afu node --listen 127\.0\.0\.1:4711", left_out="waits for runs; the tests cluster/nodes do it"),
    Rule(r"build/afu run configs/quickstart\.toml --nodes \S+", left_out="needs nodes; the tests cluster/nodes do it"),
    Rule(r"build/afu run configs/(quickstart|calibration/a1_blind)\.toml.*", r"\g<0>" + FEW),
    Rule(r"AFU_DATA_DIR=data (build/afu) run (configs/truth/resnet18_breast\.toml)", r"\1 check \2", needs="breastmnist.npz"),  # hours
    Rule(r"AFU_DATA_DIR=data (build/afu) run (configs/truth/resnet18_pneumonia\.toml)", r"\1 check \2", needs="pneumoniamnist.npz"),  # hours
    Rule(r"build/afu run configs/timing_1m\.toml", r"\g<0> --set partition.clients=1000 --set data.train_samples=2000"
         " --set stop.updates=3000"),
    Rule(r"build/afu run (configs/(stragglers|audit)/\w+\.toml|configs/breast\.toml|runs/|tests/golden/).*"),
    # benches
    Rule(r"build/afu run configs/bench/nodes\.toml.*", r"\g<0> --set stop.seconds=2"),
    Rule(r"build/afu bench train", r"\g<0> --model lenet --steps 2 --repetitions 1 --lanes 1"),
    Rule(r"build/afu bench train --clients 1,4,16", r"\g<0> --model lenet --steps 16 --repetitions 1 --lanes 1"),
    Rule(r"build/afu bench events", r"\g<0> --clients 10 100"),
    Rule(r"build/afu bench scale", r"\g<0> --clients 10 1000"),
    Rule(r"build/afu bench calibrate", r"\g<0> --steps 1 --repetitions 1"),
    Rule(r"build/afu bench checkpoint", r"\g<0> --models cnn_small --seconds 2 --every 0.2 --updates 100"),
    Rule(r"build/afu bench aggregate --repetitions 20", "build/afu bench aggregate --repetitions 1"),
    # what is as quick as it stands
    Rule(r"build/afu data --clear-cache", "env XDG_CACHE_HOME=$PWD/cache build/afu data --clear-cache"),
    Rule(r"AFU_DATA_DIR=data (build/afu data breastmnist\.npz)", r"\1", needs="breastmnist.npz"),
    Rule(r"build/afu (check|compare|data|methods|reference|report)\b.*"),
    Rule(r"/usr/bin/python3 (-c \"\nimport numpy|-B tests/audit/run_case\.py|tools/audit/check_run\.py).*"),
    Rule(r"build/tests/test_core --list-test-cases|build/tests/test_cli --test-case=.*|tools/check_docs\.py build/afu"),
    Rule(r"tools/write_golden\.sh"),
    Rule(r"tools/write_golden\.sh --hashes|git diff --stat tests/golden/bytes", left_out="the test cli/same_bytes does it"),
    Rule(r"git diff --stat tests/golden", r"git diff --exit-code --stat tests/golden"),  # the log is what it was
]


class Played(NamedTuple):
    rule: Rule | None
    run: str  # empty: nothing
    why: str  # where nothing is run


def held_to_ci(text: str, ci: str) -> bool:
    return any(line.strip().split(" || ")[0] == text for line in ci.splitlines())


def decide(command: str, data: Path | None, ci: str) -> Played:
    text = re.sub(r"\s+# .*$", "", command)
    for rule in RULES:
        if not (found := re.fullmatch(rule.pattern, text, re.DOTALL)):
            continue
        if rule.left_out == IN_CI and not held_to_ci(text, ci):
            return Played(None, "", ".ci/run has no such line")
        if rule.left_out:
            return Played(rule, "", rule.left_out)
        if rule.needs and not (data and (data / rule.needs).exists()):
            return Played(rule, "", f"{rule.needs} is not there")
        return Played(rule, found.expand(rule.instead), "")
    return Played(None, "", "no row of RULES fits")


def data_folder() -> Path | None:
    given = os.environ.get("AFU_DATA_DIR")
    folder = Path(given) if given else ROOT.parent / "shared/data"
    return folder.resolve() if folder.is_dir() else None


def copy_repository(to: Path, build: Path) -> None:
    for file in check_docs.files_below(ROOT):
        target = to / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    (to / "build").symlink_to(build)
    author = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    for words in (["init", "-q"], ["add", "configs", "tests/golden"], [*author, "commit", "-qm", "copy"]):
        subprocess.run(["git", *words], cwd=to, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afu", type=Path, help="the program in its build folder")
    parser.add_argument("--list", action="store_true", help="only tell what would become of each command")
    arguments = parser.parse_args()
    data = data_folder()
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    environment = {**os.environ, **({"AFU_DATA_DIR": str(data)} if data else {})}
    pages = [check_docs.Page(f, ROOT) for f in check_docs.files_below(ROOT) if f.suffix == ".md"]
    faults: list[str] = []
    used: set[Rule] = set()
    done: dict[str, str] = {}  # commands that stand in several places are run once
    with tempfile.TemporaryDirectory(prefix="afu-commands-") as folder:
        copy = Path(folder) / "afu"
        if not arguments.list:
            copy_repository(copy, arguments.afu.resolve().parent)
        for page in pages:
            for command in page.commands:
                place = f"{command.file}:{command.line}"
                played = decide(command.text, data, ci)
                if played.rule is None:
                    faults.append(f"{place}: {command.text}: {played.why}")
                    continue
                used.add(played.rule)
                short = played.run.replace("\n", " ")[:150]
                if not played.run or played.run in done or arguments.list:
                    print(f"{place}: " + (f"left out, {played.why}" if not played.run else short), flush=True)
                    continue
                began = time.monotonic()
                result = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", played.run], cwd=copy, env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                )
                print(f"{place}: {time.monotonic() - began:.1f} s: {short}", flush=True)
                done[played.run] = place
                if result.returncode not in (0, 3):  # 3: done, but a shorter run ended before its request was served
                    faults.append(f"{place}: {played.run}: status {result.returncode}\n{result.stdout[-2000:]}")
    faults += [f"RULES: no page has a command that is {r.pattern}" for r in RULES if r not in used]
    for fault in faults:
        print("FAULT " + fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
