// A provider function made of its declaration and of what computes it.
#ifndef DELIVERY_RESOURCES_FUNCTIONS_PURE_FUNCTION_H_
#define DELIVERY_RESOURCES_FUNCTIONS_PURE_FUNCTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "provider/plugin/resource.h"

namespace delivery::resources {

struct FunctionDeclaration {
  std::string name;
  std::string summary;      // one sentence, plain text
  std::string description;  // Markdown
  std::vector<plugin::FunctionParameter> parameters;
  value::Type return_type;
};

// One argument for each parameter, of its type. They are known throughout and not null, which the
// plugin layer sees to; what is inside of them may be null.
using FunctionArguments = std::vector<value::Value>;

// `compute` must depend on nothing but its arguments.
std::unique_ptr<plugin::Function> MakePureFunction(
    FunctionDeclaration declaration,
    plugin::FunctionResult (*compute)(const FunctionArguments& arguments));

plugin::FunctionResult Returned(value::Value value);

// `argument` counts from 0. The hosts write the parameter's name before `why` and end the sentence.
plugin::FunctionResult WrongArgument(int64_t argument, std::string why);
// With the message of `why`.
plugin::FunctionResult WrongArgument(int64_t argument, const absl::Status& why);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_FUNCTIONS_PURE_FUNCTION_H_
