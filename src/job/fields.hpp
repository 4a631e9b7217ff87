#pragma once
/// One listing of a struct's fields, from which its key, its log line and its bytes all come:
///
///   struct FedquitJob {
///     ParametersPtr base;
///     double lr = 1e-3;
///   };
///   AFU_FIELDS(FedquitJob, base, lr)
///
/// stands behind the struct, in its namespace. A field that is added and not listed does not compile. An enumeration names
/// its last value, AFU_LAST(LengthOf, layer), behind it. Values are
/// numbers, flags, enumerations, texts, parameter vectors, rows of images, keys of random streams, structs with a
/// listing of their own, and vectors, pairs, optionals and shared pointers to constants of these.
#include <boost/preprocessor/seq/for_each.hpp>
#include <boost/preprocessor/stringize.hpp>
#include <boost/preprocessor/variadic/to_seq.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/indices.hpp"
#include "base/random.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::job {

/// Takes values one after the other, each after its name where it is a field.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void name(const char* field) = 0;
  virtual void flag(bool v) = 0;
  virtual void integer(std::int64_t v) = 0;
  virtual void real(double v) = 0;
  virtual void text(const std::string& v) = 0;
  virtual void vector(const model::ParametersPtr& v) = 0;  ///< may be null
  virtual void rows(const base::IndicesPtr& v) = 0;        ///< may be null
  virtual void key(const base::StreamKey& v) = 0;
  virtual void null() = 0;
  virtual void open_list(std::size_t count) = 0;
  virtual void open_fields() = 0;
  virtual void close() = 0;  ///< the list or the struct that was opened last
};

/// Gives them back in the same order. Throws std::runtime_error where the next value is of another kind.
class Source {
 public:
  virtual ~Source() = default;
  virtual void name(const char* field) = 0;
  virtual bool flag() = 0;
  virtual std::int64_t integer() = 0;
  virtual std::int64_t choice(std::int64_t last) = 0;  ///< 0 to last
  virtual double real() = 0;
  virtual std::string text() = 0;
  virtual model::ParametersPtr vector() = 0;
  virtual base::IndicesPtr rows() = 0;
  virtual base::StreamKey key() = 0;
  virtual bool null() = 0;  ///< whether the next value is null, which is then taken
  virtual std::size_t open_list() = 0;
  virtual void open_fields() = 0;
  virtual void close() = 0;
};

/// Throws std::runtime_error: what is read has no such value.
[[noreturn]] void out_of_range(std::int64_t v);

namespace detail {
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsPair : std::false_type {};
template <class A, class B>
struct IsPair<std::pair<A, B>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsShared : std::false_type {};
template <class T>
struct IsShared<std::shared_ptr<const T>> : std::true_type {};
}  // namespace detail

template <class T>
void put(Sink& to, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    to.flag(value);
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    to.integer(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    to.real(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    to.text(value);
  } else if constexpr (std::is_same_v<T, model::ParametersPtr>) {
    to.vector(value);
  } else if constexpr (std::is_same_v<T, base::IndicesPtr>) {
    to.rows(value);
  } else if constexpr (std::is_same_v<T, base::StreamKey>) {
    to.key(value);
  } else if constexpr (detail::IsVector<T>::value) {
    to.open_list(value.size());
    for (const auto& item : value) put(to, item);
    to.close();
  } else if constexpr (detail::IsPair<T>::value) {
    to.open_list(2);
    put(to, value.first), put(to, value.second);
    to.close();
  } else if constexpr (detail::IsOptional<T>::value || detail::IsShared<T>::value) {
    if (value)
      put(to, *value);
    else
      to.null();
  } else {
    to.open_fields();
    visit_fields(value, [&to](const char* name, const auto& field) {
      to.name(name);
      put(to, field);
    });
    to.close();
  }
}

template <class T>
void take(Source& from, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = from.flag();
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(from.choice(static_cast<std::int64_t>(last_of(T{}))));
  } else if constexpr (std::is_integral_v<T>) {
    const auto v = from.integer();
    value = static_cast<T>(v);
    if (static_cast<std::int64_t>(value) != v) out_of_range(v);
  } else if constexpr (std::is_floating_point_v<T>) {
    value = from.real();
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = from.text();
  } else if constexpr (std::is_same_v<T, model::ParametersPtr>) {
    value = from.vector();
  } else if constexpr (std::is_same_v<T, base::IndicesPtr>) {
    value = from.rows();
  } else if constexpr (std::is_same_v<T, base::StreamKey>) {
    value = from.key();
  } else if constexpr (detail::IsVector<T>::value) {
    value.resize(from.open_list());
    for (auto& item : value) take(from, item);
    from.close();
  } else if constexpr (detail::IsPair<T>::value) {
    from.open_list();
    take(from, value.first), take(from, value.second);
    from.close();
  } else if constexpr (detail::IsOptional<T>::value) {
    value.reset();
    if (!from.null()) take(from, value.emplace());
  } else if constexpr (detail::IsShared<T>::value) {
    value.reset();
    if (from.null()) return;
    auto pointed = std::make_shared<std::remove_const_t<typename T::element_type>>();
    take(from, *pointed);
    value = std::move(pointed);
  } else {
    from.open_fields();
    visit_fields(value, [&from](const char* name, auto& field) {
      from.name(name);
      take(from, field);
    });
    from.close();
  }
}

}  // namespace afu::job

/// Of an enumeration that counts from 0. Those of config/choice.hpp have it.
#define AFU_LAST(Type, last) \
  constexpr Type last_of(Type) { return Type::last; }

#define AFU_VISIT_FIELD(r, self, field) visit(BOOST_PP_STRINGIZE(field), (self).field);

/// See above. The bindings, which nobody reads, are what a field that is not listed breaks.
#define AFU_FIELDS(Type, ...)                                                           \
  inline void all_fields_are_listed([[maybe_unused]] const Type& self) {                \
    [[maybe_unused]] const auto& [__VA_ARGS__] = self;                                  \
  }                                                                                     \
  template <class Visit>                                                                \
  void visit_fields(const Type& self, Visit&& visit) {                                  \
    BOOST_PP_SEQ_FOR_EACH(AFU_VISIT_FIELD, self, BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)) \
  }                                                                                     \
  template <class Visit>                                                                \
  void visit_fields(Type& self, Visit&& visit) {                                        \
    BOOST_PP_SEQ_FOR_EACH(AFU_VISIT_FIELD, self, BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)) \
  }
