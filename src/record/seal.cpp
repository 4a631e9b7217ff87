#include "record/seal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/json_depth.hpp"
#include "base/output_file.hpp"
#include "base/sha256.hpp"

namespace afu::record {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr int seal_schema = 1;
constexpr std::string_view seal_name = "files.json";

/// What is no part of a finished run: the seal itself, and what goes once it stands.
bool is_sealed(std::string_view name) { return name != seal_name && name != checkpoint_name; }

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw std::runtime_error(fmt::format("'{}' {}", file.string(), why));
}

/// What lies below an input, and by what it is seen to be the same as before without reading it.
struct Listing {
  std::vector<std::pair<std::string, std::uint64_t>> files;  ///< name relative to the input, size
  std::string stamps;
};

void list(const fs::path& path, const std::string& name, Listing& out) {
  struct stat s;
  if (::stat(path.c_str(), &s) != 0) fail(path, "cannot be read: " + std::generic_category().message(errno));
  if (S_ISREG(s.st_mode)) {
    out.files.emplace_back(name, static_cast<std::uint64_t>(s.st_size));
    out.stamps += fmt::format("{}\n{} {} {} {}.{} {}.{}\n", name, s.st_dev, s.st_ino, s.st_size,
                              s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec, s.st_ctim.tv_nsec);
  } else if (S_ISDIR(s.st_mode)) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path))
      if (!entry.is_symlink() || entry.is_regular_file()) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    for (const auto& n : names) list(path / n, name.empty() ? n : name + "/" + n, out);
  }
}

std::string sha256(const std::string& text) {
  base::Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.hex();
}

fs::path note_of(const fs::path& notes, const fs::path& path) {
  return notes / (sha256(fs::absolute(path).lexically_normal().string()).substr(0, 32) + digest_ending);
}

/// What was noted of an input whose stamps these are; nothing where it was of others, or is no note.
std::optional<Digest> noted(const fs::path& note, const std::string& stamps) {
  std::ifstream in(note);
  std::string of, sum, rest;
  Digest d;
  if (!(in >> of >> d.bytes >> d.sha256 >> sum) || in >> rest || of != sha256(stamps)) return std::nullopt;
  if (sum != sha256(fmt::format("{} {} {}", of, d.bytes, d.sha256))) return std::nullopt;
  return d;
}

void write_note(const fs::path& note, const std::string& stamps, const Digest& d) {
  const auto text = fmt::format("{} {} {}", sha256(stamps), d.bytes, d.sha256);
  try {
    base::write_whole(note, text + " " + sha256(text) + "\n");
  } catch (const std::runtime_error&) {
    // It saves time and nothing else; another process may just be writing the same.
  }
}

Json to_json(const Digest& d) { return {{"bytes", d.bytes}, {"sha256", d.sha256}}; }

Digest to_digest(const Json& j) {
  return {j.at("bytes").get<std::uint64_t>(), j.at("sha256").get<std::string>()};
}

}  // namespace

Digest digest_of_file(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) fail(file, "is no regular file");
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(file, "cannot be opened");
  Digest d;
  base::Sha256 hash;
  std::array<char, 1 << 16> block;
  while (in) {
    in.read(block.data(), block.size());
    hash.update(block.data(), static_cast<std::size_t>(in.gcount()));
    d.bytes += static_cast<std::uint64_t>(in.gcount());
  }
  if (in.bad()) fail(file, "cannot be read");
  d.sha256 = hash.hex();
  return d;
}

Digest digest_of_input(const fs::path& path, const fs::path& notes) {
  static std::mutex mutex;
  static std::map<std::string, std::pair<std::string, Digest>> known;  // by path: stamps and what was read
  Listing listing;
  list(path, "", listing);
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(path.string());
  if (found != known.end() && found->second.first == listing.stamps) return found->second.second;
  std::error_code error;
  const auto note = fs::is_directory(notes, error) ? note_of(notes, path) : fs::path();
  if (const auto before = note.empty() ? std::nullopt : noted(note, listing.stamps)) {
    known[path.string()] = {listing.stamps, *before};
    return *before;
  }
  Digest d;
  if (listing.files.size() == 1 && listing.files.front().first.empty()) {
    d = digest_of_file(path);
  } else {
    base::Sha256 hash;
    for (const auto& [name, size] : listing.files) {
      const auto one = digest_of_file(path / name);
      const auto line = fmt::format("{}  {}\n", one.sha256, name);
      hash.update(line.data(), line.size());
      d.bytes += one.bytes;
    }
    d.sha256 = hash.hex();
  }
  known[path.string()] = {listing.stamps, d};
  Listing after;
  if (!note.empty()) list(path, "", after);
  if (after.stamps == listing.stamps) write_note(note, listing.stamps, d);
  return d;
}

void write_seal(const RunFolder& folder, const std::vector<Input>& inputs) {
  auto files = Json::object(), read = Json::array();
  for (auto name : run_files) {
    if (!is_sealed(name) || !fs::exists(folder.path(name))) continue;
    files[std::string(name)] = to_json(digest_of_file(folder.path(name)));
  }
  for (const auto& i : inputs) {
    auto one = to_json(i.digest);
    one["key"] = i.key;
    one["path"] = i.path;
    read.push_back(std::move(one));
  }
  const Json seal{{"schema", seal_schema}, {"files", std::move(files)}, {"inputs", std::move(read)}};
  base::write_whole(folder.path(seal_name), seal.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

Seal read_seal(const fs::path& folder) {
  const auto file = folder / seal_name;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) fail(file, "is missing");
  if (!fs::is_regular_file(file, ignored) || fs::file_size(file, ignored) > (1u << 20))
    fail(file, "is no list of a run's files");
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto json = base::parse_or_discard(text);
  try {
    if (json.at("schema").get<int>() != seal_schema)
      fail(file, fmt::format("has schema {}, this program reads {}", json["schema"].dump(), seal_schema));
    Seal seal;
    for (const auto& [name, digest] : json.at("files").items()) {
      if (std::find(run_files.begin(), run_files.end(), name) == run_files.end())
        fail(file, "names '" + name + "', which is no file of a run");
      seal.files[name] = to_digest(digest);
    }
    for (const auto& i : json.at("inputs"))
      seal.inputs.push_back({i.at("key").get<std::string>(), i.at("path").get<std::string>(), to_digest(i)});
    return seal;
  } catch (const nlohmann::json::exception&) {
    fail(file, "is damaged");
  }
}

std::string damage(const fs::path& folder, const Seal& seal) {
  std::error_code error;
  for (auto name : run_files)
    if (is_sealed(name) && !seal.files.count(std::string(name)) && fs::exists(folder / name, error))
      return fmt::format("{} is not of this run", name);
  for (const auto& [name, sealed] : seal.files) {
    const auto file = folder / name;
    if (!fs::exists(file, error)) return name + " is missing";
    const auto bytes = fs::file_size(file, error);
    if (error) return fmt::format("{} cannot be read: {}", name, error.message());
    if (bytes != sealed.bytes) return fmt::format("{} has {} bytes, not {}", name, bytes, sealed.bytes);
  }
  for (const auto& [name, sealed] : seal.files) {
    try {
      if (!(digest_of_file(folder / name) == sealed))
        return name + " has another content than when the run ended";
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  }
  return {};
}

std::string damage(const fs::path& folder) {
  if (!fs::exists(folder / "files.json")) return {};
  try {
    return damage(folder, read_seal(folder));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

}  // namespace afu::record
