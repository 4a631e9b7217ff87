#pragma once
/// What makes report.html look and behave: no resource from outside, no library.

namespace afu::report {

extern const char* const page_css;  ///< light, dark and print
extern const char* const page_js;   ///< hover texts; the page is complete without it

}  // namespace afu::report
