"""No engine: client updates in a plain PyTorch loop, a process a core, nothing sampled, sent or merged."""

import multiprocessing

import torch

import workload


def work(model_name, updates, barrier, first):
    torch.set_num_threads(1)
    model = workload.make_model(model_name)
    start = [p.detach().clone() for p in model.parameters()]
    for turn in updates:
        barrier.wait()
        for i in range(turn):
            with torch.no_grad():
                for p, s in zip(model.parameters(), start):
                    p.copy_(s)
            workload.train_client(model, (first + i) % workload.CLIENTS)
    barrier.wait()


def main():
    o = workload.options(__doc__)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(o.workers + 1)
    share = o.rounds * workload.COHORT // o.workers
    if share * o.workers != o.rounds * workload.COHORT:
        raise SystemExit(f"{o.rounds * workload.COHORT} updates cannot be shared by {o.workers} workers evenly")
    turns = [o.warm_up * workload.COHORT, share]
    pool = [context.Process(target=work, args=(o.model, turns, barrier, 17 * i)) for i in range(o.workers)]
    for p in pool:
        p.start()
    barrier.wait()
    barrier.wait()  # all are warm
    watch = workload.Stopwatch(0)
    barrier.wait()
    for _ in range(o.rounds):
        watch.round_ended()
    for p in pool:
        p.join()
    watch.report(["torch"], o.rounds)


if __name__ == "__main__":
    main()
