#!/usr/bin/env python3
"""tools/check_docs.py fails where a page is wrong: each kind of error, planted into a small repository."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).resolve().parents[2] / "tools/check_docs.py"

README = """# A program

![a picture](configs/chart.svg) and [how to begin](#quick-start), [again](#quick-start-1), [keys](configs/README.md#keys--units-of-toml).

## Quick start

```sh
tools/setup.sh && build/afu run configs/first.toml --set a.b=1 -o runs/first
MODE=fast build/afu bench train --lanes 1,2 | cat
build/afu report runs/first  # a comment
echo "two
lines"
```

## Quick start

`configs/first.toml` is a scenario, and so is `first.toml`. A link in code is none: `[x](nowhere.md)`.

```
an output, of which nothing is checked: [x](nowhere.md)
```
"""
KEYS = """# Scenarios

## Keys & units of *TOML*

[Back](../README.md), [out](https://example.org/none).
"""
AFU = """#!/bin/sh
case "$*" in
--help) printf 'Usage\\n\\nOptions:\\n  -h,--help  Help\\n\\nVerbs:\\n  run     Runs\\n  report  Reports\\n  bench   Measures\\n' ;;
"run --help") printf 'Options:\\n  -h,--help\\n  --set TEXT ...\\n  -o,--output TEXT\\n' ;;
"report --help") printf 'Options:\\n  -h,--help\\n' ;;
"bench --help") printf 'Options:\\n  -h,--help\\n\\nVerbs:\\n  train   Trains\\n' ;;
"bench train --help") printf 'Options:\\n  --lanes INT ...\\n' ;;
*) exit 2 ;;
esac
"""


class Planted(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="afu-docs-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "repository"
        self.write("README.md", README)
        self.write("configs/README.md", KEYS)
        self.write("configs/first.toml", "[scenario]\n")
        self.write("configs/chart.svg", "<svg/>\n")
        for name, text in (("tools/setup.sh", "#!/bin/sh\n"), ("fake/afu", AFU)):
            self.write(name, text)
            (self.root / name).chmod(0o755)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def check(self, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", str(CHECK), str(self.root / "fake/afu"), "--root", str(self.root), *more]
        return subprocess.run(command, capture_output=True, text=True)

    def assert_found(self, *lines: str, more: tuple[str, ...] = ()) -> None:
        result = self.check(*more)
        self.assertEqual((result.stdout.splitlines(), result.returncode), (list(lines), 1), result.stderr)

    def plant(self, text: str) -> None:
        """A line of its own in configs/README.md: the seventh."""
        self.write("configs/README.md", KEYS + "\n" + text + "\n")

    def test_a_repository_without_faults_passes(self) -> None:
        result = self.check()
        self.assertEqual((result.stdout, result.returncode), ("", 0), result.stderr)

    def test_a_link_to_no_file(self) -> None:
        self.plant("[x](gone.csv)")
        self.assert_found("configs/README.md:7: link gone.csv: there is no such file")

    def test_an_image_and_a_reference_to_no_file(self) -> None:
        self.plant('![x](gone.svg) <img src="gone.png">\n\n[later]: gone.txt')
        self.assert_found(
            "configs/README.md:7: link gone.svg: there is no such file",
            "configs/README.md:7: link gone.png: there is no such file",
            "configs/README.md:9: link gone.txt: there is no such file",
        )

    def test_an_image_that_is_a_link_has_two_targets(self) -> None:
        self.plant("[![x](gone.svg)](gone.txt)")
        self.assert_found(
            "configs/README.md:7: link gone.txt: there is no such file",
            "configs/README.md:7: link gone.svg: there is no such file",
        )

    def test_an_anchor_that_no_heading_has(self) -> None:
        self.plant("[x](../README.md#quick-start-2) [y](#keys)")
        self.assert_found(
            "configs/README.md:7: link ../README.md#quick-start-2: no heading of README.md has that anchor",
            "configs/README.md:7: link #keys: no heading of configs/README.md has that anchor",
        )

    def test_a_link_out_of_the_repository(self) -> None:
        self.plant("[x](../../elsewhere) [y](/configs/first.toml)")
        self.assert_found(
            "configs/README.md:7: link ../../elsewhere leads out of the repository",
            "configs/README.md:7: link /configs/first.toml leads out of the repository",
        )

    def test_a_readme_that_is_too_long(self) -> None:
        self.write("README.md", README + "x" * (10_001 - len(README.encode())))
        self.assert_found("README.md:1: 10001 bytes, at most 10000 are allowed")

    def test_a_document_that_is_not_there(self) -> None:
        self.plant("See METHODS 7.9, STYLE habit 8, DESIGN.md and notes.md.")
        self.assert_found(
            "configs/README.md:7: METHODS 7: that document is not in the repository",
            "configs/README.md:7: STYLE habit 8: that document is not in the repository",
            "configs/README.md:7: DESIGN.md: that document is not in the repository",
            "configs/README.md:7: notes.md: there is no such file",
        )
        self.write("DESIGN.md", "# Design\n")
        self.write("METHODS.md", "# Methods\n")
        self.write("STYLE.md", "# Style\n")
        self.write("notes.md", "# Notes\n")
        self.assertEqual(self.check().returncode, 0)

    def test_a_source_that_names_such_a_document(self) -> None:
        self.write("src/a.hpp", "/// one\n/// two (METHODS 9.2)\n")
        self.assertEqual(self.check().returncode, 0)
        self.assert_found("src/a.hpp:2: METHODS 9: that document is not in the repository", more=("--sources",))

    def test_a_scenario_that_is_not_there(self) -> None:
        self.plant("`configs/second.toml`, second.toml\n\n```sh\nbuild/afu run configs/second.toml\n```")
        self.assert_found(
            "configs/README.md:7: configs/second.toml: there is no such file",
            "configs/README.md:7: second.toml: there is no such file",
            "configs/README.md:10: configs/second.toml: there is no such file",
        )

    def test_a_folder_that_is_not_there(self) -> None:
        self.plant("`src/lanes/` and `configs/`")
        self.assert_found("configs/README.md:7: src/lanes/: there is no such file or folder")

    def test_a_verb_that_is_not_there(self) -> None:
        self.plant("```sh\nbuild/afu play configs/first.toml\nbuild/afu bench fly\n```")
        self.assert_found(
            "configs/README.md:8: afu play: --help lists bench, report, run",
            "configs/README.md:9: afu bench fly: --help lists train",
        )

    def test_an_option_that_is_not_there(self) -> None:
        self.plant("```sh\nbuild/afu run configs/first.toml --fast -q\n```")
        self.assert_found(
            "configs/README.md:8: afu run has no option --fast", "configs/README.md:8: afu run has no option -q"
        )

    def test_output_in_a_block_of_commands(self) -> None:
        self.plant("```sh\nbuild/afu report runs/first\nreported: runs/first\n```")
        self.assert_found("configs/README.md:9: reported:: there is no such program")

    def test_a_script_that_is_not_there(self) -> None:
        self.plant("```sh\ntools/gone.sh\npython3 tools/gone.py\n```")
        self.assert_found(
            "configs/README.md:8: tools/gone.sh: there is no such program",
            "configs/README.md:9: tools/gone.py: there is no such file",
        )

    def test_a_block_or_a_command_without_end(self) -> None:
        self.plant('```sh\necho "x\n```\n\n```sh\necho')
        self.assert_found(
            "configs/README.md:8: the command has no end",
            "configs/README.md:12: the block that ```sh begins has no end",
        )

    def test_the_commands_are_listed(self) -> None:
        expected = [
            "README.md:8\ttools/setup.sh && build/afu run configs/first.toml --set a.b=1 -o runs/first",
            "README.md:9\tMODE=fast build/afu bench train --lanes 1,2 | cat",
            "README.md:10\tbuild/afu report runs/first  # a comment",
            'README.md:11\techo "two\nlines"',
        ]
        self.assertEqual(self.check("--list").stdout, "\n".join(expected) + "\n")


if __name__ == "__main__":
    unittest.main()
