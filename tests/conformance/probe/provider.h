// The probe provider: made to exercise the plugin layer with real hosts, and for nothing else.
#ifndef DELIVERY_CONFORMANCE_PROBE_PROVIDER_H_
#define DELIVERY_CONFORMANCE_PROBE_PROVIDER_H_

#include <memory>
#include <string>
#include <vector>

#include "provider/plugin/resource.h"
#include "tests/conformance/probe/data_sources.h"
#include "tests/conformance/probe/old_thing.h"
#include "tests/conformance/probe/settings.h"
#include "tests/conformance/probe/thing.h"

namespace delivery::conformance {

class ProbeProvider final : public plugin::Provider {
 public:
  ProbeProvider();

  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value& config) const override;
  Diagnostics Configure(const value::Value& config, const std::string& host_version) override;
  std::vector<const plugin::Resource*> resources() const override { return {&thing_, &old_}; }
  std::vector<const plugin::DataSource*> data_sources() const override { return {&echo_}; }
  std::vector<const plugin::Function*> functions() const override;

 private:
  schema::Schema schema_;
  SharedSettings settings_;
  const Thing thing_;
  const OldThing old_;
  const Echo echo_;
  const std::vector<std::unique_ptr<plugin::Function>> functions_;
};

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_PROVIDER_H_
