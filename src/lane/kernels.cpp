#include "lane/kernels.hpp"

#include <utility>

#include "attack/kernels.hpp"
#include "calibrate/adversarial.hpp"
#include "calibrate/calibrate.hpp"
#include "calibrate/erasure_subspace.hpp"
#include "calibrate/fisher.hpp"
#include "calibrate/gate.hpp"
#include "calibrate/layer_gains.hpp"
#include "methods/gradient_ascent/kernel.hpp"
#include "methods/kd/kernel.hpp"
#include "methods/fedau/kernel.hpp"
#include "methods/fedosd/kernel.hpp"
#include "methods/fedquit/kernel.hpp"
#include "methods/federaser/kernel.hpp"
#include "methods/knot/kernel.hpp"
#include "methods/afu_ic/match_held_out.hpp"
#include "methods/pga/kernel.hpp"
#include "methods/prune/kernel.hpp"
#include "methods/relabel/kernel.hpp"
#include "methods/kernels_statistics.hpp"
#include "methods/afu_ic/uce.hpp"

namespace afu::compute {

Kernel find_kernel(const std::string& name) {
  static const std::pair<const char*, Kernel> kernels[] = {
      {"accuracies", &unlearn::accuracies},
      {"adversarial_trigger", &calibrate::adversarial_trigger},
      {"attack", &attack::attack},
      {"batch_statistics", &unlearn::batch_statistics},
      {"calibrate", &calibrate::calibrate},
      {"distil", &unlearn::distil},
      {"erasure_subspace", &calibrate::erasure_subspace},
      {"fedau_merge", &unlearn::fedau_merge},
      {"fedau_post_hoc", &unlearn::fedau_post_hoc},
      {"federaser_step", &unlearn::federaser_step},
      {"fedosd_direction", &unlearn::fedosd_direction},
      {"fedosd_recover", &unlearn::fedosd_recover},
      {"fedosd_target", &unlearn::fedosd_target},
      {"fedquit", &unlearn::fedquit},
      {"fedrecovery", &unlearn::fedrecovery},
      {"fisher", &calibrate::fisher},
      {"gate", &calibrate::gate},
      {"gradient_ascent", &unlearn::gradient_ascent},
      {"gradient_sketch", &calibrate::gradient_sketch},
      {"layer_gains", &calibrate::layer_gains},
      {"match_held_out", &unlearn::match_held_out},
      {"negate_first_layer", &unlearn::negate_first_layer},
      {"pga", &unlearn::pga},
      {"prune", &unlearn::prune},
      {"prune_statistics", &unlearn::prune_statistics},
      {"reference_model", &attack::reference_model},
      {"relabel", &unlearn::relabel},
      {"uce", &unlearn::uce},
  };
  for (const auto& [known, kernel] : kernels)
    if (name == known) return kernel;
  return nullptr;
}

}  // namespace afu::compute
