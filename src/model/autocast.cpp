#include "model/autocast.hpp"

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include <utility>

namespace afu::model {
namespace {

/// Autocast of this thread on, as long as it lives, then as it was. Without LibTorch's cache of converted
/// weights: it would hand out last step's, since our optimisers write weights in place.
class Bf16Scope {
 public:
  explicit Bf16Scope(torch::DeviceType device)
      : device_(device), was_on_(is_on()), was_cached_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::set_autocast_cache_enabled(false);
    set(true);
  }
  ~Bf16Scope() {
    set(was_on_);
    at::autocast::set_autocast_cache_enabled(was_cached_);
  }
  Bf16Scope(const Bf16Scope&) = delete;
  Bf16Scope& operator=(const Bf16Scope&) = delete;

 private:
#if TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 204
  bool is_on() const { return at::autocast::is_autocast_enabled(device_); }
  void set(bool on) const {
    if (on) at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, on);
  }
#else
  bool is_on() const {
    return device_ == torch::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
  }
  void set(bool on) const {
    if (device_ == torch::kCPU) {
      at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
      at::autocast::set_cpu_enabled(on);
    } else {
      at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
      at::autocast::set_enabled(on);
    }
  }
#endif

  torch::DeviceType device_;
  bool was_on_, was_cached_;
};

class Bf16Model final : public Model {
 public:
  Bf16Model(std::unique_ptr<Model> inner, torch::Device device)
      : inner_(std::move(inner)), device_(device.type()) {}

  torch::Tensor forward(const torch::Tensor& x) override {
    return in_bf16([&] { return inner_->forward(x); });
  }
  torch::Tensor forward_observed(const torch::Tensor& x, const Observer& observe) override {
    return in_bf16([&] {
      return inner_->forward_observed(x, [&](const std::string& name, const torch::Tensor& output) {
        observe(name, output.to(torch::kFloat32));
      });
    });
  }
  torch::Tensor features(const torch::Tensor& x) override {
    return in_bf16([&] { return inner_->features(x); });
  }
  std::vector<Convolution> convolutions() override { return inner_->convolutions(); }
  Head head() override { return inner_->head(); }
  std::vector<std::pair<std::string, torch::Tensor>> named_parameters() override {
    return inner_->named_parameters();
  }
  std::vector<std::pair<std::string, torch::Tensor>> named_buffers() override {
    return inner_->named_buffers();
  }
  void train(bool on) override { inner_->train(on); }
  std::int64_t least_training_batch() override { return inner_->least_training_batch(); }
  void to(torch::Device device) override { inner_->to(device); }
  ParametersPtr delivered_parameters(const std::shared_ptr<const Layout>& layout) override {
    return inner_->delivered_parameters(layout);
  }
  void save(const std::string& path) override { inner_->save(path); }

 private:
  template <class Pass>
  torch::Tensor in_bf16(const Pass& pass) const {
    const Bf16Scope scope(device_);
    return pass().to(torch::kFloat32);
  }

  std::unique_ptr<Model> inner_;
  torch::DeviceType device_;
};

}  // namespace

std::unique_ptr<Model> with_bf16(std::unique_ptr<Model> inner, torch::Device device) {
  return std::make_unique<Bf16Model>(std::move(inner), device);
}

}  // namespace afu::model
