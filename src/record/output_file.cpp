#include "record/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace afu::record {

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(errno);
}

OutputFile::~OutputFile() {
  try {
    close();
  } catch (const std::exception&) {
    // Reported by close() to whoever asked for it.
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::fail(int error) {
  error_ = fmt::format("cannot write '{}': {}", path_.string(), std::generic_category().message(error));
  buffer_.clear();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  throw std::runtime_error(error_);
}

void OutputFile::flush() {
  if (!error_.empty()) throw std::runtime_error(error_);
  if (buffer_.size() == 0) return;
  if (descriptor_ < 0) throw std::logic_error("written after close: " + path_.string());
  const char* next = buffer_.data();
  std::size_t left = buffer_.size();
  while (left > 0) {
    const auto written = ::write(descriptor_, next, left);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    next += written;
    left -= static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

void OutputFile::close() {
  flush();
  if (descriptor_ < 0) return;
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 && errno != EINTR) fail(errno);
}

void write_whole(const std::filesystem::path& path, std::string_view text) {
  auto part = path;
  part += ".part";
  OutputFile file(part);
  file.buffer().append(text.data(), text.data() + text.size());
  file.close();
  std::error_code error;
  std::filesystem::rename(part, path, error);
  if (error) throw std::runtime_error(fmt::format("cannot write '{}': {}", path.string(), error.message()));
}

}  // namespace afu::record
