#include "job/job_bytes.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace afu::job {
namespace {

using Json = nlohmann::json;

Json pack(const model::ParametersPtr& p) { return Json::binary(model::to_bytes(p)); }
model::ParametersPtr unpack(const Json& j) { return model::from_bytes(j.get_binary()); }

template <class T, class F>
void read(const std::vector<std::uint8_t>& bytes, std::shared_ptr<const T>& to, const char* what, F fill) {
  to.reset();
  if (bytes.empty()) return;
  try {
    auto value = std::make_shared<T>();
    fill(Json::from_cbor(bytes), *value);
    to = std::move(value);
  } catch (const Json::exception& e) {
    throw std::runtime_error(std::string("these bytes are no ") + what + ": " + e.what());
  }
}

}  // namespace

std::vector<std::uint8_t> to_bytes(const std::shared_ptr<const TrainExtras>& extras) {
  if (!extras) return {};
  return Json::to_cbor({{"lr_factor", extras->lr_factor},
                        {"mask", pack(extras->mask)},
                        {"anchor", pack(extras->anchor)},
                        {"fisher", pack(extras->fisher)},
                        {"strength", extras->strength}});
}

void from_bytes(const std::vector<std::uint8_t>& bytes, std::shared_ptr<const TrainExtras>& extras) {
  read(bytes, extras, "training extras", [](const Json& j, TrainExtras& x) {
    x.lr_factor = j.at("lr_factor");
    x.mask = unpack(j.at("mask"));
    x.anchor = unpack(j.at("anchor"));
    x.fisher = unpack(j.at("fisher"));
    x.strength = j.at("strength");
  });
}

std::vector<std::uint8_t> to_bytes(const std::shared_ptr<const AuxiliaryHead>& auxiliary) {
  if (!auxiliary) return {};
  return Json::to_cbor({{"head", pack(auxiliary->head)},
                        {"relabelled", auxiliary->relabelled ? Json(*auxiliary->relabelled) : Json()},
                        {"gamma", auxiliary->gamma},
                        {"backbone", auxiliary->backbone}});
}

void from_bytes(const std::vector<std::uint8_t>& bytes, std::shared_ptr<const AuxiliaryHead>& auxiliary) {
  read(bytes, auxiliary, "auxiliary head", [](const Json& j, AuxiliaryHead& x) {
    x.head = unpack(j.at("head"));
    const auto& rows = j.at("relabelled");
    if (!rows.is_null()) x.relabelled = std::make_shared<const data::Indices>(rows.get<data::Indices>());
    x.gamma = j.at("gamma");
    x.backbone = j.at("backbone");
  });
}

}  // namespace afu::job
