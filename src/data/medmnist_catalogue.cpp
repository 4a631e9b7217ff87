#include "data/medmnist_catalogue.hpp"

#include <algorithm>

namespace afu::data {

namespace {

std::vector<std::string> organs() {
  return {"bladder", "femur-left", "femur-right", "heart",    "kidney-left", "kidney-right",
          "liver",   "lung-left",  "lung-right",  "pancreas", "spleen"};
}

// MD5s: from MedMNIST's info.py v3.0.2. ChestMNIST is multi-label and refused by its shape.
const std::vector<OfficialSet>& catalogue() {
  static const std::vector<OfficialSet> sets{
      {"pathmnist",
       "a8b06965200029087d5bd730944a56c1",
       {"adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
        "cancer-associated stroma", "colorectal adenocarcinoma epithelium"}},
      {"chestmnist", "02c8a6516a18b556561a56cbdd36c4a8", {}},
      {"dermamnist",
       "0744692d530f8e62ec473284d019b0c7",
       {"actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma",
        "benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi",
        "vascular lesions"}},
      {"octmnist",
       "c68d92d5b585d8d81f7112f81e2d0842",
       {"choroidal neovascularization", "diabetic macular edema", "drusen", "normal"}},
      {"pneumoniamnist", "28209eda62fecd6e6a2d98b1501bb15f", {"normal", "pneumonia"}},
      {"retinamnist",
       "bd4c0672f1bba3e3a89f0e4e876791e4",
       {"grade 0", "grade 1", "grade 2", "grade 3", "grade 4"}},
      {"breastmnist", "750601b1f35ba3300ea97c75c52ff8f6", {"malignant", "normal, benign"}},
      {"bloodmnist",
       "7053d0359d879ad8a5505303e11de1dc",
       {"basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte",
        "neutrophil", "platelet"}},
      {"tissuemnist",
       "ebe78ee8b05294063de985d821c1c34b",
       {"collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells",
        "interstitial endothelial cells", "leukocytes", "podocytes", "proximal tubule segments",
        "thick ascending limb"}},
      {"organamnist", "68e3f8846a6bd62f0c9bf841c0d9eacc", organs()},
      {"organcmnist", "b9ceb9546e10131b32923c5bbeaea2b1", organs()},
      {"organsmnist", "9ab87b696fb54e2a387ebe992d6ed5f1", organs()},
  };
  return sets;
}

template <class Predicate>
const OfficialSet* find(Predicate p) {
  const auto& sets = catalogue();
  const auto i = std::find_if(sets.begin(), sets.end(), p);
  return i == sets.end() ? nullptr : &*i;
}

}  // namespace

const OfficialSet* official_set_by_md5(const std::string& md5) {
  return find([&](const OfficialSet& s) { return s.md5 == md5; });
}

const OfficialSet* official_set_by_stem(const std::string& stem) {
  return find([&](const OfficialSet& s) {
    return stem == s.flag || stem == s.flag + "_64" || stem == s.flag + "_128" || stem == s.flag + "_224";
  });
}

}  // namespace afu::data
