// What it runs on and for how long: clocks, heterogeneity, requests, lanes, output, stop.
#include "config/scenario.hpp"
#include "config/schema_parts.hpp"

namespace afu::config {

namespace schema {

/// The end of simulated time (sim::horizon_seconds).
constexpr double longest = 1e12;

Section scenario(ScenarioSection& s) {
  auto seed =
      field("seed", &s.seed, static_cast<std::int64_t>(s.seed), from(0),
            "Seed of every random stream: same scenario and seed, same event log and same model.", "");
  return {
      "scenario",
      "What the run is called and how time passes.",
      {text("name", s.name, "Name of the run; its default output folder is runs/NAME."),
       std::move(seed).alias({"random_seed"}),
       choice("clock", s.clock,
              "virtual: simulated time jumps from event to event, reproducibly. wall: delays really pass."),
       number(
           "time_scale", s.time_scale, above(0, 1000),
           "Real seconds that a second of the run's clock takes (wall clock only); below 1 shortens delays."),
       choice(
           "execute", s.execute,
           "train: clients really train. timing: only actors, links and clocks run (virtual clock only).")}};
}

Section compute_heterogeneity(ComputeHeterogeneity& h) {
  return {
      "heterogeneity.compute",
      "How fast clients compute. A job takes samples * epochs * seconds_per_sample * slowdown * jitter.",
      {number("seconds_per_sample", h.seconds_per_sample, above(0, 1e6), "On hardware with slowdown 1.",
              "seconds"),
       number("slowdown", h.slowdown, above(0, longest), "Factor of a client's hardware; one draw a client."),
       number("jitter", h.jitter, above(0, longest), "Factor of a single job; one draw a job."),
       number("straggler_share", h.straggler_share, from(0, 1),
              "Part of the clients, rounded to whole ones, that are slower than drawn by straggler_factor. "
              "With more stragglers the same ones are among them."),
       number("straggler_factor", h.straggler_factor, above(0, 1e6), "Factor of a straggler's slowdown."),
       number("straggler_first", h.straggler_first, from(-1, most_clients - 1),
              "This client is the first straggler; -1: drawn like the others."),
       number("server_slowdown", h.server_slowdown, above(0, 1e6),
              "Factor of the server's own jobs: calibration, server-side erasure."),
       tables("override", h.overrides, "Gives one client a slowdown, whatever was drawn.")}};
}

Section network_heterogeneity(NetworkHeterogeneity& h) {
  return {
      "heterogeneity.network",
      "The links. A message takes latency * jitter + bytes / bandwidth, each direction.",
      {number("latency_seconds", h.latency_seconds, from(0, longest),
              "One draw a client, the same each direction.", "seconds")
           .alias({"latency", "delay"}),
       number("uplink_mbit", h.uplink_mbit, from(0, longest), "One draw a client; 0: unlimited.", "Mbit/s")
           .alias({"uplink", "upload", "bandwidth", "bandwidth_mbit"}),
       number("downlink_mbit", h.downlink_mbit, from(0, longest), "One draw a client; 0: unlimited.",
              "Mbit/s")
           .alias({"downlink", "download"}),
       number("jitter", h.jitter, from(0, longest), "Factor on the latency; one draw a message."),
       number("server_mbit", h.server_mbit, from(0, longest),
              "The server's own link, which all clients share, each direction; 0: unlimited.", "Mbit/s"),
       number("loss_probability", h.loss_probability, from(0, 0.99),
              "That a message is lost; it is sent again after retransmit_seconds.")
           .alias({"loss"}),
       number("retransmit_seconds", h.retransmit_seconds, from(0, longest),
              "Until a lost message is sent again.", "seconds"),
       tables("override", h.overrides, "Gives one client a link, whatever was drawn.")}};
}

Section availability(AvailabilityHeterogeneity& h) {
  return {
      "heterogeneity.availability",
      "When clients are there, and whether they finish.",
      {choice(
           "model", h.model,
           "always. markov: on and off for exponential times. diurnal: on for a part of each period, phases "
           "spread evenly over the clients. trace: as the file says.")
           .alias({"kind", "type"}),
       number("mean_on_seconds", h.mean_on_seconds, from(1e-3, longest), "Mean length of a time on (markov).",
              "seconds"),
       number("mean_off_seconds", h.mean_off_seconds, above(0, longest),
              "Mean length of a time off (markov).", "seconds"),
       number("period_seconds", h.period_seconds, from(1e-3, longest), "Length of a day (diurnal).",
              "seconds")
           .alias({"period"}),
       number("on_fraction", h.on_fraction, from(1e-6, 1),
              "Part of the period that a client is on (diurnal)."),
       text("path", h.path, "CSV file with the columns client,on_seconds,off_seconds (trace).")
           .alias({"file"}),
       number("dropout_probability", h.dropout_probability, from(0, 0.99), "That a job is lost in mid-round.")
           .alias({"dropout"}),
       number("dropout_restart_seconds", h.dropout_restart_seconds, from(0, longest),
              "Until the client reports the loss.", "seconds")}};
}

Section compute(ComputeSection& c) {
  return {
      "compute",
      "What the run computes on. It changes how long a run takes, not its result (`step` and `precision` its "
      "rounding).",
      {text("devices", c.devices,
            "cpu, cuda:0, cuda:1, ...; cuda: all visible. A device that stands there twice counts as two, "
            "each with a copy of the data and with lanes of its own.")
           .alias({"device", "gpus"}),
       number("lanes", c.lanes, from(0, 4096),
              "Execution lanes a device; 0: as many as cores, or 8 a GPU, or fewer where memory allows no "
              "more. Lanes that are asked for and do not fit are an error.")
           .alias({"workers", "threads"}),
       number("lookahead", c.lookahead, from(0),
              "Most finished jobs whose simulated end has not come; 0: 4 * lanes, and more with "
              "batched_clients."),
       number("batched_clients", c.batched_clients, from(0, 1024),
              "So many clients at most a lane trains together, as one network with grouped convolutions and "
              "batched products; it rounds differently, by who trains together, so it needs deterministic = "
              "false. 0: what a short probe on the first device finds fastest. 1: one after the other.",
              "clients"),
       choice(
           "step", c.step,
           "What takes training steps. fused: forward and backward without autograd, on the CPU, for "
           "networks without BatchNorm and residual connections; else it is an error. autograd: LibTorch's "
           "operators. graph: the same recorded once as a CUDA graph and replayed, on GPUs, for the built-in "
           "networks; else it is an error. kernels: likewise, without autograd and in half as many kernels, "
           "for networks without BatchNorm and residual connections, where afu was built with nvcc; not yet "
           "tried on a GPU. auto: fused or graph where it is possible."),
       choice(
           "precision", c.precision,
           "fp32: IEEE single precision throughout. tf32: matrix products and convolutions on a GPU's tensor "
           "cores, their factors rounded to 10 bits. bf16: forward passes autocast to 8 bits of mantissa; "
           "weights, gradients and losses stay fp32."),
       flag(
           "deterministic", c.deterministic,
           "On the virtual clock the same scenario and seed give the same bytes, with any number of lanes. On "
           "CPU lanes that holds on every x86-64 processor with AVX2 where the network has fused kernels; "
           "where it goes through LibTorch's operators, on this processor only, which a note says. On GPUs: "
           "only algorithms that give the same bits every time; an operator that has none is an error. CPU "
           "lanes compute no other way with false; it only promises nothing."),
       text(
           "nodes", c.nodes,
           "HOST:PORT, ...: `afu node` processes whose lanes compute beside this machine's; slurm:PORT: that port "
           "of each host of the Slurm allocation that the run is in. A run that only takes its time "
           "(scenario.execute = \"timing\") does not ask them."),
       flag("only_nodes", c.only_nodes, "With nodes: this machine's lanes compute nothing but merges."),
       text(
           "token_file", c.token_file,
           "With nodes: file of mode 0600 with the secret that they know too; nodes on other machines need it."),
       number("node_patience", c.node_patience, from(0.2, 3600),
              "Without a word of a node for so long it counts as lost.", "seconds"),
       flag("mixed_numerics", c.mixed_numerics,
            "Takes nodes too that do not promise the same bytes: another processor, GPU or library.")}};
}

Section output(OutputSection& o) {
  return {
      "output",
      "What is written.",
      {text("folder", o.folder, "The run's folder; empty: runs/NAME.").alias({"dir", "path"}),
       flag("events", o.events, "Write events.jsonl."), flag("trace", o.trace, "Write trace.json."),
       flag("model", o.model, "Write model.pt."),
       flag("snapshots", o.snapshots,
            "Write the models that the attacks see: snapshot_before.pt, snapshot_merged.pt, "
            "snapshot_plus16.pt, snapshot_final.pt."),
       number(
           "checkpoint_every", o.checkpoint_every, from(0, longest),
           "Write checkpoint.afu so often, in real time, or as seldom as it takes to cost less than 2 % of that; and "
           "when a signal ends the run. By it a run that was stopped goes on where it was, on the wall clock where the "
           "last one was written. 0: never.",
           "s"),
       flag("audit", o.audit,
            "Write audit/: who owns which samples, these as the models see them, the first and the last "
            "weights, every job with the key of its sample order. tools/audit/check_run.py computes the "
            "run again from that. It takes the bytes of the data set, two or three times those of the model, "
            "once more for every update asked for, some hundred for a training job and as many as its rows "
            "need for another. Needs execute = \"train\" and events."),
       text("audit_updates", o.audit_updates,
            "Also single updates, as they reached the server, each named CLIENT/JOB by the numbers of "
            "events.jsonl: [\"0/3\"] is the third of client 0.")}};
}

Section stop(StopSection& s) {
  return {
      "stop",
      "When the run ends: at the first of these that is reached. At least one is above 0.",
      {number("updates", s.updates, from(0), "Accepted updates; 0: no limit.", "updates")
           .alias({"max_updates"})
           .in_reference("200"),
       number("rounds", s.rounds, from(0), "Rounds (fedavg); 0: no limit.", "rounds").alias({"max_rounds"}),
       number("seconds", s.seconds, from(0, longest), "On the run's own clock; 0: no limit.", "seconds")
           .alias({"time", "timeout"})}};
}

}  // namespace schema

using namespace schema;

std::vector<Field> fields_of(Erasure& e) {
  std::vector<Field> fields;
  fields.push_back(
      number("client", e.client, from(0, most_clients - 1),
             "Who asks to be forgotten; not given where the scope is \"class\". Where samples are named, by "
             "subject or file, and it is not given, every client that trains on some of them asks.")
          .in_reference("0")
          .optional());
  fields.push_back(number("at_update", e.at_update, from(0), "When so many updates were accepted.", "updates")
                       .alias({"update", "at"})
                       .in_reference("120")
                       .optional());
  fields.push_back(
      number("at_round", e.at_round, from(0), "Or: when so many rounds are over (fedavg).", "rounds")
          .alias({"round"})
          .in_reference("15")
          .optional());
  fields.push_back(number("at_seconds", e.at_seconds, from(0, longest),
                          "Or: at this time of the run's own clock.", "seconds")
                       .alias({"time", "seconds", "at_time"})
                       .in_reference("60.0")
                       .optional());
  fields.push_back(choice(
      "scope", e.scope,
      "client: all its samples, and it leaves. samples: a part, and it goes on with the rest. subject: those of "
      "subjects (patients), likewise. class: everybody's samples of one class; the server itself asks."));
  fields.push_back(
      number("fraction", e.fraction, above(0, 1),
             "Of the client's training samples (scope \"samples\"), rounded. A further request of the same "
             "client takes other samples."));
  fields.push_back(
      text(
          "file", e.file,
          "Instead of a fraction, which samples (scope \"samples\"): a CSV whose column \"id\" has one a line. "
          "The id is the path of the image, of manifests as they have it, of image folders below data.path; "
          "of other sources the row in the training split of the file, from 0.")
          .alias({"ids", "sample_ids"})
          .in_reference("\"ids.csv\"")
          .optional());
  fields.push_back(text("subject", e.subjects,
                        "Whose samples (scope \"subject\"): one, or several, as the data call them.")
                       .alias({"subjects", "patient", "patients"})
                       .in_reference("\"OAS1_0171\"")
                       .optional());
  fields.push_back(number("class", e.label, from(0, 10000), "Which class (scope \"class\").")
                       .alias({"label"})
                       .in_reference("1")
                       .optional());
  return fields;
}

std::vector<Field> fields_of(ComputeOverride& o) {
  std::vector<Field> fields;
  fields.push_back(number("client", o.client, from(0, most_clients - 1), "Which client.").needed());
  fields.push_back(number("slowdown", o.slowdown, above(0, 1e9), "Its slowdown.").needed());
  return fields;
}

std::vector<Field> fields_of(NetworkOverride& o) {
  std::vector<Field> fields;
  fields.push_back(number("client", o.client, from(0, most_clients - 1), "Which client.").needed());
  fields.push_back(number("latency_seconds", o.latency_seconds, from(0, longest),
                          "Its latency; not given: as drawn.", "seconds")
                       .alias({"latency", "delay"})
                       .in_reference("0.5")
                       .optional());
  fields.push_back(number("uplink_mbit", o.uplink_mbit, from(0, longest),
                          "Its uplink; 0: unlimited; not given: as drawn.", "Mbit/s")
                       .alias({"uplink", "upload"})
                       .in_reference("2.0")
                       .optional());
  fields.push_back(
      number("downlink_mbit", o.downlink_mbit, from(0, longest), "Its downlink; likewise.", "Mbit/s")
          .alias({"downlink", "download"})
          .in_reference("10.0")
          .optional());
  return fields;
}

}  // namespace afu::config
