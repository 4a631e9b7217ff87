#include "record/lease.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/json_depth.hpp"
#include "base/output_file.hpp"
#include "record/run_folder.hpp"

namespace afu::record {
namespace {

namespace fs = std::filesystem;

/// "seed-1.12" as {"seed-1", 12}; none for what is no lease.
std::optional<std::pair<std::string, std::int64_t>> parts_of(const std::string& file) {
  const auto dot = file.rfind('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  std::int64_t generation = 0;
  const auto* const end = file.data() + file.size();
  const auto read = std::from_chars(file.data() + dot + 1, end, generation);
  if (read.ec != std::errc() || read.ptr != end || generation < 1) return std::nullopt;
  return std::make_pair(file.substr(0, dot), generation);
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Leases::Leases(fs::path folder, std::string holder, int patience)
    : folder_(std::move(folder)), holder_(std::move(holder)), patience_(patience) {
  look();
  for (auto& [name, lease] : leases_) lease.ended_before = lease.state == State::ended;
}

fs::path Leases::path(const std::string& name, std::int64_t generation) const {
  return folder_ / fmt::format("{}.{}", name, generation);
}

void Leases::write(const std::string& name, const Lease& lease, State state) const {
  const nlohmann::ordered_json text = {{"holder", holder_},
                                       {"turn", beats_},
                                       {"state", state == State::held    ? "held"
                                                 : state == State::ended ? "ended"
                                                                         : "left"}};
  base::write_whole(path(name, lease.generation),
                    text.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void Leases::read(const std::string& name, Lease& lease) const {
  std::ifstream in(path(name, lease.generation), std::ios::binary);
  if (!in) return;  // not to be read now: it is what it was
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text == lease.text) return;
  lease.text = text;
  lease.unchanged = 0;
  const auto held = base::parse_or_discard(text);
  if (!held.is_object()) return;  // just created
  if (const auto it = held.find("holder"); it != held.end() && it->is_string())
    lease.holder = it->get<std::string>();
  const auto state = held.value("state", nlohmann::ordered_json());
  lease.state = state == "ended" ? State::ended : state == "left" ? State::left : State::held;
}

void Leases::look() {
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder_, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const auto parts = parts_of(entry->path().filename().string());
    if (!parts) continue;
    auto& lease = leases_[parts->first];
    if (parts->second <= lease.generation) continue;
    if (lease.mine) lost_.insert(parts->first);
    lease = {};
    lease.generation = parts->second;
  }
  for (auto& [name, lease] : leases_)
    if (lease.state == State::held && !lease.mine) read(name, lease);
}

bool Leases::take(const std::string& name, std::string* from) {
  const std::lock_guard<std::mutex> lock(mutex_);
  look();
  auto& lease = leases_[name];
  if (lease.mine) return true;
  if (!may_be_taken(lease)) return false;
  const bool dead = lease.generation > 0 && lease.state == State::held;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw RunFolderError(fmt::format("cannot create folder '{}': {}", folder_.string(), error.message()));
  const auto next = lease.generation + 1;
  const auto file = path(name, next);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return false;
  if (descriptor < 0)
    throw RunFolderError(fmt::format("cannot create '{}': {}", file.string(), reason(errno)));
  ::close(descriptor);
  if (from) *from = dead ? lease.holder : std::string();
  lease = {};
  lease.generation = next;
  lease.holder = holder_;
  lease.mine = true;
  write(name, lease, State::held);
  return true;
}

bool Leases::may_be_taken(const Lease& lease) const {
  return lease.generation == 0 || lease.state != State::held || lease.unchanged >= patience_;
}

bool Leases::is_free(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = leases_.find(name);
  return found == leases_.end() || (!found->second.mine && may_be_taken(found->second));
}

void Leases::give_up(const std::string& name, State state) {
  const std::lock_guard<std::mutex> lock(mutex_);
  look();
  auto& lease = leases_[name];
  if (!lease.mine) return;
  write(name, lease, state);
  lease.mine = false;
  lease.state = state;
}

void Leases::beat() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++beats_;
  for (auto& [name, lease] : leases_) {
    if (!lease.mine) {
      ++lease.unchanged;  // unless what is read now is another text
      continue;
    }
    try {
      write(name, lease, State::held);
    } catch (const std::runtime_error&) {  // the next turn tries again; others have patience
    }
  }
  look();
}

std::vector<std::string> Leases::lost() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> out(lost_.begin(), lost_.end());
  lost_.clear();
  return out;
}

std::vector<Leases::Held> Leases::held() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Held> out;
  for (const auto& [name, lease] : leases_)
    if (lease.generation > 0 && lease.state == State::held)
      out.push_back({name, lease.holder, lease.mine, !lease.mine && lease.unchanged >= patience_});
  return out;
}

bool Leases::has_ended(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = leases_.find(name);
  return found != leases_.end() && found->second.state == State::ended && !found->second.ended_before;
}

}  // namespace afu::record
