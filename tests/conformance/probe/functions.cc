#include "tests/conformance/probe/functions.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::conformance {
namespace {

using plugin::FunctionParameter;
using plugin::FunctionResult;
using value::Type;
using value::Value;

struct Declaration {
  std::string name;
  std::string summary;
  std::vector<FunctionParameter> parameters;
  std::optional<FunctionParameter> variadic;
  Type return_type;
  std::function<FunctionResult(const Value::List&)> body;
};

class ProbeFunction final : public plugin::Function {
 public:
  explicit ProbeFunction(Declaration declaration) : declaration_(std::move(declaration)) {}

  const std::string& name() const override { return declaration_.name; }
  const std::string& summary() const override { return declaration_.summary; }
  const std::string& description() const override { return declaration_.summary; }
  const std::vector<FunctionParameter>& parameters() const override {
    return declaration_.parameters;
  }
  const FunctionParameter* variadic_parameter() const override {
    return declaration_.variadic.has_value() ? &*declaration_.variadic : nullptr;
  }
  const Type& return_type() const override { return declaration_.return_type; }
  FunctionResult Call(const Value::List& arguments) const override {
    return declaration_.body(arguments);
  }

 private:
  const Declaration declaration_;
};

FunctionResult Success(Value value) { return {std::move(value), "", std::nullopt}; }
FunctionResult Failure(std::string text, int64_t argument) {
  return {Value(), std::move(text), argument};
}

FunctionResult Chain(const Value::List& arguments) {
  std::string chain;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i].AsString().empty()) {
      return Failure("A part is empty.", static_cast<int64_t>(i));
    }
    absl::StrAppend(&chain, i == 1 ? "" : arguments[0].AsString(), arguments[i].AsString());
  }
  return Success(Value::String(chain));
}

FunctionResult Half(const Value::List& arguments) {
  const std::optional<int64_t> whole = arguments[0].AsNumber().AsInt64();
  if (!whole.has_value() || *whole % 2 != 0) return Failure("Only even numbers have halves.", 0);
  return Success(Value::Number(*whole / 2));
}

}  // namespace

std::vector<std::unique_ptr<plugin::Function>> MakeFunctions() {
  const FunctionParameter any = {"value", Type::Dynamic(), "Anything."};
  FunctionParameter anything_or_null = any;
  anything_or_null.allow_null = true;
  std::vector<Declaration> declarations = {
      {"echo",
       "The same again",
       {any},
       std::nullopt,
       Type::Dynamic(),
       [](const Value::List& arguments) { return Success(arguments[0]); }},
      {"is_nothing",
       "Whether it is null",
       {anything_or_null},
       std::nullopt,
       Type::Bool(),
       [](const Value::List& arguments) { return Success(Value::Bool(arguments[0].is_null())); }},
      {"chain",
       "Parts with a separator between",
       {{"separator", Type::String(), "Between."}},
       FunctionParameter{"parts", Type::String(), "What is chained."},
       Type::String(),
       Chain},
      {"half",
       "Half of an even number",
       {{"number", Type::Number(), "Even."}},
       std::nullopt,
       Type::Number(),
       Half},
  };
  std::vector<std::unique_ptr<plugin::Function>> functions;
  for (Declaration& declaration : declarations) {
    functions.push_back(std::make_unique<ProbeFunction>(std::move(declaration)));
  }
  return functions;
}

}  // namespace delivery::conformance
