// Msgpack from the host: whatever decodes must encode again, to something that decodes to an equal
// value. The first byte of the input picks the type.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "absl/strings/match.h"
#include "provider/value/msgpack.h"
#include "tests/fuzz/fuzz_types.h"

namespace delivery::value {
namespace {

void Check(std::string_view bytes, const Type& type) {
  const absl::StatusOr<Value> value = DecodeMsgpack(bytes, type);
  if (!value.ok()) return;
  const absl::StatusOr<std::string> encoded = EncodeMsgpack(*value, type);
  if (!encoded.ok()) {
    // Dynamic values inside one another may have a type deeper than each of theirs.
    if (absl::StrContains(encoded.status().message(), "nested deeper")) return;
    std::abort();
  }
  const absl::StatusOr<Value> again = DecodeMsgpack(*encoded, type);
  if (!again.ok() || !(*again == *value)) std::abort();
}

}  // namespace
}  // namespace delivery::value

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  delivery::value::Check(bytes.substr(1), delivery::value::PickFuzzType(data[0]));
  return 0;
}
