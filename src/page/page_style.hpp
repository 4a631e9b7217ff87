#pragma once
/// What makes report.html look and behave: no resource from outside, no library.

namespace afu::page {

extern const char* const palette_css;  ///< the colours, light and dark
extern const char* const page_css;     ///< the rest of the page, and what print changes
extern const char* const page_js;      ///< hover texts; the page is complete without it

}  // namespace afu::page
