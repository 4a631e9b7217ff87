#!/usr/bin/env python3
"""Checks every page of the repository: check_docs.py [AFU] [--root FOLDER] [--sources] [--list].

Each relative link resolves, its #anchor included (by GitHub's rule for headings). README.md has at most 10,000 bytes. No page
names a document, scenario, study or script that is not there. Blocks marked sh hold only commands: their programs exist, and,
where the program AFU is given, the verbs and options of its commands are those that its --help lists. Exit status 1 with a line
FILE:LINE: WHAT for each that is wrong.

--sources holds source files and scenarios to the rule about documents as well. --list prints the commands of all sh blocks,
FILE:LINE, a tab and the command, and checks nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

README_BYTES = 10_000
LEFT_OUT = re.compile(r"^(\..*|build.*|runs|deps-pack|shared|__pycache__)$")  # folders that are no part of the repository
WRITTEN = {"report.md", "scenario.toml"}  # by runs and reports
# Documents that sources once pointed to; a number or "habit" after the first three is a section of theirs.
ABSENT = re.compile(r"\b(?:(METHODS|DESIGN|STYLE|AFU-IC)\.md\b|(METHODS|DESIGN|STYLE) (?:habit )?\d)")
SOURCES = {".cpp", ".hpp", ".cu", ".cuh", ".py", ".sh", ".toml", ".txt", ".cmake"}

LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)\s>]+)")  # in the text of a link too
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$")
HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"")
CODE = re.compile(r"(`+)(.+?)\1")
FENCE = re.compile(r"^\s*(```+|~~~+)\s*(\S*)")
PATH_NAMED = re.compile(r"^(?:configs|tests|tools|src|actors|cmake)/[\w./-]*\w/?$")
PLACEHOLDER = re.compile(r"\b(?:NAME|FOLDER|FILE)\b")
FILE_NAMED = re.compile(r"(?<![\w./*-])[\w./-]*\w\.(?:md|toml)\b")


class Fault(NamedTuple):
    file: str
    line: int
    what: str


class Command(NamedTuple):
    file: str
    line: int
    text: str


class Page:
    """A Markdown file: its lines outside fenced blocks, its sh blocks, its headings' anchors."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.prose: list[tuple[int, str]] = []
        self.commands: list[Command] = []
        self.faults: list[Fault] = []
        self.anchors: set[str] = set()
        fence, language, block = "", "", []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            mark = FENCE.match(line)
            if not fence and mark:
                fence, language, block = mark[1], mark[2], []
            elif fence and mark and mark[1].startswith(fence) and not mark[2]:
                if language == "sh":
                    self.take_block(block)
                fence = ""
            elif fence:
                block.append((number, line))
            else:
                self.prose.append((number, line))
        if fence:
            self.faults.append(Fault(self.name, number, f"the block that {fence}{language} begins has no end"))
        self.take_headings()

    def take_block(self, lines: list[tuple[int, str]]) -> None:
        begin, text = 0, ""
        for number, line in lines:
            begin = begin if text else number
            text = f"{text}\n{line}" if text else line.strip()
            if not text:
                continue
            try:
                words = shlex.split(text, comments=True)
            except ValueError:  # a quotation goes on
                continue
            if text.endswith("\\"):
                continue
            if words:
                self.commands.append(Command(self.name, begin, text))
            text = ""
        if text:
            self.faults.append(Fault(self.name, begin, "the command has no end"))

    def take_headings(self) -> None:
        seen: dict[str, int] = {}
        for _, line in self.prose:
            if heading := re.match(r"^#{1,6}\s+(.*?)\s*#*\s*$", line):
                slug = slug_of(heading[1])
                count = seen.get(slug, 0)
                seen[slug] = count + 1
                self.anchors.add(f"{slug}-{count}" if count else slug)
            self.anchors.update(re.findall(r"<a\s+(?:name|id)=\"([^\"]+)\"", line))


def slug_of(heading: str) -> str:
    """GitHub's anchor of a heading: its text in lower case without punctuation, a hyphen for each space."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"(?<!\w)[*_]{1,3}(\S(?:.*?\S)?)[*_]{1,3}(?!\w)", r"\1", text.replace("`", ""))
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def files_below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not LEFT_OUT.match(f))
        yield from (Path(folder) / name for name in sorted(names))


def links(page: Page) -> Iterator[tuple[int, str]]:
    for number, line in page.prose:
        bare = CODE.sub("", line)  # what stands in code is no link
        found = [target for pattern in (LINK, IMAGE, DEFINITION, HTML) for target in pattern.findall(bare)]
        yield from ((number, target) for target in dict.fromkeys(found))


def check_links(page: Page, pages: dict[Path, Page], root: Path) -> Iterator[Fault]:
    for number, link in links(page):
        if re.match(r"^[a-z][a-z0-9+.-]*:", link, re.I) or link.startswith("//"):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / unquote(target)).resolve() if target else page.path
        if target.startswith("/") or (path != root and root not in path.parents):
            yield Fault(page.name, number, f"link {link} leads out of the repository")
        elif not path.exists():
            yield Fault(page.name, number, f"link {link}: there is no such file")
        elif anchor and path in pages and anchor not in pages[path].anchors:
            yield Fault(page.name, number, f"link {link}: no heading of {pages[path].name} has that anchor")


def absent(name: str, line: int, text: str, names: set[str]) -> Iterator[Fault]:
    for found in ABSENT.finditer(text):
        if f"{found[1] or found[2]}.md" not in names:
            yield Fault(name, line, f"{found[0]}: that document is not in the repository")


def check_names(page: Page, root: Path, names: set[str]) -> Iterator[Fault]:
    """Files that the text names: documents and scenarios anywhere, other paths where they stand in code."""
    for number, line in page.prose:
        yield from absent(page.name, number, line, names)
        text = LINK.sub("", line)  # links are checked as such
        for name in FILE_NAMED.findall(text):
            if ABSENT.search(name) or PLACEHOLDER.search(name) or Path(name).name in WRITTEN:
                continue
            there = ((root / name).exists() or (page.path.parent / name).exists()) if "/" in name else name in names
            if not there:
                yield Fault(page.name, number, f"{name}: there is no such file")
        for _, code in CODE.findall(text):
            if PATH_NAMED.match(code) and not FILE_NAMED.search(code) and not PLACEHOLDER.search(code):
                if not (root / code).exists() and not (page.path.parent / code).exists():
                    yield Fault(page.name, number, f"{code}: there is no such file or folder")


class Help:
    """What `afu --help` and that of each verb list."""

    def __init__(self, afu: str) -> None:
        self.afu = afu
        self.pages: dict[tuple[str, ...], str] = {}

    def text(self, *verb: str) -> str:
        if verb not in self.pages:
            run = subprocess.run([self.afu, *verb, "--help"], capture_output=True, text=True)
            if run.returncode != 0:
                raise SystemExit(f"check_docs.py: {self.afu} {' '.join(verb)} --help ended with {run.returncode}")
            self.pages[verb] = run.stdout
        return self.pages[verb]

    def verbs(self, *verb: str) -> set[str]:
        _, _, listed = self.text(*verb).partition("\nVerbs:\n")
        return set(re.findall(r"^  (\w+)", listed, re.M))

    def options(self, *verb: str) -> set[str]:
        return set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", self.text(*verb)))


def parts_of(command: Command) -> Iterator[list[str]]:
    """The simple commands of a line: between &&, ||, | and ;, without assignments before the program's name."""
    lexer = shlex.shlex(command.text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    part: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set(";&|"):
            if part:
                yield part
            part = []
        elif part or not re.match(r"^\w+=", word):
            part.append(word)


def check_afu(command: Command, words: list[str], afu: Help) -> Iterator[Fault]:
    verb: list[str] = []
    while listed := afu.verbs(*verb):
        given = words[len(verb)] if len(words) > len(verb) else ""
        if given.startswith("-"):
            break
        if given not in listed:
            yield Fault(command.file, command.line, f"afu {' '.join([*verb, given])}: --help lists {', '.join(sorted(listed))}")
            return
        verb.append(given)
    for word in words[len(verb) :]:
        option = word.partition("=")[0]
        if re.match(r"^--?[a-zA-Z]", word) and option not in afu.options(*verb):
            yield Fault(command.file, command.line, f"afu {' '.join(verb)} has no option {option}")


def check_command(command: Command, root: Path, afu: Help | None) -> Iterator[Fault]:
    for words in parts_of(command):
        program = words[0]
        built = re.match(r"^build[\w-]*/\w+$", program)
        if not built and not (os.access(root / program, os.X_OK) if "/" in program else shutil.which(program)):
            yield Fault(command.file, command.line, f"{program}: there is no such program")
        for word in words[1:]:
            named = word.endswith((".toml", ".py", ".sh")) and re.match(r"^[\w./-]+$", word)
            if named and not word.startswith(("runs/", "/")) and not (root / word).exists():
                yield Fault(command.file, command.line, f"{word}: there is no such file")
        if Path(program).name == "afu" and afu:
            yield from check_afu(command, words[1:], afu)


def check(root: Path, afu: Help | None, sources: bool) -> list[Fault]:
    files = list(files_below(root))
    names = {f.name for f in files}
    pages = {f: Page(f, root) for f in files if f.suffix == ".md"}
    faults: list[Fault] = []
    readme = root / "README.md"
    size = readme.stat().st_size if readme.exists() else 0
    if size > README_BYTES:
        faults.append(Fault("README.md", 1, f"{size} bytes, at most {README_BYTES} are allowed"))
    for page in pages.values():
        faults += page.faults
        faults += check_links(page, pages, root)
        faults += check_names(page, root, names)
        for command in page.commands:
            faults += check_command(command, root, afu)
    if sources:
        for file in files:
            if file.suffix in SOURCES and file.resolve() != Path(__file__).resolve():
                for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                    faults += absent(file.relative_to(root).as_posix(), number, line, names)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afu", nargs="?", help="the program; without it verbs and options are not checked")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="another repository")
    parser.add_argument("--sources", action="store_true", help="sources and scenarios name no absent document either")
    parser.add_argument("--list", action="store_true", help="print the commands of all sh blocks")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    if arguments.list:
        for file in files_below(root):
            if file.suffix == ".md":
                for command in Page(file, root).commands:
                    print(f"{command.file}:{command.line}\t{command.text}")
        return 0
    afu = Help(os.path.abspath(arguments.afu)) if arguments.afu else None
    faults = check(root, afu, arguments.sources)
    for fault in faults:
        print(f"{fault.file}:{fault.line}: {fault.what}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
