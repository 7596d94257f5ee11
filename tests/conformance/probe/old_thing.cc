#include "tests/conformance/probe/old_thing.h"

#include "absl/strings/str_cat.h"
#include "tests/conformance/probe/declare.h"

namespace delivery::conformance {

using value::Type;
using value::Value;

OldThing::OldThing() {
  schema_.block.description = "To be moved to probe_thing.";
  schema_.block.attributes = {
      Declare("name", Type::String(), Use::kRequired, "Unique."),
      Declare("id", Type::String(), Use::kComputed, "Stays the same."),
  };
}

Diagnostics OldThing::Validate(const Value&) const { return {}; }

plugin::ReadResponse OldThing::Read(const plugin::CallContext&,
                                    const plugin::ReadRequest& request) const {
  plugin::ReadResponse response;
  response.state = request.prior;
  response.private_state = request.private_state;
  return response;
}

plugin::PlanResponse OldThing::Plan(const plugin::CallContext&,
                                    const plugin::PlanRequest& request) const {
  plugin::PlanResponse response;
  response.private_state = request.private_state;
  response.planned = request.proposed;
  if (!request.config.is_null() && request.prior.is_null()) {
    response.planned = response.planned.With("id", Value::Unknown(Type::String()));
  }
  return response;
}

plugin::ApplyResponse OldThing::Apply(const plugin::CallContext&,
                                      const plugin::ApplyRequest& request) const {
  plugin::ApplyResponse response;
  response.state = request.planned;
  response.private_state = request.private_state;
  if (request.prior.is_null()) {
    const std::string id = absl::StrCat("old/", TextOf(request.planned, "name"));
    response.state = response.state.With("id", Value::String(id));
  }
  return response;
}

plugin::ReadResponse OldThing::Import(const plugin::CallContext&,
                                      const plugin::ImportRequest& request) const {
  plugin::ReadResponse response;
  response.state =
      Value::Object({{"name", Value::String(request.id)}, {"id", Value::String(request.id)}});
  return response;
}

plugin::ReadResponse OldThing::Move(const plugin::CallContext&, const plugin::MoveRequest&) const {
  plugin::ReadResponse response;
  response.diagnostics.Error({}, "Cannot be moved here", "Nothing becomes old.");
  return response;
}

}  // namespace delivery::conformance
