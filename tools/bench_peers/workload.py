"""The workload, the same for every engine: sizes, networks, data, and how an engine reports what it measured."""

import argparse
import functools
import importlib.metadata
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional

CLIENTS = 100
SAMPLES = 50  # a client
COHORT = 10  # clients a round
BATCH = 10
STEPS = SAMPLES // BATCH  # of a client update: one local epoch
LEARNING_RATE = 0.1
CLASSES = 10
SIDE = 28
PARAMETERS = {"lenet": 44_426, "cnn_mnist": 1_199_882}


class Lenet(nn.Module):
    """afu's `lenet`. Pooling stands before ReLU there too: same function, less work."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(256, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, x):
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.relu(functional.max_pool2d(self.conv2(x), 2)).flatten(1)
        return self.fc3(functional.relu(self.fc2(functional.relu(self.fc1(x)))))


class CnnMnist(nn.Module):
    """afu's `cnn_mnist`: two 3x3 convolutions (32, 64), max pooling, a hidden layer of 128."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, CLASSES)

    def forward(self, x):
        x = self.conv2(functional.relu(self.conv1(x)))
        x = functional.relu(functional.max_pool2d(x, 2)).flatten(1)
        return self.fc2(functional.relu(self.fc1(x)))


def make_model(name):
    """Raises ValueError where the network is not the one that is compared."""
    model = {"lenet": Lenet, "cnn_mnist": CnnMnist}[name]()
    count = sum(p.numel() for p in model.parameters())
    if count != PARAMETERS[name]:
        raise ValueError(f"{name} has {count} parameters, must have {PARAMETERS[name]}")
    return model


@functools.lru_cache(maxsize=None)
def workers_model(name):
    """A network that a process with one intra-op thread uses again for every client that it plays."""
    torch.set_num_threads(1)
    return make_model(name)


@functools.lru_cache(maxsize=None)
def _data():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(CLIENTS * SAMPLES, 1, SIDE, SIDE, generator=generator) * 2 - 1
    labels = torch.randint(CLASSES, (CLIENTS * SAMPLES,), generator=generator)
    return images.split(SAMPLES), labels.split(SAMPLES)


def client_data(client):
    """Images [50, 1, 28, 28] in [-1, 1] and labels [50] of a client: noise, made at the first call in a process."""
    images, labels = _data()
    return images[client], labels[client]


def train_client(model, client):
    """One client update from the model's present weights, in place: one epoch in a fresh order."""
    images, labels = client_data(client)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    for rows in torch.randperm(SAMPLES).split(BATCH):
        optimizer.zero_grad()
        functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()


def options(description):
    """The command line that every engine has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", choices=PARAMETERS, required=True)
    parser.add_argument("--rounds", type=int, required=True, help="rounds that are measured")
    parser.add_argument("--warm-up", type=int, required=True, help="rounds before them, not measured")
    parser.add_argument("--workers", type=int, required=True, help="processes (or threads, or actors)")
    return parser.parse_args()


def _tree_cpu_seconds():
    """CPU seconds so far of all processes below the one that started the bench, dead children included."""
    root = int(os.environ.get("PEERS_ROOT_PID", os.getpid()))
    ticks, parent = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile; its time is its parent's now
            parent[int(entry)] = int(fields[1])
            ticks[int(entry)] = sum(int(f) for f in fields[11:15])

    def below(pid):
        seen = set()
        while pid in parent and pid not in seen and pid != root:
            seen.add(pid)
            pid = parent[pid]
        return pid == root

    return sum(t for pid, t in ticks.items() if below(pid)) / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Told of the end of every round; measures those after the warm-up."""

    def __init__(self, warm_up):
        self._left = warm_up
        self._rounds = 0
        self._end = None
        self._begin = (time.perf_counter(), _tree_cpu_seconds())

    def round_ended(self):
        now = (time.perf_counter(), _tree_cpu_seconds())
        if self._left > 0:
            self._left -= 1
            self._begin = now
        else:
            self._rounds += 1
            self._end = now

    def report(self, packages, rounds):
        """The last line of standard output. Raises RuntimeError where other than `rounds` rounds were run."""
        if self._rounds != rounds:
            raise RuntimeError(f"{self._rounds} rounds were run, not {rounds}")
        versions = {name: importlib.metadata.version(name) for name in packages}
        versions["python"] = sys.version.split()[0]
        print(
            json.dumps(
                {
                    "updates": rounds * COHORT,
                    "steps": rounds * COHORT * STEPS,
                    "seconds": self._end[0] - self._begin[0],
                    "cpu_seconds": self._end[1] - self._begin[1],
                    "versions": versions,
                }
            ),
            flush=True,
        )
