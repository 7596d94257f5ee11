#include "tests/conformance/probe/thing.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/value/json_codec.h"
#include "tests/conformance/probe/declare.h"
#include "tests/conformance/probe/misbehave.h"
#include "tests/conformance/probe/store.h"

namespace delivery::conformance {
namespace {

using value::Path;
using value::Type;
using value::Value;

constexpr char kMarker[] = "applied";

std::string PrivateOf(int64_t applied) { return DumpJson({{kMarker, applied}}); }

int64_t AppliedIn(const std::string& private_state) {
  const absl::StatusOr<Json> json = ParseJson(private_state);
  return json.ok() ? GetInt(*json, kMarker) : 0;
}

void CheckWeights(const Value& config, Diagnostics& diagnostics) {
  const Value steps = config.Get("step");
  if (!steps.is_known()) return;
  for (size_t i = 0; i < steps.elements().size(); ++i) {
    const Value weight = steps.elements()[i].Get("weight");
    if (!weight.is_number() || weight.AsNumber().AsDouble() <= 100) continue;
    diagnostics.Error(Path::Of("step").At(static_cast<int64_t>(i)).Attr("weight"),
                      "Weight out of range", "A weight is at most 100.");
  }
}

Value Weights(const Value& planned) {
  Value::List weights;
  const Value steps = planned.Get("step");
  if (steps.is_known()) {
    for (const Value& step : steps.elements()) weights.push_back(step.Get("weight"));
  }
  return Value::MakeList(Type::Number(), std::move(weights));
}

// False when it was stopped.
bool Sleep(const Value& behaviour, const std::stop_token& stop) {
  const Value wanted = behaviour.Get("sleep_ms");
  if (!wanted.is_number()) return true;
  const auto duration = absl::Milliseconds(wanted.AsNumber().AsInt64().value_or(0));
  return Clock::Real().Sleep(duration, IsTrue(behaviour, "stubborn") ? std::stop_token() : stop);
}

}  // namespace

Thing::Thing(const SharedSettings& settings) : settings_(settings) {
  schema::IdentityAttribute name;
  name.name = "name";
  name.type = Type::String();
  name.required_for_import = true;
  name.description = "The name of the thing.";
  identity_schema_.attributes.push_back(std::move(name));
}

Value Thing::Identity(const Value& name) const { return Value::Object({{"name", name}}); }

Diagnostics Thing::Validate(const Value& config) const {
  Diagnostics diagnostics;
  RegisterSecret(TextOf(config, "password"));
  CheckWeights(config, diagnostics);
  if (TextOf(config, "name") == "forbidden") {
    diagnostics.Error(Path::Of("name"), "Name not allowed", "Any other name will do.");
  }
  return diagnostics;
}

plugin::ReadResponse Thing::Read(const plugin::CallContext&,
                                 const plugin::ReadRequest& request) const {
  plugin::ReadResponse response;
  response.private_state = request.private_state;
  response.identity = Identity(request.prior.Get("name"));
  response.state = request.prior;
  const std::string folder = settings_.Get().store;
  if (folder.empty()) return response;
  absl::StatusOr<Value> found = LoadObject(folder, TextOf(request.prior, "name"), type_);
  if (found.ok()) {
    response.state = *std::move(found);
  } else if (absl::IsNotFound(found.status())) {
    response.state = Value::Null(type_);
  } else {
    response.diagnostics.Error({}, "Cannot read the thing", std::string(found.status().message()));
  }
  return response;
}

plugin::PlanResponse Thing::Plan(const plugin::CallContext&,
                                 const plugin::PlanRequest& request) const {
  plugin::PlanResponse response;
  response.private_state = request.private_state;
  response.identity = request.prior_identity;
  response.planned = request.proposed;
  if (request.config.is_null()) {
    response.diagnostics.Warning({}, "Thing will be gone",
                                 absl::StrCat("It is ", TextOf(request.prior, "name"), "."));
    return response;
  }
  if (request.config.Get("flavour").is_null()) {
    response.planned = response.planned.With("flavour", Value::String("plain"));
  }
  response.identity = Identity(response.planned.Get("name"));
  if (response.planned == request.prior) return response;
  for (const schema::Attribute& attribute : schema_.block.attributes) {
    const bool stays = attribute.optional || (attribute.name == "id" && !request.prior.is_null());
    if (!attribute.computed || stays) continue;
    response.planned = response.planned.With(attribute.name, Value::Unknown(attribute.type));
  }
  if (!(request.prior.Get("name") == response.planned.Get("name"))) {
    response.requires_replace.push_back(Path::Of("name"));
  }
  return response;
}

Value Thing::FilledIn(const Value& planned, int64_t applied, const std::string& phase) const {
  const Value id = planned.Get("id");
  const std::string new_id = absl::StrCat("thing/", TextOf(planned, "name"));
  return planned.With("id", id.is_unknown() ? Value::String(new_id) : id)
      .With("applied", Value::Number(applied))
      .With("status", Value::Object({{"phase", Value::String(phase)},
                                     {"message", Value::Null(Type::String())},
                                     {"steps", Weights(planned)}}));
}

plugin::ApplyResponse Thing::Destroy(const plugin::CallContext& context,
                                     const plugin::ApplyRequest& request) const {
  plugin::ApplyResponse response;
  response.state = Value::Null(type_);
  if (!Sleep(request.prior.Get("behaviour"), context.stop)) {
    response.state = request.prior;
    response.private_state = request.private_state;
    response.identity = Identity(request.prior.Get("name"));
    response.diagnostics.Error({}, "Interrupted", "It is still there.");
    return response;
  }
  RemoveObject(settings_.Get().store, TextOf(request.prior, "name"));
  return response;
}

plugin::ApplyResponse Thing::Apply(const plugin::CallContext& context,
                                   const plugin::ApplyRequest& request) const {
  if (request.planned.is_null()) return Destroy(context, request);
  const Settings settings = settings_.Get();
  const Value behaviour = request.planned.Get("behaviour");
  plugin::ApplyResponse response;
  const int64_t applied = AppliedIn(request.private_state) + 1;
  response.private_state = PrivateOf(applied);
  response.identity = Identity(request.planned.Get("name"));
  if (IsTrue(behaviour, "warn") && request.prior.is_null()) {
    response.diagnostics.Warning(Path::Of("name"), "New thing", "It was not there before.");
  }
  const bool done = Sleep(behaviour, context.stop);
  if (!done) {
    response.diagnostics.Warning({}, "Interrupted", "Apply again to go on.");
  }
  response.state = FilledIn(request.planned, applied, done ? "Ready" : "Interrupted");
  Misbehave(TextOf(behaviour, "fail"), settings.secret, response);
  if (response.state.is_null() || settings.store.empty()) return response;
  const absl::Status saved =
      SaveObject(settings.store, TextOf(request.planned, "name"), response.state, type_);
  if (!saved.ok()) {
    response.diagnostics.Error({}, "Cannot save the thing", std::string(saved.message()));
  }
  return response;
}

plugin::ReadResponse Thing::Import(const plugin::CallContext&,
                                   const plugin::ImportRequest& request) const {
  plugin::ReadResponse response;
  const std::string name =
      request.id.empty() ? TextOf(request.identity, "name") : std::string(request.id);
  absl::StatusOr<Value> found = LoadObject(settings_.Get().store, name, type_);
  if (!found.ok()) {
    response.diagnostics.Error({}, "Nothing to import", std::string(found.status().message()));
    return response;
  }
  response.state = *std::move(found);
  response.identity = Identity(Value::String(name));
  const Value applied = response.state.Get("applied");
  response.private_state =
      PrivateOf(applied.is_number() ? applied.AsNumber().AsInt64().value_or(0) : 0);
  return response;
}

plugin::ReadResponse Thing::Move(const plugin::CallContext&,
                                 const plugin::MoveRequest& request) const {
  plugin::ReadResponse response;
  const absl::StatusOr<Json> source = ParseJson(request.source_state_json);
  const bool from_data = request.source_type == "terraform_data";
  if (!source.ok() || (!from_data && request.source_type != "probe_old")) {
    response.diagnostics.Error({}, "Cannot be moved here",
                               absl::StrCat(request.source_type, " of ",
                                            request.source_provider_address, " is no thing."));
    return response;
  }
  const Json& object = from_data ? GetObject(GetObject(*source, "input"), "value") : *source;
  const Json state = {{"name", GetString(object, "name")}, {"id", GetString(*source, "id")}};
  return Upgrade(schema_.version, DumpJson(state));
}

plugin::ReadResponse Thing::Upgrade(int64_t version, const std::string& state_json) const {
  if (version != 0) return Resource::Upgrade(version, state_json);
  absl::StatusOr<Json> old = ParseJson(state_json);
  if (!old.ok() || !old->is_object()) return Resource::Upgrade(version, state_json);
  (*old)["name"] = GetString(*old, "title");
  return Resource::Upgrade(version, DumpJson(*old));
}

}  // namespace delivery::conformance
