#include <nlohmann/json.hpp>
#include <utility>

#include "study/plan.hpp"

namespace afu::study {

nlohmann::ordered_json manifest(const Plan& plan, const std::string& command) {
  using Json = nlohmann::ordered_json;
  const auto& s = plan.study;
  auto axes = Json::array(), arms = Json::array(), cells = Json::array();
  for (const auto& a : s.axes) {
    auto values = Json::array();
    for (const auto& v : a.values) values.push_back(v.value);
    axes.push_back({{"key", a.key}, {"values", std::move(values)}});
  }
  for (const auto& a : s.arms) {
    auto set = Json::object();
    for (const auto& one : a.set) set[one.key] = one.value;
    arms.push_back(
        {{"name", a.name}, {"role", a.role}, {"synchronous", a.synchronous}, {"set", std::move(set)}});
  }
  for (const auto& c : plan.cells) {
    auto values = Json::object();
    for (std::size_t i = 0; i < c.values.size(); ++i)
      values[s.axes[i].key] = s.axes[i].values[c.values[i]].value;
    cells.push_back(
        {{"arm", s.arms[c.arm].name}, {"seed", c.seed}, {"axes", std::move(values)}, {"folder", c.folder}});
  }
  auto set = Json::object();
  for (const auto& one : s.set) set[one.key] = one.value;
  const auto& st = s.statistics;
  auto left_out = Json::array();
  for (const auto& [claim, why] : s.claims_left_out) left_out.push_back({{"claim", claim}, {"why", why}});
  return {{"schema", 1},
          {"name", s.name},
          {"help", s.help},
          {"file", s.file},
          {"base", s.base},
          {"command", command},
          {"subject", s.subject},
          {"reference", s.reference},
          {"controls", s.controls},
          {"distances", s.distances},
          {"seeds", s.seeds},
          {"set", std::move(set)},
          {"axes", std::move(axes)},
          {"arms", std::move(arms)},
          {"rebound",
           {{"enabled", s.rebound.enabled},
            {"rounds", s.rebound.rounds},
            {"tail_rounds", s.rebound.tail_rounds},
            {"round_updates", s.rebound.round_updates}}},
          {"statistics",
           {{"confidence", st.confidence},
            {"margins", st.margins},
            {"family", st.family},
            {"late_evaluations", st.late_evaluations},
            {"rebound_margin", st.rebound_margin},
            {"throughput_margin", st.throughput_margin},
            {"latency_ratio", st.latency_ratio},
            {"control_margin", st.control_margin},
            {"declared", st.declared}}},
          {"claims", s.claims},
          {"claims_left_out", std::move(left_out)},
          {"cells", std::move(cells)}};
}

}  // namespace afu::study
