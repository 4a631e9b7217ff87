"""Flower: run_simulation on Ray, FedAvg of the message API, one actor with one CPU a worker."""

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

import workload

OPTIONS = workload.options(__doc__)


def make_client(model_name):
    app = ClientApp()

    @app.train()
    def train(message, context):
        model = workload.workers_model(model_name)
        model.load_state_dict(message.content["arrays"].to_torch_state_dict())
        workload.train_client(model, int(context.node_config["partition-id"]))
        metrics = MetricRecord({"num-examples": workload.SAMPLES})
        content = RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": metrics})
        return Message(content=content, reply_to=message)

    return app


class TimedFedAvg(FedAvg):
    def __init__(self, watch):
        super().__init__(
            fraction_train=workload.COHORT / workload.CLIENTS,
            fraction_evaluate=0.0,
            min_train_nodes=workload.COHORT,
            min_evaluate_nodes=0,
            min_available_nodes=workload.CLIENTS,
        )
        self._watch = watch

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        if len(replies) != workload.COHORT or any(r.has_error() for r in replies):
            raise RuntimeError(f"round {server_round}: not all {workload.COHORT} clients answered")
        result = super().aggregate_train(server_round, replies)
        self._watch.round_ended()
        return result


def main():
    o = OPTIONS
    watch = workload.Stopwatch(o.warm_up)
    server = ServerApp()

    @server.main()
    def serve(grid, context):
        torch.manual_seed(1)
        arrays = ArrayRecord(workload.make_model(o.model).state_dict())
        TimedFedAvg(watch).start(grid=grid, initial_arrays=arrays, num_rounds=o.warm_up + o.rounds)

    run_simulation(
        server_app=server,
        client_app=make_client(o.model),
        num_supernodes=workload.CLIENTS,
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": o.workers, "include_dashboard": False, "log_to_driver": False},
        },
    )
    watch.report(["flwr", "ray", "torch"], o.rounds)


if __name__ == "__main__":
    main()
