// Study files of arbitrary text: they are read, or refused by ConfigError. Seeds: configs/studies/.
#include "study/study.hpp"
#include "config/loader.hpp"
#include "harness.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const afu::fuzz::Folder folder;
  try {
    const auto study =
        afu::study::parse_study(afu::fuzz::text_of(data, size), (folder / "fuzz.toml").string());
    if (study.arms.empty() || study.seeds.empty() || study.name.empty()) std::abort();
  } catch (const afu::config::ConfigError& e) {
    if (e.messages().empty()) std::abort();
  }
  return 0;
}
