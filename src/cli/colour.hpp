#pragma once

namespace afu::cli {

/// Whether what is written to `descriptor` may be coloured: it is a terminal that can, and the user did not
/// set NO_COLOR.
bool colours(int descriptor);

}  // namespace afu::cli
