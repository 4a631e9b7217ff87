#pragma once
/// How a chart's classes look: as CSS whose colours are the page's, and as presentation attributes, for
/// programs that know neither classes nor variables.
#include <string>

namespace afu::page {

/// The rules of all classes, for a page that has the palette (page_style.hpp).
std::string chart_css();

/// `svg`, of the classes of this program's charts, with attributes in place of classes and hover marks, in
/// the colours of the light palette on white: what Inkscape, librsvg, LaTeX and previews draw as a browser
/// does. `width` and `height`: of the picture, in units of the view box.
std::string plain_svg(const std::string& svg, double width, double height);

}  // namespace afu::page
