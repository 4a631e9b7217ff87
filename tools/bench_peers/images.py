"""Images a second of every built-in network: afu's training step, a plain LibTorch loop (both by `afu bench train`) and a
plain PyTorch loop in Python, on one core and on two; a Markdown table last. SGD with momentum 0.9 on noise, the same
batches in all. Medians of the repetitions, in which the three take turns.

  tools/bench_peers/run.sh --images [--models lenet,cnn_mnist] [--batches 10,32] [--seconds 2] [--json FILE]
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

NAMES = ("logreg", "mlp", "lenet", "cnn_small", "cnn_mnist", "cnn", "resnet18")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--afu", required=True)
    parser.add_argument("--models", default=",".join(NAMES))
    parser.add_argument("--batches", default="10,32")
    parser.add_argument("--seconds", type=float, default=2.0, help="about how long one core's loop runs")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json")
    o = parser.parse_args()
    unknown = sorted(set(o.models.split(",")) - set(NAMES))
    if unknown:
        parser.error(f"no such model: {', '.join(unknown)} (allowed: {', '.join(NAMES)})")
    return o


if __name__ == "__main__":
    OPTIONS = options()  # before torch: --help needs nothing installed

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

CORES = (1, 2)
IMAGES = 512


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, with GroupNorm as in afu's `resnet18`."""

    def __init__(self, inside, out, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, out, 3, stride, 1, bias=False),
            nn.GroupNorm(32, out),
            nn.ReLU(True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.GroupNorm(32, out),
        )
        projected = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.GroupNorm(32, out))
        self.shortcut = nn.Identity() if stride == 1 else projected

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


def convolutional(*layers):
    return lambda: nn.Sequential(*[layer() for layer in layers])


def pooled(*convolution, norm=None):
    """A convolution, a norm, max pooling and ReLU in afu's order."""
    return lambda: nn.Sequential(
        nn.Conv2d(*convolution), *([nn.GroupNorm(norm, convolution[1])] if norm else []), nn.MaxPool2d(2), nn.ReLU(True)
    )


def dense(*sizes):
    layers = [nn.Flatten()]
    for inside, out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inside, out), nn.ReLU(True)]
    return lambda: nn.Sequential(*layers[:-1])


def resnet18():
    stages = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.GroupNorm(32, 64),
        nn.ReLU(True),
        *[Residual(*s) for s in [*stages, (512, 512, 1)]],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


# Name: (channels, side, network). Its parameters are counted against afu's.
MODELS = {
    "logreg": (1, 28, dense(784, 10)),
    "mlp": (1, 28, dense(784, 200, 200, 10)),
    "lenet": (1, 28, convolutional(pooled(1, 6, 5), pooled(6, 16, 5), dense(256, 120, 84, 10))),
    "cnn_small": (
        1,
        28,
        convolutional(pooled(1, 16, 3, 1, 1, norm=4), pooled(16, 32, 3, 1, 1, norm=8), dense(1568, 32, 10)),
    ),
    "cnn_mnist": (
        1,
        28,
        convolutional(
            lambda: nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(True)), pooled(32, 64, 3), dense(9216, 128, 10)
        ),
    ),
    "cnn": (1, 28, convolutional(pooled(1, 32, 5, 1, 2), pooled(32, 64, 5, 1, 2), dense(3136, 512, 10))),
    "resnet18": (3, 32, resnet18),
}
assert tuple(MODELS) == NAMES


def loop(name, batch, steps, barrier, parameters):
    """One process of the Python loop: a warm-up, then `steps` steps between the second and the third barrier."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    channels, side, network = MODELS[name]
    model = network()
    count = sum(p.numel() for p in model.parameters())
    if count != parameters:
        barrier.abort()
        raise SystemExit(f"{name} has {count} parameters here and {parameters} in afu")
    images = torch.rand(IMAGES, channels, side, side) * 2 - 1
    labels = torch.randint(10, (IMAGES,))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def train(steps):
        order = iter(())
        for _ in range(steps):
            rows = next(order, None)
            if rows is None or len(rows) < batch:
                order = iter(torch.randperm(IMAGES).split(batch))
                rows = next(order)
            optimizer.zero_grad()
            functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()

    train(5)
    barrier.wait()
    barrier.wait()
    train(steps)
    barrier.wait()


def python_rate(name, batch, steps, cores, parameters):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores + 1)
    pool = [context.Process(target=loop, args=(name, batch, steps, barrier, parameters)) for _ in range(cores)]
    for p in pool:
        p.start()
    barrier.wait()
    began = time.perf_counter()
    barrier.wait()
    barrier.wait()
    seconds = time.perf_counter() - began
    for p in pool:
        p.join()
    return cores * batch * steps / seconds


def choose_blas_core(afu):
    """So that afu's LibTorch gets BLAS kernels for this processor, which its OpenBLAS may not know."""
    devices = json.loads(subprocess.run([afu, "devices", "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    if core := devices.get("better_blas_core"):
        os.environ["OPENBLAS_CORETYPE"] = core


def afu_rates(afu, name, batch, steps, engine=None):
    """({(engine, cores): images a second}, parameters, engine); "afu" is `engine`, or the one that lanes take by
    themselves."""
    channels, side, _ = MODELS[name]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "bench.json")
        command = [afu, "bench", "train", "--model", name, "--size", str(side), "--channels", str(channels)]
        command += ["--batch", str(batch), "--steps", str(steps), "--repetitions", "1", "--json", str(out)]
        command += ["--lanes", ",".join(map(str, CORES))] + (["--engines", engine] if engine else [])
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        bench = json.loads(out.read_text(encoding="utf-8"))
    engine = engine or bench["engine"]
    rates = {(r["engine"], r["lanes"]): r["images_per_second"] for r in bench["rows"]}
    names = {engine: "afu", "plain": "LibTorch"}
    return {(names[e], n): rate for (e, n), rate in rates.items() if e in names}, bench["parameters"], engine


def measure(afu, name, batch, seconds, repetitions):
    rates, parameters, engine = afu_rates(afu, name, batch, 3)
    slowest = min(rates[("LibTorch", 1)], rates[("afu", 1)])
    steps = max(3, int(seconds * slowest / batch))
    seen = {}
    for _ in range(repetitions):
        rates, parameters, engine = afu_rates(afu, name, batch, steps, engine)
        for n in CORES:
            rates[("PyTorch", n)] = python_rate(name, batch, steps, n, parameters)
        for key, rate in rates.items():
            seen.setdefault(key, []).append(rate)
    medians = {f"{engine} {n}": statistics.median(v) for (engine, n), v in seen.items()}
    return {"model": name, "batch": batch, "parameters": parameters, "engine": engine, "steps": steps, "images_per_second": medians}


def main(o):
    choose_blas_core(o.afu)
    rows = [
        measure(o.afu, name, int(batch), o.seconds, o.repetitions)
        for name in o.models.split(",")
        for batch in o.batches.split(",")
    ]
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    columns = [f"{engine} {n}" for n in CORES for engine in ("afu", "LibTorch", "PyTorch")]
    heads = [c.replace(" 1", ", one core").replace(" 2", ", two cores") for c in columns]
    print(f"torch {torch.__version__}\n\n| network, batch | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
    for r in rows:
        cells = [f"{r['images_per_second'][c]:,.0f}" for c in columns]
        print(f"| `{r['model']}`, {r['batch']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(OPTIONS)
