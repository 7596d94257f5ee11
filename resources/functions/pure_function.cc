#include "resources/functions/pure_function.h"

#include <optional>
#include <utility>

namespace delivery::resources {
namespace {

using Compute = plugin::FunctionResult (*)(const FunctionArguments& arguments);

class PureFunction final : public plugin::Function {
 public:
  PureFunction(FunctionDeclaration declaration, Compute compute)
      : declaration_(std::move(declaration)), compute_(compute) {}

  const std::string& name() const override { return declaration_.name; }
  const std::string& summary() const override { return declaration_.summary; }
  const std::string& description() const override { return declaration_.description; }
  const std::vector<plugin::FunctionParameter>& parameters() const override {
    return declaration_.parameters;
  }
  const value::Type& return_type() const override { return declaration_.return_type; }
  plugin::FunctionResult Call(const FunctionArguments& arguments) const override {
    return compute_(arguments);
  }

 private:
  const FunctionDeclaration declaration_;
  const Compute compute_;
};

}  // namespace

std::unique_ptr<plugin::Function> MakePureFunction(FunctionDeclaration declaration,
                                                   Compute compute) {
  return std::make_unique<PureFunction>(std::move(declaration), compute);
}

plugin::FunctionResult Returned(value::Value value) {
  return {std::move(value), /*error=*/"", /*error_argument=*/std::nullopt};
}

plugin::FunctionResult WrongArgument(int64_t argument, std::string why) {
  return {value::Value(), std::move(why), argument};
}

plugin::FunctionResult WrongArgument(int64_t argument, const absl::Status& why) {
  return WrongArgument(argument, std::string(why.message()));
}

}  // namespace delivery::resources
