#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/document.hpp"
#include "config/text.hpp"

namespace afu::config {

bool is_index(const std::string& step) {
  return !step.empty() && step.size() < 10 &&
         std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_one_value(const Table& table) { return table.find("distribution") != nullptr; }

std::vector<std::string> key_steps(const std::string& key) {
  std::vector<std::string> steps(1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '[') {
      const auto end = std::min(key.find(']', i), key.size());
      const auto index = key.substr(i + 1, end - i - 1);
      const bool ends =
          end + 1 == key.size() || (end < key.size() && (key[end + 1] == '.' || key[end + 1] == '['));
      steps.push_back(is_index(index) && ends ? index : "");
      i = end;
    } else if (key[i] == '.') {
      steps.emplace_back();
    } else {
      steps.back() += key[i] == ']' ? "" : std::string(1, key[i]);
      if (key[i] == ']') steps.emplace_back();
    }
  }
  return steps;
}

Node* Table::find(const std::string& key) {
  for (auto& e : entries)
    if (e.key == key) return &e.node;
  return nullptr;
}
const Node* Table::find(const std::string& key) const { return const_cast<Table*>(this)->find(key); }

namespace {

/// What `step` names in `node`; null: nothing.
const Node* child(const Node& node, const std::string& step) {
  if (auto* table = node.table()) return table->find(step);
  auto* array = node.array();
  const bool there = array && is_index(step) && std::stoul(step) < array->items.size();
  return there ? &array->items[std::stoul(step)] : nullptr;
}

}  // namespace

const Node* node_at(const Node& root, const std::string& key) {
  const Node* at = &root;
  for (const auto& step : key_steps(key))
    if (!(at = child(*at, step))) return nullptr;
  return at;
}

Node* node_at(Node& root, const std::string& key) {
  return const_cast<Node*>(node_at(std::as_const(root), key));
}

Place place_of(const Node& root, const std::string& key) {
  const Node* at = &root;
  for (const auto& step : key_steps(key)) {
    const auto* next = child(*at, step);
    if (!next) break;
    at = next;
  }
  return at->place;
}

std::pair<std::string, std::string> parts(const std::string& key) {
  const auto dot = key.rfind('.');
  if (dot == std::string::npos) return {"", key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

Table* table_at(Node& root, const std::string& key) {
  auto* node = key.empty() ? &root : node_at(root, key);
  return node ? std::get_if<Table>(&node->value) : nullptr;
}

bool put(Node& root, const std::string& path, Table::Entry entry) {
  if (!path.empty() && !node_at(root, path)) {
    const auto [around, name] = parts(path);
    if (!put(root, around, {name, entry.place, {Table{}, entry.place}})) return false;
  }
  auto* table = table_at(root, path);
  if (table) table->entries.push_back(std::move(entry));
  return table != nullptr;
}

std::string place_text(const Place& place) {
  if (place.is_override) return "--set " + place.file;
  return place.line == 0 ? place.file : fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

std::string kind_of(const Node& node) {
  static const char* const names[] = {"a boolean",      "a whole number", "a real number", "a string",
                                      "a date or time", "an array",       "a table"};
  return names[node.value.index()];
}

std::string toml_text(const Node& node) {
  std::string out;
  if (auto* t = node.table()) {
    for (const auto& e : t->entries)
      out += (out.empty() ? "" : ", ") + quoted(e.key) + " = " + toml_text(e.node);
    return out.empty() ? "{}" : "{ " + out + " }";
  }
  if (auto* a = node.array()) {
    for (const auto& item : a->items) out += (out.empty() ? "" : ", ") + toml_text(item);
    return "[" + out + "]";
  }
  return shown(node);
}

std::string shown(const Node& node) {
  if (auto* b = std::get_if<bool>(&node.value)) return *b ? "true" : "false";
  if (auto* i = std::get_if<std::int64_t>(&node.value)) return std::to_string(*i);
  if (auto* d = std::get_if<double>(&node.value)) return number_text(*d);
  if (auto* s = std::get_if<std::string>(&node.value)) return quoted(*s);
  return "the value";
}

}  // namespace afu::config
