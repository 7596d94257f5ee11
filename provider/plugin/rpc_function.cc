// Functions. They run on processes that were never configured, and their errors are no diagnostics
// but a text with the number of an argument.
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/plugin/from_wire.h"
#include "provider/plugin/service_answer.h"
#include "provider/plugin/service_impl.h"

namespace delivery::plugin {
namespace {

FunctionResult Failure(std::string error, std::optional<int64_t> argument = std::nullopt) {
  return {value::Value(), std::move(error), argument};
}

// Null when there are more arguments than parameters.
const FunctionParameter* ParameterAt(const Function& function, size_t index) {
  const std::vector<FunctionParameter>& parameters = function.parameters();
  return index < parameters.size() ? &parameters[index] : function.variadic_parameter();
}

// An error text, or nullopt and the argument appended.
std::optional<std::string> AddArgument(const tfplugin6::DynamicValue& wire,
                                       const FunctionParameter* parameter,
                                       std::vector<value::Value>& arguments) {
  if (parameter == nullptr) return "too many arguments";
  absl::StatusOr<value::Value> argument = ValueFromWire(wire, parameter->type);
  if (!argument.ok()) return std::string(argument.status().message());
  if (argument->is_null() && !parameter->allow_null) return "must not be null";
  arguments.push_back(*std::move(argument));
  return std::nullopt;
}

FunctionResult Call(const Function& function, const tfplugin6::CallFunction::Request& request) {
  if (static_cast<size_t>(request.arguments_size()) < function.parameters().size()) {
    return Failure(absl::StrCat("needs ", function.parameters().size(), " arguments"));
  }
  std::vector<value::Value> arguments;
  bool all_known = true;
  for (int i = 0; i < request.arguments_size(); ++i) {
    const FunctionParameter* parameter = ParameterAt(function, static_cast<size_t>(i));
    std::optional<std::string> error = AddArgument(request.arguments(i), parameter, arguments);
    if (error.has_value()) return Failure(*std::move(error), i);
    all_known = all_known && arguments.back().IsWhollyKnown();
  }
  // We declare that functions take no unknown values; a host that sends one gets one back.
  if (!all_known) return {value::Value::Unknown(function.return_type()), "", std::nullopt};
  return function.Call(arguments);
}

void ResultToWire(const FunctionResult& result, const value::Type& type,
                  tfplugin6::CallFunction::Response& response) {
  std::string error = result.error;
  if (error.empty()) {
    const absl::Status written = ValueToWire(result.value, type, *response.mutable_result());
    if (written.ok()) return;
    error = absl::StrCat(kProviderBug, ": ", written.message());
  }
  response.clear_result();
  response.mutable_error()->set_text(WireMessage(error));
  if (result.error_argument.has_value()) {
    response.mutable_error()->set_function_argument(*result.error_argument);
  }
}

}  // namespace

grpc::Status ProviderService::CallFunction(grpc::ServerContext*,
                                           const tfplugin6::CallFunction::Request* request,
                                           tfplugin6::CallFunction::Response* response) {
  const auto found = functions_.find(request->name());
  if (found == functions_.end()) {
    ResultToWire(Failure(absl::StrCat("this provider has no function ", request->name())), {},
                 *response);
    return grpc::Status::OK;
  }
  FunctionResult result;
  try {
    result = Call(*found->second, *request);
  } catch (const std::exception& exception) {
    result = Failure(ExceptionDetail(request->name(), exception.what()));
  } catch (...) {
    result = Failure(ExceptionDetail(request->name(), "an unknown exception"));
  }
  ResultToWire(result, found->second->return_type(), *response);
  return grpc::Status::OK;
}

}  // namespace delivery::plugin
