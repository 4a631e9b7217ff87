#include "study/conflicts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace afu::study {

namespace {

using Steps = std::vector<std::string>;

/// Whether `key` is `section` or lies within it.
bool within(const std::string& key, const std::string& section) {
  const Steps k = config::key_steps(key), s = config::key_steps(section);
  return s.size() <= k.size() && std::equal(s.begin(), s.end(), k.begin());
}
bool overlap(const std::string& a, const std::string& b) { return within(a, b) || within(b, a); }

class Finder {
 public:
  explicit Finder(const Study& study) : study_(study) {}

  std::vector<std::string> all() {
    settings(study_.set, "");
    for (const auto& arm : study_.arms) settings(arm.set, fmt::format(" (arm \"{}\")", arm.name));
    for (std::size_t i = 0; i < study_.axes.size(); ++i) axis(i);
    return std::move(found_);
  }

 private:
  void add(const config::Place& at, const std::string& key, const std::string& text) {
    auto message = fmt::format("{}:{}:{}: {}: {}", study_.file, at.line, at.column, key, text);
    if (std::find(found_.begin(), found_.end(), message) == found_.end())
      found_.push_back(std::move(message));
  }

  void own(const Setting& s, const std::string& whose) {
    if (overlap(s.key, "scenario.seed"))
      add(s.place, s.key, "the seeds of the cells are study.seeds" + whose);
    if (overlap(s.key, "output.folder"))
      add(s.place, s.key, "every cell has a folder of its own below the study's" + whose);
  }

  void settings(const std::vector<Setting>& set, const std::string& whose) {
    for (std::size_t i = 0; i < set.size(); ++i) {
      own(set[i], whose);
      for (std::size_t j = 0; j < i; ++j)
        if (config::key_steps(set[i].key) == config::key_steps(set[j].key))
          add(set[i].place, set[i].key,
              fmt::format("stands here twice, on line {} too{}", set[j].place.line, whose));
    }
  }

  void axis(std::size_t index) {
    const auto& axis = study_.axes[index];
    for (const auto& value : axis.settings) {
      settings(value, "");
      for (const auto& varied : value) {
        for (std::size_t i = 0; i < index; ++i)
          for (const auto& others : study_.axes[i].settings)
            for (const auto& other : others)
              if (overlap(varied.key, other.key))
                add(axis.place, axis.key,
                    fmt::format("is an axis already, on line {}: one of the two would lose",
                                study_.axes[i].place.line));
        for (const auto& arm : study_.arms)
          for (const auto& one : arm.set)
            if (overlap(varied.key, one.key))
              add(one.place, one.key,
                  fmt::format(
                      "is what the axis on line {} varies; the arm \"{}\" would set it alike in every cell",
                      axis.place.line, arm.name));
        for (const auto& one : study_.set)
          if (within(one.key, varied.key))
            add(one.place, one.key,
                fmt::format("is what the axis on line {} varies: this value would be in no cell",
                            axis.place.line));
      }
    }
  }

  const Study& study_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> conflicts(const Study& study) { return Finder(study).all(); }

}  // namespace afu::study
