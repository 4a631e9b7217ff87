"""From the runs of bench.py to ratios, a table and the JSON document."""

import statistics

# How many times as many client updates a second as the fastest peer afu is to reach.
REQUIRED = {"lenet": 3.0, "cnn_mnist": 1.2}


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)} if values else None


def rates(row):
    """Client updates a second of each repetition."""
    return [r["rate"] if "rate" in r else r["updates"] / r["seconds"] for r in row["runs"]]


def cpu_rates(row):
    """Client updates a CPU second of each repetition: what other load on the machine disturbs least."""
    return [r["cpu_rate"] if "cpu_rate" in r else r["updates"] / max(r["cpu_seconds"], 0.01) for r in row["runs"]]


def paired(ours, theirs):
    return spread([a / b for a, b in zip(ours, theirs)])


def summarise(model, rounds, found, peers):
    """`found` as bench.measure returns it; `peers` are the rows that afu is held against."""
    complete = {name: row for name, row in found.items() if row["runs"] and not row["failure"]}
    afu = complete.get("afu")
    rows = []
    for name, row in found.items():
        entry = {"engine": name, "failure": row["failure"] or None}
        if name in complete:
            raw = "LibTorch loop" if name.startswith("afu") or name == "LibTorch loop" else "PyTorch loop"
            entry["updates_per_second"] = spread(rates(row))
            entry["updates_per_cpu_second"] = spread(cpu_rates(row))
            entry["share_of_raw_loop"] = paired(rates(row), rates(complete[raw])) if raw in complete else None
            entry["afu_ratio"] = paired(rates(afu), rates(row)) if afu else None
            entry["afu_cpu_ratio"] = paired(cpu_rates(afu), cpu_rates(row)) if afu else None
            entry["runs"] = row["runs"]
        rows.append(entry)
    running = [name for name in peers if name in complete]
    fastest = max(running, key=lambda n: statistics.median(rates(complete[n])), default=None)
    ratio = cpu_ratio = None
    if afu and running:
        # each repetition against whichever peer was fastest in it
        best = [max(r) for r in zip(*(rates(complete[n]) for n in running))]
        best_cpu = [max(r) for r in zip(*(cpu_rates(complete[n]) for n in running))]
        ratio, cpu_ratio = paired(rates(afu), best), paired(cpu_rates(afu), best_cpu)
    return {
        "model": model,
        "rounds": rounds,
        "rows": rows,
        "fastest_peer": fastest,
        "ratio_to_fastest_peer": ratio,
        "cpu_ratio_to_best_peer": cpu_ratio,
        "required_ratio": REQUIRED[model],
    }


def text(values, form="{:.1f}"):
    if values is None:
        return "-"
    return " / ".join(form.format(values[k]) for k in ("min", "median", "max"))


def table(summary):
    """min / median / max over the repetitions."""
    head = ("", "updates/s", "updates/CPU s", "of the raw loop", "afu is x times", "start-up s")
    lines = [head]
    failures = []
    for row in summary["rows"]:
        if row["failure"]:
            failures.append(f"{row['engine']}: NOT MEASURED: {row['failure']}")
            continue
        startup = [r["startup_seconds"] for r in row["runs"] if "startup_seconds" in r]
        lines.append(
            (
                row["engine"],
                text(row["updates_per_second"]),
                text(row["updates_per_cpu_second"]),
                text(row["share_of_raw_loop"], "{:.2f}"),
                "" if row["engine"] == "afu" else text(row["afu_ratio"], "{:.2f}"),
                f"{statistics.median(startup):.1f}" if startup else "",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = [f"{summary['model']}, {summary['rounds']} rounds (min / median / max of the repetitions)"]
    for line in lines:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        out.append("  ".join(cells).rstrip())
    out += failures
    ratio = summary["ratio_to_fastest_peer"]
    if ratio:
        met = "met" if ratio["median"] >= summary["required_ratio"] else "NOT met"
        out.append(
            f"afu to the fastest peer of each repetition (most often {summary['fastest_peer']}): "
            f"{text(ratio, '{:.2f}')}; by CPU time {text(summary['cpu_ratio_to_best_peer'], '{:.2f}')}; "
            f"required {summary['required_ratio']}: {met}"
        )
    return "\n".join(out) + "\n"


def footer(document):
    versions = {}
    for summary in document["models"].values():
        for row in summary["rows"]:
            for run in row.get("runs", []):
                versions.update(run.get("versions", {}))
    host = document["host"]
    load = host["load_average"][0]
    return (
        f"{host['processor']}, {host['cores']} cores, load average {load:.1f} at the start\n"
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + "\nNot in these figures: start-up of each engine, and the peers' two warm-up rounds. In them: afu's first rounds."
    )
