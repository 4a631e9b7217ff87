#!/usr/bin/env python3
"""Every script of tools/ prints its usage for --help and does nothing else: helps.py.

Each is run in a copy of tools/ alone, where there is nothing to build or to fetch, with ten seconds of time. Exit status 1 where one
fails, does not name itself, or leaves a file behind.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fault(script: Path, copy: Path) -> str:
    there = set(copy.rglob("*"))
    try:
        run = subprocess.run([copy / script, "--help"], cwd=copy, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "--help does not end"
    if run.returncode != 0:
        return f"--help ends with {run.returncode}: {run.stderr.strip()}"
    if f"tools/{script.relative_to('tools')}" not in run.stdout and script.name not in run.stdout:
        return "--help does not say how it is called"
    new = [f for f in copy.rglob("*") if f not in there]
    return f"--help leaves {new[0].relative_to(copy)} behind" if new else ""


def main() -> int:
    scripts = sorted(f.relative_to(ROOT) for f in (ROOT / "tools").glob("*.sh"))
    if not scripts:
        print("tools/ has no script")
        return 1
    wrong = False
    with tempfile.TemporaryDirectory(prefix="afu-helps-") as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "tools", copy / "tools")
        for script in scripts:
            what = fault(script, copy)
            print(f"{script}: {what or 'ok'}")
            wrong = wrong or bool(what)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
