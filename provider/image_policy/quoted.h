// What a user or a registry wrote, in a message.
#ifndef DELIVERY_IMAGE_POLICY_QUOTED_H_
#define DELIVERY_IMAGE_POLICY_QUOTED_H_

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace delivery::image_policy {

// In double quotes, with escapes for what a terminal would not print as it is.
inline std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape({text.data(), text.size()}), "\"");
}

}  // namespace delivery::image_policy

#endif  // DELIVERY_IMAGE_POLICY_QUOTED_H_
