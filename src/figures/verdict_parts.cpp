#include "figures/verdict_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"
#include "figures/preconditions.hpp"

namespace afu::figures {

namespace {

constexpr std::size_t most_named = 3;

/// "a; b; c; 2 more"
std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), most_named); ++i) out += (i > 0 ? "; " : "") + all[i];
  if (all.size() > most_named) out += fmt::format("; {} more", all.size() - most_named);
  return out;
}

}  // namespace

std::string Standing::text() const {
  if (failed + missing == 0) return {};
  std::string out;
  if (failed > 0) out += fmt::format("{} failed", counted(failed, "cell"));
  if (missing > 0) out += fmt::format("{}{} not run yet", out.empty() ? "" : ", ", counted(missing, "cell"));
  return " (" + out + ")";
}

Standing standing(const Analysis& a, std::size_t group, std::vector<std::size_t> arms) {
  Standing s;
  std::sort(arms.begin(), arms.end());
  arms.erase(std::unique(arms.begin(), arms.end()), arms.end());
  for (auto arm : arms)
    for (const auto* cell : a.study().cells_of(group, arm)) {
      s.failed += cell->state == Cell::State::failed;
      s.missing += cell->state == Cell::State::missing;
    }
  return s;
}

Verdict with_standing(Verdict v, const Standing& s) {
  if (v.outcome == Outcome::holds && s.failed + s.missing > 0) {
    v.outcome = Outcome::open;
    v.reason = fmt::format("would hold but for cells that {}: {}", s.failed > 0 ? "failed" : "are not in yet",
                           v.reason);
  }
  v.reason += s.text();
  return v;
}

Verdict unjudged(const std::vector<std::string>& why) {
  return {Outcome::unjudged, "cannot be judged: " + joined(why)};
}

void add_lacking(std::vector<std::string>& to, const std::vector<const Cell*>& cells,
                 const std::string& what) {
  for (const auto* c : cells) to.push_back(c->folder + " has no " + what);
}

std::optional<Verdict> too_few(std::size_t n, const std::string& of) {
  if (n >= fewest_pairs) return std::nullopt;
  return Verdict{Outcome::open, fmt::format("{} of {}, at least {} are needed", counted(n, "paired seed"), of,
                                            fewest_pairs)};
}

Verdict requiring(Verdict v, const std::optional<std::string>& obstacle) {
  if (v.outcome != Outcome::holds || !obstacle) return v;
  return {Outcome::open, *obstacle + "; otherwise: " + v.reason};
}

std::vector<std::string> without_curve(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& attack = *find_metric("attack_success_rate");
  auto out = a.unjudged(group, arm, attack);
  if (!out.empty()) return out;
  for (auto which : {arm, a.study().reference})
    for (const auto* cell : a.study().cells_of(group, which)) {
      const auto* f = a.figures(*cell);
      if (f == nullptr) continue;
      std::string flaw;
      for (const auto& found : cell->run->flaws)
        if (found.metric == &attack) flaw = " (" + found.text + ")";
      if (f->curve.empty() || !flaw.empty())
        out.push_back(cell->folder + " has no whole curve of attack success" + flaw);
    }
  return out;
}

std::vector<const CellFigures*> study_cells(const Analysis& a, std::size_t group, std::size_t arm) {
  std::vector<const CellFigures*> out;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell)) out.push_back(f);
  return out;
}

}  // namespace afu::figures
