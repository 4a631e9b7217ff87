#pragma once
/// A scenario file as a tree of values that know where they stand, with its includes and overrides applied.
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace afu::config {

/// Where a value stands: a line and column of a file, or the override that set it.
struct Place {
  std::string file;  ///< of an override: the key as it was typed
  std::uint32_t line = 0, column = 0;
  bool is_override = false;
};

struct Node;
/// A date or time: TOML has them, scenarios do not.
struct DateOrTime {};
/// A table or array keeps the order of its entries. `is_inline`: `{ a = 1 }`, one value that is replaced as a
/// whole.
struct Table {
  struct Entry;
  std::vector<Entry> entries;
  bool is_inline = false;
  Node* find(const std::string& key);
  const Node* find(const std::string& key) const;
};
struct Array {
  std::vector<Node> items;
};
struct Node {
  std::variant<bool, std::int64_t, double, std::string, DateOrTime, Array, Table> value;
  Place place;
  const Table* table() const { return std::get_if<Table>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
};
struct Table::Entry {
  std::string key;
  Place place;  ///< of the key
  Node node;
};

/// Collects every error of a scenario, so that all of them are reported at once.
class Errors {
 public:
  /// `key` is the full name, `training.lr`; empty where the error concerns no key.
  void add(const Place& place, const std::string& key, const std::string& text);
  bool empty() const { return errors_.empty(); }
  bool has(const std::string& key) const;
  /// Whether there is an error of a key that begins with `prefix`.
  bool has_any(const std::string& prefix) const;
  /// `file:line:col: key: text`, by file and line; overrides, as `--set key: text`, come last.
  std::vector<std::string> messages() const;

 private:
  struct Error {
    Place place;
    std::string key, text;
  };
  std::vector<Error> errors_;
};

/// Parses `text`, whose `include` entries are read relative to the folder of `name`. Tables of several files
/// are merged key by key, the including file's values win; arrays and inline tables are replaced as a whole.
Node parse_document(const std::string& text, const std::string& name, Errors& errors);

/// The same, of a file. Throws InputError where it cannot be read; of a file that it includes this is an error like
/// the others.
Node read_document(const std::string& file, Errors& errors);

/// Whether the table is one value, a distribution, and no section of keys.
bool is_one_value(const Table& table);

/// The steps of `a.b[0].c` or `a.b.0.c`: names and, as text, indices. An empty step where the key is
/// malformed.
std::vector<std::string> key_steps(const std::string& key);
/// Whether a step is an index.
bool is_index(const std::string& step);

/// Applies `a.b=value`: a TOML value, or else a bare string. Elements of arrays are `a[0].b` or `a.0.b`; the
/// index after the last one appends. A table that is given for a section, `training={lr = 0.1}`, sets the
/// keys that it has and leaves the others; an element of an array is replaced as a whole.
void apply_override(Node& root, const std::string& override_text, Errors& errors);

/// The value at `key`; null: there is none.
const Node* node_at(const Node& root, const std::string& key);
Node* node_at(Node& root, const std::string& key);

/// Section and name of `a.b.c`, `a.b` and `c`; the section of `c` is empty, which is the root.
std::pair<std::string, std::string> parts(const std::string& key);
/// The section at `key`; null: there is none.
Table* table_at(Node& root, const std::string& key);
/// Puts the entry into the section called `path`, which is made where it is not there. False: something else stands there.
bool put(Node& root, const std::string& path, Table::Entry entry);

/// `file:line:col`, or, of an override, `--set KEY`.
std::string place_text(const Place& place);

/// The place of `key` (`training.lr`, `erasure[0].client`), or of the nearest section around it that is
/// there.
Place place_of(const Node& root, const std::string& key);

/// `"a string"`, `3.0`, `true`, `a table`: a value as messages show it.
std::string shown(const Node& node);

/// The node as a TOML value on one line: inline tables and arrays.
std::string toml_text(const Node& node);

/// What it is: "a string", "a whole number", "a real number", ...
std::string kind_of(const Node& node);

}  // namespace afu::config
