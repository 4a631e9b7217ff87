#pragma once
/// The bytes of images: memory of this process, or a file that is mapped into it (data/image_store.hpp).
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace afu::data {

/// Pages that go back to the system with the object.
class Mapping {
 public:
  /// The first `bytes` bytes behind `offset`, a multiple of a page, of the file: what is written to them is written to the
  /// file. Takes the descriptor over. Throws std::runtime_error with the system's reason.
  static std::shared_ptr<const Mapping> shared(int descriptor, std::size_t offset, std::size_t bytes);
  /// The same bytes of the same file with `room` bytes behind them: what is written is this mapping's own and takes
  /// memory, page by page. Throws likewise.
  std::shared_ptr<const Mapping> own_copy(std::size_t bytes, std::size_t room) const;
  /// The same, of a descriptor that it takes over.
  static std::shared_ptr<const Mapping> private_of(int descriptor, std::size_t offset, std::size_t bytes,
                                                   std::size_t room);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::uint8_t* begin() const { return at_; }
  int descriptor() const { return descriptor_; }

 private:
  Mapping(std::uint8_t* at, std::size_t mapped, int descriptor, std::size_t offset)
      : at_(at), mapped_(mapped), descriptor_(descriptor), offset_(offset) {}
  std::uint8_t* at_;
  std::size_t mapped_;
  int descriptor_;
  std::size_t offset_;
};

/// As std::vector<std::uint8_t> has them, or a part of a mapping. A copy is in memory always.
class Pixels {
 public:
  using Byte = std::uint8_t;
  Pixels() = default;
  Pixels(std::vector<Byte> bytes) : own_(std::move(bytes)) { held(); }  // NOLINT(google-explicit-constructor)
  Pixels(std::initializer_list<Byte> bytes) : own_(bytes) { held(); }
  Pixels(std::size_t size, Byte value) : own_(size, value) { held(); }
  /// [at, at + size) of the mapping; it may grow to `capacity` bytes.
  Pixels(std::shared_ptr<const Mapping> mapping, Byte* at, std::size_t size, std::size_t capacity)
      : mapping_(std::move(mapping)), at_(at), size_(size), capacity_(capacity) {}
  Pixels(const Pixels& other) : own_(other.begin(), other.end()) { held(); }
  Pixels(Pixels&& other) noexcept { *this = std::move(other); }
  Pixels& operator=(const Pixels& other) { return *this = Pixels(other); }
  Pixels& operator=(Pixels&& other) noexcept;
  ~Pixels() = default;

  Byte* data() { return at_; }
  const Byte* data() const { return at_; }
  Byte* begin() { return at_; }
  Byte* end() { return at_ + size_; }
  const Byte* begin() const { return at_; }
  const Byte* end() const { return at_ + size_; }
  Byte& operator[](std::size_t i) { return at_[i]; }
  const Byte& operator[](std::size_t i) const { return at_[i]; }
  Byte& back() { return at_[size_ - 1]; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return mapping_ ? capacity_ : own_.capacity(); }

  /// Of a mapping, throw std::length_error beyond its capacity.
  void reserve(std::size_t bytes);
  void resize(std::size_t bytes);  ///< new bytes are 0
  void assign(std::size_t count, Byte value) { *this = Pixels(count, value); }
  void push_back(Byte value) {
    resize(size_ + 1);
    back() = value;
  }
  void insert(const Byte* before, std::size_t count, Byte value);
  template <class It>
  void insert(const Byte* before, It first, It last) {
    const std::vector<Byte> bytes(first, last);
    insert_bytes(before, bytes);
  }

  /// Null: it is in memory.
  const std::shared_ptr<const Mapping>& mapping() const { return mapping_; }

  friend bool operator==(const Pixels& a, const Pixels& b);
  friend bool operator!=(const Pixels& a, const Pixels& b) { return !(a == b); }

 private:
  /// Points to what own_ has now.
  void held() {
    at_ = own_.data();
    size_ = own_.size();
  }
  void insert_bytes(const Byte* before, const std::vector<Byte>& bytes);

  std::vector<Byte> own_;
  std::shared_ptr<const Mapping> mapping_;
  Byte* at_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace afu::data
