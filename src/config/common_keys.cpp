#include "config/common_keys.hpp"

namespace afu::config {

const std::vector<CommonKey>& common_keys() {
  static const std::vector<CommonKey> ten{
      {"data.source", "where the images come from"},
      {"data.path", "your own: an npz file, or a folder with one folder a class"},
      {"partition.scheme", "how they are divided among the clients"},
      {"partition.clients", "how many clients there are"},
      {"training.lr", "step size of a client's training"},
      {"heterogeneity.compute.slowdown", "how slow a client is: a number or a distribution"},
      {"erasure[0].client", "who asks to be forgotten"},
      {"erasure[0].at_update", "and when: after so many accepted updates"},
      {"unlearning.method", "how it is forgotten"},
      {"stop.updates", "after so many accepted updates the run ends; 0: no limit"}};
  return ten;
}

}  // namespace afu::config
