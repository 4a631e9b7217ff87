#pragma once
/// Who takes part: each client's standing in the federation, and what it may still train on.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "data/dataset.hpp"
#include "federate/setup.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Roster {
 public:
  struct Standing {
    std::uint64_t honours = 0;   ///< a bit an erasure of the scenario: whose rows it leaves out
    std::uint32_t accepted = 0;  ///< its updates in the model's lineage
    std::uint16_t held = 0;      ///< requests for a part of its samples that are being served
    bool asks = false;           ///< an erasure of the scenario is its own, now or later
    bool leaving = false;        ///< all of it is erased, or being erased
    /// Nothing of it is accepted, and it gets no task.
    bool excluded() const { return leaving || held > 0; }
  };

  /// `setup` must outlive the roster.
  explicit Roster(const Setup& setup);

  std::size_t size() const { return clients_.size(); }
  const Standing& operator[](std::uint32_t client) const { return clients_[client]; }

  void accepted(std::uint32_t client) { ++clients_[client].accepted; }
  /// The client has asked: for all of its samples, or for a part, until `readmit`.
  void exclude(std::uint32_t client, methods::Scope scope);
  /// The rest of the client's samples takes part again as far as `request` goes; true where the client does,
  /// false where it has asked for more meanwhile, or was readmitted before.
  bool readmit(std::uint32_t client, std::uint32_t request);
  /// From now on everybody leaves out what `request` covers.
  void honour(std::uint32_t request);
  /// From now on the client does, though it has not asked yet.
  void honour(std::uint32_t request, std::uint32_t client);
  /// A new lineage, with the updates of those who are excluded counted as done; returns how many those are.
  std::uint64_t begin_again();

  /// Training samples of the client, without what it honours.
  std::int64_t samples(std::uint32_t client) const;
  /// The mean number of those of all that are not excluded, at least 1, and how many clients these are.
  std::pair<double, std::size_t> mean_samples() const;
  /// By client; of those who leave 0.
  std::vector<std::int64_t> staying_samples() const;
  std::vector<bool> staying() const;
  /// Who can be asked to compute for `r`: all that are not excluded, and the target where it keeps a part.
  std::vector<methods::Participant> participants(const methods::Request& r) const;

  /// Calibration images of clients that never ask, without the classes that anybody asks to forget, one set a client that
  /// has any; none without data.
  const std::vector<data::IndicesPtr>& environments() const { return environments_; }
  /// At most `most` of these in turn, and how many; without data null, and what the scenario lets expect.
  std::pair<data::IndicesPtr, std::int64_t> calibration_rows(std::int64_t most) const;

 private:
  const Setup& setup_;
  std::vector<Standing> clients_;
  std::vector<data::IndicesPtr> environments_;
};

}  // namespace afu::federate
