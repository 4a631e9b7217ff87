"""BlazeFL: its own FedAvg, by a pool of processes with shared memory (--pool processes) or by one of threads."""

import pathlib
import sys
import tempfile

import torch
from blazefl.contrib.fedavg import (
    FedAvgBaseServerHandler,
    FedAvgProcessPoolClientTrainer,
    FedAvgThreadPoolClientTrainer,
)
from blazefl.core import IPCMode
from torch.utils.data import DataLoader, TensorDataset

import workload


class Models:
    def select_model(self, model_name):
        return workload.make_model(model_name)


class Clients:
    """A client's images as a TensorDataset, in a DataLoader as BlazeFL's trainers want it."""

    def get_dataset(self, type_, cid):
        return TensorDataset(*workload.client_data(cid))

    def set_dataset(self, type_, cid, dataset):
        """The data never change."""

    def get_dataloader(self, type_, cid, batch_size=None, generator=None):
        return DataLoader(self.get_dataset(type_, cid), batch_size=batch_size, shuffle=True, generator=generator)


def make_trainer(pool, o, folder):
    common = {
        "model_selector": Models(),
        "model_name": o.model,
        "dataset": Clients(),
        "device": "cpu",
        "num_clients": workload.CLIENTS,
        "epochs": 1,
        "batch_size": workload.BATCH,
        "lr": workload.LEARNING_RATE,
        "seed": 1,
        "num_parallels": o.workers,
    }
    if pool == "threads":
        trainer = FedAvgThreadPoolClientTrainer(**common)
    else:
        trainer = FedAvgProcessPoolClientTrainer(
            **common, share_dir=folder / "share", state_dir=folder / "state", ipc_mode=IPCMode.SHARED_MEMORY
        )
    trainer.progress_fn = lambda jobs: jobs
    return trainer


def main():
    pool = sys.argv.pop(1)
    if pool not in ("processes", "threads"):
        raise SystemExit(f"the first argument must be processes or threads, not {pool}")
    o = workload.options(__doc__)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    # BlazeFL forks a new pool every round. What PyTorch imports only at its first optimiser step (seconds of work) would
    # be imported again by every child, were it not done here once.
    workload.train_client(workload.make_model(o.model), 0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(pool, o, pathlib.Path(folder))
        server = FedAvgBaseServerHandler(
            model_selector=Models(),
            model_name=o.model,
            dataset=Clients(),
            global_round=o.warm_up + o.rounds,
            num_clients=workload.CLIENTS,
            sample_ratio=workload.COHORT / workload.CLIENTS,
            device="cpu",
            batch_size=workload.BATCH,
            seed=1,
        )
        watch = workload.Stopwatch(o.warm_up)
        while not server.if_stop():
            sampled = server.sample_clients()
            trainer.local_process(server.downlink_package(), sampled)
            for package in trainer.uplink_package():
                server.load(package)
            watch.round_ended()
    watch.report(["blazefl", "torch"], o.rounds)


if __name__ == "__main__":
    main()
