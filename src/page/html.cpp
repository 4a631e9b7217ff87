/// report.html: one file that needs nothing else.
#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "page/chart_style.hpp"
#include "page/document.hpp"
#include "page/page_style.hpp"
#include "page/svg.hpp"

namespace afu::page {

namespace {

using svg::escaped;

/// RFC 3986: as %XX everything but what may stand in a path, and of that what HTML gives a meaning.
std::string percent_encoded(const std::string& text) {
  constexpr std::string_view allowed = "-._~!$()*+,;=:@/";
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       allowed.find(c) != allowed.npos;
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<std::uint8_t>(c));
  }
  return out;
}

std::string download(const DataTable& table) {
  return fmt::format(
      "<a class=\"data\" download=\"{0}.csv\" href=\"data:text/csv;charset=utf-8,{1}\" "
      "aria-label=\"{0} as CSV\">CSV</a>",
      escaped(table.id), percent_encoded(to_csv(table)));
}

const char* css_of(TableCell::Mark mark) {
  switch (mark) {
    case TableCell::Mark::good:
      return "good";
    case TableCell::Mark::bad:
      return "bad";
    case TableCell::Mark::open:
      return "open";
    case TableCell::Mark::plain:
      break;
  }
  return "";
}

std::string cell(const TableCell& c, const Column& column, bool heads_row) {
  std::string css = column.numeric ? "number" : "", text = escaped(c.text);
  if (!c.note.empty())
    text += fmt::format("<br/><span class=\"{}\">{}</span>", css_of(c.mark), escaped(c.note));
  else if (c.mark != TableCell::Mark::plain)
    css += (css.empty() ? "" : " ") + std::string(css_of(c.mark));
  const auto attribute = css.empty() ? std::string() : " class=\"" + css + "\"";
  return heads_row ? fmt::format("<th scope=\"row\"{}>{}</th>", attribute, text)
                   : fmt::format("<td{}>{}</td>", attribute, text);
}

std::string html(const DataTable& t) {
  auto out = fmt::format(
      "<div class=\"scroll\" id=\"{}\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n"
      "<table class=\"{}\">\n<caption><span>{} {}</span></caption>\n<thead><tr>",
      escaped(t.id), escaped(t.id), escaped(t.id.substr(0, t.id.find("-group-"))), escaped(t.caption),
      download(t));
  for (const auto& c : t.columns)
    out +=
        fmt::format("<th scope=\"col\"{}>{}</th>", c.numeric ? " class=\"number\"" : "", escaped(heading(c)));
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : t.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) out += cell(row[i], t.columns[i], i == 0);
    out += "</tr>\n";
  }
  out += "</tbody>\n</table>\n</div>\n";
  if (t.folded) return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(t.caption), out);
  return out;
}

std::string html(const Chart& c) {
  const bool scrolls = c.wide && c.svg.rfind("<svg", 0) == 0;  // panels wrap instead
  const auto picture = scrolls ? "<div class=\"scroll\">" + c.svg + "</div>" : c.svg;
  return fmt::format("<figure id=\"{}\"{}>{}<figcaption>{} {}</figcaption></figure>\n", escaped(c.id),
                     c.wide ? " class=\"wide\"" : "", picture, escaped(c.caption), download(c.data));
}

std::string html(const Paragraph& p) { return "<p>" + escaped(p.text) + "</p>\n"; }

std::string html(const Preformatted& p) {
  return fmt::format("<details><summary>{}</summary>\n<pre>{}</pre></details>\n", escaped(p.title),
                     escaped(p.text));
}

std::string html(const Folded& f) {
  auto out = fmt::format("<details id=\"{}\"><summary>{}</summary>\n", escaped(f.id), escaped(f.title));
  for (const auto& t : f.tables) out += html(t);
  return out + "</details>\n";
}

/// Charts that follow each other share a grid.
std::string html(const Section& s) {
  auto out =
      fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n",
                  escaped(s.id), escaped(s.title));
  bool in_grid = false;
  for (const auto& part : s.parts) {
    const bool chart = std::holds_alternative<Chart>(part);
    if (chart != in_grid) out += chart ? "<div class=\"chart-grid\">\n" : "</div>\n";
    in_grid = chart;
    out += std::visit([](const auto& p) { return html(p); }, part);
  }
  return out + (in_grid ? "</div>\n" : "") + "</section>\n";
}

}  // namespace

std::string to_html(const Document& d) {
  std::string links, sections;
  for (const auto& s : d.sections) {
    links += fmt::format("<li><a href=\"#{}\">{}</a></li>", escaped(s.id), escaped(s.title));
    sections += html(s);
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{0}</title>\n"
      "<style>{1}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>\n<p "
      "class=\"subtitle\">{2}</p>\n</header>\n"
      "<nav aria-label=\"Sections\"><ul>{3}</ul></nav>\n<main>\n{4}</main>\n"
      "<footer>Written by afu report. All times are on the run's own clock unless said otherwise.</footer>\n"
      "<script>{5}</script>\n</body>\n</html>\n",
      escaped(d.title), std::string(palette_css) + page_css + chart_css(), escaped(d.subtitle), links,
      sections, page_js);
}

}  // namespace afu::page
