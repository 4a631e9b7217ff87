#include "data/pixels.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace afu::data {

namespace {

[[noreturn]] void fail(const char* what, std::size_t bytes) {
  throw std::runtime_error(fmt::format("{} {} bytes: {}", what, bytes, std::strerror(errno)));
}

std::uint8_t* pages(void* at, const char* what, std::size_t bytes) {
  if (at == MAP_FAILED) fail(what, bytes);
  return static_cast<std::uint8_t*>(at);
}

}  // namespace

std::shared_ptr<const Mapping> Mapping::shared(int descriptor, std::size_t offset, std::size_t bytes) {
  const auto mapped = std::max<std::size_t>(bytes, 1);
  void* at =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, static_cast<off_t>(offset));
  if (at == MAP_FAILED) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
  }
  return std::shared_ptr<const Mapping>(
      new Mapping(pages(at, "cannot map", bytes), mapped, descriptor, offset));
}

std::shared_ptr<const Mapping> Mapping::private_of(int descriptor, std::size_t offset, std::size_t bytes,
                                                   std::size_t room) {
  // Pages of nothing first, then those of the file over the front: what stands behind it follows without a gap, since the
  // rest of the file's last page can be written as well. No memory is set aside for what is never written.
  constexpr int flags = MAP_PRIVATE | MAP_NORESERVE;
  const auto mapped = std::max<std::size_t>(bytes + room, 1);
  void* at = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  if (at != MAP_FAILED && bytes > 0 &&
      ::mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, descriptor, static_cast<off_t>(offset)) ==
          MAP_FAILED) {
    const int error = errno;
    ::munmap(at, mapped);
    errno = error;
    at = MAP_FAILED;
  }
  if (at == MAP_FAILED) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
  }
  return std::shared_ptr<const Mapping>(
      new Mapping(pages(at, "cannot map", bytes), mapped, descriptor, offset));
}

std::shared_ptr<const Mapping> Mapping::own_copy(std::size_t bytes, std::size_t room) const {
  const int again = ::dup(descriptor_);
  if (again < 0) fail("cannot map", bytes);
  return private_of(again, offset_, bytes, room);
}

Mapping::~Mapping() {
  ::munmap(at_, mapped_);
  ::close(descriptor_);
}

Pixels& Pixels::operator=(Pixels&& other) noexcept {
  if (this == &other) return *this;
  own_ = std::move(other.own_);
  mapping_ = std::move(other.mapping_);
  at_ = std::exchange(other.at_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  other.own_.clear();
  return *this;
}

void Pixels::reserve(std::size_t bytes) {
  if (mapping_) {
    if (bytes > capacity_)
      throw std::length_error(fmt::format("pixels: {} bytes, the mapping has {}", bytes, capacity_));
    return;
  }
  own_.reserve(bytes);
  held();
}

void Pixels::resize(std::size_t bytes) {
  if (mapping_) {
    reserve(bytes);
    if (bytes > size_) std::fill(at_ + size_, at_ + bytes, Byte{0});
    size_ = bytes;
    return;
  }
  own_.resize(bytes);
  held();
}

void Pixels::insert(const Byte* before, std::size_t count, Byte value) {
  insert_bytes(before, std::vector<Byte>(count, value));
}

void Pixels::insert_bytes(const Byte* before, const std::vector<Byte>& bytes) {
  const auto from = static_cast<std::size_t>(before - at_), old = size_;
  resize(old + bytes.size());
  std::copy_backward(at_ + from, at_ + old, at_ + size_);
  std::copy(bytes.begin(), bytes.end(), at_ + from);
}

bool operator==(const Pixels& a, const Pixels& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace afu::data
