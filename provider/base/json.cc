#include "provider/base/json.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace delivery {
namespace {

constexpr int kDeepestNesting = 200;

}  // namespace

absl::StatusOr<Json> ParseJson(std::string_view text) {
  // The parser is iterative, but copying and destroying a deep document recurses: refuse it early.
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepestNesting;
    return !too_deep;
  };
  try {
    Json parsed = Json::parse(text.begin(), text.end(), watch_depth, /*allow_exceptions=*/true);
    if (too_deep) {
      return absl::InvalidArgumentError(
          absl::StrCat("JSON is nested deeper than ", kDeepestNesting, " levels"));
    }
    return parsed;
  } catch (const Json::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON at byte ", error.byte));
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON (", error.id, ")"));
  }
}

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* Find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

const Json& GetObject(const Json& object, std::string_view key) {
  static const Json* const empty = new Json(Json::object());
  const Json* found = Find(object, key);
  return found != nullptr && found->is_object() ? *found : *empty;
}

const Json& GetArray(const Json& object, std::string_view key) {
  static const Json* const empty = new Json(Json::array());
  const Json* found = Find(object, key);
  return found != nullptr && found->is_array() ? *found : *empty;
}

std::string GetString(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json* found = Find(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>()
                                                : std::string(otherwise);
}

int64_t GetInt(const Json& object, std::string_view key, int64_t otherwise) {
  const Json* found = Find(object, key);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

bool GetBool(const Json& object, std::string_view key, bool otherwise) {
  const Json* found = Find(object, key);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

}  // namespace delivery
