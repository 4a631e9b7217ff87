#include "config/document.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/input_error.hpp"
#include "base/text_file.hpp"
#include "config/nesting.hpp"
#include "config/text.hpp"

namespace afu::config {

namespace fs = std::filesystem;

namespace {

Place place_in(const std::string& file, const toml::source_region& region) {
  return {file, region.begin.line, region.begin.column, false};
}

/// Converts toml++'s tree into ours: nodes that can be moved about without losing their place.
Node convert(const toml::node& n, const std::string& file) {
  Node out;
  out.place = place_in(file, n.source());
  n.visit([&](const auto& v) {
    using T = std::decay_t<decltype(v)>;
    if constexpr (std::is_same_v<T, toml::table>) {
      Table t;
      t.is_inline = v.is_inline();
      for (auto&& [key, child] : v)
        t.entries.push_back({std::string{key.str()}, place_in(file, key.source()), convert(child, file)});
      auto by_place = [](const Table::Entry& a, const Table::Entry& b) {
        return std::pair{a.place.line, a.place.column} < std::pair{b.place.line, b.place.column};
      };
      std::sort(t.entries.begin(), t.entries.end(), by_place);  // toml++ orders them by name
      out.value = std::move(t);
    } else if constexpr (std::is_same_v<T, toml::array>) {
      Array a;
      for (auto&& child : v) a.items.push_back(convert(child, file));
      out.value = std::move(a);
    } else if constexpr (toml::is_date<T> || toml::is_time<T> || toml::is_date_time<T>) {
      out.value = DateOrTime{};
    } else {
      out.value = v.get();
    }
  });
  return out;
}

/// Values of `over` win.
void merge(Table& base, Table&& over) {
  for (auto& e : over.entries) {
    auto* old = base.find(e.key);
    if (!old) {
      base.entries.push_back(std::move(e));
      continue;
    }
    auto* a = std::get_if<Table>(&old->value);
    auto* b = std::get_if<Table>(&e.node.value);
    if (a && b && !a->is_inline && !b->is_inline) {
      old->place = e.node.place;
      merge(*a, std::move(*b));
    } else {
      auto same_key = [&](const Table::Entry& x) { return x.key == e.key; };
      *std::find_if(base.entries.begin(), base.entries.end(), same_key) = std::move(e);
    }
  }
}

constexpr std::size_t most_files = 256;        ///< that a document includes
constexpr std::size_t most_includes = 10'000;  ///< in all of them

/// What was included so far.
struct Included {
  std::map<std::string, Node> files;  ///< by the path that the system knows it under: each is read once
  std::size_t includes = 0;
};

/// A file being read, and the files that include it: to tell a cycle.
struct Chain {
  fs::path file;
  const Chain* parent = nullptr;
  Included* included = nullptr;
};

Node read_included(const Node& path, const Chain& chain, Errors& errors);

Node parse_text(const std::string& text, const std::string& name, const Chain& chain, Errors& errors) {
  Node root{Table{}, {name, 1, 1, false}};
  if (const auto deep = deeper_than(text)) {
    errors.add({name, deep->line, deep->column, false}, "",
               fmt::format("nested deeper than {} levels (parts of names, arrays and tables)", deepest));
    return root;
  }
  try {
    root.value = convert(toml::parse(text, std::string{name}), name).value;
  } catch (const toml::parse_error& e) {
    errors.add(place_in(name, e.source()), "", std::string{e.description()});
    return root;
  }
  auto& table = std::get<Table>(root.value);
  auto is_include = [](const Table::Entry& e) { return e.key == "include"; };
  auto include = std::find_if(table.entries.begin(), table.entries.end(), is_include);
  if (include == table.entries.end()) return root;
  Node node = std::move(include->node);
  table.entries.erase(include);

  Table merged;
  auto add = [&](const Node& path) {
    if (!std::holds_alternative<std::string>(path.value))
      return errors.add(
          path.place, "include",
          shown(path) + " is " + kind_of(path) + ", allowed is a file's name or an array of them");
    merge(merged, std::get<Table>(read_included(path, chain, errors).value));
  };
  if (auto* list = node.array()) {
    for (const auto& path : list->items) add(path);
  } else {
    add(node);
  }
  merge(merged, std::move(table));
  root.value = std::move(merged);
  return root;
}

Node read_included(const Node& path, const Chain& chain, Errors& errors) {
  const auto& given = std::get<std::string>(path.value);
  auto file = (chain.file.parent_path() / given).lexically_normal();
  std::error_code ignored;
  std::string cycle = file.generic_string();
  for (auto* c = &chain; c; c = c->parent) {
    cycle = c->file.generic_string() + " -> " + cycle;
    if (c->file.lexically_normal() == file || fs::equivalent(c->file, file, ignored)) {
      errors.add(path.place, "include", quoted(given) + " includes itself: " + cycle);
      return {Table{}, path.place};
    }
  }
  auto& included = *chain.included;
  const auto refuse = [&](const std::string& why) -> Node {
    errors.add(path.place, "include", file.generic_string() + ": " + why);
    return {Table{}, path.place};
  };
  if (++included.includes > most_includes)
    return refuse(fmt::format("this is one of more than {} includes", most_includes));
  const auto known_as = fs::weakly_canonical(file, ignored).string();
  if (const auto known = included.files.find(known_as); known != included.files.end()) return known->second;
  if (included.files.size() >= most_files)
    return refuse(fmt::format("this is one of more than {} included files", most_files));
  std::string text;
  if (const auto why = base::read_text_file(file.string(), text); !why.empty()) return refuse(why);
  included.files.emplace(known_as, Node{Table{}, path.place});  // counts while what it includes is read
  auto node = parse_text(text, file.generic_string(), {file, &chain, &included}, errors);
  included.files[known_as] = node;
  return node;
}

Node override_value(const std::string& text, const Place& place) {
  Node out{text, place};
  const auto toml = "value = " + text;
  if (deeper_than(toml)) return out;  // refused by apply_override
  try {
    auto parsed = toml::parse(toml);
    if (parsed.size() == 1) out = convert(*parsed.get("value"), place.file);
    if (std::holds_alternative<DateOrTime>(out.value)) out.value = text;
  } catch (const toml::parse_error&) {
    // A bare string, as documented: training.rule=fedavg.
  }
  // Whatever stands in the override carries the override's place.
  auto mark = [&place](auto& self, Node& n) -> void {
    n.place = place;
    if (auto* t = std::get_if<Table>(&n.value))
      for (auto& e : t->entries) e.place = place, self(self, e.node);
    if (auto* a = std::get_if<Array>(&n.value))
      for (auto& item : a->items) self(self, item);
  };
  mark(mark, out);
  return out;
}

/// A section takes over the keys of a table; all else is replaced.
void assign(Node& at, Node&& value) {
  auto* old = std::get_if<Table>(&at.value);
  auto* keys = std::get_if<Table>(&value.value);
  if (!old || !keys || is_one_value(*old) || is_one_value(*keys)) {
    at = std::move(value);
    return;
  }
  for (auto& e : keys->entries) {
    if (auto* held = old->find(e.key))
      assign(*held, std::move(e.node));
    else
      old->entries.push_back(std::move(e));
  }
}

}  // namespace

void Errors::add(const Place& place, const std::string& key, const std::string& text) {
  errors_.push_back({place, key, text});
}

bool Errors::has(const std::string& key) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const Error& e) { return e.key == key; });
}

bool Errors::has_any(const std::string& prefix) const {
  return std::any_of(errors_.begin(), errors_.end(),
                     [&](const Error& e) { return e.key.rfind(prefix, 0) == 0; });
}

std::vector<std::string> Errors::messages() const {
  // Files in the order in which they first appear, then overrides; within a file by line.
  std::vector<std::string> files;
  auto rank = [&](const Place& p) {
    if (p.is_override) return errors_.size();
    return static_cast<std::size_t>(std::find(files.begin(), files.end(), p.file) - files.begin());
  };
  for (const auto& e : errors_)
    if (!e.place.is_override && rank(e.place) == files.size()) files.push_back(e.place.file);
  auto sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Error& a, const Error& b) {
    return std::tuple{rank(a.place), a.place.line, a.place.column} <
           std::tuple{rank(b.place), b.place.line, b.place.column};
  });

  std::vector<std::string> out;
  for (const auto& e : sorted) {
    std::string message;
    if (e.place.is_override) {
      message = "--set " + e.place.file + ": ";
      if (key_steps(e.place.file) != key_steps(e.key) && !e.key.empty()) message += e.key + ": ";
    } else {
      message = e.place.file + ":";
      if (e.place.line > 0) message += fmt::format("{}:{}:", e.place.line, e.place.column);
      message += e.key.empty() ? " " : " " + e.key + ": ";
    }
    message += e.text;
    if (std::find(out.begin(), out.end(), message) == out.end()) out.push_back(std::move(message));
  }
  return out;
}

Node parse_document(const std::string& text, const std::string& name, Errors& errors) {
  Included included;
  return parse_text(text, name, {name, nullptr, &included}, errors);
}

Node read_document(const std::string& file, Errors& errors) {
  std::string text;
  if (const auto why = base::read_text_file(file, text, /*pipes=*/true); !why.empty())
    throw InputError(file + ": " + why);
  return parse_document(text, file, errors);
}

void apply_override(Node& root, const std::string& override_text, Errors& errors) {
  constexpr std::size_t longest = 200;  // of a key that is shown
  auto equals = override_text.find('=');
  const auto key = override_text.substr(0, equals);
  Place place{key.size() <= longest ? printable(key) : printable(key.substr(0, longest)) + "...", 0, 0, true};
  if (const auto at = not_utf8_at(override_text); at != std::string::npos)
    return errors.add(place, "",
                      fmt::format("'{}' is no UTF-8 at byte {}, and a scenario is",
                                  printable(override_text.substr(0, longest)), at + 1));
  auto steps = key_steps(key);
  if (steps.size() > deepest ||
      (equals != std::string::npos && deeper_than("value = " + override_text.substr(equals + 1))))
    return errors.add(place, "", fmt::format("nested deeper than {} levels", deepest));
  if (equals == std::string::npos || std::find(steps.begin(), steps.end(), "") != steps.end())
    return errors.add(place, "", "this override is malformed, allowed is section.key=value");

  Node* at = &root;
  std::string walked;
  for (const auto& step : steps) {
    if (auto* array = std::get_if<Array>(&at->value)) {
      auto count = array->items.size();
      auto index = is_index(step) ? std::stoul(step) : count + 1;
      if (index > count)
        return errors.add(
            place, "",
            fmt::format("{} has {} elements, allowed is an index in [0, {}]", walked, count, count));
      if (index == count) array->items.push_back({Table{}, place});
      at = &array->items[index];
      walked += "[" + step + "]";
      continue;
    }
    auto* table = std::get_if<Table>(&at->value);
    if (!table) return errors.add(place, "", walked + " is " + kind_of(*at) + ", it has no keys");
    auto* child = table->find(step);
    if (!child) {
      // `erasure.0` of a scenario without erasures begins the array.
      bool begins_array = &step != &steps.back() && is_index(*(&step + 1));
      Node fresh{Table{}, place};
      if (begins_array) fresh.value = Array{};
      table->entries.push_back({step, place, std::move(fresh)});
      child = &table->entries.back().node;
    }
    at = child;
    walked += (walked.empty() ? "" : ".") + step;
  }
  auto value = override_value(override_text.substr(equals + 1), place);
  if (is_index(steps.back()))  // an element is one value: an erasure, say
    *at = std::move(value);
  else
    assign(*at, std::move(value));
}

}  // namespace afu::config
