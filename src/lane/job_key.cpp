#include "lane/job_key.hpp"

#include <fmt/format.h>

#include <type_traits>

#include "base/sha256.hpp"

namespace afu::lane {
namespace {

/// Every field of a job, in order. Structured bindings name them all, so that a field somebody adds does not
/// compile until it is counted here.
class Key {
 public:
  template <class T>
  std::enable_if_t<std::is_arithmetic_v<T>> add(T value) {
    sum_.update(&value, sizeof value);
  }
  void add(const std::string& text) {
    add(text.size());
    sum_.update(text.data(), text.size());
  }
  void add(const model::ParametersPtr& v) { add(model::sha256(v)); }
  void add(const data::IndicesPtr& rows) {
    add(rows != nullptr);
    if (!rows) return;
    add(rows->size());
    sum_.update(rows->data(), rows->size() * sizeof(data::Indices::value_type));
  }
  template <class T>
  void add(const std::vector<T>& items) {
    add(items.size());
    for (const auto& item : items) add(item);
  }
  template <class T>
  void add(const std::shared_ptr<const T>& p) {
    add(p != nullptr);
    if (p) add(*p);
  }
  void add(const config::Value& v) {
    add(v.index());
    std::visit([this](const auto& x) { add(x); }, v);
  }
  void add(const config::Values& values) {
    add(values.all().size());
    for (const auto& [name, value] : values.all()) add(name), add(value);
  }
  void add(const base::StreamKey& k) {
    const auto& [seed, purpose, actor, round] = k;
    add(seed), add(purpose), add(actor), add(round);
  }
  void add(const job::SgdSettings& s) {
    const auto& [lr, momentum, weight_decay, clip_norm, prox_mu, max_delta] = s;
    add(lr), add(momentum), add(weight_decay), add(clip_norm), add(prox_mu), add(max_delta);
  }
  void add(const config::Augmentation& a) {
    const auto& [flip, rotate, scale, shift, contrast, brightness] = a;
    add(flip), add(rotate), add(scale), add(shift), add(contrast), add(brightness);
  }
  void add(const job::TrainExtras& x) {
    const auto& [lr_factor, mask, anchor, fisher, strength] = x;
    add(lr_factor), add(mask), add(anchor), add(fisher), add(strength);
  }
  void add(const job::AuxiliaryHead& a) {
    const auto& [head, relabelled, gamma, backbone] = a;
    add(head), add(relabelled), add(gamma), add(backbone);
  }
  void add(const job::RequestSets& r) {
    const auto& [forget, holdout, backdoor] = r;
    add(forget), add(holdout), add(backdoor);
  }
  void add(const job::EvaluationSets& s) {
    const auto& [test, forget, retain, holdout, triggered, backdoor_label, requests] = s;
    add(test), add(forget), add(retain), add(holdout), add(triggered), add(backdoor_label), add(requests);
  }
  void add(const job::Term& t) {
    const auto& [coefficient, vector, guard, guards] = t;
    add(coefficient), add(vector), add(guard), add(guards);
  }
  void add(const std::pair<double, model::ParametersPtr>& p) { add(p.first), add(p.second); }
  void add(const job::Guard& g) {
    const auto& [erasure, basis] = g;
    add(erasure), add(basis);
  }
  void add(const job::Pull& p) {
    const auto& [guard, towards, strength] = p;
    add(guard), add(towards), add(strength);
  }
  void add(const job::Combination& c) {
    const auto& [start, keep, terms, buffers, transform, compared, pulls] = c;
    add(start), add(keep), add(terms), add(buffers), add(static_cast<int>(transform)), add(compared);
    add(pulls);
  }
  void add(const job::TrainJob& j) {
    const auto& [base, samples, sgd, epochs, steps, batch_size, key, extras, auxiliary, augment] = j;
    add(base), add(samples), add(sgd), add(epochs), add(steps), add(batch_size), add(key), add(extras);
    add(auxiliary), add(augment);
  }
  void add(const job::EvaluateJob& j) {
    const auto& [model, sets, batch_size] = j;
    add(model), add(sets), add(batch_size);
  }
  void add(const job::CombineJob& j) {
    const auto& [outputs] = j;
    add(outputs);
  }
  void add(const job::KernelJob& j) {
    const auto& [kernel, settings, derived, inputs, samples, numbers, key] = j;
    add(kernel), add(settings), add(derived), add(inputs), add(samples), add(numbers), add(key);
  }
  void bytes(const void* data, std::size_t count) { sum_.update(data, count); }
  std::string finish() { return sum_.hex(); }

 private:
  base::Sha256 sum_;
};

}  // namespace

std::string surroundings_key(const EngineSpec& spec, const data::Images& pool) {
  Key key;
  const auto& [device, model, channels, height, width, classes, resident, step, precision, deterministic,
               batched_clients, gate, notes] = spec;
  const auto& [name, hidden, norm, path, init_seed] = model;
  static_cast<void>(resident);         // the pool on the device
  static_cast<void>(batched_clients);  // what has a key is computed alone
  static_cast<void>(gate);             // when it is computed
  static_cast<void>(notes);
  static_cast<void>(init_seed);  // of version 0, which every job names by content
  key.add(device), key.add(name), key.add(hidden), key.add(norm), key.add(path);
  key.add(channels), key.add(height), key.add(width), key.add(classes), key.add(step);
  key.add(precision), key.add(deterministic);
  key.bytes(pool.pixels.data(), pool.pixels.size());
  key.bytes(pool.labels.data(), pool.labels.size() * sizeof(std::int64_t));
  return key.finish();
}

std::string job_key(const std::string& surroundings, const job::Job& job) {
  Key key;
  key.add(surroundings);
  key.add(job.index());
  std::visit([&](const auto& j) { key.add(j); }, job);
  return key.finish();
}

}  // namespace afu::lane
