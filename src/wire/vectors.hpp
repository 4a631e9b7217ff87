#pragma once
/// Parameter vectors on their way, by content: a vector's name is the SHA-256 of its layout and values, with which model::to_bytes ends.
/// Each travels once a connection, in chunks, and stays with the node until nobody at the run holds it any more.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/sha256.hpp"
#include "model/parameters_fwd.hpp"
#include "wire/frame.hpp"

namespace afu::wire {

using Name = std::array<std::uint8_t, base::Sha256::size>;
using SharedBytes = std::shared_ptr<const Bytes>;

std::string to_text(const Name& name);  ///< 64 lower-case digits
/// Throws WireError for a text that is none.
Name name_from(const std::string& text);
/// Of what model::to_bytes made. Throws WireError where that is too short.
Name name_of(const Bytes& vector);

/// A vector, and its bytes where the peer has not got them.
struct Named {
  Name name{};
  SharedBytes bytes;
};

/// What the peer has of the vectors that are held here. A vector that no pointer here holds any more counts as gone.
class PeerVectors {
 public:
  /// `vector` is about to be named to the peer. With its bytes where they must be sent before that; from then on the peer has it.
  /// Not null.
  Named name(const model::ParametersPtr& vector);
  /// Names that the peer has and nobody here holds any more. From then on it has them no more.
  std::vector<Name> take_gone();

 private:
  using Weak = std::weak_ptr<const model::ParameterVector>;
  void note(const Name& name, const model::ParametersPtr& vector);
  struct Known {
    Weak vector;
    Name name{};
  };
  std::unordered_map<const model::ParameterVector*, Known> known_;
  std::map<Name, std::size_t> holders_;  ///< entries of known_ and gone_ by name
  std::vector<Name> gone_;               ///< of which the entry of known_ is another's
};

/// The vectors that came.
class Shelf {
 public:
  /// Keeps it until it is forgotten. Throws WireError where `bytes` are no vector of that name.
  model::ParametersPtr put(const Name& name, const Bytes& bytes);
  /// Throws WireError for a name that never came, or was forgotten.
  model::ParametersPtr get(const Name& name) const;
  void forget(const Name& name) { vectors_.erase(name); }
  std::size_t size() const { return vectors_.size(); }

 private:
  std::map<Name, model::ParametersPtr> vectors_;
};

/// Frames `vector` and `forget`.
Frame announcement(const Name& name, std::uint64_t bytes);
Frame forgetting(const std::vector<Name>& names);
/// Throws WireError.
std::vector<Name> names_to_forget(const Frame& frame);

/// One vector after the other, from an announcement and its chunks. Memory grows with what came, whatever was announced.
class Assembly {
 public:
  struct Whole {
    Name name{};
    Bytes bytes;
  };
  /// Frames `vector` and `chunk`. The vector that is whole now, where one is. Throws WireError for a chunk that nothing announced or that
  /// is longer than what is left, for an announcement amid a vector, and for one of no bytes or of more than `most`.
  std::optional<Whole> take(const Frame& frame, std::uint64_t most);

 private:
  Whole open_;
  std::uint64_t size_ = 0;  ///< announced; 0: none is open
};

}  // namespace afu::wire
