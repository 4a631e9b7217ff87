#include "model/pickle.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "config/text.hpp"
#include "model/pickle_bytes.hpp"

namespace afu::model {
namespace {

using Kind = Pickled::Kind;

constexpr std::size_t most_dimensions = 64, most_values = 1'000'000;
constexpr std::int64_t most_elements = std::int64_t{1} << 40;

/// At most 80 bytes of it, as messages show it.
std::string shown(std::string_view text) {
  return "'" + config::printable(std::string(text.substr(0, 80)), true) + "'";
}

bool begins(const std::string& text, std::string_view with) {
  return text.compare(0, with.size(), with) == 0;
}

bool is_known_name(const std::string& name) {
  for (const char* known : {"torch._utils._rebuild_tensor_v2", "collections.OrderedDict", "torch.device",
                            "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist",
                            "torch.jit._pickle.build_boollist", "torch.jit._pickle.build_tensorlist",
                            "torch.jit._pickle.restore_type_tag"})
    if (name == known) return true;
  constexpr std::string_view storage = "Storage";
  return begins(name, "__torch__.") ||
         (begins(name, "torch.") && name.find('.', 6) == std::string::npos &&
          name.size() > 6 + storage.size() &&
          name.compare(name.size() - storage.size(), storage.size(), storage) == 0);
}

class Machine {
 public:
  explicit Machine(std::string_view bytes) : from_(bytes) {}

  Pickle run() {
    try {
      while (!step()) {
      }
      pickle_.root = pop();
      if (!stack_.empty()) fail("values are left over");
      return std::move(pickle_);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(fmt::format("byte {}: {}", from_.operation_at(), e.what()));
    }
  }

 private:
  [[noreturn]] static void fail(const std::string& why) { throw std::runtime_error(why); }

  Pickled* make(Kind kind) {
    if (pickle_.values.size() == most_values) fail(fmt::format("more than {} values", most_values));
    auto& v = pickle_.values.emplace_back();
    v.kind = kind;
    return &v;
  }
  void push(Pickled* v) { stack_.push_back(v); }
  void push(Kind kind) { push(make(kind)); }
  /// An argument again, as the result of a call that only says of which type it is.
  void push_again(const Pickled* v) { push(const_cast<Pickled*>(v)); }
  void push_integer(std::int64_t value, Kind kind = Kind::integer) {
    push(kind);
    stack_.back()->integer = value;
  }
  void push_text(std::string value) {
    push(Kind::text);
    stack_.back()->text = std::move(value);
  }
  /// The floor of what may be taken: the values since the last mark.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Pickled* pop() {
    if (stack_.size() <= floor()) fail("takes a value where there is none");
    auto* v = stack_.back();
    stack_.pop_back();
    return v;
  }
  Pickled* top(Kind kind) {
    if (stack_.size() <= floor()) fail("needs a value where there is none");
    if (stack_.back()->kind != kind)
      fail(fmt::format("needs {}, finds {}", to_string(kind), to_string(stack_.back()->kind)));
    return stack_.back();
  }
  std::vector<const Pickled*> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const Pickled*> items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<const Pickled*> items) {
    push(Kind::tuple);
    stack_.back()->items = std::move(items);
  }
  void push_tuple_of(std::size_t n) {
    std::vector<const Pickled*> items(n);
    for (auto i = n; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }
  void extend(Kind kind, std::vector<const Pickled*> items) {
    auto& to = top(kind)->items;
    if (kind == Kind::dict && items.size() % 2 != 0) fail("a key has no value");
    to.insert(to.end(), items.begin(), items.end());
  }

  void put(std::uint32_t place) {
    if (stack_.size() <= floor()) fail("keeps a value where there is none");
    if (place > from_.size()) fail("keeps a value at a place out of range");
    if (place >= memo_.size()) memo_.resize(place + 1);
    memo_[place] = stack_.back();
  }
  void get(std::uint32_t place) {
    if (place >= memo_.size() || !memo_[place]) fail("asks for a value that was not kept");
    push(memo_[place]);
  }

  void push_name() {
    const auto module = from_.line(), leaf = from_.line();
    auto name = module + "." + leaf;
    if (!is_known_name(name))
      fail("refers to " + shown(name) + ", which does not belong into an archive of parameters");
    push(Kind::name);
    stack_.back()->text = std::move(name);
  }
  void make_object() {
    const auto* arguments = pop();
    const auto* cls = pop();
    if (arguments->kind != Kind::tuple || !arguments->items.empty() || cls->kind != Kind::name ||
        !begins(cls->text, "__torch__."))
      fail("makes an object of no class of the archive");
    push(Kind::object);
    stack_.back()->text = cls->text;
  }
  void build() {
    const auto* state = pop();
    auto* object = top(Kind::object);
    if (!object->items.empty()) fail("builds an object twice");
    object->items.push_back(state);
  }
  void reduce() {
    const auto* arguments = pop();
    const auto* function = pop();
    if (function->kind != Kind::name || arguments->kind != Kind::tuple) fail("calls what is no name");
    const auto& name = function->text;
    const auto& a = arguments->items;
    if (name == "torch._utils._rebuild_tensor_v2") return push(tensor(a));
    if (name == "collections.OrderedDict" && a.empty()) return push(Kind::dict);
    if (name == "torch.device" && a.size() == 1 && a[0]->kind == Kind::text) {
      push(Kind::device);
      stack_.back()->text = a[0]->text;
      return;
    }
    if (begins(name, "torch.jit._pickle.build_") && a.size() == 1 && a[0]->kind == Kind::list)
      return push_again(a[0]);
    if (name == "torch.jit._pickle.restore_type_tag" && a.size() == 2) return push_again(a[0]);
    fail("calls " + shown(name) + " with arguments that it does not take");
  }

  /// ("storage", torch.FloatStorage, key, device, elements)
  void load_storage() {
    const auto* id = pop();
    const auto& a = id->items;
    if (id->kind != Kind::tuple || a.size() != 5 || a[0]->kind != Kind::text || a[0]->text != "storage" ||
        a[1]->kind != Kind::name || !begins(a[1]->text, "torch.") || a[2]->kind != Kind::text ||
        a[3]->kind != Kind::text || a[4]->kind != Kind::integer)
      fail("refers to something that is no storage");
    if (a[4]->integer < 0 || a[4]->integer > most_elements)
      fail(fmt::format("a storage of {} elements", a[4]->integer));
    push(Kind::storage);
    auto& t = stack_.back()->tensor;
    t.dtype = a[1]->text.substr(6, a[1]->text.size() - 6 - 7);  // torch. ... Storage
    t.key = a[2]->text;
    t.length = a[4]->integer;
  }

  static std::vector<std::int64_t> integers(const Pickled& v) {
    if (v.kind != Kind::tuple) fail("a tensor's shape is no tuple");
    if (v.items.size() > most_dimensions) fail(fmt::format("a tensor of {} dimensions", v.items.size()));
    std::vector<std::int64_t> out;
    for (const auto& i : v.items) {
      if (i->kind != Kind::integer || i->integer < 0 || i->integer > most_elements)
        fail("a tensor's shape or strides are out of range");
      out.push_back(i->integer);
    }
    return out;
  }
  /// (storage, offset, shape, strides, requires_grad, hooks[, metadata])
  Pickled* tensor(const std::vector<const Pickled*>& a) {
    if (a.size() < 6 || a.size() > 7 || a[0]->kind != Kind::storage || a[1]->kind != Kind::integer ||
        a[4]->kind != Kind::boolean || a[5]->kind != Kind::dict || !a[5]->items.empty())
      fail("makes a tensor of other arguments than LibTorch writes");
    if (a.size() == 7 && a[6]->kind != Kind::none && !(a[6]->kind == Kind::dict && a[6]->items.empty()))
      fail("makes a tensor with metadata, which is not supported");
    auto* v = make(Kind::tensor);
    auto& t = v->tensor;
    t = a[0]->tensor;
    t.offset = a[1]->integer;
    t.shape = integers(*a[2]);
    t.strides = integers(*a[3]);
    t.requires_grad = a[4]->integer != 0;
    if (t.shape.size() != t.strides.size()) fail("a tensor has more strides than dimensions, or fewer");
    if (t.offset < 0 || t.offset > t.length) fail("a tensor begins outside its storage");
    std::int64_t elements = 1, last = t.offset;
    for (std::size_t d = 0; d < t.shape.size(); ++d) {
      if (t.shape[d] > 0 && elements > most_elements / t.shape[d]) fail("a tensor has too many elements");
      elements *= t.shape[d];
    }
    if (elements == 0) return v;
    for (std::size_t d = 0; d < t.shape.size(); ++d) {
      const auto steps = t.shape[d] - 1;
      if (steps > 0 && t.strides[d] > (t.length - last) / steps) fail("a tensor reaches beyond its storage");
      last += steps * t.strides[d];
    }
    if (last >= t.length) fail("a tensor reaches beyond its storage");
    return v;
  }

  void push_real() {
    push(Kind::real);
    stack_.back()->real = from_.real();
  }

  /// One opcode; true for the last one.
  bool step() {
    switch (const auto op = from_.operation(); op) {
      case 0x80:  // PROTO
        if (const auto version = from_.number<std::uint8_t>(); version < 2 || version > 5)
          fail(fmt::format("a pickle of protocol {}, wanted 2 to 5", version));
        break;
      case 0x95:  // FRAME
        from_.raw(8);
        break;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '.':
        return true;
      case 'N':
        push(Kind::none);
        break;
      case 0x88:
      case 0x89:
        push_integer(op == 0x88, Kind::boolean);
        break;
      case 'J':
        push_integer(from_.number<std::int32_t>());
        break;
      case 'K':
        push_integer(from_.number<std::uint8_t>());
        break;
      case 'M':
        push_integer(from_.number<std::uint16_t>());
        break;
      case 0x8a:
        push_integer(from_.long_integer());
        break;
      case 'G':
        push_real();
        break;
      case 'X':
        push_text(from_.text(from_.number<std::uint32_t>()));
        break;
      case 0x8c:
        push_text(from_.text(from_.number<std::uint8_t>()));
        break;
      case 0x8d:
        push_text(from_.text(from_.number<std::uint64_t>()));
        break;
      case ')':
        push_tuple({});
        break;
      case 0x85:
      case 0x86:
      case 0x87:
        push_tuple_of(op - 0x84u);
        break;
      case 't':
        push_tuple(pop_to_mark());
        break;
      case ']':
        push(Kind::list);
        break;
      case '}':
        push(Kind::dict);
        break;
      case 'a':
        extend(Kind::list, {pop()});
        break;
      case 'e': {
        auto items = pop_to_mark();
        extend(Kind::list, std::move(items));
        break;
      }
      case 's': {
        const auto *value = pop(), *key = pop();
        extend(Kind::dict, {key, value});
        break;
      }
      case 'u': {
        auto items = pop_to_mark();
        extend(Kind::dict, std::move(items));
        break;
      }
      case 'q':
        put(from_.number<std::uint8_t>());
        break;
      case 'r':
        put(from_.number<std::uint32_t>());
        break;
      case 0x94:  // MEMOIZE
        put(static_cast<std::uint32_t>(memo_.size()));
        break;
      case 'h':
        get(from_.number<std::uint8_t>());
        break;
      case 'j':
        get(from_.number<std::uint32_t>());
        break;
      case 'c':
        push_name();
        break;
      case 'Q':
        load_storage();
        break;
      case 0x81:
        make_object();
        break;
      case 'b':
        build();
        break;
      case 'R':
        reduce();
        break;
      default:
        fail(fmt::format("operation 0x{:02x} does not belong into an archive of parameters", op));
    }
    return false;
  }

  PickleBytes from_;
  Pickle pickle_;
  std::vector<Pickled*> stack_, memo_;
  std::vector<std::size_t> marks_;
};

}  // namespace

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "a truth value";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::tuple:
      return "a tuple";
    case Kind::list:
      return "a list";
    case Kind::dict:
      return "a dict";
    case Kind::name:
      return "a name";
    case Kind::storage:
      return "a storage";
    case Kind::tensor:
      return "a tensor";
    case Kind::object:
      return "an object";
    case Kind::device:
      return "a device";
  }
  return "";
}

Pickle read_pickle(std::string_view bytes) { return Machine(bytes).run(); }

}  // namespace afu::model
