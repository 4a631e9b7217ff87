#include "model/archive_reader.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "base/input_error.hpp"

namespace afu::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_text = std::uint64_t{64} << 20;
constexpr std::int64_t most_entries = 1'000'000;

struct FileClose {
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};

std::optional<torch::ScalarType> scalar_type(const std::string& name) {
  static const std::map<std::string, torch::ScalarType> types{
      {"Float", torch::kFloat32},     {"Double", torch::kFloat64}, {"Half", torch::kFloat16},
      {"BFloat16", torch::kBFloat16}, {"Long", torch::kInt64},     {"Int", torch::kInt32},
      {"Short", torch::kInt16},       {"Char", torch::kInt8},      {"Byte", torch::kUInt8},
      {"Bool", torch::kBool}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

std::string reason(int code) {
  zip_error_t e;
  zip_error_init_with_code(&e, code);
  std::string text = zip_error_strerror(&e);
  zip_error_fini(&e);
  return text;
}

}  // namespace

void ArchiveReader::Close::operator()(zip* z) const { zip_discard(z); }

void ArchiveReader::refuse(const std::string& why) const { throw InputError(path_ + ": " + why); }

ArchiveReader::ArchiveReader(const std::string& path) : path_(path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) refuse("no such file");
  if (!fs::is_regular_file(path, ignored)) refuse("not a regular file");
  file_bytes_ = fs::file_size(path, ignored);
  int code = 0;
  zip_.reset(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!zip_) refuse("not a TorchScript file: " + reason(code));
  const auto count = zip_get_num_entries(zip_.get(), 0);
  if (count > most_entries) refuse(fmt::format("{} entries, allowed are {}", count, most_entries));
  std::string folder;  // LibTorch puts everything into one, named after the file
  for (std::int64_t i = 0; i < count; ++i) {
    const char* raw = zip_get_name(zip_.get(), static_cast<zip_uint64_t>(i), 0);
    const std::string name = raw ? raw : "";
    const auto slash = name.find('/');
    if (slash == std::string::npos || slash == 0)
      refuse("not a TorchScript file: it holds an entry without a folder");
    if (i == 0) folder = name.substr(0, slash);
    if (name.compare(0, slash, folder) != 0) refuse("not a TorchScript file: it holds more than one folder");
    if (!index_.emplace(name.substr(slash + 1), i).second)
      refuse("an entry of the archive stands twice in it");
  }
  if (!has("data.pkl")) refuse("not a TorchScript file: it holds no data.pkl");
  if (!has("constants.pkl"))
    refuse(
        "not a TorchScript file: it holds no constants.pkl (written by torch.save? torch.jit.script or "
        "torch.jit.trace, then save, is needed)");
  const auto number = has("version") ? text("version") : has(".data/version") ? text(".data/version") : "";
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version_);
  if (error != std::errc() || end == number.data()) refuse("not a TorchScript file: it holds no version");
  if (has("byteorder") && text("byteorder") != "little") refuse("its numbers are not little-endian");
}

std::vector<std::string> ArchiveReader::entries(const std::string& folder) const {
  std::vector<std::string> names;
  for (auto i = index_.lower_bound(folder);
       i != index_.end() && i->first.compare(0, folder.size(), folder) == 0; ++i)
    names.push_back(i->first);
  return names;
}

std::uint64_t ArchiveReader::size_of(const std::string& entry) const {
  const auto found = index_.find(entry);
  if (found == index_.end()) refuse("damaged: it has no " + entry);
  zip_stat_t st;
  zip_stat_init(&st);
  constexpr auto needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(zip_.get(), found->second, 0, &st) != 0 || (st.valid & needed) != needed)
    refuse("damaged: the archive's directory says nothing of " + entry);
  // LibTorch compresses nothing but code; so no entry is larger than the file, and none can be a zip bomb.
  if (st.size > (st.comp_method == ZIP_CM_STORE ? file_bytes_ : most_text))
    refuse(fmt::format("damaged: {} claims {} bytes", entry, st.size));
  return st.size;
}

void ArchiveReader::read(const std::string& entry, void* to, std::uint64_t bytes) {
  const std::unique_ptr<zip_file_t, FileClose> file(zip_fopen_index(zip_.get(), index_.at(entry), 0));
  if (!file) refuse("cannot read " + entry + ": " + zip_strerror(zip_.get()));
  std::uint64_t got = 0;
  while (got < bytes) {
    const auto n = zip_fread(file.get(), static_cast<char*>(to) + got, bytes - got);
    if (n < 0) refuse("cannot read " + entry + ": " + zip_file_strerror(file.get()));
    if (n == 0) break;
    got += static_cast<std::uint64_t>(n);
  }
  char more = 0;  // at the end libzip checks the CRC
  const auto n = got == bytes ? zip_fread(file.get(), &more, 1) : 0;
  if (n < 0) refuse("cannot read " + entry + ": " + zip_file_strerror(file.get()));
  if (got != bytes || n > 0)
    refuse("damaged: " + entry + " is of another length than the archive's directory says");
}

std::string ArchiveReader::text(const std::string& entry) {
  const auto bytes = size_of(entry);
  if (bytes > most_text) refuse(fmt::format("{} has {} bytes, allowed are {}", entry, bytes, most_text));
  std::string all(bytes, '\0');
  read(entry, all.data(), bytes);
  return all;
}

Pickle ArchiveReader::pickle(const std::string& folder) {
  const auto bytes = text(folder + ".pkl");
  try {
    return read_pickle(bytes);
  } catch (const std::runtime_error& e) {
    refuse(folder + ".pkl: " + e.what());
  }
}

torch::Tensor ArchiveReader::tensor(const PickledTensor& t, const std::string& folder) {
  const auto type = scalar_type(t.dtype);
  if (!type) refuse("a tensor of torch." + t.dtype + "Storage is not supported");
  const auto entry = folder + "/" + t.key;
  auto& storage = storages_[entry];
  if (!storage.defined()) {
    const auto bytes = static_cast<std::uint64_t>(t.length) * c10::elementSize(*type);
    if (const auto held = size_of(entry); held != bytes)
      refuse(fmt::format("damaged: {} holds {} bytes, {} elements of {} need {}", entry, held, t.length,
                         t.dtype, bytes));
    loaded_ += bytes;  // entries may lie over each other
    if (loaded_ > file_bytes_) refuse("damaged: its tensors need more bytes than the file has");
    auto all = torch::empty({t.length}, *type);
    read(entry, all.data_ptr(), bytes);
    if (*type == torch::kBool)
      for (auto *p = static_cast<std::uint8_t*>(all.data_ptr()), *end = p + t.length; p != end; ++p)
        if (*p > 1) refuse("damaged: " + entry + " holds a truth value that is none");
    storage = std::move(all);
  }
  if (storage.scalar_type() != *type || storage.numel() != t.length)
    refuse("damaged: two tensors disagree about " + entry);
  return storage.as_strided(t.shape, t.strides, t.offset);
}

}  // namespace afu::model
