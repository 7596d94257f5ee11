// State as JSON: whatever decodes must encode again, to something that decodes to an equal value,
// and the way through plain JSON must be stable. The first byte of the input picks the type.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "absl/strings/match.h"
#include "provider/value/json_codec.h"
#include "tests/fuzz/fuzz_types.h"

namespace delivery::value {
namespace {

void CheckPlain(const Value& value) {
  const absl::StatusOr<Json> json = ToPlainJson(value);
  if (!json.ok()) return;
  const absl::StatusOr<Json> again = ToPlainJson(FromPlainJson(*json));
  if (!again.ok() || *again != *json) std::abort();
}

void Check(std::string_view text, const Type& type) {
  DecodeJson(text, type, UnknownAttributes::kIgnore).IgnoreError();
  const absl::StatusOr<Value> value = DecodeJson(text, type);
  if (!value.ok()) return;
  CheckPlain(*value);
  const absl::StatusOr<std::string> encoded = EncodeJson(*value, type);
  if (!encoded.ok()) {
    // Dynamic values inside one another may have a type deeper than each of theirs.
    if (absl::StrContains(encoded.status().message(), "nested deeper")) return;
    std::abort();
  }
  const absl::StatusOr<Value> again = DecodeJson(*encoded, type);
  if (!again.ok() || !(*again == *value)) std::abort();
}

}  // namespace
}  // namespace delivery::value

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  delivery::value::Check(text.substr(1), delivery::value::PickFuzzType(data[0]));
  return 0;
}
