"""pfl-research: SimulatedBackend with FederatedAveraging, a process a core, started by torchrun and reduced by gloo."""

import os

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.pytorch import PyTorchTensorDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam import NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch.nn import functional

import workload


class Rounds(TrainingProcessCallback):
    def __init__(self, watch):
        self._watch = watch

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self._watch.round_ended()
        return False, Metrics()


def with_loss(module):
    """pfl asks for `loss` and `metrics`. Nothing is measured: evaluation is off after the first round."""

    def loss(images, labels):
        return functional.cross_entropy(module(images), labels)

    module.loss, module.metrics = loss, lambda *_: {}
    return module


def main():
    o = workload.options(__doc__)
    torch.set_num_threads(1)
    if int(os.environ.get("WORLD_SIZE", "1")) != o.workers:
        raise SystemExit(f"torchrun must start {o.workers} processes")
    users = {
        str(c): PyTorchTensorDataset(workload.client_data(c), user_id=str(c)) for c in range(workload.CLIENTS)
    }
    data = FederatedDataset(users.__getitem__, get_user_sampler("minimize_reuse", list(users)))
    torch.manual_seed(1)
    module = with_loss(workload.make_model(o.model))
    model = PyTorchModel(
        module,
        local_optimizer_create=torch.optim.SGD,
        central_optimizer=torch.optim.SGD(module.parameters(), lr=1.0),
    )
    rounds = o.warm_up + o.rounds
    algorithm = NNAlgorithmParams(
        central_num_iterations=rounds + 1,  # the first evaluates whatever the frequency: one warm-up more
        evaluation_frequency=1_000_000,
        train_cohort_size=workload.COHORT,
        val_cohort_size=0,
    )
    training = NNTrainHyperParams(
        local_batch_size=workload.BATCH, local_num_epochs=1, local_learning_rate=workload.LEARNING_RATE
    )
    watch = workload.Stopwatch(o.warm_up + 1)
    FederatedAveraging().run(
        algorithm,
        SimulatedBackend(training_data=data, val_data=data),
        model,
        training,
        callbacks=[Rounds(watch)],
    )
    if os.environ.get("RANK", "0") == "0":
        watch.report(["pfl", "torch"], o.rounds)


if __name__ == "__main__":
    main()
