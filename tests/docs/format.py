#!/usr/bin/env python3
"""Every file given is as clang-format 14, Debian 12's, writes it: format.py FILE...

Other versions write some places otherwise. Where one of them is installed this says so and ends with 77, which ctest counts as
skipped; where none is, with 1.
"""

from __future__ import annotations

import re
import subprocess
import sys

WANTED = 14


def main(files: list[str]) -> int:
    try:
        said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"clang-format --version: {error}")
        return 1
    version = re.search(r"version (\d+)", said)
    if not version or int(version[1]) != WANTED:
        print(f"skipped: the files are formatted by clang-format {WANTED}, and here is {said.strip()}")
        return 77
    return 1 if subprocess.run(["clang-format", "--dry-run", "-Werror", *files]).returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
