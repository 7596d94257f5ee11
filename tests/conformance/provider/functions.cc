#include "tests/conformance/provider/functions.h"

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/conformance/provider/declare.h"

namespace delivery::conformance {
namespace {

using plugin::FunctionParameter;
using plugin::FunctionResult;
using value::Type;
using value::Value;

using Arguments = std::vector<Value>;

struct Signature {
  std::string name;
  std::vector<FunctionParameter> parameters;
  std::optional<FunctionParameter> variadic;
  Type returns;
};

class TestFunction : public plugin::Function {
 public:
  TestFunction(Signature signature, std::function<FunctionResult(const Arguments&)> body)
      : signature_(std::move(signature)), body_(std::move(body)) {}

  const std::string& name() const override { return signature_.name; }
  const std::string& summary() const override { return text_; }
  const std::string& description() const override { return text_; }
  const std::vector<FunctionParameter>& parameters() const override {
    return signature_.parameters;
  }
  const FunctionParameter* variadic_parameter() const override {
    return signature_.variadic.has_value() ? &*signature_.variadic : nullptr;
  }
  const Type& return_type() const override { return signature_.returns; }
  FunctionResult Call(const Arguments& arguments) const override { return body_(arguments); }

 private:
  const Signature signature_;
  const std::function<FunctionResult(const Arguments&)> body_;
  const std::string text_ = "For tests.";
};

class EchoData : public plugin::DataSource {
 public:
  EchoData() {
    schema_.block.description = "Its output is its input.";
    schema_.block.attributes = {Required("input", Type::Dynamic()),
                                Computed("output", Type::Dynamic())};
  }
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const Value&) const override { return {}; }
  plugin::ReadResponse Read(const plugin::CallContext&, const Value& config) const override {
    plugin::ReadResponse response;
    response.state = config.With("output", config.Get("input"));
    return response;
  }

 private:
  const std::string type_name_ = "conformance_echo";
  schema::Schema schema_;
};

FunctionParameter Parameter(std::string name, Type type, bool allow_null = false) {
  return {std::move(name), std::move(type), "For tests.", allow_null};
}

}  // namespace

std::unique_ptr<plugin::Function> MakeEcho() {
  return std::make_unique<TestFunction>(
      Signature{"echo", {Parameter("anything", Type::Dynamic(), true)}, {}, Type::Dynamic()},
      [](const Arguments& arguments) {
        return FunctionResult{arguments.at(0), "", {}};
      });
}

std::unique_ptr<plugin::Function> MakeCount() {
  return std::make_unique<TestFunction>(
      Signature{"count",
                {Parameter("first", Type::String())},
                Parameter("rest", Type::String(), true),
                Type::Number()},
      [](const Arguments& arguments) {
        return FunctionResult{Value::Number(static_cast<int64_t>(arguments.size())), "", {}};
      });
}

std::unique_ptr<plugin::Function> MakeRefuse() {
  return std::make_unique<TestFunction>(
      Signature{"refuse",
                {Parameter("text", Type::String()), Parameter("number", Type::Number())},
                {},
                Type::String()},
      [](const Arguments& arguments) {
        return FunctionResult{Value::Null(Type::String()),
                              absl::StrCat("refused: ", arguments.at(0).AsString()), 1};
      });
}

std::unique_ptr<plugin::DataSource> MakeEchoData() { return std::make_unique<EchoData>(); }

}  // namespace delivery::conformance
