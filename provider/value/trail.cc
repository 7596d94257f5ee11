#include "provider/value/trail.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace delivery::value {

Path Trail::ToPath() const {
  if (up_ == nullptr) return Path();
  Path path = up_->ToPath();
  switch (step_) {
    case Step::kName:
      return path.Attr(std::string(name_));
    case Step::kKey:
      return path.At(std::string(name_));
    case Step::kIndex:
      return path.At(static_cast<int64_t>(index_));
    case Step::kNone:
      break;
  }
  return path;
}

std::string Trail::Explain(absl::string_view message) const {
  const std::string path = ToPath().ToString();
  return path.empty() ? std::string(message) : absl::StrCat(path, ": ", message);
}

absl::Status Trail::Invalid(absl::string_view message) const {
  return absl::InvalidArgumentError(Explain(message));
}

absl::Status Trail::Unmet(absl::string_view message) const {
  return absl::FailedPreconditionError(Explain(message));
}

absl::Status Trail::TooDeep() const {
  return absl::InvalidArgumentError(
      absl::StrCat("nested deeper than ", kDeepestNesting, " levels"));
}

}  // namespace delivery::value
