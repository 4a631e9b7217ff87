#include "cli/colour.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace afu::cli {

bool colours(int descriptor) {
  const char* no = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && !(no && *no) && terminal && *terminal &&
         std::string_view(terminal) != "dumb";
}

}  // namespace afu::cli
