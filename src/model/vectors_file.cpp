#include "model/vectors_file.hpp"

#include <deque>
#include <nlohmann/json.hpp>

#include "base/npz_file.hpp"
#include "model/parameters.hpp"

namespace afu::model {

namespace {

nlohmann::ordered_json slots_json(const std::vector<Slot>& slots) {
  auto all = nlohmann::ordered_json::array();
  for (const auto& s : slots)
    all.push_back({{"name", s.name}, {"shape", s.shape}, {"offset", s.offset}, {"size", s.size}});
  return all;
}

}  // namespace

void write_vectors(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, ParametersPtr>>& vectors) {
  std::deque<torch::Tensor> kept;
  std::vector<base::NpzArray> arrays;
  const auto add = [&](const std::string& name, const torch::Tensor& t) {
    kept.push_back(t.detach().to(torch::kCPU, torch::kFloat32).contiguous());
    arrays.push_back({name, 'f', sizeof(float), {kept.back().numel()}, kept.back().data_ptr<float>()});
  };
  for (const auto& [name, v] : vectors) {
    if (!v) continue;
    add(name, v->values);
    if (v->buffers.defined() && v->buffers.numel() > 0) add(name + ".buffers", v->buffers);
  }
  if (!arrays.empty()) base::write_npz(path, arrays);
}

std::string layout_json(const ParametersPtr& vector) {
  const nlohmann::ordered_json layout{{"parameters", slots_json(vector->layout->parameters)},
                                      {"buffers", slots_json(vector->layout->buffers)}};
  return layout.dump();
}

}  // namespace afu::model
