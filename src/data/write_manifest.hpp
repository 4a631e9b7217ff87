#pragma once
/// Manifests made of folders, for a user to edit.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::data {

/// What of a BIDS tree becomes a manifest.
struct BidsRequest {
  std::string label;           ///< the column of participants.tsv with the classes
  std::string site;            ///< likewise with the sites; empty: none
  std::string suffix = "T1w";  ///< of the images: sub-01_T1w.nii.gz
};

struct WrittenManifest {
  std::string text;  ///< CSV
  std::int64_t rows = 0;
  std::vector<std::string> notes;  ///< what was left out, one sentence each
};

/// Whether it has a participants.tsv, as BIDS has.
bool is_bids(const std::filesystem::path& folder);

/// Class folders: columns path, label and, where all file names tell one, subject. `manifest` is where the table will stand:
/// paths below its folder are relative to that, others absolute. Throws DataError.
WrittenManifest manifest_of_classes(const std::filesystem::path& folder,
                                    const std::filesystem::path& manifest);

/// A BIDS tree: columns path, label, subject (the participant) and, where asked for, site. Images are the .nii and .nii.gz
/// of the suffix anywhere below a participant's folder, sessions included, which all have the participant's label. Left out
/// and noted: participants without a label ("n/a"), without a folder or without such an image, and folders of nobody in
/// participants.tsv. Throws DataError, also where participants.tsv lacks a column.
WrittenManifest manifest_of_bids(const std::filesystem::path& folder, const std::filesystem::path& manifest,
                                 const BidsRequest& request);

}  // namespace afu::data
