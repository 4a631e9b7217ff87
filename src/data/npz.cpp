#include "data/npz.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/dataset.hpp"
#include "data/memory_need.hpp"
#include "data/npy_header.hpp"

namespace afu::data {

namespace {

// Deflate cannot pack better than 1032 to 1 (zlib's technical notes); a member that claims more is damaged or
// hostile.
constexpr std::uint64_t deflate_ratio = 1032, deflate_slack = 1024;

struct ZipClose {
  void operator()(zip_t* z) const { zip_discard(z); }
};
struct FileClose {
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};
using Zip = std::unique_ptr<zip_t, ZipClose>;

/// An archive's directory stands at its end.
std::string error_text(zip_error_t& e) {
  const int code = zip_error_code_zip(&e);
  std::string s = zip_error_strerror(&e);
  bool damaged = code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS;
#ifdef ZIP_ER_TRUNCATED_ZIP  // libzip 1.11
  damaged = damaged || code == ZIP_ER_TRUNCATED_ZIP;
#endif
  if (damaged) s += ": it may be cut off, or something else than an .npz file";
  return s;
}
std::string error_text(int code) {
  zip_error_t e;
  zip_error_init_with_code(&e, code);
  auto s = error_text(e);
  zip_error_fini(&e);
  return s;
}

/// A member being read. Errors are std::runtime_error without names: the caller knows them.
class Member {
 public:
  Member(zip_t* zip, zip_uint64_t index) : file_(zip_fopen_index(zip, index, 0)) {
    if (!file_) throw std::runtime_error(zip_strerror(zip));
  }

  /// Up to `n` bytes; fewer only at the member's end, where libzip checks the CRC.
  std::size_t read_some(void* to, std::size_t n) {
    std::size_t got = 0;
    while (got < n) {
      const auto r = zip_fread(file_.get(), static_cast<char*>(to) + got, n - got);
      if (r < 0) throw std::runtime_error(zip_file_strerror(file_.get()));
      if (r == 0) break;
      got += static_cast<std::size_t>(r);
    }
    return got;
  }
  void read(void* to, std::size_t n) {
    if (read_some(to, n) != n) throw std::runtime_error("ends too early");
  }

 private:
  std::unique_ptr<zip_file_t, FileClose> file_;
};

/// Fortran order (first index fastest) to C order (last index fastest).
std::vector<std::uint8_t> to_c_order(const std::vector<std::uint8_t>& from, const NpyHeader& h) {
  std::vector<std::uint8_t> to(from.size());
  const auto item = static_cast<std::size_t>(h.item_size);
  const auto dims = h.shape.size();
  std::vector<std::size_t> stride(dims, item), index(dims, 0);
  for (std::size_t d = 1; d < dims; ++d) stride[d] = stride[d - 1] * static_cast<std::size_t>(h.shape[d - 1]);
  std::size_t source = 0;
  for (std::size_t out = 0; out < to.size(); out += item) {
    std::memcpy(to.data() + out, from.data() + source, item);
    for (auto d = dims; d-- > 0;) {
      source += stride[d];
      if (++index[d] < static_cast<std::size_t>(h.shape[d])) break;
      source -= stride[d] * index[d];
      index[d] = 0;
    }
  }
  return to;
}

/// A member whose header has been read.
class Array {
 public:
  /// `unpacked` is what the directory claims and has passed the limits; nothing larger is allocated.
  Array(zip_t* zip, zip_uint64_t index, std::uint64_t unpacked) : member_(zip, index) {
    std::array<unsigned char, npy_prefix_bytes> prefix{};
    const auto got = member_.read_some(prefix.data(), prefix.size());
    const auto span = npy_text_span(prefix.data(), got);
    if (span.offset + span.length > unpacked || got < span.offset)
      throw std::runtime_error("ends within its header");

    std::string text(span.length, '\0');
    // Version 1 has a shorter prefix: what was read beyond it belongs to the text.
    const auto ahead = std::min(got - span.offset, span.length);
    std::copy_n(prefix.data() + span.offset, ahead, text.data());
    member_.read(text.data() + ahead, span.length - ahead);
    header_ = parse_npy_text(text);
    spare_.assign(prefix.data() + span.offset + ahead, prefix.data() + got);

    bytes_ = static_cast<std::uint64_t>(header_.items) * static_cast<std::uint64_t>(header_.item_size);
    if (bytes_ != unpacked - span.offset - span.length) {
      const auto a = without_bytes();
      throw std::runtime_error(fmt::format("shape {} of {} needs {} bytes, the member holds {}",
                                           a.shape_text(), a.dtype(), bytes_,
                                           unpacked - span.offset - span.length));
    }
  }

  NpyArray without_bytes() const { return {header_.kind, header_.item_size, header_.shape, {}}; }

  NpyArray whole() {
    auto a = without_bytes();
    a.bytes = next(bytes_);
    end();
    if (in_fortran_order()) a.bytes = to_c_order(a.bytes, header_);
    return a;
  }

  void pieces(std::size_t piece, const std::function<void(NpyArray, std::int64_t)>& take) {
    const auto rows = header_.shape.empty() ? 0 : header_.shape.front();
    if (in_fortran_order() || rows == 0) return take(whole(), 0);
    const auto row = bytes_ / static_cast<std::uint64_t>(rows);
    const auto at_once =
        static_cast<std::int64_t>(std::max<std::uint64_t>(1, piece / std::max<std::uint64_t>(1, row)));
    for (std::int64_t first = 0; first < rows; first += at_once) {
      auto a = without_bytes();
      a.shape.front() = std::min(at_once, rows - first);
      a.bytes = next(row * static_cast<std::uint64_t>(a.shape.front()));
      if (first + at_once >= rows) end();  // what is damaged is not given on as a last piece
      take(std::move(a), first);
    }
  }

 private:
  bool in_fortran_order() const { return header_.fortran_order && header_.shape.size() > 1; }

  std::vector<std::uint8_t> next(std::uint64_t n) {
    std::vector<std::uint8_t> bytes(n);
    const auto spare = std::min<std::size_t>(spare_.size(), n);
    std::copy_n(spare_.begin(), spare, bytes.begin());
    spare_.erase(spare_.begin(), spare_.begin() + static_cast<std::ptrdiff_t>(spare));
    member_.read(bytes.data() + spare, n - spare);
    return bytes;
  }

  /// libzip checks the CRC where a member ends.
  void end() {
    char extra = 0;
    if (!spare_.empty() || member_.read_some(&extra, 1) != 0)
      throw std::runtime_error("is longer than the archive's directory says");
  }

  Member member_;
  NpyHeader header_;
  std::vector<std::uint8_t> spare_;  ///< of the samples, read with the header
  std::uint64_t bytes_ = 0;
};

/// The claimed size of a member, checked before anything is unpacked. Throws std::runtime_error.
std::uint64_t check_claims(zip_t* zip, zip_uint64_t index) {
  zip_stat_t st;
  zip_stat_init(&st);
  constexpr auto needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(zip, index, 0, &st) != 0 || (st.valid & needed) != needed)
    throw std::runtime_error("its entry in the archive's directory is damaged");
  if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
    throw std::runtime_error(
        fmt::format("compression method {} is not supported (allowed: 0 stored, 8 deflate)", st.comp_method));
  if (st.comp_method == ZIP_CM_STORE && st.size != st.comp_size)
    throw std::runtime_error("stored, but its two sizes differ");
  if (st.size / deflate_ratio > st.comp_size + deflate_slack)
    throw std::runtime_error(
        fmt::format("claims {} bytes out of {}: damaged, or a zip bomb", st.size, st.comp_size));
  return st.size;
}

/// Where a member stands, and its size as the directory claims it.
struct Entry {
  std::string file_name;
  zip_uint64_t index = 0;
  std::uint64_t unpacked = 0;
};

/// What `read` gives; what it throws names the file and the member.
template <class Read>
auto of_member(const std::string& file, const std::string& name, const Read& read) {
  try {
    return read();
  } catch (const DataError&) {
    throw;
  } catch (const std::exception& e) {
    throw DataError(fmt::format("{}: member '{}': {}", file, name, e.what()));
  }
}

/// Calls visit(key, entry) for the wanted ones, in the archive's order.
template <class Visit>
void each_member(zip_t* zip, const std::string& file, const std::set<std::string>& wanted,
                 const NpzLimits& limits, std::vector<std::string>* left_out, const Visit& visit) {
  const auto members = zip_get_num_entries(zip, 0);
  if (members <= 0) throw DataError(fmt::format("{}: the archive is empty", file));
  if (static_cast<std::uint64_t>(members) > limits.max_members)
    throw DataError(fmt::format("{}: {} members, allowed: at most {}", file, members, limits.max_members));

  std::set<std::string> seen;
  std::uint64_t total = 0;
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(members); ++i) {
    const char* raw = zip_get_name(zip, i, 0);
    const std::string name = raw ? raw : "";
    const bool npy = name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0;
    const auto key = npy ? name.substr(0, name.size() - 4) : name;
    if (!wanted.empty() && !wanted.count(key)) {
      if (left_out) left_out->push_back(name);
      continue;
    }
    of_member(file, name, [&] {
      if (!npy) throw std::runtime_error("not a .npy array by its name");
      const auto unpacked = check_claims(zip, i);
      if (unpacked > limits.max_bytes - total)
        throw std::runtime_error(fmt::format("the arrays up to this one take {}, allowed at most {}{}",
                                             bytes_text(total + unpacked), bytes_text(limits.max_bytes),
                                             limits.reason));
      total += unpacked;
      if (!seen.insert(key).second) throw std::runtime_error("stands twice in the archive");
      visit(key, Entry{name, i, unpacked});
      return 0;
    });
  }
}

NpzArrays read_archive(zip_t* zip, const std::string& file, const std::set<std::string>& wanted,
                       const NpzLimits& limits, std::vector<std::string>* left_out) {
  NpzArrays arrays;
  each_member(zip, file, wanted, limits, left_out, [&](const std::string& key, const Entry& e) {
    arrays.emplace(key, Array(zip, e.index, e.unpacked).whole());
  });
  return arrays;
}

Zip open_archive(const std::string& path) {
  int code = 0;
  Zip zip(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!zip) throw DataError(fmt::format("{}: {}", path, error_text(code)));
  return zip;
}

}  // namespace

std::int64_t NpyArray::integer(std::int64_t i) const {
  const auto* p = bytes.data() + i * item_size;
  // Little endian, as this machine is; parse_npy_text refuses anything else.
  std::uint64_t v = 0;
  std::memcpy(&v, p, static_cast<std::size_t>(item_size));
  if (kind == 'i') {
    const int unused = static_cast<int>(64 - 8 * item_size);
    return static_cast<std::int64_t>(v << unused) >> unused;
  }
  if (v >> 63) throw std::range_error(fmt::format("{} is too large", v));
  return static_cast<std::int64_t>(v);
}

std::string NpyArray::dtype() const {
  const auto bits = item_size * 8;
  switch (kind) {
    case 'u':
      return fmt::format("uint{}", bits);
    case 'i':
      return fmt::format("int{}", bits);
    case 'f':
      return fmt::format("float{}", bits);
    default:
      return "bool";
  }
}

std::string NpyArray::shape_text() const {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

struct NpzReader::Open {
  std::string path;
  Zip zip;
  std::map<std::string, Entry> entries;

  /// What `use` gives of the array called so.
  template <class Use>
  auto with(const std::string& name, const Use& use) const {
    const auto& e = entries.at(name);
    return of_member(path, e.file_name, [&] {
      Array array(zip.get(), e.index, e.unpacked);
      return use(array);
    });
  }
};

NpzReader::NpzReader(std::string path, const std::set<std::string>& wanted, const NpzLimits& limits,
                     std::vector<std::string>* left_out)
    : open_(std::make_unique<Open>()) {
  open_->zip = open_archive(path);
  each_member(open_->zip.get(), path, wanted, limits, left_out,
              [&](const std::string& key, const Entry& e) { open_->entries.emplace(key, e); });
  open_->path = std::move(path);
}

NpzReader::~NpzReader() = default;

bool NpzReader::has(const std::string& name) const { return open_->entries.count(name) > 0; }

std::vector<std::string> NpzReader::names() const {
  std::vector<std::string> names;
  for (const auto& e : open_->entries) names.push_back(e.first);
  return names;
}

NpyArray NpzReader::header(const std::string& name) const {
  return open_->with(name, [](const Array& a) { return a.without_bytes(); });
}

NpyArray NpzReader::array(const std::string& name) const {
  return open_->with(name, [](Array& a) { return a.whole(); });
}

void NpzReader::pieces(const std::string& name, std::size_t piece,
                       const std::function<void(NpyArray, std::int64_t)>& take) const {
  open_->with(name, [&](Array& a) {
    a.pieces(piece, take);
    return 0;
  });
}

NpzArrays read_npz(const std::string& path, const std::set<std::string>& wanted, const NpzLimits& limits,
                   std::vector<std::string>* left_out) {
  return read_archive(open_archive(path).get(), path, wanted, limits, left_out);
}

NpzArrays read_npz_bytes(const void* data, std::size_t size, const std::string& name,
                         const NpzLimits& limits) {
  zip_error_t e;
  zip_error_init(&e);
  const auto fail = [&] {
    const auto what = error_text(e);
    zip_error_fini(&e);
    throw DataError(fmt::format("{}: {}", name, what));
  };
  auto* source = zip_source_buffer_create(data, size, 0, &e);
  if (!source) fail();
  Zip zip(zip_open_from_source(source, ZIP_RDONLY, &e));
  if (!zip) {
    zip_source_free(source);
    fail();
  }
  zip_error_fini(&e);
  return read_archive(zip.get(), name, {}, limits, nullptr);
}

}  // namespace afu::data
