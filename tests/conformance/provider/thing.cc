#include "tests/conformance/provider/thing.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "provider/base/clock.h"
#include "provider/base/log.h"
#include "provider/base/redact.h"
#include "tests/conformance/provider/declare.h"

namespace delivery::conformance {
namespace {

using plugin::ApplyRequest;
using plugin::ApplyResponse;
using plugin::CallContext;
using plugin::ImportRequest;
using plugin::MoveRequest;
using plugin::PlanRequest;
using plugin::PlanResponse;
using plugin::ReadRequest;
using plugin::ReadResponse;
using value::Path;
using value::Type;
using value::Value;

// What the host must hand back unchanged with the state.
constexpr char kPrivate[] = "private \x01\xff bytes";

schema::Schema ThingSchema() {
  schema::Schema schema;
  schema.version = 1;
  schema.block.description = "A thing with an argument of every kind.";
  schema.block.attributes = {
      Required("name", Type::String()),
      Optional("text", Type::String()),
      Optional("number", Type::Number()),
      Optional("anything", Type::Dynamic()),
      Optional("tags", Type::Set(Type::String())),
      Optional("labels", Type::Map(Type::String())),
      Sensitive(Optional("secret", Type::String())),
      // Behaviour: warn, fail, crash, or take long and say in file `marker` when that begins.
      Optional("behaviour", Type::String()),
      Optional("marker", Type::String()),
      Computed("id", Type::String()),
      ComputedObject("status",
                     {Computed("phase", Type::String()), Computed("generation", Type::Number()),
                      Computed("seen", Type::Dynamic())}),
  };
  schema.block.blocks = {
      DeclareBlock("single", schema::Nesting::kSingle, {Required("value", Type::String())}),
      DeclareBlock("item", schema::Nesting::kList,
                   {Required("name", Type::String()), Optional("weight", Type::Number()),
                    Computed("note", Type::String())}),
  };
  return schema;
}

schema::IdentitySchema ThingIdentity() {
  schema::IdentitySchema schema;
  schema.attributes = {{"name", Type::String(), true, false, "The name."}};
  return schema;
}

Value IdentityOf(const Value& state) { return Value::Object({{"name", state.Get("name")}}); }

std::string Text(const Value& object, const char* name) {
  const Value value = object.Get(name);
  return value.is_string() ? value.AsString() : "";
}

Value Arguments(const Value& state) { return state.Without("id").Without("status"); }

// Every item's `note` where it has none: unknown in a plan, text in a state.
template <typename Note>
Value WithNotes(const Value& object, const Note& note) {
  const Value items = object.Get("item");
  if (!items.is_known()) return object;  // a dynamic block that is not decided yet
  Value::List list;
  for (const Value& item : items.elements()) {
    const bool open = item.is_known() && !item.Get("note").is_known();
    list.push_back(open ? item.With("note", note(item)) : item);
  }
  return object.With("item", Value::MakeList(items.type().element(), std::move(list)));
}

int64_t GenerationOf(const Value& state) {
  const Value generation = state.Get("status").Get("generation");
  return generation.is_number() ? generation.AsNumber().AsInt64().value_or(0) : 0;
}

Value StatusOf(const std::string& phase, int64_t generation, const Value& seen) {
  return Value::Object(
      {{"phase", Value::String(phase)}, {"generation", Value::Number(generation)}, {"seen", seen}});
}

void TouchMarker(const Value& planned) {
  const std::string marker = Text(planned, "marker");
  if (!marker.empty()) std::ofstream(marker) << "began\n";
}

// Takes long, as a release does; false when told to stop.
bool Dawdle(const std::string& behaviour, const std::stop_token& stop) {
  if (behaviour == "sleep") return Clock::Real().Sleep(absl::Seconds(60), stop);
  if (behaviour == "stubborn") absl::SleepFor(absl::Seconds(60));
  return true;
}

void Crash(const std::string& behaviour) {
  if (behaviour == "abort") std::abort();
  if (behaviour == "terminate") std::terminate();
}

class Thing : public plugin::Resource {
 public:
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  const schema::IdentitySchema* identity_schema() const override { return &identity_; }

  Diagnostics Validate(const Value& config) const override {
    Diagnostics diagnostics;
    if (Text(config, "behaviour") == "invalid") {
      diagnostics.Error(Path::Of("behaviour"), "Invalid behaviour",
                        "This behaviour is refused when validating.");
    }
    return diagnostics;
  }

  ReadResponse Read(const CallContext&, const ReadRequest& request) const override {
    ReadResponse response{request.prior, request.private_state, IdentityOf(request.prior), {}};
    if (GenerationOf(request.prior) > 0 && request.private_state != kPrivate) {
      response.diagnostics.Error({}, "Private state was lost", "The host gave other bytes back.");
    }
    return response;
  }

  PlanResponse Plan(const CallContext&, const PlanRequest& request) const override {
    PlanResponse response;
    response.private_state = request.private_state;
    response.planned = request.proposed;
    if (request.config.is_null()) return response;
    const bool create = request.prior.is_null();
    Value planned =
        WithNotes(request.proposed, [](const Value&) { return Value::Unknown(Type::String()); });
    if (create) planned = planned.With("id", Value::Unknown(Type::String()));
    if (create || !(Arguments(planned) == Arguments(request.prior))) {
      planned = planned.With("status", Value::Unknown(status_type_));
    }
    if (!create && !(planned.Get("name") == request.prior.Get("name"))) {
      response.requires_replace.push_back(Path::Of("name"));
    }
    response.planned = planned;
    if (planned.Get("name").is_known()) response.identity = IdentityOf(planned);
    return response;
  }

  ApplyResponse Apply(const CallContext& context, const ApplyRequest& request) const override {
    ApplyResponse response;
    const Value& planned = request.planned;
    RegisterSecret(Text(request.config, "secret"));
    log::Info("conformance apply",
              {{"thing", Text(planned, "name")}, {"with_secret", Text(request.config, "secret")}});
    const std::string behaviour = Text(planned, "behaviour");
    TouchMarker(planned);
    Crash(behaviour);
    const bool finished = Dawdle(behaviour, context.stop);
    if (planned.is_null()) return response;
    const std::string phase = finished ? "Done" : "Stopped";
    response.state = Finished(planned, request.prior, phase);
    response.private_state = kPrivate;
    response.identity = IdentityOf(planned);
    if (!finished) response.diagnostics.Warning({}, "Stopped early", "Apply again to go on.");
    if (behaviour == "warn") {
      response.diagnostics.Warning(Path::Of("behaviour"), "As asked", "A warning on apply.");
    }
    if (behaviour == "fail") {
      response.diagnostics.Error(Path::Of("behaviour"), "As asked", "An error on apply.");
    }
    return response;
  }

  ReadResponse Import(const CallContext&, const ImportRequest& request) const override {
    const std::string name = request.id.empty() ? Text(request.identity, "name") : request.id;
    ReadResponse response;
    if (name == "none") {
      response.diagnostics.Error({}, "Nothing to import", "There is no such thing.");
      return response;
    }
    response.state = Bare(name);
    response.identity = IdentityOf(response.state);
    return response;
  }

  ReadResponse Move(const CallContext&, const MoveRequest& request) const override {
    ReadResponse response;
    response.diagnostics.Error({}, "Cannot be moved",
                               absl::StrCat("From ", request.source_type, "."));
    return response;
  }

 private:
  Value Finished(const Value& planned, const Value& prior, const std::string& phase) const {
    Value state = WithNotes(planned, [](const Value& item) {
      return Value::String(absl::StrCat("note on ", Text(item, "name")));
    });
    if (!state.Get("id").is_known()) {
      state = state.With("id", Value::String(absl::StrCat("id-", Text(state, "name"))));
    }
    if (state.Get("status").is_known()) return state;
    return state.With("status", StatusOf(phase, GenerationOf(prior) + 1, planned.Get("anything")));
  }

  // What an import knows: every argument null.
  Value Bare(const std::string& name) const {
    Value::Map attributes;
    const Type implied = schema_.block.ImpliedType();  // outlives the loop over its parts
    for (const auto& [attribute, type] : implied.attributes()) {
      const bool list = type.kind() == Type::Kind::kList;
      attributes.emplace(attribute, list ? Value::MakeList(type.element(), {}) : Value::Null(type));
    }
    attributes["name"] = Value::String(name);
    attributes["id"] = Value::String(absl::StrCat("id-", name));
    attributes["status"] = StatusOf("Imported", 0, Value::Null(Type::Dynamic()));
    return Value::Object(std::move(attributes));
  }

  const std::string type_name_ = "conformance_thing";
  const schema::Schema schema_ = ThingSchema();
  const schema::IdentitySchema identity_ = ThingIdentity();
  const Type status_type_ = schema_.block.ImpliedType().attributes().at("status");
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeThing() { return std::make_unique<Thing>(); }

}  // namespace delivery::conformance
