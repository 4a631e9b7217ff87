#pragma once
/// Whether what LibTorch's operators sum on a thread's behalf is summed in an order of our own, which no
/// processor and no BLAS changes. A thread's switch: two runs in one process may differ in it.

namespace afu::model {

/// Of this thread, now: products of matrices and vectors are ours (device/products.hpp), and convolutions are
/// made of them (Network::forward).
bool fixed_order();

/// Sets fixed_order() of the thread as long as it lives.
class FixedOrder {
 public:
  explicit FixedOrder(bool fixed = true);
  ~FixedOrder();
  FixedOrder(const FixedOrder&) = delete;
  FixedOrder& operator=(const FixedOrder&) = delete;

 private:
  bool before_;
};

}  // namespace afu::model
