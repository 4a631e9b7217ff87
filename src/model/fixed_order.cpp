#include "model/fixed_order.hpp"

namespace afu::model {
namespace {

thread_local bool fixed_here = false;

}  // namespace

bool fixed_order() { return fixed_here; }

FixedOrder::FixedOrder(bool fixed) : before_(fixed_here) { fixed_here = fixed; }
FixedOrder::~FixedOrder() { fixed_here = before_; }

}  // namespace afu::model
