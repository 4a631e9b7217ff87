/// Writing a built-in network as TorchScript.
#include <torch/csrc/jit/api/module.h>

#include <cctype>
#include <sstream>
#include <stdexcept>

#include "base/output_file.hpp"
#include "model/archive.hpp"
#include "model/network.hpp"

namespace afu::model {
namespace {

using Kind = Layer::Kind;

/// "layer1.0.conv1" -> getattr(self.layer1, "0").conv1, as PyTorch itself writes it.
std::string attribute(const std::string& name) {
  std::string path = "self";
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '.');)
    path = std::isdigit(static_cast<unsigned char>(part[0])) ? "getattr(" + path + ", \"" + part + "\")"
                                                             : path + "." + part;
  return path;
}

/// "[2, 2]" for two axes.
std::string per_axis(std::int64_t n, int axes) {
  auto text = "[" + std::to_string(n);
  for (int a = 1; a < axes; ++a) text += ", " + std::to_string(n);
  return text + "]";
}

/// Writes `variable = layers(variable)`, a line each, for images of two axes or volumes of three.
void emit(const std::vector<Layer>& layers, const std::string& variable, int axes, std::ostream& out) {
  for (const auto& l : layers) {
    const auto self = attribute(l.name);
    const auto tensors = self + ".weight, " + (l.has_bias ? self + ".bias" : "None");
    std::ostringstream call;
    switch (l.kind) {
      case Kind::convolution:
        call << "torch.conv" << axes << "d(" << variable << ", " << tensors << ", "
             << per_axis(l.stride, axes) << ", " << per_axis(l.padding, axes) << ")";
        break;
      case Kind::group_norm:
        call << "torch.group_norm(" << variable << ", " << l.groups << ", " << tensors << ")";
        break;
      case Kind::batch_norm:
        call << "torch.batch_norm(" << variable << ", " << tensors << ", " << self << ".running_mean, "
             << self << ".running_var, self.training, 0.1, 1e-5, True)";
        break;
      case Kind::linear:
        call << "torch.linear(" << variable << ", " << tensors << ")";
        break;
      case Kind::relu:
        call << "torch.relu(" << variable << ")";
        break;
      case Kind::max_pool:
        call << "torch.max_pool" << axes << "d(" << variable << ", " << per_axis(l.kernel, axes) << ")";
        break;
      case Kind::average_pool:
        call << "torch.mean(" << variable << (axes == 3 ? ", [2, 3, 4])" : ", [2, 3])");
        break;
      case Kind::flatten:
        call << "torch.flatten(" << variable << ", 1)";
        break;
      case Kind::residual: {
        const auto shortcut = variable + "_shortcut";
        out << "    " << shortcut << " = " << variable << "\n";
        emit(l.shortcut, shortcut, axes, out);
        emit(l.body, variable, axes, out);
        call << "torch.add(" << variable << ", " << shortcut << ")";
        break;
      }
    }
    out << "    " << variable << " = " << call.str() << "\n";
  }
}

class ArchiveBuilder {
 public:
  explicit ArchiveBuilder(const std::string& name) : root_(make(name)) {}

  /// Adds `owner.leaf` with a copy of `t`, making the submodules on its way.
  void add(const std::string& name, const torch::Tensor& t, bool buffer) {
    auto module = root_;
    std::istringstream parts(name);
    std::string part, next;
    std::getline(parts, part, '.');
    while (std::getline(parts, next, '.')) {
      if (!module.hasattr(part)) module.register_module(part, make("Layer"));
      module = module.attr(part).toModule();
      part = next;
    }
    auto copy =
        t.detach().to(torch::kCPU, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true).contiguous();
    if (buffer)
      module.register_buffer(part, copy);
    else
      module.register_parameter(part, copy.set_requires_grad(true), false);
  }
  torch::jit::Module& module() { return root_; }

 private:
  torch::jit::Module make(const std::string& name) {
    torch::jit::Module m(c10::QualifiedName("__torch__.afu." + name), unit_, /*shouldMangle=*/true);
    m.register_attribute("training", c10::BoolType::get(), false);
    return m;
  }
  std::shared_ptr<torch::jit::CompilationUnit> unit_ = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module root_;
};

}  // namespace

std::string Network::source() const {
  std::ostringstream out;
  out << "def forward(self, x: Tensor) -> Tensor:\n";
  emit(layers_, "x", shape_.volumes() ? 3 : 2, out);
  out << "    return x\n";
  return out.str();
}

void Network::save(const std::string& path) {
  ArchiveBuilder archive(name_);
  for (const auto& [name, t] : named_parameters()) archive.add(name, t, false);
  for (const auto& [name, t] : named_buffers()) archive.add(name, t, true);
  archive.module().define(source());
  write_archive(archive.module(), path);
}

void write_archive(const torch::jit::Module& module, const std::string& path) {
  // Not by module.save(path): LibTorch's writer of files throws from its destructor when the disk is full,
  // which ends the process.
  std::ostringstream archive;
  try {
    module.save(archive);
  } catch (const c10::Error& e) {
    throw std::runtime_error(path + ": cannot write the model: " + e.what_without_backtrace());
  }
  if (!archive) throw std::runtime_error(path + ": cannot write the model: memory ran out");
  base::write_whole(path, archive.str());
}

}  // namespace afu::model
