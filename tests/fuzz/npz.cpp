// The npz reader on arbitrary bytes: it reads them or throws DataError, and never anything else. The bytes
// are tried as an archive, and as the only member of a sound one, since no mutation finds the checksum that a
// member needs.
//   cmake -DAFU_FUZZ=ON with clang, or: clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc
//   tests/fuzz/npz.cpp src/data/npz.cpp src/data/npy_header.cpp -lfmt -lzip
#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "data/dataset.hpp"
#include "data/npz.hpp"

namespace {

void read(const void* data, std::size_t size) {
  afu::data::NpzLimits limits;
  limits.max_bytes = 1 << 24;  // so that time goes into the parsers
  try {
    for (const auto& [name, array] : afu::data::read_npz_bytes(data, size, "fuzz.npz", limits))
      if (array.is_integer() && array.size() > 0) try {
          array.integer(array.size() - 1);
        } catch (const std::range_error&) {
          // a uint64 above the largest int64
        }
  } catch (const afu::data::DataError&) {
    // the only answer to bad input
  }
}

/// A zip archive whose only member, stored, is `data`.
std::vector<std::uint8_t> archive_of(const void* data, std::size_t size) {
  auto* buffer = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  zip_source_keep(buffer);
  auto* zip = zip_open_from_source(buffer, ZIP_TRUNCATE, nullptr);
  const auto index = zip_file_add(zip, "x.npy", zip_source_buffer(zip, data, size, 0), 0);
  zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  if (zip_close(zip) != 0) std::abort();
  zip_stat_t st;
  zip_source_stat(buffer, &st);
  std::vector<std::uint8_t> out(st.size);
  zip_source_open(buffer);
  zip_source_read(buffer, out.data(), out.size());
  zip_source_close(buffer);
  zip_source_free(buffer);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(data, size);
  const auto archive = archive_of(data, size);
  read(archive.data(), archive.size());
  return 0;
}
