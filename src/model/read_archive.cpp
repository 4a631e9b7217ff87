/// Reading a saved version back.
#include <fmt/format.h>

#include <map>
#include <stdexcept>

#include "model/archive.hpp"
#include "model/archive_reader.hpp"

namespace afu::model {
namespace {

constexpr int most_depth = 100, most_modules = 1'000'000;

using Named = std::map<std::string, const PickledTensor*>;

/// The tensors of a module and its submodules, by the names that PyTorch gives them.
class Collector {
 public:
  explicit Collector(const ArchiveReader& archive) : archive_(archive) {}

  void collect(const Pickled& object, const std::string& prefix = "", int depth = 0) {
    if (depth > most_depth)
      archive_.refuse(fmt::format("its modules are nested more than {} deep", most_depth));
    if (++modules_ > most_modules)
      archive_.refuse(fmt::format("it holds more than {} modules", most_modules));
    const auto* state = object.items.empty() ? nullptr : object.items.front();
    if (state == nullptr || state->kind != Kind::dict)
      return;  // of a class that has a __getstate__ of its own
    for (std::size_t i = 0; i + 1 < state->items.size(); i += 2) {
      const auto &key = *state->items[i], &value = *state->items[i + 1];
      if (key.kind != Kind::text) continue;  // no attribute: those have names
      if (value.kind == Kind::tensor) tensors[prefix + key.text] = &value.tensor;
      if (value.kind == Kind::object) collect(value, prefix + key.text + ".", depth + 1);
    }
  }
  Named tensors;

 private:
  using Kind = Pickled::Kind;
  const ArchiveReader& archive_;
  int modules_ = 0;
};

/// What the archive trains and the layout does not know: it is another model's then, whose other names agree.
/// A tied weight has two names and one slot.
std::string unknown(const Named& tensors, const std::vector<Slot>& slots) {
  const auto is_known = [&](const std::string& name, const PickledTensor& t) {
    if (t.dtype != "Float" || !t.requires_grad) return true;
    for (const auto& slot : slots) {
      const auto& own = *tensors.at(slot.name);
      if (slot.name == name || (own.key == t.key && own.offset == t.offset && own.shape == t.shape))
        return true;
    }
    return false;
  };
  std::string names;
  for (const auto& [name, t] : tensors)
    if (!is_known(name, *t)) names += (names.empty() ? "'" : ", '") + name + "'";
  return names;
}

torch::Tensor flat(ArchiveReader& archive, const Named& tensors, const std::vector<Slot>& slots,
                   std::int64_t count) {
  auto all = torch::empty({count}, torch::kFloat32);
  for (const auto& slot : slots) {
    const auto found = tensors.find(slot.name);
    if (found == tensors.end()) archive.refuse("not a model of this scenario: it has no '" + slot.name + "'");
    const auto& t = *found->second;
    if (t.shape != slot.shape)
      archive.refuse("not a model of this scenario: '" + slot.name + "' is " +
                     c10::str(at::IntArrayRef(t.shape)) + ", wanted " +
                     c10::str(at::IntArrayRef(slot.shape)));
    if (t.dtype != "Float")
      archive.refuse("'" + slot.name + "' is of " + t.dtype + " numbers, wanted Float (float32)");
    all.narrow(0, slot.offset, slot.size).copy_(archive.tensor(t, "data").reshape({-1}));
  }
  return all;
}

}  // namespace

ParametersPtr read_parameters(const std::string& path, const std::shared_ptr<const Layout>& layout) {
  torch::NoGradGuard no_grad;
  ArchiveReader archive(path);
  const auto pickle = archive.pickle("data");
  if (pickle.root->kind != Pickled::Kind::object)
    archive.refuse(std::string("not a model: it holds ") + to_string(pickle.root->kind));
  Collector found(archive);
  found.collect(*pickle.root);
  auto v = std::make_shared<ParameterVector>();
  v->layout = layout;
  v->values = flat(archive, found.tensors, layout->parameters, layout->parameter_count);
  v->buffers = flat(archive, found.tensors, layout->buffers, layout->buffer_count);
  if (const auto more = unknown(found.tensors, layout->parameters); !more.empty())
    archive.refuse("not a model of this scenario, which has no " + more);
  return v;
}

}  // namespace afu::model
