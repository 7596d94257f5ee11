// semver_select(tags, range): the tag with the highest version in a range.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/image_policy/semver_functions.h"
#include "provider/image_policy/semver_range.h"
#include "resources/catalog.h"
#include "resources/functions/pure_function.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

plugin::FunctionResult SemverSelect(const FunctionArguments& arguments) {
  std::vector<std::string> tags;
  for (const Value& tag : arguments[0].elements()) {
    if (tag.is_null()) {
      return WrongArgument(0, absl::StrCat("element ", tags.size(),
                                           " is null; every element must be a tag, and compact() "
                                           "leaves out those that are null"));
    }
    tags.push_back(tag.AsString());
  }
  const auto range = image_policy::Range::Parse(arguments[1].AsString());
  if (!range.ok()) return WrongArgument(1, range.status());
  const std::optional<std::string> selected = image_policy::SemverSelect(tags, *range);
  return Returned(selected.has_value() ? Value::String(*selected) : Value::Null(Type::String()));
}

}  // namespace

std::unique_ptr<plugin::Function> MakeSemverSelectFunction() {
  return MakePureFunction(
      {.name = "semver_select",
       .summary = "Selects the tag with the highest semantic version in a range.",
       .description =
           "Selects the tag with the highest semantic version in a range, as "
           "`delivery_image_policy` does with the same range; null when there is none. Tags that "
           "are no semantic versions (`latest`) are passed over. A tag may begin with `v`. Of "
           "equal versions (`1.4.0` and `v1.4.0`) the one later in byte order is selected.",
       .parameters = {{.name = "tags",
                       .type = Type::List(Type::String()),
                       .description = "The tags to select from, in any order."},
                      {.name = "range",
                       .type = Type::String(),
                       .description =
                           "As in Flux's image policies (Masterminds/semver): `>=1.0.0 <2.0.0`, "
                           "`^1.2`, `~1.4`, `1.x`, `1.2 - 1.9`, `||`. Pre-releases only where the "
                           "range names one (`>=1.0.0-0`)."}},
       .return_type = Type::String()},
      SemverSelect);
}

}  // namespace delivery::resources
