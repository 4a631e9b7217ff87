#pragma once
/// The data of a TorchScript archive (data.pkl, constants.pkl), read without running anything: of Python's
/// pickle language only what LibTorch writes, and of the names that it may call only those below.
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace afu::model {

/// A tensor's place in a storage; nothing is loaded yet.
struct PickledTensor {
  std::string dtype;        ///< of the storage, by torch's name: "Float", "Half", "Long", ...
  std::string key;          ///< of the storage: the archive's entry FOLDER/KEY
  std::int64_t length = 0;  ///< of the storage, elements
  std::int64_t offset = 0;  ///< elements
  std::vector<std::int64_t> shape, strides;  ///< as many of each; all elements lie within the storage
  bool requires_grad = false;
};

struct Pickled {
  enum class Kind {
    none,
    boolean,
    integer,
    real,
    text,
    tuple,
    list,
    dict,
    name,
    storage,
    tensor,
    object,
    device
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< boolean too
  double real = 0;
  std::string text;                   ///< of a name, and of an object's class: "__torch__.Net"; of a device
  std::vector<const Pickled*> items;  ///< tuple, list; dict: keys and values in turn; object: its one state
  PickledTensor tensor;               ///< storage: without a place in it
};

/// Owns all values of a pickle: they may refer to each other, in rings too.
struct Pickle {
  std::deque<Pickled> values;
  const Pickled* root = nullptr;
};

/// "a dict", "a tensor", ...: for messages.
const char* to_string(Pickled::Kind kind);

/// The value of a pickle. Objects are of classes of the archive (`__torch__.`...); other names than those
/// with which LibTorch writes tensors, lists, devices and types are refused. At most a million values; but
/// what walks the values must bound its depth and its steps. Throws std::runtime_error, which names the byte.
Pickle read_pickle(std::string_view bytes);

}  // namespace afu::model
