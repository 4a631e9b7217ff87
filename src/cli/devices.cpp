/// `afu devices`: what there is to compute on, and with --probe how fast it is.
#include <caf/config.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/probe.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "device/blas.hpp"
#include "device/devices.hpp"
#include "device/numerics.hpp"

namespace afu::cli {
namespace {

struct Options {
  bool probe = false, json = false;
};

struct Listed {
  device::DeviceInfo info;
  std::int64_t lanes = 0;  ///< by default
  std::optional<bench::DeviceProbe> probe;
};

void show(const Listed& d) {
  print("{:<8} {}\n{:<8} {:.1f} GiB memory, {:.1f} GiB free, {} {}; {} lanes by default\n", d.info.name,
        d.info.description, "", static_cast<double>(d.info.memory_bytes) / (1 << 30),
        static_cast<double>(d.info.free_bytes) / (1 << 30), d.info.cores_or_sms,
        d.info.name == "cpu" ? "cores" : "multiprocessors", d.lanes);
  if (!d.info.cores_reason.empty())
    print("{:<8} cores: {}; memory: {}\n", "", d.info.cores_reason, d.info.memory_reason);
  if (!d.probe) return;
  const auto& p = *d.probe;
  if (d.info.name == "cpu") {
    print(
        "{:<8} one core: copies {:.1f} GB/s (read and written), fp32 products {:.1f} GFLOP/s; a task handed "
        "to another thread and back {:.1f} us\n",
        "", p.copy_bytes_per_second * 1e-9, p.matmul_flops_per_second * 1e-9, p.launch_seconds * 1e6);
    return;
  }
  print(
      "{:<8} copies {:.1f} GB/s (read and written), uploads {:.1f} GB/s, fp32 products {:.1f} TFLOP/s\n"
      "{:<8} a kernel every {:.2f} us queued one by one",
      "", p.copy_bytes_per_second * 1e-9, p.upload_bytes_per_second * 1e-9, p.matmul_flops_per_second * 1e-12,
      "", p.launch_seconds * 1e6);
  if (p.replay_seconds > 0) print(", {:.2f} us in a graph", p.replay_seconds * 1e6);
  print("\n");
}

nlohmann::ordered_json to_json(const Listed& d) {
  nlohmann::ordered_json j{{"name", d.info.name},
                           {"description", d.info.description},
                           {"memory_bytes", d.info.memory_bytes},
                           {"free_bytes", d.info.free_bytes},
                           {d.info.name == "cpu" ? "cores" : "multiprocessors", d.info.cores_or_sms},
                           {"default_lanes", d.lanes}};
  if (!d.info.cores_reason.empty()) j["cores_reason"] = d.info.cores_reason;
  if (!d.info.memory_reason.empty()) j["memory_reason"] = d.info.memory_reason;
  if (!d.probe) return j;
  const auto or_null = [](double v) { return v > 0 ? nlohmann::ordered_json(v) : nlohmann::ordered_json(); };
  j["probe"] = {{"copy_bytes_per_second", d.probe->copy_bytes_per_second},
                {"upload_bytes_per_second", or_null(d.probe->upload_bytes_per_second)},
                {"launch_seconds", d.probe->launch_seconds},
                {"replay_seconds", or_null(d.probe->replay_seconds)},
                {"matmul_flops_per_second", d.probe->matmul_flops_per_second}};
  return j;
}

int devices(const Options& o) {
  // As a run computes that says nothing about it: fp32 without TF32. Deterministic algorithms change none of
  // these.
  const device::NumericsLease numerics({});
  std::vector<Listed> listed;
  for (auto& info : device::list_devices()) {
    Listed d{info, info.name == "cpu" ? info.cores_or_sms : device::kDefaultLanesOfAGpu, {}};
    if (o.probe) d.probe = bench::probe(info.name);
    listed.push_back(std::move(d));
  }
  auto versions = device::library_versions();
  versions.emplace_back(
      "CAF", fmt::format("{}.{}.{}", CAF_VERSION / 10000, CAF_VERSION / 100 % 100, CAF_VERSION % 100));
  if (o.json) {
    nlohmann::ordered_json j;
    for (const auto& d : listed) j["devices"].push_back(to_json(d));
    for (const auto& [name, version] : versions) j["versions"][name] = version;
    if (const auto core = device::better_blas_core(); !core.empty()) j["better_blas_core"] = core;
    print("{}\n", j.dump(2));
    return 0;
  }
  for (const auto& d : listed) show(d);
  print("\n");
  for (const auto& [name, version] : versions) print("{:<10} {}\n", name, version);
  if (const auto advice = device::blas_advice(); !advice.empty()) print("\nnote: {}\n", advice);
  return 0;
}

}  // namespace

std::function<int()> declare_devices(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_flag("--probe", o->probe, "Measure copies, launches and matrix products; takes seconds");
  app.add_flag("--json", o->json, "As JSON");
  return [o] { return devices(*o); };
}

}  // namespace afu::cli
