// probe_thing: a resource that has one of everything the protocol can carry, and can be told to
// misbehave.
#ifndef DELIVERY_CONFORMANCE_PROBE_THING_H_
#define DELIVERY_CONFORMANCE_PROBE_THING_H_

#include <string>

#include "provider/plugin/resource.h"
#include "tests/conformance/probe/settings.h"

namespace delivery::conformance {

schema::Schema ThingSchema();

class Thing final : public plugin::Resource {
 public:
  // `settings` must outlive the resource.
  explicit Thing(const SharedSettings& settings);

  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  const schema::IdentitySchema* identity_schema() const override { return &identity_schema_; }

  Diagnostics Validate(const value::Value& config) const override;
  plugin::ReadResponse Read(const plugin::CallContext& context,
                            const plugin::ReadRequest& request) const override;
  plugin::PlanResponse Plan(const plugin::CallContext& context,
                            const plugin::PlanRequest& request) const override;
  plugin::ApplyResponse Apply(const plugin::CallContext& context,
                              const plugin::ApplyRequest& request) const override;
  plugin::ReadResponse Import(const plugin::CallContext& context,
                              const plugin::ImportRequest& request) const override;
  // From probe_old, and from terraform_data with an object as its input.
  plugin::ReadResponse Move(const plugin::CallContext& context,
                            const plugin::MoveRequest& request) const override;
  // Version 0 had `title` where version 1 has `name`.
  plugin::ReadResponse Upgrade(int64_t version, const std::string& state_json) const override;

 private:
  plugin::ApplyResponse Destroy(const plugin::CallContext& context,
                                const plugin::ApplyRequest& request) const;
  value::Value Identity(const value::Value& name) const;
  value::Value FilledIn(const value::Value& planned, int64_t applied,
                        const std::string& phase) const;

  const SharedSettings& settings_;
  const std::string type_name_ = "probe_thing";
  const schema::Schema schema_ = ThingSchema();
  const value::Type type_ = schema_.block.ImpliedType();
  schema::IdentitySchema identity_schema_;
};

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_THING_H_
