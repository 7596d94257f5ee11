// DisplayValue and DescribeChange of drift.h: how a change looks in a message, without secrets.
#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/redact.h"
#include "provider/kubernetes/drift.h"

namespace delivery::kubernetes {
namespace {

constexpr char kSensitive[] = "(sensitive)";
constexpr size_t kLongestDisplay = 120;
constexpr std::array<std::string_view, 6> kSensitiveWords = {"pass", "secret",     "token",
                                                             "key",  "credential", "auth"};
// Maps of settings for other programs, where a key may name a password.
constexpr std::array<std::string_view, 3> kSettingMaps = {"volumeAttributes", "options",
                                                          "parameters"};

template <size_t n>
bool Contains(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsSensitiveName(std::string_view name) {
  const std::string lower = absl::AsciiStrToLower(std::string(name));
  return std::any_of(kSensitiveWords.begin(), kSensitiveWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// The user and password of URLs: "postgres://u:p@db" becomes "postgres://(sensitive)@db".
std::string WithoutUserInfo(std::string text) {
  for (size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
    at += 3;
    const size_t end = std::min(text.find_first_of("/?# \t\r\n\"'", at), text.size());
    const size_t sign = text.rfind('@', end);
    if (sign == std::string::npos || sign < at || sign >= end) continue;
    const std::string_view user_info = std::string_view(text).substr(at, sign - at);
    if (user_info.find(':') != std::string_view::npos) text.replace(at, sign - at, kSensitive);
  }
  return text;
}

// --password=x becomes --password=(sensitive); what follows is hidden with it, for nobody can say
// where a value ends.
std::string WithoutOptionValue(const std::string& argument) {
  for (size_t sign = argument.find('='); sign != std::string::npos;
       sign = argument.find('=', sign + 1)) {
    const size_t space = argument.find_last_of(" \t\n;&", sign);
    const size_t start = space == std::string::npos ? 0 : space + 1;
    if (IsSensitiveName(std::string_view(argument).substr(start, sign - start))) {
      return absl::StrCat(WithoutUserInfo(argument.substr(0, sign + 1)), kSensitive);
    }
  }
  return WithoutUserInfo(argument);
}

bool IsBareSensitiveOption(const Json& argument) {
  if (!argument.is_string()) return false;
  const std::string& text = argument.get_ref<const std::string&>();
  return text.starts_with('-') && text.find('=') == std::string::npos && IsSensitiveName(text);
}

Json MaskArguments(const Json& arguments) {
  Json masked = Json::array();
  bool value_follows = false;
  for (const Json& argument : arguments) {
    if (value_follows) {
      masked.push_back(kSensitive);
    } else {
      masked.push_back(argument.is_string() ? Json(WithoutOptionValue(argument)) : argument);
    }
    value_follows = !value_follows && IsBareSensitiveOption(argument);
  }
  return masked;
}

bool HasSensitiveName(const Json& entry) { return IsSensitiveName(GetString(entry, "name")); }

// True when the value at `path` as a whole is secret, by where it is.
bool IsSensitivePlace(const FieldPath& path) {
  const auto& steps = path.steps();
  bool in_annotations = false;
  bool in_settings = false;
  bool in_secret_entry = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (const auto* element = std::get_if<FieldPath::Element>(&steps[i])) {
      const auto name = element->keys.find("name");
      in_secret_entry = name != element->keys.end() && name->second.is_string() &&
                        IsSensitiveName(name->second.get_ref<const std::string&>());
      continue;
    }
    const auto* member = std::get_if<FieldPath::Member>(&steps[i]);
    if (member == nullptr) continue;
    if (i == 0 && (member->name == "data" || member->name == "stringData")) return true;
    if (in_annotations && member->name.find("last-applied") != std::string::npos) return true;
    if (in_settings && IsSensitiveName(member->name)) return true;
    if (in_secret_entry && member->name == "value") return true;
    in_annotations = member->name == "annotations";
    in_settings = Contains(kSettingMaps, member->name);
    in_secret_entry = false;
  }
  return false;
}

Json Mask(const FieldPath& path, const Json& value);

Json MaskObject(const FieldPath& path, const Json& object) {
  Json masked = Json::object();
  const bool secret_value = HasSensitiveName(object);
  for (const auto& [key, value] : object.items()) {
    const bool secret = secret_value && key == "value";
    masked[key] = secret ? Json(kSensitive) : Mask(path / key, value);
  }
  return masked;
}

Json Mask(const FieldPath& path, const Json& value) {
  if (IsSensitivePlace(path)) return kSensitive;
  if (value.is_object()) return MaskObject(path, value);
  if (value.is_array() && (path.LastMember() == "args" || path.LastMember() == "command")) {
    return MaskArguments(value);
  }
  if (value.is_array()) {
    Json masked = Json::array();
    for (size_t i = 0; i < value.size(); ++i) masked.push_back(Mask(path.At(i), value[i]));
    return masked;
  }
  return value.is_string() ? Json(WithoutOptionValue(value)) : value;
}

// Cut between characters.
std::string Shortened(std::string text) {
  if (text.size() <= kLongestDisplay) return text;
  size_t length = kLongestDisplay;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  text.resize(length);
  return text + "...";
}

std::string DisplayOrWord(const FieldPath& path, const std::optional<Json>& value,
                          const char* absent) {
  return value ? DisplayValue(path, *value) : std::string(absent);
}

}  // namespace

std::string DisplayValue(const FieldPath& path, const Json& value) {
  const Json masked = Mask(path, value);
  if (masked == kSensitive) return kSensitive;
  return Shortened(Redact(DumpJson(masked)));
}

std::string DescribeChange(const FieldChange& change) {
  std::string text = absl::StrCat(change.path.ToString(), ": ",
                                  DisplayOrWord(change.path, change.recorded, "(absent)"), " -> ",
                                  DisplayOrWord(change.path, change.live, "removed"));
  if (change.manager.empty()) return text + ", author unknown";
  absl::StrAppend(&text, ", by ", change.manager);
  if (!change.written) return text;
  const std::string time =
      absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", *change.written, absl::UTCTimeZone());
  return absl::StrCat(text, " (", time, ")");
}

}  // namespace delivery::kubernetes
