#include "provider/checks/printable.h"

#include <cstdint>

namespace delivery::checks {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  // zero: not UTF-8
};

bool Continues(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

// The first character of `text`, which is not empty.
Character Decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // by length; less is overlong
  if (lead < 0xC2 || lead > 0xF4) return {};
  uint32_t code = lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (!Continues(text, i)) return {};
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[bytes] || code > 0x10FFFF || surrogate) return {};
  return {code, bytes};
}

bool IsBlank(uint32_t code) {
  return code <= 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x2028 || code == 0x2029;
}

// Zero width, directions of writing, byte order mark.
bool IsInvisible(uint32_t code) {
  return (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x2069) || code == 0xFEFF;
}

}  // namespace

std::string Printable(std::string_view text, size_t most_bytes) {
  std::string printable;
  bool blank = false;
  while (!text.empty()) {
    const Character next = Decode(text);
    const std::string_view shown = next.bytes == 0 ? "?" : text.substr(0, next.bytes);
    text.remove_prefix(next.bytes == 0 ? 1 : next.bytes);
    if (next.bytes != 0 && IsInvisible(next.code)) continue;
    if (next.bytes != 0 && IsBlank(next.code)) {
      blank = !printable.empty();
      continue;
    }
    if (printable.size() + (blank ? 1 : 0) + shown.size() > most_bytes) return printable + "...";
    if (blank) printable += ' ';
    blank = false;
    printable += shown;
  }
  return printable;
}

}  // namespace delivery::checks
