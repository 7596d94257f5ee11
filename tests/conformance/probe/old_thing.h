// probe_old: the smallest possible resource, there to be moved away from with `moved`.
#ifndef DELIVERY_CONFORMANCE_PROBE_OLD_THING_H_
#define DELIVERY_CONFORMANCE_PROBE_OLD_THING_H_

#include <string>

#include "provider/plugin/resource.h"

namespace delivery::conformance {

class OldThing final : public plugin::Resource {
 public:
  OldThing();

  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }

  Diagnostics Validate(const value::Value& config) const override;
  plugin::ReadResponse Read(const plugin::CallContext& context,
                            const plugin::ReadRequest& request) const override;
  plugin::PlanResponse Plan(const plugin::CallContext& context,
                            const plugin::PlanRequest& request) const override;
  plugin::ApplyResponse Apply(const plugin::CallContext& context,
                              const plugin::ApplyRequest& request) const override;
  plugin::ReadResponse Import(const plugin::CallContext& context,
                              const plugin::ImportRequest& request) const override;
  plugin::ReadResponse Move(const plugin::CallContext& context,
                            const plugin::MoveRequest& request) const override;

 private:
  const std::string type_name_ = "probe_old";
  schema::Schema schema_;
};

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_OLD_THING_H_
