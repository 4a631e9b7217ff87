#!/usr/bin/env python3
"""Runs whose lanes are those of `afu node` processes on this machine: nodes.py AFU [--parts LIST] [--losses N] ...

Whatever happens to the nodes, logs, metrics and model must be, byte for byte, those of the run without them. Exit status 1 where they are
not, or where something is not refused as it should be, or a loss is not told; the folder is kept then.

  short     one of each, small: a run by a node, a kill, a stop, a refusal (what CI runs with each change)
  equal     afu_ic, retrain, knot and a timing run by 1, 2 and 4 remote lanes, alone and beside this machine's
  study     a study whose scenario names two nodes, two cells at a time: each cell and the report as without them
  losses    nodes are lost while runs go on: killed and started again, stopped for longer than the patience, cut off
  refusals  wrong token, other data, half-open connections, random bytes, many connects; the node's memory and open files afterwards
  network   two nodes in network namespaces of their own, 1 ms and 1 Gbit/s away; bytes on the wire
  overhead  a remote lane and a local one in one run: jobs a second of each

`network`, and cutting off in `losses`, need root, ip and tc; where those are missing that is said and left out. Where the system lacks
netem a process delays what it carries between two TUN devices (delayed_link.py).

  --parts LIST    of the above, separated by commas (equal,study,losses,refusals,network)
  --losses N      in all (200)
  --updates N     stop.updates of the runs in which nodes are lost (600)
  --connects N    (10000)
  --jobs N        stop.updates of the runs of `overhead` (400)
  --seed N        of what is drawn (1)
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from processes import PATIENCE, RELAY, Namespace, Node, Run, Wrong, check, figures, kill_runs, wait

ROOT = pathlib.Path(__file__).resolve().parents[2]

SCENARIOS = ("afu_ic", "retrain", "knot")
PARTS = ("short", "equal", "study", "losses", "refusals", "network", "overhead")

OVERHEAD = """
[scenario]
name = "overhead"
seed = 5
[data]
image_size = 28
classes = 10
train_samples = 800
val_samples = 100
test_samples = 100
[partition]
scheme = "iid"
clients = 16
[model]
name = "MODEL"
[training]
batch_size = 10
local_epochs = 1
[compute]
lanes = 1
[evaluation]
every_updates = 1000000
attacks = ["none"]
[stop]
updates = UPDATES
"""


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.afu = str(options.afu.resolve())
        self.random = random.Random(options.seed)
        self.runs, self.lock = 0, threading.Lock()
        self.token = self.write_token("token", "a secret of the nodes of this test")
        self.nodes, self.namespaces, self.references = [], [], {}

    def write_token(self, name, text):
        file = self.folder / name
        file.write_text(text + "\n")
        file.chmod(0o600)
        return file

    def number(self):
        self.runs += 1
        return self.runs

    def node(self, **kind):
        self.nodes.append(Node(self, **kind))
        return self.nodes[-1]

    def namespace(self, shape=None):
        self.namespaces.append(Namespace(shape))
        return self.namespaces[-1]

    def close(self):
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.kill()
                node.process.wait()
        for namespace in self.namespaces:
            namespace.close()

    def end_nodes(self, nodes):
        for node in nodes:
            node.end()
            self.nodes.remove(node)

    def reference(self, name, updates):
        """The figures of the run without nodes. The scenario's file has so many updates then."""
        method, rule, more, _ = kill_runs.SCENARIOS[name]
        text = kill_runs.COMMON.replace("NAME", name).replace("METHOD", method).replace("RULE", rule).replace("MORE", more)
        text = text.replace("EVERY", "0").replace("OUTPUT", "").replace("UPDATES", str(updates))
        file, output = self.folder / f"{name}.toml", self.folder / f"{name}-{updates}-alone"
        file.write_text(text)
        if (name, updates) not in self.references:
            began = time.monotonic()
            subprocess.run([self.afu, "run", str(file), "-q", "-o", str(output)], check=True)
            print(f"{name}, {updates} updates, alone: {time.monotonic() - began:.1f} s", flush=True)
            self.references[name, updates] = figures(output)
        return self.references[name, updates]

    def compare(self, run, name, updates):
        status = run.finish()
        check(status == 0, f"{name}: the run ended with {status}: {run.text()[-1000:]}")
        expected, found = self.reference(name, updates), figures(run.output)
        other = [k for k in {**expected, **found} if expected.get(k) != found.get(k)]
        check(not other, f"{name}: not what the run without nodes gave: {', '.join(other)}; {run.output}")
        shutil.rmtree(run.output)
        return len(found)

    def equal(self):
        for lanes in ((1,), (1, 1), (2, 2)):
            nodes = [self.node(lanes=n) for n in lanes]
            for name in SCENARIOS:
                for only in (True, False):
                    self.reference(name, 150)
                    run = Run(self, name, nodes, only)
                    files = self.compare(run, name, 150)
                    check(run.jobs_there() > 0 or not only, f"{name}: nothing was computed on nodes")
                    print(f"equal: {name}, {sum(lanes)} remote lanes on {len(lanes)} nodes, {'alone' if only else 'beside local ones'}: "
                          f"{files} figures and files the same, {run.jobs_there()} jobs on nodes", flush=True)
            self.timing(nodes)
            self.end_nodes(nodes)

    def timing(self, nodes):
        """Nothing is computed, so no node is asked, and that is said."""
        self.reference("afu_ic", 150)
        found = []
        for by in ([], nodes):
            output = self.folder / f"timing-{self.number()}"
            command = [self.afu, "run", str(self.folder / "afu_ic.toml"), "--set", "scenario.execute=timing", "-o", str(output)]
            command += ["--nodes", ",".join(n.address for n in by), "--token-file", str(self.token)] if by else []
            told = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True).stderr
            check(bool(by) == ("none of them is asked, since a timing run computes nothing" in told), f"a timing run says: {told}")
            found.append(figures(output))
            shutil.rmtree(output)
        other = [k for k in {**found[0], **found[1]} if found[0].get(k) != found[1].get(k)]
        check(not other, f"a timing run with nodes is not what it is without: {', '.join(other)}")
        print(f"equal: a timing run, {len(nodes)} nodes: {len(found[0])} figures and files the same", flush=True)

    def study(self):
        """Two cells at a time, each with one of two nodes, which the scenario names."""
        nodes = [self.node() for _ in range(2)]
        self.reference("afu_ic", 150)
        base = (self.folder / "afu_ic.toml").read_text()
        found = []
        for by in ([], nodes):
            folder = self.folder / ("study-nodes" if by else "study-alone")
            folder.mkdir()
            keys = f'[compute]\nnodes = {json.dumps([n.address for n in by])}\ntoken_file = "../token"\nonly_nodes = true\nnode_patience = {PATIENCE}\n'
            (folder / "base.toml").write_text(base + (keys if by else ""))
            (folder / "study.toml").write_text('[study]\nname = "nodes"\nbase = "base.toml"\nseeds = [1, 2]\n'
                                               'methods = ["afu_ic", "retrain", "fine_tune"]\n')
            subprocess.run([self.afu, "study", str(folder / "study.toml"), "-q", "-o", str(folder / "out"), "-j", "2"], check=True)
            cells = sorted(p.parent for p in folder.glob("out/cells/**/files.json"))
            found.append({str(c.relative_to(folder)): figures(c) for c in cells})
            tables = {"cells.csv", "context.csv", "cost.csv"}  # hold times
            found[-1]["tables"] = {p.name: p.read_bytes() for p in folder.glob("out/tables/*.csv") if p.name not in tables}
        check(found[0].keys() == found[1].keys() and len(found[0]) == 7, f"cells: {list(found[0])}, {list(found[1])}")
        other = [k for k in found[0] if found[0][k] != found[1][k]]
        check(not other, f"study: not what it is without nodes: {', '.join(other)}")
        summaries = [json.loads(p.read_text())["context"]["nodes"] for p in (self.folder / "study-nodes").glob("out/cells/**/summary.json")]
        used = {one["node"] for nodes_of_cell in summaries for one in nodes_of_cell if one["jobs"] > 0}
        check(all(len(n) == 1 for n in summaries) and used == {n.address for n in nodes}, f"study: nodes of its cells: {summaries}")
        print(f"study: {len(summaries)} cells, two at a time by a node each: cells and {len(found[0]['tables'])} tables the same", flush=True)
        self.end_nodes(nodes)

    def lose(self, run, node, kinds, counts, most, seed):
        """Until the run ends, or there have been so many of all kinds."""
        draw, told = random.Random(seed), 0
        there = f"node {re.escape(node.address)}"
        while not run.over():
            time.sleep(draw.random() * 0.7)
            kind = draw.choice(kinds)
            with self.lock:
                if run.over() or sum(counts.values()) >= most:
                    return
                counts[kind] += 1
            if kind == "kill":
                node.process.kill()
                node.process.wait()
            elif kind == "stop":
                node.process.send_signal(signal.SIGSTOP)
            else:
                node.namespace.link("down")
            lost = run.await_line(f"{there} was lost: ", told)
            if kind == "kill":
                node.start()
            elif kind == "stop":
                node.process.send_signal(signal.SIGCONT)
            else:
                node.namespace.link("up")
            if lost is None:  # the run was over before it could notice
                with self.lock:
                    counts[kind] -= 1
                return
            told = run.await_line(f"{there} is there again", lost)
            if told is None:
                return

    def losses(self):
        why = Namespace.why_not()
        if why:
            print(f"losses: nothing is cut off: {why}", flush=True)
        kinds = ["kill", "stop"] if why else ["kill", "stop", "cut"]
        nodes = [self.node(namespace=None if why else self.namespace(), lanes=1) for _ in range(3)]
        table, ends, waits, began = {}, 0, 0, time.monotonic()
        total = {kind: 0 for kind in kinds}
        share = -(-self.options.losses // (2 * len(SCENARIOS)))  # of a run, whose jobs must come to an end between two
        while sum(total.values()) < self.options.losses:
            name = SCENARIOS[ends % len(SCENARIOS)]
            self.reference(name, self.options.updates)
            before, most = dict(total), min(self.options.losses, sum(total.values()) + share)
            run = Run(self, name, nodes, only=ends % 2 == 0)
            threads, failures = [], []

            def lose(node, seed):
                try:
                    self.lose(run, node, kinds, total, most, seed)
                except Exception as e:  # told below
                    failures.append(e)

            check(run.await_line(r"\d+ lanes|updates, simulated|was lost", 0, 120) is not None, f"{name}: {run.text()[-500:]}")
            for node in nodes:
                threads.append(threading.Thread(target=lose, args=(node, self.random.random())))
                threads[-1].start()
            for thread in threads:
                thread.join()
            for node in nodes:  # as they were
                node.process.send_signal(signal.SIGCONT)
            if failures:
                raise failures[0]
            self.compare(run, name, self.options.updates)
            row = table.setdefault(name, {**{kind: 0 for kind in kinds}, "told": 0, "ended": 0})
            for kind in kinds:
                row[kind] += total[kind] - before[kind]
            row["told"] += len(re.findall(r"afu: node \S+ was lost: ", run.text()))
            row["ended"] += 1
            waits += run.text().count("no node is left: the run waits for one")
            ends += 1
            print(f"losses: {sum(total.values())} in {time.monotonic() - began:.0f} s, {ends} runs ended as they should", flush=True)
        columns = [*kinds, "told", "ended"]
        print("\n| scenario | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
        for name, row in [*table.items(), ("all", {c: sum(r[c] for r in table.values()) for c in columns})]:
            print(f"| {name} | " + " | ".join(str(row[c]) for c in columns) + " |")
        print(f"\n{waits} times no node was left and a run waited; every run ended with what it gave without nodes\n", flush=True)
        told = sum(r["told"] for r in table.values())
        check(told >= sum(total.values()), f"{sum(total.values())} losses, {told} told")
        self.end_nodes(nodes)

    def refused(self, name, words, nodes, **kind):
        run = Run(self, name, nodes, **kind)
        status = run.finish(120)
        check(status == 2, f"a run that should be refused ended with {status}: {run.text()[-500:]}")
        check(re.search(words, run.text()), f"refused, but not with '{words}': {run.text()[-500:]}")
        check(not run.output.exists(), "a run that was refused left a folder")
        print("refused: " + run.text().strip().split("\n")[-1].replace(str(self.folder), "FOLDER"), flush=True)

    def other_data(self):
        """The same path, /proc/self/cwd/data.npz, is another file for each process."""
        try:
            import numpy
        except ImportError:
            print("other data: left out, numpy is not installed", flush=True)
            return
        folders = [self.folder / name for name in ("data-a", "data-b")]
        for seed, folder in enumerate(folders):
            folder.mkdir(exist_ok=True)
            draw = numpy.random.default_rng(seed)
            arrays = {}
            for split, count in (("train", 300), ("val", 60), ("test", 60)):
                arrays[f"{split}_images"] = draw.integers(0, 256, (count, 12, 12), dtype=numpy.uint8)
                arrays[f"{split}_labels"] = (numpy.arange(count) % 3).astype(numpy.uint8).reshape(count, 1)
            numpy.savez(folder / "data.npz", **arrays)
        scenario = self.folder / "npz.toml"
        scenario.write_text('[data]\nsource = "npz"\npath = "/proc/self/cwd/data.npz"\n[partition]\nclients = 4\n[model]\nname = "logreg"\n'
                            '[stop]\nupdates = 20\n')
        node = self.node(cwd=folders[1])
        self.refused("npz", "its data are others: content key [0-9a-f]{64}, the run's [0-9a-f]{64}", [node], cwd=folders[0])
        run = Run(self, "npz", [node], cwd=folders[1])
        check(run.finish() == 0 and run.jobs_there() > 0, f"the same data are refused: {run.text()[-500:]}")
        shutil.rmtree(run.output)
        self.end_nodes([node])

    def connects(self, node, count):
        """All kinds of connections that come to nothing. What memory and open files of the node grew by."""
        def settled():
            wait(lambda: node.open_files() <= files, 30, f"open files of the node: {node.open_files()}, before {files}")

        files = node.open_files()

        def one(payload=b""):
            with socket.create_connection((node.host, node.port), 10) as s:
                if payload:
                    s.sendall(payload)

        def half_open():
            """They say nothing, and stay. What the first and the last one are told."""
            sockets = [socket.create_connection((node.host, node.port), 10) for _ in range(300)]
            told = []
            for s in (sockets[-1], sockets[0]):
                s.settimeout(10)
                told.append(b"")
                while part := s.recv(4096):
                    told[-1] += part
            settled()  # although they are open at this end
            for s in sockets:
                s.close()
            return reversed(told)

        for _ in range(200):
            one(self.random.randbytes(200))
        half_open()
        settled()
        memory = node.status("VmRSS")
        began = time.monotonic()
        for i in range(count):
            one(self.random.randbytes(self.random.randint(1, 600)) if i % 4 == 0 else b"")
        settled()
        seconds = time.monotonic() - began
        first, last = half_open()
        check(b"too many connections wait to prove the token" in last, f"the 300th connection is told {last!r}")
        check(b"the token was not proved in time" in first, f"a connection that says nothing is told {first!r}")
        grown = node.status("VmRSS") - memory
        lines = node.text().count("\n")
        print(f"connects: {count} in {seconds:.1f} s, a quarter of them with random bytes, and 300 half-open ones: memory {memory} kB + {grown} kB, "
              f"open files as before, {lines} lines of log", flush=True)
        check(grown < 4096, f"the node's memory grew by {grown} kB")
        check(lines < 200, f"the node's log has {lines} lines")

    def refusals(self, connects=None):
        node = self.node()
        self.reference("afu_ic", 150)
        other = self.write_token("other", "another secret than that of the nodes")
        self.refused("afu_ic", "the peer refuses: the run has another token", [node], token=other)
        open_token = self.write_token("open", "a secret that others can read too")
        open_token.chmod(0o644)
        self.refused("afu_ic", "has mode 0644, so others than its owner can get at it", [node], token=open_token)
        self.other_data()
        self.connects(node, connects or self.options.connects)
        self.compare(Run(self, "afu_ic", [node]), "afu_ic", 150)
        with socket.create_connection((node.host, node.port)):  # a stranger keeps nobody out
            self.compare(Run(self, "afu_ic", [node]), "afu_ic", 150)
        run = Run(self, "afu_ic", [node], sets=["stop.updates=100000"])
        check(run.await_line("updates, simulated", 0, 60), "the run does not go on")
        self.refused("afu_ic", "the peer refuses: it works for another run", [node])
        run.process.kill()
        run.process.wait()
        wait(lambda: "the run is gone" in node.text().rsplit("a run has come", 1)[-1], 30, "the node works for a run that was killed")
        self.compare(Run(self, "afu_ic", [node]), "afu_ic", 150)
        self.end_nodes([node])

    def network(self):
        why = Namespace.why_not()
        if why:
            print(f"network: left out: {why}", flush=True)
            return
        shape = "netem delay 1ms rate 1gbit"
        if why := Namespace.why_not(shape):
            if not os.path.exists("/dev/net/tun"):
                print(f"network: left out: {why}, and no /dev/net/tun", flush=True)
                return
            print(f"network: {why}: a process delays instead", flush=True)
            shape = RELAY
        spaces = [self.namespace(shape) for _ in range(2)]
        trip = spaces[0].round_trip()
        check(2 <= trip < 10, f"a round trip over 1 ms each way takes {trip} ms")
        print(f"network: a round trip takes {trip:.2f} ms", flush=True)
        nodes = [self.node(namespace=space) for space in spaces]
        for name in SCENARIOS:
            self.reference(name, 150)
            began, before = time.monotonic(), sum(s.bytes() for s in spaces)
            run = Run(self, name, nodes)
            self.compare(run, name, 150)
            sent = sum(s.bytes() for s in spaces) - before
            print(f"network: {name}, two nodes 1 ms and 1 Gbit/s away, the same in {time.monotonic() - began:.1f} s; {run.jobs_there()} jobs, "
                  f"{sent / run.jobs_there():.0f} bytes a job", flush=True)
        self.end_nodes(nodes)

    def overhead(self):
        apart = not Namespace.why_not()
        for model in ("lenet", "cnn_mnist"):
            scenario = self.folder / f"{model}.toml"
            scenario.write_text(OVERHEAD.replace("MODEL", model).replace("UPDATES", str(self.options.jobs)))
            space = self.namespace() if apart else None
            node = self.node(namespace=space, patience=30)
            ratios = []
            for i in range(4):
                before = space.bytes() if space else 0
                run = Run(self, model, [node], only=False, patience=30)
                check(run.finish() == 0, run.text()[-500:])
                lanes = {}
                trace = json.loads((run.output / "trace.json").read_text())
                events = trace["traceEvents"] if isinstance(trace, dict) else trace
                names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"}
                for e in events:
                    lane = names.get((e.get("pid"), e.get("tid")), "")
                    if e.get("ph") == "X" and lane.startswith("lane/") and "train" in e["name"]:
                        lanes.setdefault(int(lane[5:]), []).append(e)
                here, there = len(lanes.get(0, [])), sum(len(v) for k, v in lanes.items() if k in (1, 2))
                text = f"overhead: {model}: {there} jobs on the remote lane, {here} on the local one: {there / max(here, 1):.3f}"
                if space:
                    sent = space.bytes() - before
                    counters = json.loads((run.output / "summary.json").read_text())["counters"]
                    vector = counters["bytes_sent"] / counters["messages"]  # nobody is erased: each message is a model or an update
                    text += f"; {sent / max(there, 1):.0f} bytes on the wire a job, {sent / max(there, 1) / vector:.2f} vectors of {vector:.0f}"
                print(text + (" (first: warms up)" if i == 0 else ""), flush=True)
                if i > 0:
                    ratios.append(there / max(here, 1))
                shutil.rmtree(run.output)
            print(f"overhead: {model}: median {statistics.median(ratios):.3f} of {len(ratios)}", flush=True)
            self.end_nodes([node])

    def short(self):
        node = self.node()
        self.reference("afu_ic", 150)
        run = Run(self, "afu_ic", [node], only=False)
        self.compare(run, "afu_ic", 150)
        run = Run(self, "afu_ic", [node])
        check(run.await_line("lanes|updates, simulated", 0, 120) is not None, run.text()[-500:])
        node.process.kill()
        node.process.wait()
        lost = run.await_line("was lost: ")
        check(lost is None or run.await_line("no node is left: the run waits for one", lost), "a run without nodes does not say that it waits")
        node.start()
        self.compare(run, "afu_ic", 150)
        other = self.write_token("other", "another secret than that of the nodes")
        self.refused("afu_ic", "the peer refuses: the run has another token", [node], token=other)
        self.connects(node, 300)
        self.end_nodes([node])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afu", type=pathlib.Path)
    parser.add_argument("--parts", default="equal,study,losses,refusals,network")
    parser.add_argument("--losses", type=int, default=200)
    parser.add_argument("--updates", type=int, default=600)
    parser.add_argument("--connects", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    parts = options.parts.split(",")
    for part in parts:
        if part not in PARTS:
            parser.error(f"--parts: {part} is none of {', '.join(PARTS)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="afu-nodes-"))
    bench = Bench(options, folder)
    try:
        for part in parts:
            began = time.monotonic()
            getattr(bench, part)()
            print(f"{part}: as it should be, {time.monotonic() - began:.1f} s", flush=True)
    except Wrong as e:
        bench.close()
        print(f"WRONG: {e}\nkept: {folder}", flush=True)
        return 1
    finally:
        bench.close()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
