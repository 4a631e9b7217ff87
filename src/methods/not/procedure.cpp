/// NoT: the first layer's weights are negated, then training recovers (Khalil et al., CVPR 2025).
#include "engine/kernel_job.hpp"
#include "methods/registry.hpp"
#include "methods/server_erasure.hpp"

namespace afu::methods {
namespace {

class Negate : public EraseAtServer {
 public:
  using EraseAtServer::EraseAtServer;

 protected:
  std::optional<Erase> erase(const View& view) override {
    job::KernelJob job;
    job.kernel = "negate_first_layer";
    job.inputs = {view.model};
    return Erase{std::move(job), 0, false};
  }
};

}  // namespace

Method not_method() {
  Method m;
  m.name = "not";
  m.help = "Negates the first layer's weights; the training that goes on recovers the rest.";
  m.traits.coordinations = {Coordination::concurrent, Coordination::blocking};
  m.traits.scopes = {Scope::client, Scope::samples, Scope::data_class};
  m.start = [](const Request& r) -> std::unique_ptr<Procedure> { return std::make_unique<Negate>(r); };
  return m;
}

}  // namespace afu::methods
