#include "lane/surroundings.hpp"

#include "job/key.hpp"

namespace afu::lane {
namespace {

void put_content(job::HashSink& key, const data::Images& pool) {
  key.bytes(pool.pixels.data(), pool.pixels.size());
  key.bytes(pool.labels.data(), pool.labels.size() * sizeof(std::int64_t));
  if (pool.label_bits > 0) key.integer(pool.label_bits);
}

}  // namespace

std::string pool_key(const data::Images& pool) {
  job::HashSink key;
  for (const auto number : {pool.channels, pool.depth, pool.height, pool.width, pool.size()})
    key.integer(number);
  put_content(key, pool);
  return key.finish();
}

std::string surroundings_key(const EngineSpec& spec, const data::Images& pool) {
  job::HashSink key;
  const auto& [device, model, channels, height, width, classes, depth, resident, step, precision,
               deterministic, batched_clients, admission, notes, bound, remote] = spec;
  const auto& [name, hidden, norm, path, init, init_seed] = model;
  static_cast<void>(resident);         // the pool on the device
  static_cast<void>(batched_clients);  // what has a key is computed alone
  static_cast<void>(admission);        // when it is computed
  static_cast<void>(notes);
  static_cast<void>(bound);
  static_cast<void>(remote);                              // where it is computed
  static_cast<void>(init), static_cast<void>(init_seed);  // of version 0, which every job names by content
  key.text(device), key.text(path);
  key.integer(static_cast<std::int64_t>(name)), key.integer(static_cast<std::int64_t>(norm));
  key.integer(static_cast<std::int64_t>(step)), key.integer(static_cast<std::int64_t>(precision));
  for (const auto number : {hidden, channels, height, width, classes}) key.integer(number);
  if (depth > 1) key.integer(depth);
  key.flag(deterministic);
  put_content(key, pool);
  return key.finish();
}

}  // namespace afu::lane
