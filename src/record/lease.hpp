#pragma once
/// Who of several processes, on whatever machines share a folder, works on what.
///
/// A lease is a file `NAME.GENERATION` that exactly one process creates (O_EXCL, which network file systems keep to as well).
/// Its holder writes it anew from time to time. Who sees the same text in so many looks of its own takes the holder for dead
/// and creates the next generation: the highest one counts, nothing is ever removed, so no two processes can take over the same
/// lease, and a holder that was only away finds that it has lost it. No clock of another machine is asked.
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace afu::record {

class Leases {
 public:
  /// In `folder`, which the first `take` creates. `holder` names this process to others, on one line. `patience`: so many calls of `beat` in
  /// a row that see a lease unchanged call its holder dead.
  Leases(std::filesystem::path folder, std::string holder, int patience);

  /// Takes `name`, which is no path, where it is free. False: another holds
  /// it, or took it at the same moment. `from`: who held it and gave no sign of life; empty: nobody. Throws RunFolderError where
  /// the folder or no file can be created.
  bool take(const std::string& name, std::string* from = nullptr);
  /// What this process holds is done. One that was lost stays whose it is.
  void end(const std::string& name) { give_up(name, State::ended); }
  /// What this process holds is not done: others may take it at once, and will.
  void leave(const std::string& name) { give_up(name, State::left); }
  /// Whether `take` would try: it was never taken, has ended, was left, or its holder is dead, as far as `beat`,
  /// `take` and `end` saw.
  bool is_free(const std::string& name) const;

  /// Renews what this process holds, and looks at all others. To be called in regular turns, by one thread. A folder that
  /// cannot be read or written now is tried again in the next turn and tells nothing of others.
  void beat();

  /// What this process held and another has taken since; each is told once, and is held no longer.
  std::vector<std::string> lost();

  struct Held {
    std::string name, holder;
    bool mine = false, dead = false;
  };
  /// All that are taken and were not given up, by name.
  std::vector<Held> held() const;
  /// Whether anybody has ended `name` since this object was made, as far as `beat`, `take` and `end` saw.
  bool has_ended(const std::string& name) const;

 private:
  enum class State { held, ended, left };
  struct Lease {
    std::int64_t generation = 0;
    std::string text, holder;
    int unchanged = 0;  ///< turns
    State state = State::held;
    bool mine = false, ended_before = false;
  };
  /// Finds new generations, and reads what others hold.
  void look();
  void read(const std::string& name, Lease& lease) const;
  std::filesystem::path path(const std::string& name, std::int64_t generation) const;
  void write(const std::string& name, const Lease& lease, State state) const;
  void give_up(const std::string& name, State state);
  bool may_be_taken(const Lease& lease) const;

  std::filesystem::path folder_;
  std::string holder_;
  int patience_;
  std::uint64_t beats_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Lease> leases_;
  std::set<std::string> lost_;
};

}  // namespace afu::record
