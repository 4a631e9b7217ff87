#pragma once
/// A small chart kit: inline SVG whose colours are the page's (page_style.cpp), with hover texts as <title>.
#include <string>
#include <utility>
#include <vector>

namespace afu::page::svg {

/// `text` for the content or a quoted attribute of HTML or XML.
std::string escaped(const std::string& text);

/// The look of the i-th series: eight colours of Okabe and Ito (the last is grey), then the same dashed, then
/// dotted; points also differ by shape, and those of one colour too.
struct Style {
  std::size_t index = 0;
};

struct Axis {
  std::string title;  ///< with its unit: "time (s)"
  double low = 0, high = 1;
  /// Needs low > 0; what lies below `low` is drawn at it, whose label then is "0".
  bool logarithmic = false;
  /// Named rows instead of numbers, from the top: row i lies between i and i + 1.
  std::vector<std::string> rows;
  /// What is written and where, instead of ticks at round numbers.
  std::vector<std::pair<double, std::string>> marks{};
  /// Of a logarithmic axis: values above 0 are drawn at `low` as well, whose label then is "< ...".
  bool cut = false;
};
/// Reaches over all `values` with some room; includes 0 when `from_zero`.
Axis axis_over(std::string title, const std::vector<double>& values, bool from_zero = false);
/// For values >= 0: logarithmic where the positive ones span more than a factor of 30, over twelve decades at
/// most, linear from 0 otherwise.
Axis axis_of_durations(std::string title, const std::vector<double>& values);

/// A chart's inline SVG as a file of its own, that a program without CSS draws as a browser does
/// (chart_style.hpp), for a paper or a web page; empty for what is not one chart.
std::string standalone(const std::string& chart);

using Points = std::vector<std::pair<double, double>>;

/// A finished plot with a line over it.
struct Panel {
  std::string title, svg;
};
/// Panels side by side that share `keys`.
std::string panels(const std::vector<Panel>& panels, const std::vector<std::pair<Style, std::string>>& keys);
/// The same as a file of its own: two columns below the keys.
std::string standalone(const std::vector<Panel>& panels,
                       const std::vector<std::pair<Style, std::string>>& keys);

class Plot {
 public:
  /// `label`: what a screen reader says of it. Width and height of the view box without the legend, at a text
  /// size of 12.
  Plot(const std::string& label, Axis x, Axis y, double width = 420, double height = 260);

  void area(double x0, double x1, double y0, double y1, const std::string& css,
            const std::string& title = {});
  void band(Style s, const Points& low, const Points& high);
  void line(Style s, const Points& points);
  void steps(Style s, const Points& points);  ///< horizontally to each next point, then up
  void dot(Style s, double x, double y, const std::string& title, double radius = 3.5, bool hollow = false);
  /// Nothing to see: a place that tells `title`.
  void hover(double x, double y, const std::string& title);
  void segment(Style s, double x0, double y0, double x1, double y1);  ///< cut at the frame
  /// A dashed line across, with a text at its upper end: behind it, or `before` it.
  void rule_x(double x, const std::string& text, bool before = false);
  void rule_y(double y);
  void note(double x, double y, const std::string& text);
  void key(Style s, const std::string& name);
  void key(const std::string& css, const std::string& name);  ///< of areas
  std::string finish();

 private:
  double px(double x) const;
  double py(double y) const;
  void frame();
  void add(const std::string& text) { body_ += text; }

  std::string label_, body_;
  Axis x_, y_;
  double width_, height_, left_, right_, top_, bottom_;
  std::vector<std::pair<std::string, std::string>> keys_;  ///< drawn sample, name
};

}  // namespace afu::page::svg
