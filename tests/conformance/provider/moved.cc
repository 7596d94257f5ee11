// conformance_moved: takes over the state of a conformance_thing.
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "tests/conformance/provider/declare.h"
#include "tests/conformance/provider/thing.h"

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
using value::Type;
using value::Value;

Value State(const std::string& name) {
  return Value::Object(
      {{"name", Value::String(name)}, {"id", Value::String(absl::StrCat("id-", name))}});
}

class Moved : public plugin::Resource {
 public:
  Moved() {
    schema_.block.description = "What a conformance_thing can be moved to.";
    schema_.block.attributes = {Required("name", Type::String()), Computed("id", Type::String())};
  }
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const Value&) const override { return {}; }

  ReadResponse Read(const CallContext&, const ReadRequest& request) const override {
    return {request.prior, request.private_state, {}, {}};
  }
  PlanResponse Plan(const CallContext&, const PlanRequest& request) const override {
    PlanResponse response;
    response.planned = request.proposed;
    response.private_state = request.private_state;
    if (!request.config.is_null() && request.prior.is_null()) {
      response.planned = request.proposed.With("id", Value::Unknown(Type::String()));
    }
    return response;
  }
  ApplyResponse Apply(const CallContext&, const ApplyRequest& request) const override {
    ApplyResponse response;
    if (request.planned.is_null()) return response;
    const Value id = request.planned.Get("id");
    response.state = request.planned.With(
        "id", id.is_known() ? id : State(request.planned.Get("name").AsString()).Get("id"));
    response.private_state = request.private_state;
    return response;
  }
  ReadResponse Import(const CallContext&, const ImportRequest& request) const override {
    return {State(request.id), "", {}, {}};
  }
  ReadResponse Move(const CallContext&, const MoveRequest& request) const override {
    ReadResponse response;
    const absl::StatusOr<Json> source = ParseJson(request.source_state_json);
    if (request.source_type != "conformance_thing" || !source.ok()) {
      response.diagnostics.Error({}, "Cannot be moved",
                                 absl::StrCat("From ", request.source_type, "."));
      return response;
    }
    response.state = State(GetString(*source, "name"));
    return response;
  }

 private:
  const std::string type_name_ = "conformance_moved";
  schema::Schema schema_;
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeMoved() { return std::make_unique<Moved>(); }

}  // namespace delivery::conformance
