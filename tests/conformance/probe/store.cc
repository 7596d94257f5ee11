#include "tests/conformance/probe/store.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/value/json_codec.h"

namespace delivery::conformance {
namespace {

std::string FileOf(const std::string& folder, const std::string& name) {
  return absl::StrCat(folder, "/", name, ".json");
}

}  // namespace

absl::Status SaveObject(const std::string& folder, const std::string& name,
                        const value::Value& object, const value::Type& type) {
  DELIVERY_ASSIGN_OR_RETURN(const std::string text, value::EncodeJson(object, type));
  std::ofstream file(FileOf(folder, name), std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", FileOf(folder, name)));
  return absl::OkStatus();
}

absl::StatusOr<value::Value> LoadObject(const std::string& folder, const std::string& name,
                                        const value::Type& type) {
  std::ifstream file(FileOf(folder, name), std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("no object ", name));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return value::DecodeJson(text, type);
}

void RemoveObject(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  std::filesystem::remove(FileOf(folder, name), ignored);
}

}  // namespace delivery::conformance
