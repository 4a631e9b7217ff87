// Part of a kernels_*.cpp: products of matrices and of vectors, as BLAS has them. Each sum runs over the inner
// dimension in its order, kInner at a time, so that it is the same whatever the tile and the vector's width.

template <class Real>
struct Lanes;
template <>
struct Lanes<float> {
  typedef float Vector __attribute__((vector_size(AFU_WIDTH * sizeof(float)), may_alias));
};
template <>
struct Lanes<double> {
  typedef double Vector __attribute__((vector_size(AFU_WIDTH * sizeof(float)), may_alias));
};
template <class Real>
constexpr std::int64_t kVector = AFU_WIDTH * sizeof(float) / sizeof(Real);  // values a vector
template <class Real>
constexpr std::int64_t kTileRows = 2 * kVector<Real>;
constexpr std::int64_t kTileColumns = AFU_SUMS / 2;

/// sums [columns][rows] of a [inner][rows] and b [inner][columns].
template <class Real>
void product_tile(std::int64_t inner, const Real* a, const Real* b, Real* sums) {
  using W = typename Lanes<Real>::Vector;
  W sum[kTileColumns][2] = {};
  for (std::int64_t p = 0; p < inner; ++p, a += kTileRows<Real>, b += kTileColumns) {
    const W low = *reinterpret_cast<const W*>(a), high = *reinterpret_cast<const W*>(a + kVector<Real>);
#pragma GCC unroll 16
    for (int j = 0; j < kTileColumns; ++j) {
      sum[j][0] += low * b[j];
      sum[j][1] += high * b[j];
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < kTileColumns; ++j)
    for (int i = 0; i < 2; ++i)
      *reinterpret_cast<W*>(sums + j * kTileRows<Real> + i * kVector<Real>) = sum[j][i];
}

/// packed [line / Lines][count][Lines] of the vectors [0, lines) of a factor, zeros behind the last: value p of
/// vector l stands at from + l * line + p * step.
template <std::int64_t Lines, class Real>
void pack_lines(const Real* from, std::int64_t lines, std::int64_t line, std::int64_t count,
                std::int64_t step, Real* packed) {
  for (std::int64_t begin = 0; begin < lines; begin += Lines, packed += Lines * count) {
    const auto there = std::min(Lines, lines - begin);
    const Real* first = from + begin * line;
    if (there < Lines) std::fill(packed, packed + Lines * count, Real{});
    for (std::int64_t p = 0; p < count; ++p)
      for (std::int64_t l = 0; l < there; ++l) packed[p * Lines + l] = first[l * line + p * step];
  }
}

template <class Real>
void product_of(const Product<Real>& p, void* scratch) {
  for (std::int64_t j = 0; j < p.columns && p.beta != 1; ++j) {
    Real* c = p.c + j * p.c_pitch;
    for (std::int64_t i = 0; i < p.rows; ++i) c[i] = p.beta == 0 ? Real{} : p.beta * c[i];
  }
  if (p.alpha == 0) return;
  constexpr auto kRows = kTileRows<Real>;
  Real *rows = static_cast<Real*>(scratch), *columns = rows + kRows * Product<Real>::kInner;
  alignas(64) Real sums[kRows * kTileColumns];
  const auto a_line = p.a_transposed ? p.a_pitch : 1, a_step = p.a_transposed ? 1 : p.a_pitch;
  const auto b_line = p.b_transposed ? 1 : p.b_pitch, b_step = p.b_transposed ? p.b_pitch : 1;
  for (std::int64_t k = 0; k < p.inner; k += Product<Real>::kInner) {
    const auto inner = std::min(Product<Real>::kInner, p.inner - k);
    for (std::int64_t j = 0; j < p.columns; j += Product<Real>::kColumns) {
      const auto across = std::min(Product<Real>::kColumns, p.columns - j);
      pack_lines<kTileColumns>(p.b + j * b_line + k * b_step, across, b_line, inner, b_step, columns);
      for (std::int64_t i = 0; i < p.rows; i += kRows) {
        const auto tall = std::min(kRows, p.rows - i);
        pack_lines<kRows>(p.a + i * a_line + k * a_step, tall, a_line, inner, a_step, rows);
        for (std::int64_t t = 0; t < across; t += kTileColumns) {
          product_tile(inner, rows, columns + t * inner, sums);
          for (std::int64_t o = 0; o < std::min(kTileColumns, across - t); ++o) {
            Real* c = p.c + (j + t + o) * p.c_pitch + i;
            const Real* sum = sums + o * kRows;
            for (std::int64_t r = 0; r < tall; ++r) c[r] += p.alpha * sum[r];
          }
        }
      }
    }
  }
}
void product(const Product<float>& p, void* scratch) { product_of(p, scratch); }
void product_wide(const Product<double>& p, void* scratch) { product_of(p, scratch); }

/// kLanes partial sums, added up after every 4,096 values.
template <class Real>
double dot_of(std::int64_t n, const Real* x, std::int64_t x_step, const Real* y, std::int64_t y_step) {
  using W = typename Lanes<Real>::Vector;
  constexpr std::int64_t kBlock = 4096, kVectors = kLanes / kVector<Real>;
  double total = 0;
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const auto end = std::min(n, begin + kBlock);
    W sum[kVectors] = {};
    for (auto i = begin; i < end; i += kLanes) {
      alignas(64) Real a[kLanes], b[kLanes];
      const Real *p = x + i, *q = y + i;
      if (x_step != 1 || y_step != 1 || i + kLanes > end) {
        for (std::int64_t k = 0; k < kLanes; ++k) {
          a[k] = i + k < end ? x[(i + k) * x_step] : Real{};
          b[k] = i + k < end ? y[(i + k) * y_step] : Real{};
        }
        p = a, q = b;
      }
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        W left, right;
        __builtin_memcpy(&left, p + v * kVector<Real>, sizeof left);
        __builtin_memcpy(&right, q + v * kVector<Real>, sizeof right);
        sum[v] += left * right;
      }
    }
    alignas(64) Real half[kLanes];
    __builtin_memcpy(half, sum, sizeof half);
    for (auto count = kLanes / 2; count > 0; count /= 2)
      for (std::int64_t k = 0; k < count; ++k) half[k] += half[k + count];
    total += static_cast<double>(half[0]);
  }
  return total;
}
double dot(std::int64_t n, const float* x, std::int64_t x_step, const float* y, std::int64_t y_step) {
  return dot_of(n, x, x_step, y, y_step);
}
double dot_wide(std::int64_t n, const double* x, std::int64_t x_step, const double* y, std::int64_t y_step) {
  return dot_of(n, x, x_step, y, y_step);
}
