#include "wire/session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace afu::wire {
namespace {

constexpr std::uint32_t most_lanes = 4096;

template <class T>
Frame framed(Kind kind, const T& value) {
  return {kind, job::written([&](job::Sink& to) { job::put(to, value); })};
}

template <class T>
T value_of(const Frame& frame) try {
  T value;
  job::read(frame.bytes, T::name, [&](job::Source& from) { job::take(from, value); });
  return value;
} catch (const std::runtime_error& e) {
  throw WireError(e.what());
}

/// What GPUs there are; the CPU, whatever its model, computes the same where nothing binds results to it.
std::set<std::string> kinds_of(const Offer& o) {
  std::set<std::string> kinds;
  for (const auto& d : o.devices) kinds.insert(d.name == "cpu" ? "CPU" : d.description);
  return kinds;
}

std::string list_of(const std::set<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string version_of(const Offer& o, const std::string& library) {
  const auto i = std::find_if(o.libraries.begin(), o.libraries.end(),
                              [&](const auto& named) { return named.first == library; });
  return i == o.libraries.end() ? "none" : i->second;
}

}  // namespace

Frame to_frame(const Session& session) { return framed(Kind::session, session); }
Frame to_frame(const Offer& offer) { return framed(Kind::offer, offer); }
Session session_from(const Frame& frame) { return value_of<Session>(frame); }

Offer offer_from(const Frame& frame) {
  auto offer = value_of<Offer>(frame);
  if (offer.lanes == 0 || offer.lanes > most_lanes)
    throw WireError(fmt::format("an offer of {} lanes, allowed: 1 to {}", offer.lanes, most_lanes));
  return offer;
}

std::string why_unusable(const Offer& run, const Offer& node) {
  if (run.revision != node.revision)
    return fmt::format("its afu is of revision {}, the run's of {}", node.revision, run.revision);
  if (run.pool != node.pool)
    return fmt::format("its data are others: content key {}, the run's {}", node.pool, run.pool);
  return "";
}

std::string why_other_bytes(const Offer& run, const Offer& node) {
  if (const auto own = kinds_of(run), other = kinds_of(node); own != other)
    return fmt::format("it computes on {}, the run on {}", list_of(other), list_of(own));
  const bool bound = !run.bound_to_processor.empty() || !node.bound_to_processor.empty();
  std::set<std::string> names;
  for (const auto* offer : {&run, &node})
    for (const auto& [name, version] : offer->libraries) names.insert(name);
  for (const auto& name : names) {
    // Where nothing binds results to the processor, BLAS and the kernels' vectors do not matter (device/products.hpp).
    const bool matters = bound || name == "LibTorch" || name == "CUDA" || name == "cuDNN";
    if (const auto own = version_of(run, name), other = version_of(node, name); matters && own != other)
      return fmt::format("its {} is {}, the run's {}", name, other, own);
  }
  return "";
}

}  // namespace afu::wire
