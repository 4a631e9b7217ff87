#include "model/import_module.hpp"

#include <caffe2/serialize/versions.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/serialization/import_source.h>

#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "model/archive_reader.hpp"
#include "model/operators.hpp"
#include "model/torch_errors.hpp"

namespace afu::model {
namespace {

using Kind = Pickled::Kind;

constexpr int most_depth = 100, most_values = 1'000'000;
constexpr std::int64_t deepest_brackets = 100, longest_chain = 1000;

/// LibTorch reads older archives by functions that it registers when it first loads one.
void register_upgraders() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::stringstream archive;
    torch::jit::Module("Empty").save(archive);
    torch::jit::load(archive);
  });
}

/// LibTorch's parser goes down the stack with every bracket and operator: bounds both, a logical line.
void check_depth(const ArchiveReader& archive, const std::string& entry, const std::string& code) {
  std::int64_t brackets = 0, chain = 0, indent = 0;
  char quote = 0;
  bool begins = true;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '\n') {
      if (brackets == 0) chain = 0;
      begins = true, indent = 0;
      continue;
    }
    if (begins && c == ' ') {
      ++indent;
      continue;
    }
    begins = false;
    if (c == '"' || c == '\'') quote = c;
    if (c == '(' || c == '[' || c == '{') ++brackets;
    if (c == ')' || c == ']' || c == '}') --brackets;
    if (c == ',') chain = 0;
    // Operators, words between operands (not, if, and, ...), attributes.
    if (std::string_view("+-*/%&|^~<>=!@.").find(c) != std::string_view::npos || (c == ' ' && brackets >= 0))
      ++chain;
    if (brackets > deepest_brackets || indent > 4 * deepest_brackets || chain > longest_chain)
      archive.refuse(entry + ": its code is nested too deep, or a line of it is too long");
  }
}

/// Values of a pickle as LibTorch's, of the types that the archive's classes give them.
class Importer {
 public:
  explicit Importer(const std::string& path)
      : archive_(path), unit_(std::make_shared<torch::jit::CompilationUnit>()) {
    const auto newest = static_cast<std::int64_t>(caffe2::serialize::kMaxSupportedFileFormatVersion);
    if (archive_.version() < 1 || archive_.version() > newest)
      archive_.refuse(
          fmt::format("TorchScript of version {}, this LibTorch reads 1 to {}", archive_.version(), newest));
  }

  torch::jit::Module run() {
    register_upgraders();
    const auto data = archive_.pickle("data");
    if (data.root->kind != Kind::object)
      archive_.refuse(std::string("not a module: it holds ") + to_string(data.root->kind));
    read_constants();
    for (const auto& entry : archive_.entries("code/"))
      if (is_code(entry)) check_depth(archive_, entry, archive_.text(entry));
    try {
      compile(data);
      if (const auto why = forbidden(*unit_); !why.empty()) archive_.refuse(why);
      const auto type = class_of(*data.root);
      if (!type->is_module())
        archive_.refuse("not a module: '" + data.root->text + "' is a class of another kind");
      folder_ = "data";
      return torch::jit::Module(value(*data.root, type, "the module", 0).toObject());
    } catch (const c10::Error& e) {
      archive_.refuse("its code cannot be compiled: " + plain_reason(e));
    } catch (const torch::jit::ErrorReport& e) {
      archive_.refuse("its code cannot be compiled: " + plain_reason(e));
    }
  }

 private:
  static bool is_code(const std::string& entry) {
    return entry.size() > 3 && entry.compare(entry.size() - 3, 3, ".py") == 0;
  }

  /// The tensors that code names as CONSTANTS.c0, CONSTANTS.c1, ...
  void read_constants() {
    const auto constants = archive_.pickle("constants");
    if (constants.root->kind != Kind::tuple) archive_.refuse("damaged: constants.pkl holds no tuple");
    for (const auto* c : constants.root->items) {
      if (c->kind != Kind::tensor)
        archive_.refuse(std::string("a constant of its code is ") + to_string(c->kind) + ", wanted a tensor");
      constants_.emplace_back(
          archive_.tensor(c->tensor, "constants").set_requires_grad(c->tensor.requires_grad));
    }
  }

  /// All classes that objects of the archive are of, with their methods and what those call.
  void compile(const Pickle& data) {
    const auto source = [this](const std::string& name) -> std::shared_ptr<torch::jit::Source> {
      auto entry = "code/" + name;
      for (auto& c : entry)
        if (c == '.') c = '/';
      entry += ".py";
      if (!archive_.has(entry)) return nullptr;
      return std::make_shared<torch::jit::Source>(archive_.text(entry), entry, 0);
    };
    torch::jit::SourceImporter importer(unit_, &constants_, source,
                                        static_cast<std::size_t>(archive_.version()));
    for (const auto& v : data.values) {
      if (v.kind != Kind::object || types_.count(v.text) > 0) continue;
      auto type = importer.loadType(c10::QualifiedName(v.text));
      auto of_class = type ? type->cast<c10::ClassType>() : nullptr;
      if (!of_class) archive_.refuse("'" + v.text + "' is no class of its code");
      if (of_class->findMethod("__setstate__"))
        archive_.refuse("'" + v.text + "' has a __setstate__: code that would run before there is a module");
      types_[v.text] = std::move(of_class);
    }
  }

  c10::ClassTypePtr class_of(const Pickled& v) const { return types_.at(v.text); }

  [[noreturn]] void mismatch(const Pickled& v, const c10::TypePtr& type, const std::string& name) const {
    archive_.refuse(
        fmt::format("{} is {}, its code wants {}", name, to_string(v.kind), type->annotation_str()));
  }

  c10::IValue value(const Pickled& v, const c10::TypePtr& type, const std::string& name, int depth) {
    if (depth > most_depth) archive_.refuse(fmt::format("{} is nested more than {} deep", name, most_depth));
    if (++values_ > most_values) archive_.refuse(fmt::format("it holds more than {} values", most_values));
    if (auto optional = type->cast<c10::OptionalType>())
      return v.kind == Kind::none ? c10::IValue() : value(v, optional->getElementType(), name, depth);
    switch (type->kind()) {
      case c10::TypeKind::NoneType:
        if (v.kind == Kind::none) return {};
        break;
      case c10::TypeKind::BoolType:
        if (v.kind == Kind::boolean) return v.integer != 0;
        break;
      case c10::TypeKind::IntType:
        if (v.kind == Kind::integer) return v.integer;
        break;
      case c10::TypeKind::FloatType:
        if (v.kind == Kind::real) return v.real;
        break;
      case c10::TypeKind::StringType:
        if (v.kind == Kind::text && !is_plain_text(v.text))
          archive_.refuse(name + " is a text with control characters");
        if (v.kind == Kind::text) return v.text;
        break;
      case c10::TypeKind::DeviceObjType:
        if (v.kind == Kind::device) return c10::Device(torch::kCPU);
        break;
      case c10::TypeKind::TensorType:
        if (v.kind == Kind::tensor) return tensor(v);
        break;
      case c10::TypeKind::ListType:
        if (v.kind == Kind::list)
          return list(v, type->expectRef<c10::ListType>().getElementType(), name, depth);
        break;
      case c10::TypeKind::DictType:
        if (v.kind == Kind::dict) return dict(v, type->expectRef<c10::DictType>(), name, depth);
        break;
      case c10::TypeKind::TupleType:
        if (v.kind == Kind::tuple) return tuple(v, type, name, depth);
        break;
      case c10::TypeKind::ClassType:
      case c10::TypeKind::InterfaceType:
        if (v.kind == Kind::object) return object(v, type, name, depth);
        break;
      default:
        archive_.refuse(
            fmt::format("{} is of the type {}, which is not supported", name, type->annotation_str()));
    }
    mismatch(v, type, name);
  }

  c10::IValue tensor(const Pickled& v) {
    auto& known = tensors_[&v];
    if (!known.defined())
      known = archive_.tensor(v.tensor, folder_).detach().set_requires_grad(v.tensor.requires_grad);
    return known;
  }
  c10::IValue list(const Pickled& v, const c10::TypePtr& element, const std::string& name, int depth) {
    c10::impl::GenericList all(element);
    for (const auto* i : v.items) all.push_back(value(*i, element, name, depth + 1));
    return all;
  }
  c10::IValue dict(const Pickled& v, const c10::DictType& type, const std::string& name, int depth) {
    c10::impl::GenericDict all(type.getKeyType(), type.getValueType());
    for (std::size_t i = 0; i + 1 < v.items.size(); i += 2)
      all.insert(value(*v.items[i], type.getKeyType(), name, depth + 1),
                 value(*v.items[i + 1], type.getValueType(), name, depth + 1));
    return all;
  }
  c10::IValue tuple(const Pickled& v, const c10::TypePtr& type, const std::string& name, int depth) {
    const auto& of_tuple = type->expectRef<c10::TupleType>();
    if (of_tuple.name() || of_tuple.elements().size() != v.items.size()) mismatch(v, type, name);
    std::vector<c10::IValue> all;
    for (std::size_t i = 0; i < v.items.size(); ++i)
      all.push_back(value(*v.items[i], of_tuple.elements()[i], name, depth + 1));
    return c10::ivalue::Tuple::create(std::move(all));
  }
  c10::IValue object(const Pickled& v, const c10::TypePtr& type, const std::string& name, int depth) {
    if (const auto known = objects_.find(&v); known != objects_.end()) return known->second;
    const auto of_class = class_of(v);
    if (!of_class->isSubtypeOf(*type)) mismatch(v, type, name);
    std::map<std::string, const Pickled*> state;
    if (v.items.size() != 1 || v.items[0]->kind != Kind::dict)
      archive_.refuse(name + " has no attributes: damaged");
    const auto& pairs = v.items[0]->items;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
      if (pairs[i]->kind == Kind::text) state[pairs[i]->text] = pairs[i + 1];
    auto made = c10::ivalue::Object::create(c10::StrongTypePtr(unit_, of_class), of_class->numAttributes());
    for (std::size_t i = 0; i < of_class->numAttributes(); ++i) {
      const auto& attribute = of_class->getAttributeName(i);
      const auto found = state.find(attribute);
      if (found == state.end())
        archive_.refuse(name + " has no '" + attribute + "', which its class declares");
      made->setSlot(i, value(*found->second, of_class->getAttribute(i), "'" + attribute + "'", depth + 1));
    }
    objects_[&v] = made;
    return made;
  }

  ArchiveReader archive_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::vector<at::IValue> constants_;
  std::map<std::string, c10::ClassTypePtr> types_;
  std::map<const Pickled*, torch::Tensor> tensors_;
  std::map<const Pickled*, c10::intrusive_ptr<c10::ivalue::Object>> objects_;
  std::string folder_;
  int values_ = 0;
};

}  // namespace

torch::jit::Module import_module(const std::string& path) { return Importer(path).run(); }

}  // namespace afu::model
