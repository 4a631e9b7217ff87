/// afu man: the manual's page, in man(7)'s macros.
#include "cli/declared.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "device/devices.hpp"

namespace afu::cli {
namespace {

/// Text as it is: nothing in it is a macro or an escape.
std::string plain(const std::string& text) {
  std::string out = text.empty() || (text[0] != '.' && text[0] != '\'') ? "" : "\\&";
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string argument(const DeclaredOption& o) {
  const auto name = "\\fI" + plain(o.place) + "\\fR" + (o.repeated ? " ..." : "");
  return o.required ? name : "[" + name + "]";
}

void print_option(const DeclaredOption& o) {
  std::string names;
  for (const auto& name : o.names) names += (names.empty() ? "\\fB" : ", \\fB") + plain(name) + "\\fR";
  if (names.empty()) names = "\\fI" + plain(o.place) + "\\fR";
  if (!o.value.empty() && !o.names.empty()) names += " \\fI" + plain(o.value) + "\\fR";
  if (o.repeated) names += " ...";
  std::string help = plain(o.help);
  if (!o.choices.empty())
    help += (help.empty() ? "One of " : ". One of ") + plain(CLI::detail::join(o.choices, ", "));
  if (!o.standard.empty()) help += ". Default: " + plain(o.standard);
  print(".TP\n{}\n{}.\n", names, help.empty() ? "\\&" : help);
}

void print_verb(const Declared& d) {
  std::string line = "afu " + plain(d.words());
  if (!d.verbs.empty()) line += " \\fIVERB\\fR";
  for (const auto& o : d.options)
    if (o.names.empty()) line += " " + argument(o);
  print(".SS {} [\\fIOPTIONS\\fR]\n{}.\n", line, plain(d.help));
  for (const auto& o : d.options) print_option(o);
}

constexpr const char* kClosing = R"(.SH EXIT STATUS
.TP
0
Done.
.TP
1
The run failed, or something could not be written.
.TP
2
The input cannot be used; nothing was touched.
.TP
128 + \fIn\fR
Ended by signal \fIn\fR in order: 130 by an interrupt. 141: the reader of what was printed had gone.
.SH ENVIRONMENT
.TP
\fBAFU_DATA_DIR\fR
A folder of data sets, searched after the scenario's own and the working one.
.TP
\fBNO_COLOR\fR
Set to anything: no colours.
)";

}  // namespace

std::function<int()> declare_man(CLI::App& app) {
  return [&app] {
    const auto all = declared(*app.get_parent());
    auto version = device::library_versions().front().second;
    print(".TH AFU 1 \"\" \"afu {}\" \"User Commands\"\n", plain(version));
    print(".SH NAME\nafu \\- {}\n", plain(all.front().help.substr(all.front().help.find(' ') + 1)));
    print(".SH SYNOPSIS\n\\fBafu\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR]\n.SH OPTIONS\n");
    for (const auto& o : all.front().options) print_option(o);
    print(".SH VERBS\n");
    for (const auto& d : all)
      if (!d.path.empty()) print_verb(d);
    print("{}", kClosing);
    return 0;
  };
}

}  // namespace afu::cli
