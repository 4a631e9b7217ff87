#include "config/checks_compute.hpp"

#include <algorithm>
#include <cctype>

#include "base/address.hpp"
#include "base/input_error.hpp"
#include "config/scenario.hpp"
#include "config/text.hpp"

namespace afu::config {
namespace {

void check_devices(const Scenario& s, const Fail& fail) {
  const auto& devices = s.compute.devices;
  if (devices.empty())
    fail("compute.devices", "the list is empty, allowed are \"cpu\", \"cuda\", \"cuda:0\", ...", {});
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto& name = devices[i];
    bool numbered =
        name.size() > 5 && name.size() < 9 && name.rfind("cuda:", 0) == 0 &&
        std::all_of(name.begin() + 5, name.end(), [](unsigned char c) { return std::isdigit(c); });
    if (name != "cpu" && name != "cuda" && !numbered)
      fail(item("compute.devices", i),
           quoted(name) + " is no device, allowed are \"cpu\", \"cuda\", \"cuda:0\", ...", {});
  }
  const auto cpus = static_cast<std::size_t>(std::count(devices.begin(), devices.end(), "cpu"));
  const auto refuse = [&](bool wrong, const char* key, const std::string& value, const char* why) {
    if (wrong) fail(key, quoted(value) + why, {"compute."});
  };
  const auto& c = s.compute;
  const char* no_cpu = " needs GPUs alone, compute.devices has \"cpu\"";
  refuse(c.precision == Precision::tf32 && cpus > 0, "compute.precision", name_of(c.precision), no_cpu);
  refuse((c.step == StepEngine::graph || c.step == StepEngine::kernels) && cpus > 0, "compute.step",
         name_of(c.step), no_cpu);
  refuse(c.step == StepEngine::fused && cpus < devices.size(), "compute.step", name_of(c.step),
         " needs the CPU alone, compute.devices has a GPU");
  refuse(c.step == StepEngine::fused && c.precision == Precision::bf16, "compute.precision",
         name_of(c.precision), " does not go with compute.step \"fused\", allowed is \"fp32\"");
  refuse(c.step == StepEngine::kernels && c.precision == Precision::bf16, "compute.precision",
         name_of(c.precision), " does not go with compute.step \"kernels\", allowed are \"fp32\", \"tf32\"");
  const auto refuse_batches = [&](bool wrong, const std::string& why) {
    if (wrong && c.batched_clients != 1)
      fail("compute.batched_clients", std::to_string(c.batched_clients) + " needs " + why + "; allowed is 1",
           {"compute.", "model.name", "training.augment.", "training.balanced", "training.shards"});
  };
  refuse_batches(s.training.augment.any(), "images as they are, training.augment changes them");
  refuse_batches(s.training.balanced, "training.balanced = false");
  refuse_batches(s.training.shards > 1, "training.shards = 1");
  refuse_batches(c.deterministic,
                 "compute.deterministic = false, since sums then depend on who trains together");
  refuse_batches(c.precision == Precision::bf16, "compute.precision \"fp32\" or \"tf32\"");
  refuse_batches(!traits(s.model.name).batchable,
                 "a built-in network without BatchNorm and residual connections");
}

void check_nodes(const Scenario& s, const Fail& fail) {
  const auto& nodes = s.compute.nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (std::find(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(i), nodes[i]) !=
        nodes.begin() + static_cast<std::ptrdiff_t>(i))
      fail(item("compute.nodes", i), quoted(nodes[i]) + " is named twice, allowed is each node once", {});
    try {
      base::address_from(nodes[i]);
    } catch (const InputError& e) {
      fail(item("compute.nodes", i), e.what(), {});
    }
  }
}

}  // namespace

void check_compute(const Scenario& s, const Fail& fail) {
  check_devices(s, fail);
  check_nodes(s, fail);
}

}  // namespace afu::config
