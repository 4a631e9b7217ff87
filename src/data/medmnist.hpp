#pragma once
/// Sets in the layout of MedMNIST: one .npz with {train,val,test}_{images,labels} (src/data/README.md,
/// MedMNIST).
#include <string>

#include "config/sections/data.hpp"
#include "data/dataset.hpp"
#include "data/image_store.hpp"

namespace afu::data {

/// Images N x H x W, N x H x W x {1,3} or N x {1,3} x H x W, or volumes N x D x H x W, N x D x H x W x {1,3} or
/// N x {1,3} x D x H x W (section.layout; D > 1), of uint8, or of other integers or floats that
/// section.intensity makes 8-bit ("extrema": those of the training images), grey ones as colour where section.as_rgb says so;
/// labels integers, N or N x 1, in [0, 999]: the number of
/// classes is the largest label plus one; or N x L of 0 and 1, L from 2 to most_labels: images with any number of labels.
/// section.task insists on one of these. Optional {train,val,test}_subjects, integers, N or N x 1: all three
/// or none, and no subject in two splits. Of section no other keys are asked, and section.limit is not. The pixels are
/// where `store` has them; they are decoded piece by piece. Throws DataError, which names the file and the member.
Source load_medmnist(const std::string& path, const config::DataSection& section, ImageStore& store);
/// In memory.
Source load_medmnist(const std::string& path, const config::DataSection& section = {});

/// Lower-case hexadecimal MD5 of a file. Throws DataError.
std::string file_md5(const std::string& path);

}  // namespace afu::data
