#pragma once
/// Data sets that shipped scenarios name and the repository does not hold: how one gets them.
#include <filesystem>
#include <string>

namespace afu::config {

/// Those that tools/fetch_medmnist.sh fetches, in 28 pixels and, with _64, _128 or _224 behind the name, in more; tests/data/medmnist.cpp holds the list to the script and to the catalogue.
inline constexpr const char* fetched_sets[] = {"pathmnist",      "chestmnist",  "dermamnist",  "octmnist",
                                               "pneumoniamnist", "retinamnist", "breastmnist", "bloodmnist",
                                               "tissuemnist",    "organamnist", "organcmnist", "organsmnist"};

/// Likewise, of volumes: 28 pixels a side and, with _64, 64.
inline constexpr const char* fetched_volumes[] = {"organmnist3d",    "nodulemnist3d", "adrenalmnist3d",
                                                  "fracturemnist3d", "vesselmnist3d", "synapsemnist3d"};

/// What a message about the missing file `path` ends with; empty: nothing is known of it.
inline std::string how_to_get(const std::string& path) {
  const std::filesystem::path file(path);
  if (file.extension() != ".npz") return {};
  const auto stem = file.stem().string();
  auto text =
      "; tools/fetch_medmnist.sh " + stem + " fetches it into data/, where AFU_DATA_DIR=data finds it";
  for (const std::string name : fetched_sets)
    if (stem == name || stem == name + "_64" || stem == name + "_128" || stem == name + "_224") return text;
  for (const std::string name : fetched_volumes)
    if (stem == name || stem == name + "_64") return text;
  if (stem.rfind("oasis_", 0) == 0) return "; configs/README.md, Data sets, tells what may take its place";
  return {};
}

}  // namespace afu::config
