// Part of a kernels_*.cpp: vectors of AFU_WIDTH floats. No include guard, no
// namespace: see kernels_plain.cpp. A kernel that works on whole lanes runs
// once for each slice of AFU_WIDTH of the kLanes.

typedef float V __attribute__((vector_size(AFU_WIDTH * sizeof(float)), may_alias));
typedef std::int32_t Mask __attribute__((vector_size(AFU_WIDTH * sizeof(float)), may_alias));
constexpr std::int64_t kSlices = kLanes / AFU_WIDTH;

inline V load(const float* p) { return *reinterpret_cast<const V*>(p); }
inline void store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
/// Minus zero keeps every value, so that GCC only broadcasts it; it would add plus zero to minus zero.
inline V same(float x) { return x - V{}; }
/// Keeps a loaded value in a register. Else GCC loads it again for each use,
/// and the loads are what the multiply-adds then wait for (measured: up to a
/// third of the time).
inline void keep(V& v) {
#ifdef __x86_64__
  asm("" : "+v"(v));
#else
  static_cast<void>(v);
#endif
}
/// a * b + c, rounded as vectors are: of a sum of products of floats GCC may make vectors of products first,
/// which are rounded then.
inline float fused(float a, float b, float c) {
#ifdef AFU_FUSED
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
/// a * b as a value of its own: in a * b - c * d compilers may fuse either product with the subtraction, and the
/// results differ. kept_product leaves them one choice.
inline V kept_product(V a, V b) {
  V v = a * b;
  keep(v);
  return v;
}
/// Unaligned.
inline V load_any(const float* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store_any(float* p, V v) { __builtin_memcpy(p, &v, sizeof v); }

/// Sum of the kLanes floats at p, halving.
inline float sum_lanes(const float* p) {
  float half[kLanes / 2];
  for (std::int64_t i = 0; i < kLanes / 2; ++i) half[i] = p[i] + p[i + kLanes / 2];
  for (std::int64_t n = kLanes / 4; n > 0; n /= 2)
    for (std::int64_t i = 0; i < n; ++i) half[i] += half[i + n];
  return half[0];
}

/// The same part of the lanes of every value.
inline Planes slice(const Planes& p, std::int64_t s) {
  Planes q = p;
  if (q.data) q.data += s * AFU_WIDTH;
  return q;
}

inline Maxima slice(const Maxima& m, std::int64_t s) { return {slice(m.value, s), slice(m.place, s)}; }

/// visit(value) for every (y, x) of channel c of one slice.
template <class Visit>
inline void each_value(const Planes& p, std::int64_t c, const Visit& visit) {
  for (std::int64_t y = 0; y < p.height; ++y) {
    const float* v = p.at(c, y, 0);
    for (std::int64_t x = 0; x < p.width; ++x, v += p.column) visit(load(v));
  }
}

/// visit(value of a, value of b), likewise.
template <class Visit>
inline void each_pair(const Planes& a, const Planes& b, std::int64_t c, const Visit& visit) {
  for (std::int64_t y = 0; y < a.height; ++y) {
    const float *p = a.at(c, y, 0), *q = b.at(c, y, 0);
    for (std::int64_t x = 0; x < a.width; ++x, p += a.column, q += b.column) visit(load(p), load(q));
  }
}

/// to = map(a) or map(a, b), value by value.
template <class Map>
inline void map_channel(const Planes& a, const Planes& to, std::int64_t c, const Map& map) {
  for (std::int64_t y = 0; y < a.height; ++y) {
    const float* p = a.at(c, y, 0);
    float* q = to.at(c, y, 0);
    for (std::int64_t x = 0; x < a.width; ++x, p += a.column, q += to.column) store(q, map(load(p)));
  }
}
template <class Map>
inline void map_channel(const Planes& a, const Planes& b, const Planes& to, std::int64_t c, const Map& map) {
  for (std::int64_t y = 0; y < a.height; ++y) {
    const float *p = a.at(c, y, 0), *r = b.at(c, y, 0);
    float* q = to.at(c, y, 0);
    for (std::int64_t x = 0; x < a.width; ++x, p += a.column, r += b.column, q += to.column)
      store(q, map(load(p), load(r)));
  }
}

double multiply_add(std::int64_t rounds) {
  constexpr int kSums = 12;  // enough to hide the latency, few enough for 16 registers
  V sum[kSums];
  const V factor = same(1.0f), addend = same(1e-6f);
  for (int i = 0; i < kSums; ++i) sum[i] = same(static_cast<float>(i));
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sum[i] = sum[i] * factor + addend;
  float total = 0;
  for (int i = 0; i < kSums; ++i) total += sum[i][0];
  [[maybe_unused]] static volatile float sink;  // so that the work is not left out
  sink = total;
  return 2.0 * kSums * AFU_WIDTH * static_cast<double>(rounds);
}
