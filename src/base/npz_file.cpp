#include "base/npz_file.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <memory>
#include <stdexcept>
#include <system_error>

#include "base/fault.hpp"
#include "base/output_file.hpp"

namespace afu::base {

namespace fs = std::filesystem;

namespace {

struct ZipDiscard {
  void operator()(zip_t* z) const { zip_discard(z); }
};

/// The header of format version 1.0 (numpy/lib/format.py), padded so that the array begins at a multiple of
/// 64.
std::string npy_header(const NpzArray& a) {
  const char order = a.item_size == 1 ? '|' : __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
  std::string shape;
  for (auto n : a.shape) shape += fmt::format("{}, ", n);
  if (a.shape.size() > 1) shape.resize(shape.size() - 2);
  if (a.shape.size() == 1) shape.pop_back();
  auto text = fmt::format("{{'descr': '{}{}{}', 'fortran_order': False, 'shape': ({}), }}", order, a.kind,
                          a.item_size, shape);
  constexpr std::size_t prefix = 10, alignment = 64;
  const auto used = prefix + text.size() + 1;
  text.append((alignment - used % alignment) % alignment, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

std::size_t bytes_of(const NpzArray& a) {
  std::size_t n = a.item_size;
  for (auto d : a.shape) n *= static_cast<std::size_t>(d);
  return n;
}

/// Header and array as one member's content, without a copy of the array. `header` must outlive the archive.
zip_source_t* content(zip_t* zip, const NpzArray& a, const std::string& header) {
  const zip_buffer_fragment_t pieces[] = {
      {reinterpret_cast<zip_uint8_t*>(const_cast<char*>(header.data())), header.size()},
      {static_cast<zip_uint8_t*>(const_cast<void*>(a.data)), bytes_of(a)}};
  return zip_source_buffer_fragment(zip, pieces, bytes_of(a) > 0 ? 2 : 1, 0);
}

void write_archive(const fs::path& part, const std::vector<NpzArray>& arrays) {
  if (const int fault = fault::at_write()) throw std::runtime_error(std::generic_category().message(fault));
  std::error_code ignored;
  fs::remove(part, ignored);
  int code = 0;
  std::unique_ptr<zip_t, ZipDiscard> zip(zip_open(part.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
  if (!zip) {
    zip_error_t e;
    zip_error_init_with_code(&e, code);
    const std::string why = zip_error_strerror(&e);
    zip_error_fini(&e);
    throw std::runtime_error(why);
  }
  std::vector<std::string> headers;
  headers.reserve(arrays.size());
  for (const auto& a : arrays) {
    headers.push_back(npy_header(a));
    auto* source = content(zip.get(), a, headers.back());
    if (!source) throw std::runtime_error(zip_strerror(zip.get()));
    const auto index = zip_file_add(zip.get(), (a.name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      throw std::runtime_error(zip_strerror(zip.get()));
    }
    const auto member = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t first_date = 1 << 5 | 1;  // 1 January 1980
    if (zip_set_file_compression(zip.get(), member, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip.get(), member, 0, first_date, 0) != 0)
      throw std::runtime_error(zip_strerror(zip.get()));
  }
  if (zip_close(zip.get()) != 0) throw std::runtime_error(zip_strerror(zip.get()));
  static_cast<void>(zip.release());
}

}  // namespace

void write_npz(const fs::path& path, const std::vector<NpzArray>& arrays) {
  if (arrays.empty()) throw std::logic_error("an archive without an array: " + path.string());
  auto part = path;
  part += ".part";
  try {
    write_archive(part, arrays);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(fmt::format("cannot write '{}': {}", path.string(), e.what()));
  }
  place_whole(part, path);
}

}  // namespace afu::base
