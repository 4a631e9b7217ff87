#include "model/torch_errors.hpp"

#include <c10/util/Exception.h>

#include <sstream>
#include <vector>

namespace afu::model {

std::string plain_reason(const std::exception& e) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&e);
  std::string text = of_torch ? of_torch->what_without_backtrace() : e.what();
  text = text.substr(0, text.find("\nException raised from"));
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (line.find_first_not_of(" \t") != std::string::npos) lines.push_back(line);
  if (lines.empty()) return "LibTorch gives no reason";
  if (text.find("Traceback of TorchScript") != std::string::npos) {
    // The error stands last: "RuntimeError: shape ... is invalid". What follows a traceback of the module's
    // original sources stands before it.
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
      if (const auto colon = line->find("Error: "); colon != std::string::npos && line->front() != ' ')
        return line->substr(colon + 7);
    return lines.back();
  }
  std::string place;
  for (const auto& line : lines)
    if (const auto file = line.find("File \""); file != std::string::npos && place.empty())
      place = " (" + line.substr(file + 5) + ")";
  return lines.front() + place;
}

}  // namespace afu::model
