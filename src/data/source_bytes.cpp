#include "data/source_bytes.hpp"

#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace afu::data {

namespace {

// One listing for both ways. Bindings, so that who adds a field must say here what becomes of it.
template <class Archive, class SplitImages>
void images_of(Archive& archive, SplitImages& images) {
  auto& [channels, height, width, pixels, labels, subjects, sites, ids, label_bits, depth] = images;
  static_cast<void>(pixels);  // they stand beside
  archive(channels), archive(height), archive(width);
  archive(labels), archive(subjects), archive(sites), archive(ids), archive(label_bits), archive(depth);
}

template <class Archive, class AnySource>
void source_of(Archive& archive, AnySource& source) {
  auto& [name, class_names, site_names, subject_names, train, val, test, limited_to, rows_before_limit,
         ids_left_out, md5, official, notes] = source;
  static_cast<void>(notes);
  archive(name), archive(class_names), archive(site_names), archive(subject_names);
  images_of(archive, train), images_of(archive, val), images_of(archive, test);
  archive(limited_to), archive(rows_before_limit), archive(ids_left_out);
  archive(md5), archive(official);
}

class Writer {
 public:
  void operator()(std::int64_t v) { out_.append(reinterpret_cast<const char*>(&v), sizeof v); }
  void operator()(const std::string& v) {
    (*this)(static_cast<std::int64_t>(v.size()));
    out_ += v;
  }
  template <class T>
  void operator()(const std::vector<T>& v) {
    (*this)(static_cast<std::int64_t>(v.size()));
    for (const auto& x : v) (*this)(x);
  }
  void operator()(const std::map<std::int64_t, std::string>& v) {
    (*this)(static_cast<std::int64_t>(v.size()));
    for (const auto& [number, text] : v) (*this)(number), (*this)(text);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  void operator()(std::int64_t& v) { std::memcpy(&v, next(sizeof v).data(), sizeof v); }
  void operator()(std::string& v) { v = next(count(1)); }
  template <class T>
  void operator()(std::vector<T>& v) {
    v.resize(count(sizeof(std::int64_t)));
    for (auto& x : v) (*this)(x);
  }
  void operator()(std::map<std::int64_t, std::string>& v) {
    for (auto n = count(2 * sizeof(std::int64_t)); n > 0; --n) {
      std::int64_t number = 0;
      (*this)(number);
      (*this)(v[number]);
    }
  }
  void end() const {
    if (!left_.empty()) throw std::runtime_error("more bytes than it says");
  }

 private:
  std::string_view next(std::size_t n) {
    if (n > left_.size()) throw std::runtime_error("fewer bytes than it says");
    const auto bytes = left_.substr(0, n);
    left_.remove_prefix(n);
    return bytes;
  }
  /// Of things of at least `each` bytes: no more than there can be.
  std::size_t count(std::size_t each) {
    std::int64_t n = 0;
    (*this)(n);
    if (n < 0 || static_cast<std::uint64_t>(n) > left_.size() / each)
      throw std::runtime_error("fewer bytes than it says");
    return static_cast<std::size_t>(n);
  }

  std::string_view left_;
};

}  // namespace

std::string source_bytes(const Source& source, std::size_t first_note) {
  Writer writer;
  source_of(writer, source);
  writer(std::vector<std::string>(source.notes.begin() + static_cast<std::ptrdiff_t>(first_note),
                                  source.notes.end()));
  return writer.take();
}

Source source_of_bytes(std::string_view bytes) {
  Source source;
  Reader reader(bytes);
  source_of(reader, source);
  reader(source.notes);
  reader.end();
  return source;
}

}  // namespace afu::data
