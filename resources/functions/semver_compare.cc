// semver_compare(a, b): which of two semantic versions comes first.
#include "provider/image_policy/semver.h"
#include "provider/image_policy/semver_functions.h"
#include "resources/catalog.h"
#include "resources/functions/pure_function.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

plugin::FunctionResult SemverCompare(const FunctionArguments& arguments) {
  const std::string& a = arguments[0].AsString();
  const absl::StatusOr<int> order = image_policy::SemverCompare(a, arguments[1].AsString());
  if (!order.ok()) {
    const bool is_the_second = image_policy::ParseVersion(a).has_value();
    return WrongArgument(is_the_second ? 1 : 0, order.status());
  }
  return Returned(Value::Number(int64_t{*order}));
}

}  // namespace

std::unique_ptr<plugin::Function> MakeSemverCompareFunction() {
  return MakePureFunction(
      {.name = "semver_compare",
       .summary = "Compares two semantic versions.",
       .description =
           "Compares two semantic versions by the precedence of semver.org: -1 when `a` is lower "
           "than `b`, 0 when they are equal, 1 when `a` is higher. `1.9.0` is lower than `1.10.0`, "
           "a pre-release lower than its release, and what follows a `+` does not count.",
       .parameters = {{.name = "a",
                       .type = Type::String(),
                       .description = "A version: `1.4.0`, `v1.4.0`, `1.5.0-rc.1`."},
                      {.name = "b", .type = Type::String(), .description = "The other version."}},
       .return_type = Type::Number()},
      SemverCompare);
}

}  // namespace delivery::resources
