// canary_steps(max, step, hold): the steps of a canary release with even weights.
#include "provider/image_policy/canary_steps.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/image_policy/quoted.h"
#include "provider/schema/rules.h"
#include "resources/catalog.h"
#include "resources/functions/pure_function.h"

namespace delivery::resources {
namespace {

using image_policy::CanaryStep;
using value::Type;
using value::Value;

const Type& StepType() {
  static const auto* const type =
      new Type(Type::Object({{"weight", Type::Number()}, {"hold", Type::String()}}));
  return *type;
}

plugin::FunctionResult NotWhole(int64_t argument, const Value& number) {
  return WrongArgument(argument, absl::StrCat(number.AsNumber().ToDecimal(),
                                              " is not a whole number from 1 to 100"));
}

plugin::FunctionResult CanarySteps(const FunctionArguments& arguments) {
  const std::optional<int64_t> max = arguments[0].AsNumber().AsInt64();
  if (!max.has_value()) return NotWhole(0, arguments[0]);
  const std::optional<int64_t> step = arguments[1].AsNumber().AsInt64();
  if (!step.has_value()) return NotWhole(1, arguments[1]);
  const std::string& hold = arguments[2].AsString();
  // With a step that fits every maximum, what is wrong is the maximum.
  const absl::Status max_alone = image_policy::CanarySteps(*max, 1, hold).status();
  if (!max_alone.ok()) return WrongArgument(0, max_alone);
  const absl::StatusOr<std::vector<CanaryStep>> steps =
      image_policy::CanarySteps(*max, *step, hold);
  if (!steps.ok()) return WrongArgument(1, steps.status());
  if (!schema::ParseGoDuration(hold).has_value()) {
    return WrongArgument(2, absl::StrCat(image_policy::Quoted(hold),
                                         " is not a duration such as \"90s\" or \"1h30m\""));
  }
  Value::List list;
  for (const CanaryStep& each : *steps) {
    list.push_back(Value::Object(
        StepType(), {{"weight", Value::Number(each.weight)}, {"hold", Value::String(each.hold)}}));
  }
  return Returned(Value::MakeList(StepType(), std::move(list)));
}

}  // namespace

std::unique_ptr<plugin::Function> MakeCanaryStepsFunction() {
  return MakePureFunction(
      {.name = "canary_steps",
       .summary = "Makes the steps of a canary release, with evenly rising weights.",
       .description =
           "Makes the steps of a canary release for a `dynamic \"step\"` block: weights `step`, "
           "2 x `step` and so on below `max`, and `max` as the last one. "
           "`canary_steps(50, 20, \"2m\")` gives the weights 20, 40 and 50.",
       .parameters = {{.name = "max",
                       .type = Type::Number(),
                       .description = "Weight of the last step in percent, from 1 to 100."},
                      {.name = "step",
                       .type = Type::Number(),
                       .description = "How much the weight rises with each step, from 1 to `max`."},
                      {.name = "hold",
                       .type = Type::String(),
                       .description = "How long each step holds, a duration such as `\"90s\"`."}},
       .return_type = Type::List(StepType())},
      CanarySteps);
}

}  // namespace delivery::resources
