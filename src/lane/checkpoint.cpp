#include "lane/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "model/ghost.hpp"

namespace afu::lane {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Vectors that nobody needs any more, bytes: from here on, and when they are more than those that are needed, the file
/// is written anew without them.
constexpr std::uint64_t most_dead = 4 << 20;

/// What vectors that were not written yet are taken to cost, bytes a second.
constexpr double rate = 200e6;

double since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

/// FNV-1a over what a job is, without the content of vectors and rows.
class ContentSink final : public job::Sink {
 public:
  void name(const char*) override {}
  void flag(bool v) override { add('f', v); }
  void integer(std::int64_t v) override { add('i', v); }
  void real(double v) override { add('r', v); }
  void text(const std::string& v) override {
    add('t', v.size());
    bytes(v.data(), v.size());
  }
  void vector(const model::ParametersPtr& v) override { add('v', model::byte_size(v)); }
  void rows(const base::IndicesPtr& v) override { add('x', v ? v->size() : 0); }
  void key(const base::StreamKey& v) override {
    const auto& [seed, purpose, actor, round] = v;
    add('k', seed), add('k', purpose), add('k', actor), add('k', round);
  }
  void null() override { add('n', 0); }
  void open_list(std::size_t count) override { add('l', count); }
  void open_fields() override { add('s', 0); }
  void close() override { add('e', 0); }
  std::uint64_t hash() const { return hash_; }

 private:
  template <class T>
  void add(char kind, T value) {
    bytes(&kind, 1);
    bytes(&value, sizeof value);
  }
  void bytes(const void* data, std::size_t count) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < count; ++i) hash_ = (hash_ ^ p[i]) * 0x100000001b3u;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

class GhostSink final : public job::Sink {
 public:
  void name(const char*) override {}
  void flag(bool) override {}
  void integer(std::int64_t) override {}
  void real(double) override {}
  void text(const std::string&) override {}
  void vector(const model::ParametersPtr& v) override { found = found || model::is_ghost(v); }
  void rows(const base::IndicesPtr&) override {}
  void key(const base::StreamKey&) override {}
  void null() override {}
  void open_list(std::size_t) override {}
  void open_fields() override {}
  void close() override {}
  bool found = false;
};

}  // namespace

std::uint64_t content_of(const job::Job& job) {
  ContentSink sink;
  sink.text(job.name());
  job.put(sink);
  return sink.hash();
}

bool reads_a_ghost(const job::Job& job) {
  GhostSink sink;
  job.put(sink);
  return sink.found;
}

Checkpoint::Checkpoint(fs::path file, CheckpointPace pace, std::optional<CheckpointContent> held)
    : path_(std::move(file)), pace_(pace), goes_on_(held.has_value()) {
  if (!held) return;
  resumed_ = held->absences.size();
  for (const auto& a : held->absences) away_seconds_ += a.seconds;
  for (std::size_t i = 0; i < held->results.size(); ++i)
    waiting_[held->results[i].job].push_back({i, std::move(held->results[i])});
  count_ = held->results.size();
  steps_ = std::move(held->steps);
  step_count_ = steps_.size();
  replays_ = std::any_of(steps_.begin(), steps_.end(), [](const ClockStep& s) {  // else the virtual clock's
    return s.kind != ClockStep::Kind::died && s.kind != ClockStep::Kind::died_at_work;
  });
  ended_ = held->state.ended;
  joined_ = held->state.joined;
  late_ = held->state.late;
  for (std::size_t i = 0; i < held->vectors.size(); ++i)
    unclaimed_[held->state.vectors[i].first] = std::move(held->vectors[i]);
  state_ = std::move(held->state);
  size_ = held->size;
  vector_bytes_ = held->vector_bytes;
}

void Checkpoint::begin(const BegunRun& run, double away_seconds) {
  if (!goes_on_) {
    file_ = std::make_unique<CheckpointFile>(path_, run);
  } else {
    file_ = std::make_unique<CheckpointFile>(path_, size_);
    file_->append(Absence{away_seconds});
    ++resumed_;
    away_seconds_ += away_seconds;
  }
  size_ = file_->size();
  written_ = Clock::now();
}

Checkpoint::Result Checkpoint::find(std::uint64_t number, const job::Job& job) {
  if (!goes_on_) return nullptr;
  const auto content = content_of(job);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return nullptr;
  auto [place, kept] = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) waiting_.erase(found);
  if (kept.content != content)
    throw std::runtime_error(fmt::format("'{}' does not fit the run: its job {} was another than {}",
                                         path_.string(), number, job.name()));
  auto result = std::make_shared<job::JobResult>();
  result->figures = {kept.figures.begin(), kept.figures.end()};
  result->numbers = std::move(kept.numbers);
  result->samples = kept.samples;
  result->seconds = kept.seconds;
  result->not_finite = kept.not_finite;
  result->looked_at = true;
  for (std::uint32_t i = 0; i < kept.outputs.size(); ++i) {
    const VectorName name{place, i};
    const auto there = unclaimed_.find(name);
    if (there == unclaimed_.end()) {
      result->outputs.push_back(model::ghost(kept.outputs[i]));
      continue;
    }
    result->outputs.push_back(std::move(there->second));
    registered_.push_back({name, result->outputs.back(), true});
    unclaimed_.erase(there);
  }
  return result;
}

Checkpoint::Result Checkpoint::keep(std::uint64_t number, const job::Job& job, Result result, bool shared) {
  if (pace_.every <= 0) return result;
  if (!result->error.empty()) {
    freeze();
    return result;
  }
  if (shared) {  // whether this run holds a vector must not depend on who else does
    auto own = std::make_shared<job::JobResult>(*result);
    for (auto& v : own->outputs) v = model::alias(v);
    result = std::move(own);
  }
  KeptResult kept;
  kept.job = number;
  kept.content = content_of(job);
  kept.figures = {result->figures.begin(), result->figures.end()};
  kept.numbers = result->numbers;
  kept.samples = result->samples;
  kept.seconds = result->seconds;
  kept.not_finite = result->not_finite;
  for (const auto& v : result->outputs) kept.outputs.push_back(model::byte_size(v));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!first_result_) first_result_ = since(made_);
  if (frozen_) return result;
  for (std::uint32_t i = 0; i < result->outputs.size(); ++i)
    if (result->outputs[i]) registered_.push_back({{count_, i}, result->outputs[i]});
  ++count_;
  fresh_.push_back(std::move(kept));
  return result;
}

std::vector<ClockStep> Checkpoint::take_steps() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(steps_, {});
}

void Checkpoint::note(const ClockStep& step) {
  if (pace_.every <= 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (frozen_) return;
  ++step_count_;
  fresh_steps_.push_back(step);
  if (step.kind == ClockStep::Kind::over || step.kind == ClockStep::Kind::starved) ended_ = true;
}

std::pair<std::uint64_t, std::uint64_t> Checkpoint::waited() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {joined_, late_};
}

void Checkpoint::waited(std::uint64_t joined, std::uint64_t late) {
  const std::lock_guard<std::mutex> lock(mutex_);
  joined_ = joined;
  late_ = late;
}

void Checkpoint::pause() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++paused_;
}

void Checkpoint::note_death(const ClockStep& step, double elapsed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (paused_ > 0) --paused_;
  if (frozen_ || pace_.every <= 0) return;
  ++step_count_;
  fresh_steps_.push_back(step);
  deaths_.push_back(take(elapsed));
  deaths_.back().sound = true;
}

void Checkpoint::freeze() {
  const std::lock_guard<std::mutex> lock(mutex_);
  frozen_ = true;
}

void Checkpoint::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
}

void Checkpoint::take_last(double elapsed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (frozen_ || paused_ > 0 || pace_.every <= 0) return;
  last_ = take(elapsed);
  last_->sound = true;
  frozen_ = true;
}

/// With the mutex held.
Checkpoint::Taken Checkpoint::take(double elapsed) {
  Taken taken;
  taken.seconds = elapsed;
  taken.count = count_;
  taken.ended = ended_;
  taken.results = std::exchange(fresh_, {});
  taken.steps = std::exchange(fresh_steps_, {});
  taken.step_count = step_count_;
  taken.joined = joined_;
  taken.late = late_;
  for (const auto& [name, held] : unclaimed_) taken.vectors.push_back({name, nullptr});
  auto alive = registered_.begin();
  for (auto& r : registered_) {
    auto vector = r.vector.lock();
    if (!vector) continue;
    taken.vectors.push_back({r.name, r.written ? nullptr : std::move(vector)});
    if (&*alive != &r) *alive = std::move(r);
    ++alive;
  }
  registered_.erase(alive, registered_.end());
  return taken;
}

/// Of one that is written now, seconds: what the last one took, and what has come since. With the mutex held.
double Checkpoint::expected_cost() const {
  double bytes = 0;
  for (const auto& r : registered_)
    if (const auto vector = r.written ? nullptr : r.vector.lock())
      bytes += static_cast<double>(model::byte_size(vector));
  return last_cost_ + bytes / rate;
}

std::uint64_t Checkpoint::append(Taken taken) {
  const auto begin = file_->size();
  std::uint64_t written = 0;
  if (!taken.results.empty()) file_->append(taken.results);
  if (!taken.steps.empty()) file_->append(taken.steps);
  CheckpointState state;
  state.results = taken.count;
  state.steps = taken.step_count;
  state.joined = taken.joined;
  state.late = taken.late;
  state.seconds = taken.seconds;
  state.ended = taken.ended;
  const std::map<VectorName, Place> there(state_.vectors.begin(), state_.vectors.end());
  std::uint64_t living = 0;
  for (auto& v : taken.vectors) {
    const auto t = there.find(v.name);
    if (t == there.end() && !v.vector) throw std::logic_error("a living vector is not in the checkpoint");
    const auto place = t != there.end() ? t->second : file_->append(v.vector);
    v.vector.reset();
    if (t == there.end()) vector_bytes_ += place.size;
    living += place.size;
    state.vectors.emplace_back(v.name, place);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if ((frozen_ || paused_ > 0 || !deaths_.empty()) && !taken.sound)
      return file_->size() - begin;  // it may have been taken when something was gone already
  }
  if (const auto dead = vector_bytes_ - living; dead > most_dead && dead > living) {
    size_ = 0;  // of a file that is about to be another
    written += file_->size() - begin;
    file_->compact(state);
    written += file_->size();
    vector_bytes_ = living;
  } else {
    file_->append(state);
    written += file_->size() - begin;
  }
  size_ = file_->size();
  state_ = std::move(state);
  const std::map<VectorName, Place> there_now(state_.vectors.begin(), state_.vectors.end());
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto& r : registered_) r.written = r.written || there_now.count(r.name) > 0;
  return written;
}

void Checkpoint::put(Taken taken) {
  const auto began = Clock::now();
  const auto written = append(std::move(taken));
  last_cost_ = since(began);
  written_ = Clock::now();
  const std::lock_guard<std::mutex> lock(mutex_);
  ++cost_.count;
  cost_.seconds += last_cost_;
  cost_.longest = std::max(cost_.longest, last_cost_);
  cost_.bytes = size_;
  cost_.written += written;
}

void Checkpoint::give_up(const std::string& why) {
  std::error_code ignored;
  if (size_ > 0) fs::resize_file(path_, size_, ignored);  // without what was begun
  const std::lock_guard<std::mutex> lock(mutex_);
  frozen_ = true;
  failure_ = why;
}

void Checkpoint::write_deaths() try {
  for (;;) {
    std::optional<Taken> taken;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_.empty() || deaths_.empty()) return;
      taken = std::move(deaths_.front());
      deaths_.pop_front();
    }
    put(std::move(*taken));
  }
} catch (const std::exception& e) {
  give_up(e.what());
}

void Checkpoint::write(double elapsed) try {
  write_deaths();
  std::optional<Taken> taken;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_.empty() || pace_.every <= 0) return;
    if (last_) {
      taken = std::move(last_);
      last_.reset();
      if (taken->count == state_.results && taken->step_count == state_.steps) return;  // nothing new
    } else {
      if (frozen_ || paused_ > 0 || (fresh_.empty() && fresh_steps_.empty())) return;
      if (!deaths_.empty() || since(written_) < pace_.every) return;
      if (cost_.seconds + expected_cost() > pace_.share * since(made_)) return;
      taken = take(elapsed);
    }
  }
  put(std::move(*taken));
} catch (const std::exception& e) {
  give_up(e.what());
}

CheckpointCost Checkpoint::cost() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return cost_;
}

std::optional<double> Checkpoint::first_result() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return first_result_;
}

double Checkpoint::period() const { return pace_.every > 0 ? std::clamp(pace_.every, 1e-3, 1.0) : 1.0; }

std::string Checkpoint::failure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

}  // namespace afu::lane
