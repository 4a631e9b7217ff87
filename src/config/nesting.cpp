#include "config/nesting.hpp"

#include <vector>

namespace afu::config {
namespace {

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t most) : text_(text), most_(most) {}

  std::optional<TextPosition> scan() {
    while (at_ < text_.size()) {
      switch (text_[at_]) {
        case '#':
          while (at_ < text_.size() && text_[at_] != '\n') step();
          continue;
        case '"':
        case '\'':
          skip_string(text_[at_]);
          continue;
        case '\n':
          if (open_.empty()) parts_ = 0, in_value_ = in_header_ = false;
          break;
        case '=':
          in_value_ = true;
          break;
        case ',':
          if (!open_.empty()) parts_ = 0;
          break;
        case '.':
          ++parts_;
          break;
        case '[':
        case '{':
          if (open_.empty() && !in_value_)
            in_header_ = true, section_ = 0, parts_ = 0;
          else
            open_.push_back(parts_ + 1), around_ += parts_ + 1, parts_ = 0;
          break;
        case ']':
        case '}':
          if (in_header_)
            in_header_ = false, section_ = parts_ + 1, parts_ = 0;
          else if (!open_.empty())
            around_ -= open_.back(), parts_ = open_.back() - 1, open_.pop_back();
          break;
        default:
          break;
      }
      if (section_ + around_ + parts_ + 1 > most_) return place_;
      step();
    }
    return std::nullopt;
  }

 private:
  void step() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '\n')
      ++place_.line, place_.column = 1;
    else if ((byte & 0xc0) != 0x80)  // the first byte of a character
      ++place_.column;
  }

  void skip_string(char quote) {
    const std::string_view three(quote == '"' ? "\"\"\"" : "'''");
    const bool multiline = text_.substr(at_, 3) == three;
    for (int i = 0; i < (multiline ? 3 : 1); ++i) step();
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
        step(), step();
      } else if (multiline && text_.substr(at_, 3) == three) {
        while (at_ < text_.size() && text_[at_] == quote) step();  // up to two may belong to the string
        return;
      } else if (!multiline && (text_[at_] == quote || text_[at_] == '\n')) {
        if (text_[at_] == quote) step();
        return;
      } else {
        step();
      }
    }
  }

  std::string_view text_;
  std::size_t most_;
  std::size_t at_ = 0;
  TextPosition place_;
  std::size_t section_ = 0, around_ = 0;  ///< parts of the section's name; of what is open around the key
  std::size_t parts_ = 0;                 ///< dots of the key so far
  std::vector<std::size_t> open_;         ///< parts of each key whose array or inline table is open
  bool in_value_ = false, in_header_ = false;
};

}  // namespace

std::optional<TextPosition> deeper_than(std::string_view toml, std::size_t most) {
  return Scanner(toml, most).scan();
}

}  // namespace afu::config
