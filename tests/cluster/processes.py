"""What nodes.py starts and stops: `afu node` processes, runs that work by them, and the networks between."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import kill_runs  # noqa: E402

RELAY = "a process that delays"
PATIENCE = 1.0


class Wrong(Exception):
    """Something is not as it should be."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"{what} after {seconds} s")
        time.sleep(0.02)


def quiet(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Namespace:
    """A network namespace that a pair of interfaces joins with this one. Delay and rate hold in both directions."""
    count = 0

    def __init__(self, shape=None):
        Namespace.count += 1
        tag = f"{os.getpid() % 10000}x{Namespace.count}"
        self.name, self.here, self.there, self.relay = f"afu{tag}", f"ah{tag}", f"at{tag}", None
        net = f"10.{100 + os.getpid() % 100}.{Namespace.count}"
        self.address = f"{net}.2"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        if shape == RELAY:
            self.relay = subprocess.Popen([sys.executable, HERE / "delayed_link.py", self.here, self.there, self.name, "1e-3", "1e9"],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            check(self.relay.stdout.readline() == b"ready\n", "the delayed link does not begin")
        else:
            subprocess.run(f"ip link add {self.here} type veth peer name {self.there} netns {self.name}".split(), check=True)
        for command in (f"ip addr add {net}.1/24 dev {self.here}", f"ip link set {self.here} up",
                        f"ip -n {self.name} addr add {net}.2/24 dev {self.there}", f"ip -n {self.name} link set {self.there} up",
                        f"ip -n {self.name} link set lo up"):
            subprocess.run(command.split(), check=True)
        if shape and shape != RELAY:
            subprocess.run(f"tc qdisc add dev {self.here} root {shape}".split(), check=True)
            subprocess.run(f"ip netns exec {self.name} tc qdisc add dev {self.there} root {shape}".split(), check=True)

    @staticmethod
    def why_not(discipline=""):
        """Empty: they can be made here, with that queueing discipline."""
        if os.geteuid() != 0:
            return "this is not root"
        os.environ["PATH"] += ":/usr/sbin"
        missing = [name for name in ("ip", "tc") if not shutil.which(name)]
        if missing:
            return f"{', '.join(missing)} not installed"
        name = f"afu{os.getpid() % 10000}try"
        if not quiet("ip", "netns", "add", name):
            return "the system makes no network namespace"
        made = quiet("ip", "-n", name, "link", "add", "afu0", "type", "veth", "peer", "name", "afu1")
        shaped = not discipline or quiet("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "afu0", "root", *discipline.split())
        quiet("ip", "netns", "del", name)
        return "the system has no veth" if not made else "" if shaped else f"the system has no {discipline.split()[0]}"

    def link(self, state):
        subprocess.run(["ip", "link", "set", self.here, state], check=True)

    def bytes(self):
        """On the wire, both directions."""
        text = pathlib.Path(f"/sys/class/net/{self.here}/statistics")
        return sum(int((text / name).read_text()) for name in ("rx_bytes", "tx_bytes"))

    def round_trip(self):
        """Milliseconds until it has refused a connection, the least of five."""
        trips = []
        for _ in range(5):
            began = time.monotonic()
            try:
                socket.create_connection((self.address, 9), 5).close()
            except ConnectionRefusedError:
                trips.append(1000 * (time.monotonic() - began))
        return min(trips)

    def close(self):
        if self.relay:
            self.relay.communicate()
        quiet("ip", "netns", "del", self.name)
        quiet("ip", "link", "del", self.here)


class Node:
    """An `afu node`. One without a token has none where only this machine can reach it."""

    def __init__(self, bench, namespace=None, lanes=1, token=None, cwd=None, patience=PATIENCE):
        self.bench, self.namespace, self.lanes, self.cwd, self.patience = bench, namespace, lanes, cwd, patience
        self.token = token or bench.token
        self.host = namespace.address if namespace else "127.0.0.1"
        self.port = 4711 if namespace else free_port()
        self.address = f"{self.host}:{self.port}"
        self.log = bench.folder / f"node-{self.address.replace(':', '-')}.log"
        self.starts = 0
        self.start()

    def start(self):
        within = ["ip", "netns", "exec", self.namespace.name] if self.namespace else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*within, self.bench.afu, "node", "--listen", self.address, "--lanes", str(self.lanes), "--token-file", str(self.token),
                 "--patience", str(self.patience)], stdout=log, stderr=log, cwd=self.cwd)
        self.starts += 1
        wait(lambda: self.text().count("listening at ") == self.starts or self.process.poll() is not None, 120, "a node does not listen")
        check(self.process.poll() is None, f"a node ended: {self.text()[-500:]}")

    def text(self):
        return self.log.read_text(errors="replace")

    def status(self, key):
        return int(re.search(rf"^{key}:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text(), re.M).group(1))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        """In order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise Wrong(f"node {self.address} does not end") from None
            check(status == 0, f"node {self.address} ended with {status}: {self.text()[-500:]}")


class Run:
    """An `afu run` by nodes, whose lines are read as they come."""

    def __init__(self, bench, name, nodes, only=True, token=None, patience=PATIENCE, scenario=None, sets=(), cwd=None):
        self.output = bench.folder / f"{name}-{bench.number()}"
        self.lines, self.changed = [], threading.Condition()
        command = [bench.afu, "run", str(scenario or bench.folder / f"{name}.toml"), "-o", str(self.output), "--nodes",
                   ",".join(n.address for n in nodes), "--token-file", str(token or bench.token), "--patience", str(patience)]
        command += ["--only-nodes"] if only else []
        for one in sets:
            command += ["--set", one]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", cwd=cwd)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.process.wait()
            self.changed.notify_all()

    def over(self):
        return self.process.returncode is not None

    def await_line(self, pattern, since=0, seconds=60):
        """The number behind the first line from there on that holds the pattern; None: the run ended without it."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for i in range(since, len(self.lines)):
                    if re.search(pattern, self.lines[i]):
                        return i + 1
                if self.over():
                    return None
                left = end - time.monotonic()
                check(left > 0, f"no line '{pattern}' within {seconds} s")
                self.changed.wait(min(left, 1))

    def finish(self, seconds=600):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Wrong(f"a run hangs: {self.text()[-500:]}") from None
        self.reader.join()
        return self.process.returncode

    def text(self):
        return "".join(self.lines)

    def jobs_there(self):
        return sum(int(n) for n in re.findall(r"note: node \S+: (\d+) jobs were computed there", self.text()))


def figures(folder):
    """What must be the same; the summary's warnings tell of nodes."""
    found = kill_runs.figures(folder)
    about = found["summary"]["context"]
    about["warnings"] = [w for w in about["warnings"] if not w.startswith(("node ", "compute.nodes: "))]
    about.pop("nodes", None)
    return found
