/// What the linker leaves of the frame entries by which exceptions find their way.
#include <doctest/doctest.h>
#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// GCC splits a function's unlikely part off, and where nothing is left of it (it cannot be reached) writes an
// empty frame entry, at the address where the next function's part begins. This is such an entry.
asm(R"(
  .pushsection .text.afu_shared_address,"ax",%progbits
  .type afu_empty_part,%function
afu_empty_part:
  .cfi_startproc
  .cfi_endproc
  .popsection
)");
[[gnu::noinline, gnu::noclone, gnu::section(".text.afu_shared_address")]] void throw_beside_an_empty_part(
    const std::string& text) {
  throw std::runtime_error("thrown: " + text);
}

template <class T>
T read(const std::string& bytes, std::size_t at) {
  T value;
  if (at + sizeof value > bytes.size()) throw std::out_of_range("the program's file is cut short");
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Section {
  std::uint64_t address = 0, offset = 0, size = 0;
};

Section section(const std::string& elf, const std::string& wanted) {
  const auto header = read<Elf64_Ehdr>(elf, 0);
  REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
  const auto at = [&](unsigned i) { return read<Elf64_Shdr>(elf, header.e_shoff + i * header.e_shentsize); };
  const auto names = at(header.e_shstrndx).sh_offset;
  for (unsigned i = 0; i < header.e_shnum; ++i)
    if (const auto s = at(i); elf.c_str() + names + s.sh_name == wanted)
      return {s.sh_addr, s.sh_offset, s.sh_size};
  FAIL("no section " << wanted);
  return {};
}

/// The addresses of functions whose frame entry is not the one that a search of the sorted table ends at, as
/// the unwinder does it: the last entry of those that begin at or before an address.
std::vector<std::uint64_t> not_found(const std::string& elf) {
  const auto table = section(elf, ".eh_frame_hdr"), frames = section(elf, ".eh_frame");
  // Version 1, and the encodings that every linker writes: a count, then pairs of 4 bytes relative to the
  // table.
  REQUIRE(read<std::uint32_t>(elf, table.offset) == 0x3b031b01);
  const auto count = read<std::uint32_t>(elf, table.offset + 8);
  struct Entry {
    std::int32_t function, frame;
  };
  std::vector<Entry> entries(count);
  for (std::size_t i = 0; i < count; ++i) entries[i] = read<Entry>(elf, table.offset + 12 + 8 * i);

  std::vector<std::uint64_t> lost;
  std::size_t functions = 0;
  for (auto at = frames.offset; at < frames.offset + frames.size;) {
    const auto length = read<std::uint32_t>(elf, at);
    if (length == 0) break;
    const auto next = at + 4 + length;
    if (read<std::uint32_t>(elf, at + 4) != 0) {  // not a CIE
      const auto address = frames.address + (at + 8 - frames.offset) + read<std::int32_t>(elf, at + 8);
      if (read<std::uint32_t>(elf, at + 12) > 0) {  // not empty
        ++functions;
        const auto key = static_cast<std::int32_t>(address - table.address);
        const auto found = std::upper_bound(entries.begin(), entries.end(), key,
                                            [](auto k, const Entry& e) { return k < e.function; });
        const auto frame = static_cast<std::int32_t>(frames.address + (at - frames.offset) - table.address);
        if (found == entries.begin() || (found - 1)->frame != frame) lost.push_back(address);
      }
    }
    at = next;
  }
  CHECK(functions > 1000);
  return lost;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("an exception leaves a function that has an empty frame entry at its address") {
  std::string caught;
  try {
    throw_beside_an_empty_part("and caught");
  } catch (const std::runtime_error& e) {
    caught = e.what();
  }
  CHECK(caught == "thrown: and caught");
}

TEST_CASE("the frame entry of every function of afu, and of this program, is found") {
  for (const char* program : {AFU_BINARY, "/proc/self/exe"}) {
    CAPTURE(program);
    const auto lost = not_found(bytes_of(program));
    CHECK(lost.empty());
    for (const auto address : lost) MESSAGE(program << ": no entry is found for the function at " << address);
  }
}
