#include "provider/plugin/service_fake_provider.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace delivery::plugin {
namespace {

using value::Type;
using value::Value;

schema::Attribute TextAttribute(std::string name) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = Type::String();
  return attribute;
}

schema::BlockType Check() {
  schema::BlockType block;
  block.name = "check";
  block.nesting = schema::Nesting::kList;
  block.block.attributes = {TextAttribute("url")};
  block.block.attributes[0].required = true;
  return block;
}

std::string NameOf(const Value& thing) {
  const Value name = thing.Get("name");
  return name.is_string() ? name.AsString() : std::string();
}

void MaybeThrow(const Value& thing) {
  if (NameOf(thing) == "throw") throw std::runtime_error("thrown by the fake");
}

void WaitForStop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

}  // namespace

Value FakeThing(const std::string& name, Value id) {
  return Value::Object({{"name", Value::String(name)},
                        {"note", Value::Null(Type::String())},
                        {"id", std::move(id)},
                        {"check", Value::MakeList(Check().block.ImpliedType(), {})}});
}
Value FakeThing(const std::string& name) { return FakeThing(name, Value::Null(Type::String())); }
Value FakeIdentity(const std::string& name) {
  return Value::Object({{"name", Value::String(name)}});
}

FakeResource::FakeResource() {
  schema_.version = 2;
  schema_.block.attributes = {TextAttribute("name"), TextAttribute("note"), TextAttribute("id")};
  schema_.block.attributes[0].required = true;
  schema_.block.attributes[1].optional = true;
  schema_.block.attributes[2].computed = true;
  schema_.block.blocks = {Check()};
  identity_.version = 1;
  identity_.attributes = {{"name", Type::String(), true, false, "the name"}};
}

Diagnostics FakeResource::Validate(const Value& config) const {
  MaybeThrow(config);
  Diagnostics diagnostics;
  if (NameOf(config) == "bytes") {
    diagnostics.Error(value::Path::Of("name"), "bad \xff", "bytes \xc3");
  }
  return diagnostics;
}

ReadResponse FakeResource::Read(const CallContext&, const ReadRequest& request) const {
  MaybeThrow(request.prior);
  ReadResponse response;
  response.state = request.prior;
  if (NameOf(request.prior) == "silent") return response;
  response.private_state = request.private_state + "r";
  response.identity = FakeIdentity(NameOf(request.prior));
  return response;
}

PlanResponse FakeResource::Plan(const CallContext&, const PlanRequest& request) const {
  MaybeThrow(request.config);
  PlanResponse response;
  response.planned = request.proposed;
  if (request.config.is_null()) return response;
  const std::string name = NameOf(request.config);
  if (request.prior.is_null()) {
    response.planned = response.planned.With("id", Value::Unknown(Type::String()));
  }
  if (name == "break") response.planned = response.planned.With("name", Value::String("other"));
  if (name == "silent") return response;
  response.private_state = request.private_state + "p";
  response.identity = FakeIdentity(name);
  response.requires_replace = {value::Path::Of("name")};
  return response;
}

ApplyResponse FakeResource::Apply(const CallContext& context, const ApplyRequest& request) const {
  MaybeThrow(request.config);
  ApplyResponse response;
  if (request.planned.is_null()) return response;
  const std::string name = NameOf(request.planned);
  response.state = request.planned.With("id", Value::String("id-" + name));
  if (name == "break") response.state = response.state.With("name", Value::String("other"));
  if (name == "wait") {
    ++waiting;
    WaitForStop(context.stop);
    response.diagnostics.Error({}, "Stopped", "The apply was stopped.");
  }
  if (name == "silent") return response;
  response.private_state = request.private_state + "a";
  response.identity = FakeIdentity(name);
  return response;
}

ReadResponse FakeResource::Import(const CallContext&, const ImportRequest& request) const {
  ReadResponse response;
  const std::string name = request.identity.is_known() ? NameOf(request.identity) : request.id;
  if (name == "absent") return response;
  response.state = FakeThing(name, Value::String("id-" + name));
  response.private_state = "i";
  if (!request.identity.is_known()) response.identity = FakeIdentity(name);
  return response;
}

ReadResponse FakeResource::Move(const CallContext&, const MoveRequest& request) const {
  ReadResponse response;
  if (request.source_type != "other_thing") {
    response.diagnostics.Error({}, "Unsupported move", "from " + request.source_type);
    return response;
  }
  response.state = FakeThing("moved", Value::String(request.source_state_json));
  response.private_state = request.source_private_state + "m";
  response.identity = FakeIdentity("moved");
  return response;
}

FakeDataSource::FakeDataSource() {
  schema_.block.attributes = {TextAttribute("name"), TextAttribute("echo")};
  schema_.block.attributes[0].required = true;
  schema_.block.attributes[1].computed = true;
}

ReadResponse FakeDataSource::Read(const CallContext&, const Value& config) const {
  MaybeThrow(config);
  ReadResponse response;
  response.state = config.With("echo", config.Get("name"));
  return response;
}

FakeFunction::FakeFunction()
    : parameters_({{"separator", Type::String(), "between parts", /*allow_null=*/true}}),
      variadic_({"parts", Type::String(), "what to join", /*allow_null=*/false}) {}

FunctionResult FakeFunction::Call(const std::vector<Value>& arguments) const {
  const std::string separator = arguments[0].is_null() ? "+" : arguments[0].AsString();
  if (separator == "throw") throw std::runtime_error("thrown by the fake");
  if (separator.empty()) return {Value(), "separator is empty", 0};
  std::string joined;
  for (size_t i = 1; i < arguments.size(); ++i) {
    joined += (i > 1 ? separator : "") + arguments[i].AsString();
  }
  return {Value::String(joined), "", std::nullopt};
}

Diagnostics FakeProvider::Validate(const Value&) const {
  Diagnostics diagnostics;
  diagnostics.Warning({}, "Validated", "once");
  return diagnostics;
}

Diagnostics FakeProvider::Configure(const Value&, const std::string& host_version) {
  configured_by = host_version;
  return {};
}

}  // namespace delivery::plugin
