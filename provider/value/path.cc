#include "provider/value/path.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace delivery::value {
namespace {

std::string Quoted(const std::string& key) {
  return absl::StrCat("\"",
                      absl::StrReplaceAll(key, {{"\\", "\\\\"},
                                                {"\"", "\\\""},
                                                {"\n", "\\n"},
                                                {"\r", "\\r"},
                                                {"\t", "\\t"},
                                                {"${", "$${"},
                                                {"%{", "%%{"}}),
                      "\"");
}

}  // namespace

std::string Path::ToString() const {
  std::string text;
  for (const Step& step : steps_) {
    if (const auto* attribute = std::get_if<Attribute>(&step)) {
      absl::StrAppend(&text, text.empty() ? "" : ".", attribute->name);
    } else if (const auto* key = std::get_if<Key>(&step)) {
      absl::StrAppend(&text, "[", Quoted(key->key), "]");
    } else {
      absl::StrAppend(&text, "[", std::get<Index>(step).index, "]");
    }
  }
  return text;
}

}  // namespace delivery::value
