#include "lane/checkpoint_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "model/parameters_fwd.hpp"

namespace afu::lane {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "AFUCKPT3";
constexpr std::uint64_t header_size = sizeof(std::uint32_t) + sizeof(std::uint64_t);
/// Kinds.
namespace piece {
constexpr std::uint32_t begin = 'B', absence = 'A', results = 'R', steps = 'W', vector = 'V', state = 'C';
}

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw std::runtime_error(fmt::format("'{}' {}", file.string(), why));
}

template <class T>
job::Bytes bytes_of(const T& value) {
  return job::written([&](job::Sink& to) { job::put(to, value); });
}
template <class T>
T value_of(const job::Bytes& bytes, const char* what) {
  T value;
  job::read(bytes, what, [&](job::Source& from) { job::take(from, value); });
  return value;
}

std::array<char, header_size> header(std::uint32_t kind, std::uint64_t size) {
  std::array<char, header_size> bytes;
  std::memcpy(bytes.data(), &kind, sizeof kind);
  std::memcpy(bytes.data() + sizeof kind, &size, sizeof size);
  return bytes;
}

/// The pieces of a file, one after the other.
class Pieces {
 public:
  explicit Pieces(const fs::path& file) : path_(file), in_(file, std::ios::binary) {
    std::error_code error;
    length_ = fs::file_size(file, error);
    if (error || !in_) fail(file, "cannot be opened");
    std::array<char, magic.size()> found{};
    in_.read(found.data(), found.size());
    if (!in_ || std::string_view(found.data(), found.size()) != magic)
      fail(file, "is no checkpoint of this program");
    end_ = magic.size();
  }
  /// On to the next piece; false: none is whole.
  bool next() {
    at_ = end_;
    if (length_ - at_ < header_size) return false;
    std::array<char, header_size> bytes;
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at_));
    in_.read(bytes.data(), bytes.size());
    if (!in_) return false;
    std::memcpy(&kind_, bytes.data(), sizeof kind_);
    std::memcpy(&size_, bytes.data() + sizeof kind_, sizeof size_);
    if (size_ > length_ - at_ - header_size) return false;
    end_ = at_ + header_size + size_;
    return true;
  }
  std::uint32_t kind() const { return kind_; }
  Place place() const { return {at_ + header_size, size_}; }
  std::uint64_t begin() const { return at_; }
  std::uint64_t end() const { return end_; }
  std::uint64_t length() const { return length_; }
  job::Bytes bytes() { return bytes_at(place()); }
  job::Bytes bytes_at(const Place& place) {
    job::Bytes bytes(place.size);
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(place.offset));
    in_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!in_) fail(path_, "cannot be read");
    return bytes;
  }

 private:
  fs::path path_;
  std::ifstream in_;
  std::uint64_t length_ = 0, at_ = 0, end_ = 0, size_ = 0;
  std::uint32_t kind_ = 0;
};

/// A checkpoint as it was found, with all that stood before it.
struct Found {
  CheckpointState state;
  std::uint64_t end = 0;
  std::size_t absences = 0;
};

}  // namespace

CheckpointContent read_checkpoint(const fs::path& file) {
  Pieces pieces(file);
  CheckpointContent content;
  if (!pieces.next() || pieces.kind() != piece::begin)
    fail(file, "is damaged: it does not tell how the run began");
  try {
    content.run = value_of<BegunRun>(pieces.bytes(), BegunRun::name);
  } catch (const std::runtime_error& e) {
    fail(file, std::string("is damaged: ") + e.what());
  }
  std::vector<Found> found{{{}, pieces.end(), 0}};  // the first one: none, the run from its begin
  std::map<std::uint64_t, std::uint64_t> vectors;   // size by offset
  const auto damaged = [&](const std::string& why) {
    content.damage = fmt::format("'{}' is damaged at byte {}: {}", file.string(), pieces.begin(), why);
  };
  while (content.damage.empty() && pieces.next()) try {
      switch (pieces.kind()) {
        case piece::absence:
          content.absences.push_back(value_of<Absence>(pieces.bytes(), Absence::name));
          if (pieces.begin() != found.back().end) throw std::runtime_error("an absence is out of its place");
          found.back().end = pieces.end();
          found.back().absences = content.absences.size();
          break;
        case piece::results: {
          auto some = value_of<std::vector<KeptResult>>(pieces.bytes(), "list of results");
          std::move(some.begin(), some.end(), std::back_inserter(content.results));
          break;
        }
        case piece::steps: {
          const auto some = value_of<std::vector<ClockStep>>(pieces.bytes(), "list of steps");
          content.steps.insert(content.steps.end(), some.begin(), some.end());
          break;
        }
        case piece::vector:
          vectors[pieces.place().offset] = pieces.place().size;
          break;
        case piece::state: {
          auto s = value_of<CheckpointState>(pieces.bytes(), CheckpointState::name);
          if (s.results > content.results.size()) throw std::runtime_error("results are missing");
          if (s.steps > content.steps.size()) throw std::runtime_error("steps of the clock are missing");
          for (const auto& [name, place] : s.vectors)
            if (const auto v = vectors.find(place.offset); v == vectors.end() || v->second != place.size)
              throw std::runtime_error("a vector is missing");
          found.push_back({std::move(s), pieces.end(), content.absences.size()});
          break;
        }
        default:
          throw std::runtime_error("there is no such kind of piece");
      }
    } catch (const std::runtime_error& e) {
      damaged(e.what());
    }
  for (;; found.pop_back()) {
    const auto& last = found.back();
    try {
      content.vectors.clear();
      for (const auto& [name, place] : last.state.vectors)
        content.vectors.push_back(model::from_bytes(pieces.bytes_at(place)));
    } catch (const std::runtime_error& e) {
      content.damage = fmt::format("'{}' is damaged: {}", file.string(), e.what());
      continue;
    }
    content.state = last.state;
    content.size = last.end;
    content.absences.resize(last.absences);
    break;
  }
  content.results.resize(content.state.results);
  content.steps.resize(content.state.steps);
  for (const auto& [offset, size] : vectors)
    if (offset < content.size) content.vector_bytes += size;
  return content;
}

CheckpointFile::CheckpointFile(fs::path file, const BegunRun& run) : path_(std::move(file)) {
  const auto bytes = bytes_of(run);
  const auto head = header(piece::begin, bytes.size());
  std::string text(magic);
  text.append(head.data(), head.size());
  text.append(bytes.begin(), bytes.end());
  base::write_whole(path_, text);
  size_ = text.size();
  file_ = std::make_unique<base::OutputFile>(path_, base::OutputFile::Keep{size_});
}

CheckpointFile::CheckpointFile(fs::path file, std::uint64_t size)
    : path_(std::move(file)),
      file_(std::make_unique<base::OutputFile>(path_, base::OutputFile::Keep{size})),
      size_(size) {}

CheckpointFile::CheckpointFile(const fs::path& part)
    : path_(part), file_(std::make_unique<base::OutputFile>(part)), size_(magic.size()) {
  file_->buffer().append(magic.data(), magic.data() + magic.size());
}

Place CheckpointFile::append(std::uint32_t kind, const job::Bytes& bytes) {
  const auto head = header(kind, bytes.size());
  file_->buffer().append(head.data(), head.data() + head.size());
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  file_->buffer().append(text, text + bytes.size());
  file_->drain();
  const Place place{size_ + header_size, bytes.size()};
  size_ = place.offset + place.size;
  return place;
}

void CheckpointFile::append(const Absence& a) {
  append(piece::absence, bytes_of(a));
  file_->sync();
}
void CheckpointFile::append(const std::vector<KeptResult>& r) { append(piece::results, bytes_of(r)); }
void CheckpointFile::append(const std::vector<ClockStep>& s) { append(piece::steps, bytes_of(s)); }
Place CheckpointFile::append(const model::ParametersPtr& v) {
  return append(piece::vector, model::to_bytes(v));
}
void CheckpointFile::append(const CheckpointState& s) {
  file_->sync();  // what it names is there before it is
  append(piece::state, bytes_of(s));
  file_->sync();
}

void CheckpointFile::compact(CheckpointState& s) {
  file_->flush();
  auto part = path_;
  part += ".part";
  try {
    CheckpointFile fresh(part);
    const auto copy = [&](const auto& is_wanted, const auto& then) {
      for (Pieces old(path_); old.next();)
        if (is_wanted(old)) then(old, fresh.append(old.kind(), old.bytes()));
    };
    const auto nothing = [](const Pieces&, const Place&) {};
    copy([](const Pieces& p) { return p.kind() == piece::begin || p.kind() == piece::absence; }, nothing);
    copy([](const Pieces& p) { return p.kind() == piece::results || p.kind() == piece::steps; }, nothing);
    std::map<std::uint64_t, Place*> wanted;
    for (auto& [name, place] : s.vectors) wanted[place.offset] = &place;
    std::vector<std::pair<Place*, Place>> moved;
    copy([&](const Pieces& p) { return p.kind() == piece::vector && wanted.count(p.place().offset) > 0; },
         [&](const Pieces& p, const Place& to) { moved.emplace_back(wanted.at(p.place().offset), to); });
    for (const auto& [place, to] : moved) *place = to;
    fresh.append(s);
    fresh.file_->close();
    size_ = fresh.size_;
  } catch (...) {
    std::error_code ignored;
    fs::remove(part, ignored);
    throw;
  }
  base::place_whole(part, path_);
  file_ = std::make_unique<base::OutputFile>(path_, base::OutputFile::Keep{size_});
}

}  // namespace afu::lane
