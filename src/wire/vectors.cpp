#include "wire/vectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace afu::wire {

std::string to_text(const Name& name) {
  std::string text;
  for (const auto byte : name) text += fmt::format("{:02x}", byte);
  return text;
}

Name name_from(const std::string& text) {
  Name name{};
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw WireError("the name of a vector has 64 digits of 0-9 and a-f");
  };
  if (text.size() != 2 * name.size()) throw WireError("the name of a vector has 64 digits of 0-9 and a-f");
  for (std::size_t i = 0; i < name.size(); ++i)
    name[i] = static_cast<std::uint8_t>(16 * digit(text[2 * i]) + digit(text[2 * i + 1]));
  return name;
}

Name name_of(const Bytes& vector) {
  Name name{};
  if (vector.size() <= name.size()) throw WireError("these bytes are no parameter vector: truncated");
  std::copy(vector.end() - static_cast<std::ptrdiff_t>(name.size()), vector.end(), name.begin());
  return name;
}

Named PeerVectors::name(const model::ParametersPtr& vector) {
  if (const auto i = known_.find(vector.get()); i != known_.end() && i->second.vector.lock() == vector)
    return {i->second.name, nullptr};
  auto bytes = std::make_shared<const Bytes>(model::to_bytes(vector));
  const auto name = name_of(*bytes);
  const bool there = holders_.count(name) > 0;
  note(name, vector);
  return {name, there ? nullptr : std::move(bytes)};
}

void PeerVectors::note(const Name& name, const model::ParametersPtr& vector) {
  ++holders_[name];
  auto& known = known_[vector.get()];
  // The place of one that is gone, whose memory this one has: the peer still has that, and is to forget it.
  if (const bool was_there = known.vector.owner_before(Weak{}) || Weak{}.owner_before(known.vector);
      was_there)
    gone_.push_back(known.name);
  known = {vector, name};
}

std::vector<Name> PeerVectors::take_gone() {
  auto ended = std::exchange(gone_, {});
  for (auto i = known_.begin(); i != known_.end();) {
    const bool gone = i->second.vector.expired();
    if (gone) ended.push_back(i->second.name);
    i = gone ? known_.erase(i) : std::next(i);
  }
  std::vector<Name> names;
  for (const auto& name : ended)
    if (const auto i = holders_.find(name); --i->second == 0) {
      names.push_back(name);
      holders_.erase(i);
    }
  return names;
}

model::ParametersPtr Shelf::put(const Name& name, const Bytes& bytes) {
  if (name_of(bytes) != name)
    throw WireError(
        fmt::format("vector {} came with the bytes of {}", to_text(name), to_text(name_of(bytes))));
  try {
    return vectors_[name] = model::from_bytes(bytes);  // which holds the bytes against their checksum
  } catch (const std::runtime_error& e) {
    vectors_.erase(name);
    throw WireError(fmt::format("vector {}: {}", to_text(name), e.what()));
  }
}

model::ParametersPtr Shelf::get(const Name& name) const {
  const auto i = vectors_.find(name);
  if (i == vectors_.end()) throw WireError(fmt::format("vector {} is named and was not sent", to_text(name)));
  return i->second;
}

Frame announcement(const Name& name, std::uint64_t bytes) {
  Frame frame{Kind::vector, Bytes(name.begin(), name.end())};
  append_number(frame.bytes, bytes);
  return frame;
}

Frame forgetting(const std::vector<Name>& names) {
  Frame frame{Kind::forget};
  for (const auto& name : names) frame.bytes.insert(frame.bytes.end(), name.begin(), name.end());
  return frame;
}

namespace {

Name take_name(FrameNumbers& from) {
  Name name{};
  const auto* bytes = from.bytes(name.size());
  std::copy(bytes, bytes + name.size(), name.begin());
  return name;
}

}  // namespace

std::vector<Name> names_to_forget(const Frame& frame) {
  std::vector<Name> names;
  for (FrameNumbers from(frame); from.left() > 0;) names.push_back(take_name(from));
  return names;
}

std::optional<Assembly::Whole> Assembly::take(const Frame& frame, std::uint64_t most) {
  if (frame.kind == Kind::vector) {
    if (size_ > 0) throw WireError(fmt::format("a vector is announced amid vector {}", to_text(open_.name)));
    FrameNumbers from(frame);
    open_ = {take_name(from), {}};
    const auto size = from.u64();
    from.end();
    if (size == 0 || size > most)
      throw WireError(
          fmt::format("vector {} of {} bytes, allowed: 1 to {}", to_text(open_.name), size, most));
    size_ = size;
    return std::nullopt;
  }
  if (size_ == 0) throw WireError("a chunk of no vector");
  const auto left = size_ - open_.bytes.size();
  if (frame.bytes.empty() || frame.bytes.size() > left)
    throw WireError(fmt::format("a chunk of {} bytes of vector {}, allowed: 1 to {}", frame.bytes.size(),
                                to_text(open_.name), left));
  open_.bytes.insert(open_.bytes.end(), frame.bytes.begin(), frame.bytes.end());
  if (open_.bytes.size() < size_) return std::nullopt;
  size_ = 0;
  return std::exchange(open_, {});
}

}  // namespace afu::wire
