#!/usr/bin/env python3
"""A study as an array job of a real Slurm, one task of which is killed and requeued: slurm.py AFU [--study FILE] [--tasks N].

Starts a cluster of its own in a temporary folder (slurmctld and two slurmd, of Debian's slurmctld and slurmd), runs the study
in one process, then by `afu study --submit`, kills one task's process in the middle and requeues it, and compares: logs and
metrics of every cell byte for byte, and the report's tables. Needs root, as slurmd does. Exit status 77 where Slurm is not
installed or this is not root, 1 where anything differs.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
REAL_TIMES = {"cells.csv", "context.csv", "cost.csv"}  # tables that hold some, or when a run began

CONFIGURATION = """
ClusterName=afu
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
JobRequeue=1
KillWait=5
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=2 RealMemory={memory}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=2 RealMemory={memory}
PartitionName=all Nodes=n1,n2 Default=YES State=UP MaxTime=INFINITE
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def runs(pid):
    """Whether the process exists and has not ended (one that nobody has waited for has)."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Cluster:
    """Two nodes of two processors each, on this machine."""

    def __init__(self, folder):
        self.folder = folder
        ports = free_ports(3)
        for name in ("state", "n1", "n2"):
            (folder / name).mkdir()
        (folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], folder=folder, port=ports[0], port1=ports[1], port2=ports[2],
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20))
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command, check=True):
        result = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status {result.returncode}: {result.stdout}")
        return result.stdout

    def __enter__(self):
        self.run("slurmctld")
        for node in ("n1", "n2"):
            self.run("slurmd", "-N", node)
        self.wait(lambda: self.run("sinfo", "-h", "-t", "idle", "-o", "%D", check=False).strip() == "2", 60, "the nodes are not idle")
        return self

    def __exit__(self, *_):
        self.run("scancel", "--full", "-u", "root", check=False)
        daemons = []
        for name in ("n1", "n2", "slurmctld"):
            try:
                daemons.append(int((self.folder / f"{name}.pid").read_text()))
            except (OSError, ValueError):
                pass
        # slurmctld saves its state as it ends: whoever removes the folder waits for that.
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in filter(runs, daemons):
                os.kill(pid, number)
            try:
                self.wait(lambda: not any(map(runs, daemons)), 30, "Slurm's daemons still run")
                return
            except RuntimeError as error:
                print(error, flush=True)

    @staticmethod
    def wait(condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"{what} after {seconds} s")
            time.sleep(0.1)

    def jobs(self):
        return self.run("squeue", "-h", "-r", "-o", "%i %T").split("\n")


def figures(folder):
    """What must be the same: the cells' logs, and the report's tables but for times, hosts and folders."""
    found = {}
    for name in ("events.jsonl", "metrics.csv", "requests.csv"):
        for file in sorted(folder.glob(f"cells/**/{name}")):
            found[str(file.relative_to(folder))] = file.read_bytes()
    for file in sorted((folder / "tables").glob("*.csv")):
        if file.name not in REAL_TIMES:
            found[file.name] = file.read_bytes()
    return found


def workers(output):
    """Processes of afu that work on the study now, by /proc."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--worker" in words and str(output).encode() in words:
            found.append(int(folder.name))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("afu", type=pathlib.Path)
    parser.add_argument("--study", type=pathlib.Path, required=True)
    parser.add_argument("--tasks", type=int, default=4)
    options = parser.parse_args()
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "squeue") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing or os.geteuid() != 0:
        print("skipped: " + (f"{', '.join(missing)} not installed" if missing else "slurmd needs root"))
        return SKIPPED
    os.environ["PATH"] += ":/usr/sbin"
    afu, study = str(options.afu.resolve()), str(options.study.resolve())
    with tempfile.TemporaryDirectory(prefix="afu-slurm-") as name:
        folder = pathlib.Path(name)
        alone, shared = folder / "alone", folder / "shared"
        began = time.monotonic()
        subprocess.run([afu, "study", study, "-q", "-o", str(alone)], check=True)
        print(f"alone: {time.monotonic() - began:.1f} s", flush=True)
        cluster_folder = folder / "cluster"
        cluster_folder.mkdir()
        with Cluster(cluster_folder) as cluster:
            began = time.monotonic()
            answer = cluster.run(afu, "study", study, "-o", str(shared), "--submit", "--array", str(options.tasks), "-j", "1",
                                 "--cache-mb", "200", "--patience", "5")
            job = re.search(r"Submitted batch job (\d+)", answer).group(1)
            print(answer.strip(), flush=True)
            # In the middle: some cells are done, a checkpoint is there, and tasks are at work.
            Cluster.wait(lambda: any(shared.glob("cells/**/files.json")) and len(workers(shared)) >= 2, 120, "no task is at work")
            victim = workers(shared)[0]
            os.kill(victim, signal.SIGKILL)
            print(f"killed process {victim}; tasks: {', '.join(filter(None, cluster.jobs()))}", flush=True)
            # Slurm requeues by itself what its node loses; a process that is killed is a failed task, which the user requeues.
            tasks = [f"{job}_{t}" for t in range(1, options.tasks + 1)]

            def failed():
                return [t for t in tasks if "JobState=FAILED" in cluster.run("scontrol", "show", "job", t, check=False)]

            Cluster.wait(failed, 60, "no task failed")
            task = failed()[0]
            cluster.run("scontrol", "requeue", task)
            print(f"requeued {task}", flush=True)
            Cluster.wait(lambda: not any(cluster.jobs()), 600, "the job has not ended")
            print(f"by {options.tasks} tasks: {time.monotonic() - began:.1f} s", flush=True)
            logs = {p.name: p.read_text() for p in (shared / "slurm").glob("*.log")}
        one, many = figures(alone), figures(shared)
        different = sorted(k for k in one.keys() | many.keys() if one.get(k) != many.get(k))
        if not (shared / "report.html").exists():
            different.append("report.html: there is none")
        if different:
            for k, text in sorted(logs.items()):
                print(f"== {k}\n{text[-2000:]}")
            print("DIFFERENT: " + ", ".join(different))
            return 1
        print(f"the same: {len(one)} files; {sum('taken over from' in t for t in logs.values())} tasks took groups over from dead ones")
        return 0


if __name__ == "__main__":
    sys.exit(main())
