#pragma once
/// How schema_*.cpp declare options, and the sections that they declare. Only the schema includes this.
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/choice.hpp"
#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "config/schema.hpp"

namespace afu::config {
struct CalibrationDifference;
}

namespace afu::config::schema {

using config::above;
using config::from;
using config::unlimited;
inline constexpr double most_clients = 10'000'000;

inline Field field(std::string name, Slot slot, Value fallback, Range range, std::string help,
                   std::string unit) {
  auto o = config::number(std::move(name), 0.0, range, std::move(help), std::move(unit));
  o.fallback = std::move(fallback);
  return {std::move(o), std::move(slot)};
}
inline Field number(std::string name, double& at, Range range, std::string help, std::string unit = "") {
  return field(std::move(name), &at, at, range, std::move(help), std::move(unit));
}
inline Field number(std::string name, std::int64_t& at, Range range, std::string help,
                    std::string unit = "") {
  return field(std::move(name), &at, at, range, std::move(help), std::move(unit));
}
inline Field number(std::string name, Distribution& at, Range range, std::string help,
                    std::string unit = "") {
  return field(std::move(name), &at, 0.0, range, std::move(help), std::move(unit));
}
inline Field flag(std::string name, bool& at, std::string help) {
  return field(std::move(name), &at, at, from(0), std::move(help), "");
}
template <class T>  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved from
Field text(std::string name, T& at, std::string help, std::vector<std::string> choices = {}) {
  auto f = field(std::move(name), &at, std::string{}, from(0), std::move(help), "");
  f.option.choices = std::move(choices);
  if constexpr (!std::is_same_v<T, std::vector<std::string>>) f.option.fallback = get(f);
  return f;
}
/// Whole numbers, each in the range.
inline Field numbers(std::string name, std::vector<std::int64_t>& at, Range range, std::string help,
                     std::string unit = "") {
  return field(std::move(name), &at, std::int64_t{0}, range, std::move(help), std::move(unit));
}
/// One of an enum's values.
template <class Enum>
Field choice(std::string name, Enum& at, std::string help) {
  auto f = field(
      std::move(name),
      ChoiceSlot{[&at] { return name_of(at); }, [&at](const std::string& v) { at = find<Enum>(v).value(); }},
      name_of(at), from(0), std::move(help), "");
  f.option.choices = names<Enum>();
  return f;
}
/// An array of tables.
template <class T>
Field tables(std::string name, std::vector<T>& at, std::string help) {
  return field(std::move(name), &at, std::string{}, from(0), std::move(help), "");
}

Section scenario(ScenarioSection& s);
Section data(DataSection& d);
Section columns(ManifestColumns& c);
Section intensity(IntensitySection& i);
Section slices(SlicesSection& v);
Section backdoor(Backdoor& b);
Section partition(PartitionSection& p);
Section site_shift(SiteShiftSection& s);
Section model(ModelSection& m);
Section training(TrainingSection& t);
Section augment(Augmentation& a);
Section compute_heterogeneity(ComputeHeterogeneity& h);
Section network_heterogeneity(NetworkHeterogeneity& h);
Section availability(AvailabilityHeterogeneity& h);
Section unlearning(UnlearningSection& u, const std::vector<PluginSection>& methods);
Section calibration(CalibrationSection& c);
Section calibration_difference(CalibrationDifference& c);
Section calibration_research(CalibrationResearch& c);
Section evaluation(EvaluationSection& e);
Section compute(ComputeSection& c);
Section output(OutputSection& o);
Section stop(StopSection& s);

}  // namespace afu::config::schema
