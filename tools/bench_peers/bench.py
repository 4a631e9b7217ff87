"""Runs the workload on every engine in turn, several times over, and prints client updates a second and afu's ratio.

Each repetition runs all engines once, in an order that alternates, so that every ratio compares neighbours in time.
Exit status 1: afu failed, or no peer ran.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time

import results

HERE = pathlib.Path(__file__).resolve().parent
WORKERS = 2
WARM_UP = 2  # rounds
COHORT, SAMPLES, STEPS = 10, 50, 5  # as workload.py, which needs torch, and federation.toml have them
SECONDS = 400  # an engine's run may take


class Failed(Exception):
    """An engine did not do the work; says why."""


def script(name, *first):
    return [sys.executable, str(HERE / name), *first]


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={WORKERS}"]

# Name: (distribution of PyPI, command). Several configurations of a peer are rows of their own: its fastest one counts.
PEERS = {
    "pfl": ("pfl", [*TORCHRUN, str(HERE / "engine_pfl.py")]),
    "Flower": ("flwr", script("engine_flower.py")),
    "BlazeFL, processes": ("blazefl", script("engine_blazefl.py", "processes")),
    "BlazeFL, threads": ("blazefl", script("engine_blazefl.py", "threads")),
}
RAW = {"PyTorch loop": ("torch", script("engine_raw.py"))}


def run(command, environment=None):
    """Standard output and how long the process lived. Raises Failed."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Failed(f"still ran after {SECONDS} s") from None
    if process.returncode != 0:
        lines = [line for line in err.splitlines() if line.strip()]
        raise Failed(f"exit status {process.returncode}: {lines[-1] if lines else 'no message'}")
    return out, time.perf_counter() - began


def not_installed(distribution):
    """Why pip could not install it; empty where it is there."""
    note = pathlib.Path(sys.prefix) / "not-installed" / distribution
    return note.read_text(encoding="utf-8").strip().replace("\n", "; ") if note.exists() else ""


def run_python(engine, model, rounds):
    distribution, command = engine
    if reason := not_installed(distribution):
        raise Failed(f"pip could not install {distribution}: {reason}")
    arguments = [f"--model={model}", f"--rounds={rounds}", f"--warm-up={WARM_UP}", f"--workers={WORKERS}"]
    environment = {
        "CUDA_VISIBLE_DEVICES": "",
        "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PEERS_ROOT_PID": str(os.getpid()),
    }
    out, lived = run(command + arguments, environment)
    figures = json.loads(out.strip().splitlines()[-1])
    figures["startup_seconds"] = lived - figures["seconds"]
    return figures


def afu_process(afu, model, rounds):
    """(summary.json, seconds the process lived, its CPU seconds) of one `afu run`."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"model.name={model}", f"stop.rounds={rounds}", f"compute.lanes={WORKERS}"]
        command = [afu, "run", str(HERE / "federation.toml"), "--quiet", "--output", f"{folder}/run"]
        before = os.times()
        _, lived = run(command + [part for s in settings for part in ("--set", s)])
        after = os.times()
        summary = json.loads(pathlib.Path(folder, "run", "summary.json").read_text(encoding="utf-8"))
    updates = rounds * COHORT
    counters = summary["counters"]
    if (counters["updates"], counters["samples_trained"]) != (updates, updates * SAMPLES):
        raise Failed(f"afu did other work than {updates} updates of {SAMPLES} samples: {counters}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return summary, lived, cpu


def run_afu(afu, model, rounds):
    """afu's own clock starts with its first actor, and its first rounds are measured too. The CPU time of its start-up
    is that of a second process, which plays one round; that round is taken off the CPU time's updates as well."""
    summary, lived, cpu = afu_process(afu, model, rounds)
    _, _, cpu_of_start = afu_process(afu, model, 1)
    updates = rounds * COHORT
    return {
        "updates": updates,
        "steps": updates * STEPS,
        "seconds": summary["wall_seconds"],
        "cpu_seconds": (cpu - cpu_of_start) * rounds / (rounds - 1),
        "startup_seconds": lived - summary["wall_seconds"],
        "versions": {"afu": summary["context"]["revision"], **summary["context"]["versions"]},
    }


def run_loops(afu, model):
    """Steps a second of `afu bench train` on as many lanes, as client updates: LibTorch's loop and afu's kernels alone."""
    steps = {"lenet": 600, "cnn_mnist": 60}[model]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/bench.json"
        arguments = ["--batch", "10", "--steps", str(steps), "--repetitions", "1", "--lanes", str(WORKERS)]
        run([afu, "bench", "train", "--model", model, *arguments, "--json", out])
        rows = json.loads(pathlib.Path(out).read_text(encoding="utf-8"))["rows"]
    rates = {r["engine"]: r["steps_per_second"] / STEPS for r in rows if r["lanes"] == WORKERS}
    per_cpu = {r["engine"]: r["images_per_cpu_second"] / SAMPLES for r in rows if r["lanes"] == WORKERS}
    return {
        "LibTorch loop": {"rate": rates["plain"], "cpu_rate": per_cpu["plain"]},
        "afu's step alone": {
            "rate": rates.get("fused", rates["autograd"]),
            "cpu_rate": per_cpu.get("fused", per_cpu["autograd"]),
        },
    }


def measure(model, rounds, o):
    """All repetitions: {engine: {"runs": [...], "failure": text}}."""
    python = {**RAW, **{n: p for n, p in PEERS.items() if not o.engines or p[0] in o.engines}}
    jobs = [(name, lambda e=engine: run_python(e, model, rounds)) for name, engine in python.items()]
    jobs.append(("afu", lambda: run_afu(o.afu, model, rounds)))
    jobs.append(("loops", lambda: run_loops(o.afu, model)))
    found = {}
    for repetition in range(o.repetitions):
        for name, job in jobs if repetition % 2 == 0 else reversed(jobs):
            row = found.setdefault(name, {"runs": [], "failure": ""})
            if row["failure"]:
                continue
            print(f"{model}, repetition {repetition + 1} of {o.repetitions}: {name}", file=sys.stderr)
            try:
                row["runs"].append(job())
            except Failed as failure:
                row["failure"] = str(failure)
    loops = found.pop("loops")
    for name in ("LibTorch loop", "afu's step alone"):
        found[name] = {"runs": [r[name] for r in loops["runs"]], "failure": loops["failure"]}
    return found


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--afu", required=True, help="the program")
    parser.add_argument("--rounds", type=int, default=30, help="rounds on lenet (default 30)")
    parser.add_argument("--rounds-cnn", type=int, default=12, help="rounds on cnn_mnist (default 12)")
    parser.add_argument("--repetitions", type=int, default=3, help="of all engines in turn (default 3)")
    parser.add_argument("--models", nargs="+", choices=list(results.REQUIRED), default=list(results.REQUIRED))
    parser.add_argument("--engines", nargs="*", choices=sorted({p for p, _ in PEERS.values()}), help="only these peers")
    parser.add_argument("--json", type=pathlib.Path, help="also write this file")
    o = parser.parse_args()
    o.afu = os.path.abspath(o.afu)
    if min(o.rounds, o.rounds_cnn) < 2 or o.repetitions < 1:
        parser.error("rounds must be 2 or more, repetitions 1 or more")
    if not os.access(o.afu, os.X_OK):
        parser.error(f"{o.afu} is not there: run tools/setup.sh first, or set AFU")

    host = {"processor": processor(), "cores": len(os.sched_getaffinity(0)), "load_average": os.getloadavg()}
    document = {"bench": "peers", "date": datetime.datetime.now(datetime.timezone.utc).isoformat(), "host": host}
    document["models"] = {}
    ran = True
    for model in o.models:
        rounds = o.rounds if model == "lenet" else o.rounds_cnn
        found = measure(model, rounds, o)
        document["models"][model] = results.summarise(model, rounds, found, list(PEERS))
        print(results.table(document["models"][model]), flush=True)
        ran = ran and not found["afu"]["failure"] and document["models"][model]["fastest_peer"] is not None
    print(results.footer(document))
    if o.json:
        o.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if ran else 1


if __name__ == "__main__":
    sys.exit(main())
