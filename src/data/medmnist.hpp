#pragma once
/// Sets in the layout of MedMNIST: one .npz with {train,val,test}_{images,labels} (src/data/README.md,
/// MedMNIST).
#include <string>

#include "data/dataset.hpp"

namespace afu::data {

/// Images uint8, N x H x W or N x H x W x {1,3}; labels integers, N or N x 1, in [0, 999]. The number of
/// classes is the largest label plus one. Optional {train,val,test}_subjects, integers, N or N x 1: all three
/// or none, and no subject in two splits. Throws DataError, which names the file and the member.
Source load_medmnist(const std::string& path);

/// Lower-case hexadecimal MD5 of a file. Throws DataError.
std::string file_md5(const std::string& path);

}  // namespace afu::data
