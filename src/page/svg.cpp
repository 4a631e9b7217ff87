#include "page/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "page/chart_style.hpp"
#include "page/svg_scale.hpp"

namespace afu::page::svg {

namespace {

constexpr std::size_t colours = 8;
constexpr double letter = 6.4;  ///< mean advance at a text size of 12, in units of the view box
constexpr double line_height = 18;

double text_width(const std::string& s) {
  const auto letters = std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return letter * static_cast<double>(letters);
}

/// Up to two decimals: enough for a view box.
std::string n(double v) {
  auto s = fmt::format("{:.2f}", std::abs(v) < 0.005 ? 0.0 : v);
  while (s.back() == '0') s.pop_back();
  if (s.back() == '.') s.pop_back();
  return s;
}

std::string css(Style s) {
  const char* const dashes[] = {"", " dashed", " dotted"};
  return fmt::format("k{}{}", s.index % colours, dashes[s.index / colours % 3]);
}

std::string titled(const std::string& title) {
  return title.empty() ? std::string() : "<title>" + escaped(title) + "</title>";
}

/// A point at view box coordinates, all but its end tag.
std::string shape(Style s, double x, double y, double r, bool hollow) {
  const auto look = fmt::format("class=\"{} k{}\"", hollow ? "hollow" : "dot", s.index % colours);
  switch ((s.index + s.index / colours) % 4) {  // other shapes in the next round of colours
    case 0:
      return fmt::format("<circle {} cx=\"{}\" cy=\"{}\" r=\"{}\">", look, n(x), n(y), n(r));
    case 1:
      return fmt::format("<path {} d=\"M{} {}h{}v{}h{}z\">", look, n(x - r), n(y - r), n(2 * r), n(2 * r),
                         n(-2 * r));
    case 2:
      return fmt::format("<path {} d=\"M{} {}l{} {}h{}z\">", look, n(x), n(y - 1.2 * r), n(1.2 * r),
                         n(2.1 * r), n(-2.4 * r));
    default:
      return fmt::format("<path {0} d=\"M{1} {2}l{3} {3}l{4} {3}l{4} {4}z\">", look, n(x), n(y - 1.3 * r),
                         n(1.3 * r), n(-1.3 * r));
  }
}

constexpr double key_width = 26;  ///< room for two dashes beside the point

std::string key_sample(Style s) {
  const auto drawn = shape(s, key_width / 2, 0, 3.5, false);
  return fmt::format("<line class=\"line {}\" x1=\"0\" y1=\"0\" x2=\"{}\" y2=\"0\"/>{}{}", css(s),
                     n(key_width), drawn, drawn[1] == 'c' ? "</circle>" : "</path>");
}

using Keys = std::vector<std::pair<std::string, std::string>>;  ///< drawn sample, name

Keys keys_of(const std::vector<std::pair<Style, std::string>>& styles) {
  Keys out;
  for (const auto& [style, name] : styles) out.emplace_back(key_sample(style), name);
  return out;
}

/// Samples and names in rows no wider than `width`, the first at `y`; and where they end.
std::pair<std::string, double> key_rows(const Keys& keys, double width, double y) {
  std::string out;
  double x = 8;
  for (const auto& [sample, name] : keys) {
    const double needed = key_width + 6 + text_width(name) + 14;
    if (x + needed > width && x > 8) {
      x = 8;
      y += line_height;
    }
    out += fmt::format("<g transform=\"translate({} {})\">{}<text x=\"{}\" y=\"4\">{}</text></g>", n(x), n(y),
                       sample, n(key_width + 5), escaped(name));
    x += needed;
  }
  return {out, y + 10};
}

/// Width and height of the view box of a chart; 0 for what is none.
std::pair<double, double> size_of(const std::string& chart) {
  const std::string box = "viewBox=\"0 0 ";
  const auto at = chart.find(box);
  if (chart.rfind("<svg ", 0) != 0 || at == chart.npos) return {0, 0};
  const char* text = chart.c_str() + at + box.size();
  char* end = nullptr;
  const double width = std::strtod(text, &end);
  return {width, std::strtod(end, nullptr)};
}

/// What stands between the tags of a chart.
std::string content_of(const std::string& chart) {
  const auto begin = chart.find('>') + 1;
  return chart.substr(begin, chart.rfind("</svg>") - begin);
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // Other control characters are not allowed in XML, not even escaped.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

Plot::Plot(const std::string& label, Axis x, Axis y, double width, double height)
    : label_(label),
      x_(std::move(x)),
      y_(std::move(y)),
      width_(width),
      height_(height),
      left_(58),
      right_(14),
      top_(18),
      bottom_(44) {
  if (!y_.rows.empty()) {
    double widest = 0;
    for (const auto& r : y_.rows) widest = std::max(widest, text_width(r));
    left_ = std::min(widest + 14, width_ * 0.4);
    y_.low = 0;
    y_.high = static_cast<double>(y_.rows.size());
    height_ = top_ + bottom_ + line_height * y_.high;
  } else {
    double widest = 0;
    for (const auto& t : ticks_of(y_, 5)) widest = std::max(widest, text_width(t.text));
    left_ = std::max(left_, widest + 28);  // the title stands beside them
  }
  frame();
}

double Plot::px(double x) const { return left_ + share_of(x_, x) * (width_ - left_ - right_); }

double Plot::py(double y) const {
  const double share = share_of(y_, y), inner = height_ - top_ - bottom_;
  return y_.rows.empty() ? height_ - bottom_ - share * inner : top_ + share * inner;
}

void Plot::frame() {
  const double floor = height_ - bottom_;
  add("<g class=\"axis\">");
  double written = 0;  // up to where
  for (const auto& t : ticks_of(x_, 5)) {
    const auto x = n(px(t.at));
    add(fmt::format("<line class=\"grid\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"/>", x, n(top_),
                    n(floor)));
    const double half = text_width(t.text) / 2;
    if (px(t.at) - half < written) continue;
    written = px(t.at) + half + 4;
    add(fmt::format("<text class=\"mid\" x=\"{}\" y=\"{}\">{}</text>", x, n(floor + 16), escaped(t.text)));
  }
  if (y_.rows.empty()) {
    for (const auto& t : ticks_of(y_, 5)) {
      add(fmt::format("<line class=\"grid\" x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\"/>", n(left_),
                      n(py(t.at)), n(width_ - right_)));
      add(fmt::format("<text class=\"end\" x=\"{}\" y=\"{}\">{}</text>", n(left_ - 6), n(py(t.at) + 4),
                      escaped(t.text)));
    }
    add(fmt::format("<text class=\"mid\" transform=\"translate(13 {}) rotate(-90)\">{}</text>",
                    n((top_ + floor) / 2), escaped(y_.title)));
  } else {
    for (std::size_t i = 0; i < y_.rows.size(); ++i)
      add(fmt::format("<text class=\"end\" x=\"{}\" y=\"{}\">{}</text>", n(left_ - 6),
                      n(py(static_cast<double>(i) + 0.5) + 4), escaped(y_.rows[i])));
  }
  add(fmt::format("<text class=\"mid\" x=\"{}\" y=\"{}\">{}</text></g>", n((left_ + width_ - right_) / 2),
                  n(floor + 35), escaped(x_.title)));
}

void Plot::area(double x0, double x1, double y0, double y1, const std::string& css,
                const std::string& title) {
  const double left = std::clamp(std::min(px(x0), px(x1)), left_, width_ - right_);
  const double right = std::clamp(std::max(px(x0), px(x1)), left_, width_ - right_);
  const double upper = std::clamp(std::min(py(y0), py(y1)), top_, height_ - bottom_);
  const double lower = std::clamp(std::max(py(y0), py(y1)), top_, height_ - bottom_);
  add(fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">{}</rect>", css, n(left),
                  n(upper), n(right - left), n(lower - upper), titled(title)));
}

void Plot::band(Style s, const Points& low, const Points& high) {
  if (low.size() < 2) return;
  std::string points;
  for (const auto& [x, y] : high) points += n(px(x)) + "," + n(py(y)) + " ";
  for (auto i = low.rbegin(); i != low.rend(); ++i) points += n(px(i->first)) + "," + n(py(i->second)) + " ";
  points.pop_back();
  add(fmt::format("<polygon class=\"band k{}\" points=\"{}\"/>", s.index % colours, points));
}

void Plot::line(Style s, const Points& points) {
  if (points.empty()) return;
  std::string path;
  for (const auto& [x, y] : points) path += (path.empty() ? "M" : "L") + n(px(x)) + " " + n(py(y));
  add(fmt::format("<path class=\"line {}\" d=\"{}\"/>", css(s), path));
}

void Plot::steps(Style s, const Points& points) {
  Points corners;
  for (const auto& p : points) {
    if (!corners.empty()) corners.emplace_back(p.first, corners.back().second);
    corners.push_back(p);
  }
  line(s, corners);
}

void Plot::dot(Style s, double x, double y, const std::string& title, double radius, bool hollow) {
  const auto drawn = shape(s, px(x), py(y), radius, hollow);
  add(drawn + titled(title) + (drawn[1] == 'c' ? "</circle>" : "</path>"));
}

void Plot::hover(double x, double y, const std::string& title) {
  add(fmt::format("<circle class=\"hover\" cx=\"{}\" cy=\"{}\" r=\"5\">{}</circle>", n(px(x)), n(py(y)),
                  titled(title)));
}

void Plot::segment(Style s, double x0, double y0, double x1, double y1) {
  const auto x = [&](double v) { return n(std::clamp(px(v), left_, width_ - right_)); };
  const auto y = [&](double v) { return n(std::clamp(py(v), top_, height_ - bottom_)); };
  add(fmt::format("<line class=\"line k{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", s.index % colours,
                  x(x0), y(y0), x(x1), y(y1)));
}

void Plot::rule_x(double x, const std::string& text, bool before) {
  add(fmt::format("<line class=\"rule\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"/>", n(px(x)), n(top_),
                  n(height_ - bottom_)));
  const bool flip = before || px(x) + text_width(text) > width_ - right_;
  add(fmt::format("<text class=\"note{}\" x=\"{}\" y=\"{}\">{}</text>", flip ? " end" : "",
                  n(px(x) + (flip ? -3 : 3)), n(top_ - 5), escaped(text)));
}

void Plot::rule_y(double y) {
  add(fmt::format("<line class=\"rule\" x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\"/>", n(left_), n(py(y)),
                  n(width_ - right_)));
}

void Plot::note(double x, double y, const std::string& text) {
  const bool flip = px(x) + 8 + text_width(text) > width_;
  add(fmt::format("<text class=\"note{}\" x=\"{}\" y=\"{}\">{}</text>", flip ? " end" : "",
                  n(px(x) + (flip ? -7 : 7)), n(py(y) - 5), escaped(text)));
}

void Plot::key(Style s, const std::string& name) { keys_.emplace_back(key_sample(s), name); }

void Plot::key(const std::string& css, const std::string& name) {
  keys_.emplace_back(fmt::format("<rect class=\"{}\" x=\"7\" y=\"-5\" width=\"12\" height=\"10\"/>", css),
                     name);
}

std::string Plot::finish() {
  const auto [keys, end] = key_rows(keys_, width_, height_ + 8);
  add(keys);
  const double full = keys_.empty() ? height_ : end;
  return fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg>",
                     n(width_), n(full), escaped(label_), body_);
}

std::string panels(const std::vector<Panel>& panels, const std::vector<std::pair<Style, std::string>>& keys) {
  std::string out = "<div class=\"keys\">";
  for (const auto& [style, name] : keys)
    out += fmt::format(
        "<span><svg class=\"chart\" viewBox=\"0 -8 {} 16\" aria-hidden=\"true\">{}</svg> {}</span>",
        n(key_width), key_sample(style), escaped(name));
  out += "</div>\n<div class=\"panels\">";
  for (const auto& p : panels) out += fmt::format("<div><p>{}</p>{}</div>\n", escaped(p.title), p.svg);
  return out + "</div>";
}

std::string standalone(const std::string& chart) {
  const auto [width, height] = size_of(chart);
  return width > 0 ? plain_svg(chart, width, height) : std::string();
}

std::string standalone(const std::vector<Panel>& panels,
                       const std::vector<std::pair<Style, std::string>>& keys) {
  constexpr double gap = 18, head = 20;
  const std::size_t columns = panels.size() < 2 ? 1 : 2;
  double column_width = 0;
  for (const auto& p : panels) column_width = std::max(column_width, size_of(p.svg).first);
  const double width = static_cast<double>(columns) * column_width + static_cast<double>(columns - 1) * gap;
  auto [body, y] = key_rows(keys_of(keys), width, line_height);
  y += gap;
  for (std::size_t i = 0; i < panels.size(); i += columns) {
    double row = 0;
    for (std::size_t c = 0; c < columns && i + c < panels.size(); ++c) {
      const auto& p = panels[i + c];
      const auto [w, h] = size_of(p.svg);
      const double x = static_cast<double>(c) * (column_width + gap);
      body += fmt::format("<text class=\"head\" x=\"{}\" y=\"{}\">{}</text>", n(x + 8), n(y + 12),
                          escaped(p.title));
      body += fmt::format("<g transform=\"translate({} {})\">{}</g>", n(x), n(y + head), content_of(p.svg));
      row = std::max(row, h);
    }
    y += row + head + gap;
  }
  return plain_svg(fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\">{}</svg>", n(width), n(y), body),
                   width, y);
}

}  // namespace afu::page::svg
