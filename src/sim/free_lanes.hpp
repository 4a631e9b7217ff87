#pragma once
/// Which of the lanes that have nothing to do gets the next job.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace afu::sim {

/// Lanes of one machine, numbered one after the other. There may be more than it computes at once: a job that is given to one of those
/// waits there.
struct LaneGroup {
  std::uint32_t lanes = 0;
  std::uint32_t at_once = 0;  ///< 1 to `lanes`
};

/// A job goes where it is begun soonest: to the group with the fewest jobs for each that it computes at once, the first of several. Of a
/// group's free lanes the one that was busy last is taken, since its data are still near.
class FreeLanes {
 public:
  /// All lanes are free. Throws std::logic_error for a group without lanes or with an `at_once` beyond them.
  explicit FreeLanes(const std::vector<LaneGroup>& groups);

  std::size_t count() const { return count_; }
  /// None: all are busy.
  std::optional<std::uint32_t> take();
  /// `lane` was taken, and has nothing to do any more.
  void freed(std::uint32_t lane);

 private:
  struct Group {
    std::vector<std::uint32_t> free;  ///< the last one is next
    std::size_t lanes, at_once;
  };
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;  ///< by lane
  std::size_t count_ = 0;
};

}  // namespace afu::sim
