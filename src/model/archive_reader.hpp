#pragma once
/// A TorchScript archive as data: its entries and tensors, read without running anything that it holds.
#include <torch/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/pickle.hpp"

struct zip;

namespace afu::model {

class ArchiveReader {
 public:
  /// Throws InputError naming `path`, as all of this class do: where it is no regular file, no zip
  /// archive, or holds no TorchScript.
  explicit ArchiveReader(const std::string& path);

  const std::string& path() const { return path_; }
  /// Of TorchScript's file format.
  std::int64_t version() const { return version_; }
  /// The names of entries under `folder` ("code/"), without the archive's own folder.
  std::vector<std::string> entries(const std::string& folder) const;
  bool has(const std::string& entry) const { return index_.count(entry) > 0; }
  /// The bytes of an entry of text: code or a pickle. Refused over 64 MiB.
  std::string text(const std::string& entry);
  /// The values of "FOLDER.pkl".
  Pickle pickle(const std::string& folder);
  /// A tensor of the pickle "FOLDER.pkl", on the CPU. Tensors of one storage share it, as they did when they
  /// were written.
  torch::Tensor tensor(const PickledTensor& t, const std::string& folder);

  [[noreturn]] void refuse(const std::string& why) const;

 private:
  struct Close {
    void operator()(zip* z) const;
  };
  std::uint64_t size_of(const std::string& entry) const;
  void read(const std::string& entry, void* to, std::uint64_t bytes);

  std::string path_;
  std::unique_ptr<zip, Close> zip_;
  std::uint64_t file_bytes_ = 0, loaded_ = 0;
  std::map<std::string, std::uint64_t> index_;  ///< entry -> place in the archive
  std::map<std::string, torch::Tensor> storages_;
  std::int64_t version_ = 0;
};

}  // namespace afu::model
