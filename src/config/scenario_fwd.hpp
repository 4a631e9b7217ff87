#pragma once

namespace afu::config {
struct Scenario;
}
