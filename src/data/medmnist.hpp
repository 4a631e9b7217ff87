#pragma once
/// Sets in the layout of MedMNIST: one .npz with {train,val,test}_{images,labels} (src/data/README.md,
/// MedMNIST).
#include <string>

#include "config/sections/data.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// Images N x H x W or N x H x W x {1,3} of uint8, or of other integers or floats that `intensity` makes 8-bit ("extrema":
/// those of the training images); labels integers, N or N x 1, in [0, 999]. The number of
/// classes is the largest label plus one. Optional {train,val,test}_subjects, integers, N or N x 1: all three
/// or none, and no subject in two splits. Throws DataError, which names the file and the member.
Source load_medmnist(const std::string& path, const config::IntensitySection& intensity = {});

/// Lower-case hexadecimal MD5 of a file. Throws DataError.
std::string file_md5(const std::string& path);

}  // namespace afu::data
