#include "federate/requests.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include "config/scenario.hpp"
#include "data/named_samples.hpp"
#include "data/non_members.hpp"
#include "data/requests.hpp"
#include "methods/registry.hpp"

namespace afu::federate {
namespace {

using methods::Scope;

/// A client asks for itself; for a class the server does. What is due at a number of updates or rounds comes
/// before all else that happens at that moment.
Post post_of(const methods::Request& r, double at, bool first) {
  const auto from =
      r.client == methods::no_client ? record::server_node : record::first_client_node + r.client;
  return {from, record::server_node, at, -1, true, 0, EraseRequest{r.index}, first};
}

methods::Request request_of(const Setup& setup, std::uint32_t index, methods::Coordination coordination) {
  const auto& s = *setup.scenario;
  const auto& e = s.erasures[index];
  methods::Request r;
  r.index = index;
  r.scope = config::is_part(e.scope) ? Scope::samples : e.scope;
  r.owners = owners_of(setup, index);
  r.label = e.label;
  r.coordination = coordination;
  if (r.scope == Scope::data_class) {
    const auto all = std::accumulate(setup.samples.begin(), setup.samples.end(), 0.0);
    r.forget_count = std::llround(all / static_cast<double>(std::max<std::int64_t>(1, s.data.classes)));
  } else {
    r.client = static_cast<std::uint32_t>(e.client);
    r.forget_count =
        data::samples_asked(r.scope == Scope::samples ? e.fraction : 1.0, setup.samples[r.client]);
  }
  if (index >= setup.forget.size() || !setup.forget[index]) return r;
  r.forget = setup.forget[index];
  r.forget_count = static_cast<std::int64_t>(r.forget->size());
  if (r.client != methods::no_client && setup.data)
    r.non_members =
        data::non_members(*setup.data, *r.forget, *setup.data->clients[r.client].holdout, s.scenario.seed);
  return r;
}

/// Those of `asked` that erase themselves, and whom the others of them repeat.
template <class All>
std::vector<std::size_t> who_erases(const All& all, const std::vector<std::size_t>& asked) {
  std::vector<std::size_t> found;
  const auto add = [&](std::size_t i) {
    if (std::find(found.begin(), found.end(), i) == found.end()) found.push_back(i);
  };
  for (const auto i : asked) {
    if (const auto* repeating = std::get_if<stage::Repeating>(&all[i].stage))
      for (const auto other : repeating->others) add(other);
    else
      add(i);
  }
  return found;
}

}  // namespace

Requests::Requests(const Setup& setup, const methods::Method& method)
    : setup_(setup),
      method_(method),
      takes_from_ledger_(methods::needs_of(method, *setup.scenario).influence) {
  const auto& s = *setup.scenario;
  const auto coordination = methods::coordination(method, s.unlearning.coordination);
  for (std::uint32_t i = 0; i < s.erasures.size(); ++i) {
    ServedRequest r;
    r.request = request_of(setup, i, coordination);
    r.record.client = s.erasures[i].client;
    r.record.request = i;
    r.record.scope = config::name_of(s.erasures[i].scope);
    r.record.label = s.erasures[i].label;
    r.record.samples = r.request.forget_count;
    r.record.subjects = s.erasures[i].subjects;
    r.record.file = std::filesystem::path(s.erasures[i].file).filename().string();
    all_.push_back(std::move(r));
  }
}

std::vector<Post> Requests::scheduled() {
  std::vector<Post> posts;
  for (auto& r : all_) {
    const auto at = setup_.scenario->erasures[r.request.index].at_seconds;
    if (at < 0) continue;
    r.stage = stage::Posted{};
    posts.push_back(post_of(r.request, at, false));
  }
  return posts;
}

std::vector<Post> Requests::due(std::uint64_t updates, std::uint64_t rounds) {
  std::vector<Post> posts;
  for (auto& r : all_) {
    const auto& e = setup_.scenario->erasures[r.request.index];
    const bool due = (e.at_update >= 0 && updates >= static_cast<std::uint64_t>(e.at_update)) ||
                     (e.at_round >= 0 && rounds >= static_cast<std::uint64_t>(e.at_round));
    if (!r.in<stage::Ahead>() || !due) continue;
    r.stage = stage::Posted{};
    posts.push_back(post_of(r.request, 0, true));
  }
  return posts;
}

const methods::Request* Requests::ahead(std::uint32_t client) const {
  for (const auto& r : all_)
    if (r.request.client == client && r.in<stage::Ahead>()) return &r.request;
  return nullptr;
}

std::vector<std::size_t> Requests::taken_before(const ServedRequest& r) const {
  const auto& asked = r.request;
  std::vector<std::size_t> whole, parts;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const auto& other = all_[i].request;
    if (&all_[i] == &r || !all_[i].procedure) continue;
    if (asked.scope == Scope::data_class) {
      if (other.scope == asked.scope && other.label == asked.label) whole.push_back(i);
    } else if (other.client == asked.client && other.scope == Scope::client) {
      whole.push_back(i);
    } else if (other.client == asked.client || other.scope == Scope::data_class) {
      parts.push_back(i);
    }
  }
  if (!whole.empty()) return who_erases(all_, {whole.front()});
  if (asked.forget && asked.forget->empty()) return who_erases(all_, parts);
  return {};
}

void Requests::leave_out_erased(ServedRequest& r) const {
  auto& asked = r.request;
  if (!asked.forget || asked.client == methods::no_client) return;
  std::vector<data::IndicesPtr> erased;
  for (const auto& other : all_)
    if (&other != &r && other.procedure && other.request.scope != Scope::client &&
        (other.request.client == asked.client || other.request.client == methods::no_client))
      erased.push_back(setup_.forget[other.request.index]);
  asked.forget = data::rows_without(asked.forget, erased);
  asked.forget_count = static_cast<std::int64_t>(asked.forget->size());
}

bool Requests::exclusive(const ServedRequest& r) const {
  const auto& t = method_.traits;
  return r.request.coordination == methods::Coordination::blocking || t.restarts || t.assigns;
}

bool Requests::waits_for(const ServedRequest& r, const ServedRequest& other) const {
  if (&other == &r || !other.open()) return false;
  if (exclusive(r) && exclusive(other)) return true;
  if (!takes_from_ledger_ || other.record.merged_at) return false;
  const auto &own = r.request.owners, &others = other.request.owners;
  return std::any_of(own.begin(), own.end(),
                     [&](auto c) { return std::binary_search(others.begin(), others.end(), c); });
}

bool Requests::must_wait(const ServedRequest& r) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const ServedRequest& other) { return waits_for(r, other); });
}

void Requests::call_next() {
  for (auto& r : all_) {
    if (!r.in<stage::Queued>()) continue;
    const bool waits = std::any_of(all_.begin(), all_.end(), [&](const ServedRequest& other) {
      return waits_for(r, other) && (!other.in<stage::Queued>() || &other < &r);
    });
    if (!waits) r.stage = stage::Ready{};
  }
}

std::vector<std::size_t> Requests::asked_with(const ServedRequest& r) const {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (&all_[i] != &r && !all_[i].done() && data::same_request(*setup_.scenario, r.request.index, i))
      others.push_back(i);
  return others;
}

std::string Requests::phase() const {
  bool forgotten = false;
  for (const auto& r : all_) {
    if (r.erasing()) return "erasing";
    forgotten = forgotten || r.record.forgotten_at || r.done();
  }
  return forgotten ? "forgotten" : "training";
}

bool Requests::retraining() const {
  return std::any_of(all_.begin(), all_.end(), [](const ServedRequest& r) { return r.retraining(); });
}

}  // namespace afu::federate
