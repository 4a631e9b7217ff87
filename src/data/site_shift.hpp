#pragma once
/// Covariate shift between sites: what each site's scanner does to its images (config::SiteShiftSection).
#include <cstdint>
#include <string>
#include <vector>

#include "config/sections/partition.hpp"
#include "data/dataset.hpp"

namespace afu::data {

/// One draw for each site, the same for the same seed; those of a strength do not depend on the others.
std::vector<SiteShift> draw_site_shifts(const config::SiteShiftSection& section, std::int64_t sites,
                                        std::uint64_t seed);

/// The field that the site's images are multiplied by, height x width, or its volumes, depth x height x width; its logarithm
/// has mean 0 and largest modulus site.bias.
std::vector<double> bias_field(const SiteShift& site, std::int64_t height, std::int64_t width,
                               std::int64_t depth = 1);

/// Alters rows of `images` in place, each once, in this order: contrast, field, blur, noise; with x from 0
/// (black) to 1, rounded to 8 bits once, at the end. A volume is blurred along its slices too. The noise of an image
/// depends on the seed and its row. A site without any shift leaves every bit as it is. On all cores, with the same result
/// on any number of them.
void shift_rows(Images& images, const Indices& rows, const SiteShift& site, std::uint64_t seed);

/// `rows` divided among `sites` sites, of every class as many to each as can be; a subject's images stay
/// together where subjects are known. Ascending.
std::vector<Indices> deal_to_sites(const Indices& rows, const Images& images, std::int64_t sites,
                                   std::uint64_t seed);

/// "contrast 0.5, noise 0.05": the strengths that are not 0.
std::string strengths_text(const config::SiteShiftSection& section);

}  // namespace afu::data
