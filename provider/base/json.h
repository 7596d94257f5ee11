// nlohmann::json behind absl::Status: the library's exceptions end here and nowhere else.
#ifndef DELIVERY_BASE_JSON_H_
#define DELIVERY_BASE_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace delivery {

using Json = nlohmann::json;

// Parses strict JSON (UTF-8). InvalidArgument with the byte offset on malformed input or input
// nested deeper than 200 levels. Never throws.
absl::StatusOr<Json> ParseJson(std::string_view text);

// Serialises compactly; keys are sorted, so the text is canonical. Invalid UTF-8 is replaced.
// Never throws.
std::string DumpJson(const Json& json);

// Members by name without exceptions. The reference overloads return a shared constant of the
// type's empty value when the member is absent or of another type.
const Json* Find(const Json& object, std::string_view key);
const Json& GetObject(const Json& object, std::string_view key);
const Json& GetArray(const Json& object, std::string_view key);
std::string GetString(const Json& object, std::string_view key, std::string_view otherwise = "");
int64_t GetInt(const Json& object, std::string_view key, int64_t otherwise = 0);
bool GetBool(const Json& object, std::string_view key, bool otherwise = false);

}  // namespace delivery

#endif  // DELIVERY_BASE_JSON_H_
