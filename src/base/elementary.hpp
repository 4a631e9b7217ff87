#pragma once
/// Elementary functions whose bits hang on no C library, no compiler and no vector unit.
///
/// Made of +, -, * and / alone, each rounded once as IEEE 754 says (elementary.cpp is compiled without
/// contraction), of shifts of bits, and of the series' own coefficients, 1/n! and 1/(2n+1). What decides a
/// model's bytes, an event or a metric asks these and not <cmath>; tests/base/elementary.cpp holds the sources to
/// it. sqrt, fma, floor and the like are exact in <cmath> and stay. Errors are measured there too, in units of
/// the last place (ulp) of the exact value: float at most 0.501, double as told below.
///
/// Reductions: Cody and Waite, "Software Manual for the Elementary Functions", 1980. Sums and products in two
/// doubles: Dekker, "A floating-point technique for extending the available precision", 1971.
///
/// As <cmath>'s for NaN, infinities and zeros unless told otherwise; errno and the flags of exceptions are not set.

namespace afu::base {

double exp(double x);                ///< within 0.7 ulp
double log(double x);                ///< within 0.9 ulp
double log1p(double x);              ///< within 1.6 ulp
double tanh(double x);               ///< within 2.5 ulp
double pow(double base, double to);  ///< within 0.7 ulp; NaN of a base below 0, of whatever power

struct SinCos {
  double sin = 0, cos = 0;
};
/// Each within 0.8 ulp. NaN where |x| is above 1e6, which no angle here is.
SinCos sincos(double x);
double sin(double x);
double cos(double x);

float exp(float x);
float log(float x);
float log1p(float x);
float tanh(float x);

}  // namespace afu::base
