#pragma once
/// What [unlearning.afu_ic] and [calibration] say together.
#include "config/choice.hpp"
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::methods {

/// What is merged first: the ledger's entry, or what the target computes where no ledger can be kept.
AFU_CHOICE(Erasure, ledger, fedquit, pga, uce)
Erasure erasure_of(const config::Values& settings);
/// What is published first; auto_: calibrated where that can be.
AFU_CHOICE(Publish, auto_, at_once, calibrated)
/// What has a gain of its own.
AFU_CHOICE(GainBy, model, layer)
/// Whether each layer has a gain of its own.
bool gain_by_layer(const config::Values& settings);

/// Whether the erased model is calibrated before it is published: publish = "calibrated", and "auto" where
/// that can be.
bool publishes_calibrated(const config::Values& settings, const config::CalibrationSection& calibration);

/// Complains about what does not go together; config/checks.cpp has seen the single values.
void check_afu_ic(const config::Scenario& scenario, const config::Complain& complain);

}  // namespace afu::methods
