#include "provider/image_policy/rule_keys.h"

#include "absl/strings/str_cat.h"
#include "provider/image_policy/quoted.h"

namespace delivery::image_policy {
namespace {

// The tag is shown beside the reason: only what was made of it is repeated.
std::string IsNot(std::string_view what, std::string_view tag, std::string_view text) {
  if (text == tag) return absl::StrCat("not ", std::string(what));
  return absl::StrCat("the extracted ", Quoted(text), " is not ", std::string(what));
}

}  // namespace

std::optional<Version> VersionKeys::Read(std::string_view /*tag*/, std::string_view text) const {
  std::optional<Version> version = ParseVersion(text);
  if (version && !range_.Matches(*version)) version.reset();
  return version;
}

std::string VersionKeys::WhyNot(std::string_view tag, std::string_view text) const {
  const std::optional<Version> version = ParseVersion(text);
  if (!version) return IsNot("a semantic version", tag, text);
  return range_.WhyNot(*version).value_or("");
}

std::string NumberKeys::WhyNot(std::string_view tag, std::string_view text) const {
  return IsNot("a number", tag, text);
}

std::optional<absl::Time> TimeKeys::Read(std::string_view tag, std::string_view /*text*/) const {
  const auto found = created_.find(absl::string_view(tag.data(), tag.size()));
  if (found == created_.end()) return std::nullopt;
  return found->second;
}

std::string TimeKeys::WhyNot(std::string_view /*tag*/, std::string_view /*text*/) const {
  return "creation time unknown";
}

}  // namespace delivery::image_policy
