#!/usr/bin/env python3
"""Runs one case of cases.txt with afu and has the outside checker compute it again: run_case.py AFU NAME."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def settings_of(name: str) -> tuple[str, list[str]]:
    for line in (ROOT / "tests/audit/cases.txt").read_text().splitlines():
        words = line.split()
        if words and words[0] == name:
            return words[1], words[2:]
    raise SystemExit(f"run_case.py: there is no case '{name}' in tests/audit/cases.txt")


def afu_run(afu: str, scenario: str, settings: list[str], output: Path) -> None:
    command = [afu, "run", str(ROOT / f"configs/audit/{scenario}.toml"), "-q", "-o", str(output)]
    for setting in settings:
        command += ["--set", setting]
    status = subprocess.run(command).returncode
    if status not in (0, 3):  # 3: done, but it ended before a request was served, which the checker follows too
        raise SystemExit(f"run_case.py: {' '.join(command)}: status {status}")


def checked(output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(ROOT / "tools/audit/check_run.py"), str(output), *options]
    return subprocess.run(command, capture_output=True, text=True)


def main() -> int:
    afu, name = sys.argv[1:]
    scenario, settings = settings_of(name)
    with tempfile.TemporaryDirectory(prefix="afu-audit-") as folder:
        output = Path(folder) / name
        afu_run(afu, scenario, settings, output)
        result = checked(output)
        print(result.stdout + result.stderr, end="")
        return result.returncode


if __name__ == "__main__":
    sys.exit(main())
