#include "page/chart_style.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "page/page_style.hpp"

namespace afu::page {

namespace {

using Properties = std::vector<std::pair<std::string_view, std::string_view>>;
struct Rule {
  std::string_view name;  ///< the class
  /// What CSS and SVG attributes have in common; colours are var(--x) or currentColor.
  Properties properties;
};

/// Colours of the series are classes k0 to k7, which set `color`.
const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {"axis", {{"fill", "var(--soft)"}}},
      {"mid", {{"text-anchor", "middle"}}},
      {"end", {{"text-anchor", "end"}}},
      {"note", {{"fill", "var(--soft)"}, {"font-size", "11px"}}},
      {"head", {{"font-weight", "600"}}},
      {"grid", {{"stroke", "var(--rule)"}, {"stroke-width", "1"}}},
      {"rule", {{"stroke", "var(--soft)"}, {"stroke-width", "1"}, {"stroke-dasharray", "4 3"}}},
      {"line",
       {{"fill", "none"}, {"stroke", "currentColor"}, {"stroke-width", "1.8"}, {"stroke-linejoin", "round"}}},
      {"dashed", {{"stroke-dasharray", "7 4"}}},
      {"dotted", {{"stroke-dasharray", "2 3"}}},
      {"band", {{"fill", "currentColor"}, {"fill-opacity", "0.18"}, {"stroke", "none"}}},
      {"dot", {{"fill", "currentColor"}, {"stroke", "var(--paper)"}, {"stroke-width", "0.8"}}},
      {"hollow",
       {{"fill", "var(--paper)"},
        {"fill-opacity", "0.5"},
        {"stroke", "currentColor"},
        {"stroke-width", "1.2"}}},
      {"margin", {{"fill", "var(--k3)"}, {"fill-opacity", "0.16"}}},
      {"g-compute", {{"fill", "var(--k2)"}}},
      {"g-link", {{"fill", "var(--k6)"}}},
      {"g-wait", {{"fill", "var(--wait)"}}},
      {"g-stall", {{"fill", "var(--k1)"}}},
      {"g-erase", {{"fill", "var(--k4)"}}},
      {"g-calibrate", {{"fill", "var(--k3)"}}},
      {"g-lost", {{"fill", "var(--k7)"}}},
      {"g-offline", {{"fill", "none"}, {"stroke", "var(--k7)"}, {"stroke-dasharray", "2 2"}}}};
  return all;
}

/// Only a page can have these.
constexpr const char* page_rules = R"css(
svg.chart { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .hover { fill: transparent; }
svg .hover:hover { fill: var(--ink); fill-opacity: 0.35; }
svg rect:not(.margin):hover { stroke: var(--ink); stroke-width: 1; }
.k0 { color: var(--k0); } .k1 { color: var(--k1); } .k2 { color: var(--k2); } .k3 { color: var(--k3); }
.k4 { color: var(--k4); } .k5 { color: var(--k5); } .k6 { color: var(--k6); } .k7 { color: var(--k7); }
)css";

/// The first value of each name in the palette: the light one.
const std::map<std::string, std::string, std::less<>>& light() {
  static const auto all = [] {
    std::map<std::string, std::string, std::less<>> out;
    const std::string_view css = palette_css;
    for (auto at = css.find("--"); at != css.npos; at = css.find("--", at + 2)) {
      const auto colon = css.find(':', at), end = css.find(';', colon);
      auto value = css.substr(colon + 1, end - colon - 1);
      value.remove_prefix(value.find_first_not_of(' '));
      out.emplace(std::string(css.substr(at + 2, colon - at - 2)), std::string(value));
    }
    return out;
  }();
  return all;
}

std::string resolved(std::string_view value, const std::string& current) {
  constexpr std::string_view variable = "var(--";
  if (value == "currentColor") return current;
  if (value.substr(0, variable.size()) != variable) return std::string(value);
  return light().at(std::string(value.substr(variable.size(), value.size() - variable.size() - 1)));
}

bool is_series(std::string_view name) {
  return name.size() == 2 && name[0] == 'k' && light().count(name) > 0;
}

/// Of the classes in `names`, as ` a="b" c="d"`; of a property that several set the last rule's value.
std::string attributes(std::string_view names) {
  std::string current = light().at("ink");
  std::vector<std::string_view> classes;
  while (!names.empty()) {
    const auto space = names.find(' ');
    const auto name = names.substr(0, space);
    if (is_series(name)) current = light().find(name)->second;
    classes.push_back(name);
    names.remove_prefix(space == names.npos ? names.size() : space + 1);
  }
  std::map<std::string_view, std::string> values;
  for (const auto& rule : rules())
    for (auto name : classes)
      if (name == rule.name)
        for (const auto& [property, value] : rule.properties) values[property] = resolved(value, current);
  std::string out;
  for (const auto& [property, value] : values) out += fmt::format(" {}=\"{}\"", property, value);
  return out;
}

}  // namespace

std::string chart_css() {
  std::string out = page_rules;
  for (const auto& rule : rules()) {
    out += fmt::format("svg .{} {{", rule.name);
    for (const auto& [property, value] : rule.properties) out += fmt::format(" {}: {};", property, value);
    out += " }\n";
  }
  return out;
}

std::string plain_svg(const std::string& svg, double width, double height) {
  constexpr std::string_view mark = " class=\"", hover = "<circle class=\"hover\"", closed = "</circle>";
  std::string out;
  for (std::size_t at = 0; at < svg.size();) {
    const std::string_view rest(svg.data() + at, svg.size() - at);
    if (rest.substr(0, hover.size()) == hover) {  // nothing to see
      at += rest.find(closed) + closed.size();
    } else if (rest.substr(0, mark.size()) == mark) {
      const auto names = rest.substr(mark.size(), rest.find('"', mark.size()) - mark.size());
      if (names != "chart") out += attributes(names);
      at += mark.size() + names.size() + 1;
    } else {
      out += svg[at++];
    }
  }
  const auto begin = out.find('>') + 1;  // of the outermost <svg ...>
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:g}\" height=\"{:g}\" "
             "font-family=\"sans-serif\" font-size=\"12px\" fill=\"{}\"{}<rect width=\"100%\" "
             "height=\"100%\" fill=\"{}\"/>",
             width, height, light().at("ink"), out.substr(4, begin - 4), light().at("paper")) +
         out.substr(begin) + "\n";
}

}  // namespace afu::page
