#include "compute/kernels.hpp"

#include <utility>

#include "calibrate/calibrate.hpp"
#include "unlearn/kernels_ascent.hpp"
#include "unlearn/kernels_fedquit.hpp"
#include "unlearn/kernels_pga.hpp"

namespace afu::compute {

Kernel find_kernel(const std::string& name) {
  static const std::pair<const char*, Kernel> kernels[] = {
      {"calibrate", &calibrate::calibrate},
      {"fedquit", &unlearn::fedquit},
      {"gradient_ascent", &unlearn::gradient_ascent},
      {"pga", &unlearn::pga},
  };
  for (const auto& [known, kernel] : kernels)
    if (name == known) return kernel;
  return nullptr;
}

}  // namespace afu::compute
