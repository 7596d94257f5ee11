// The probe provider's data sources.
#ifndef DELIVERY_CONFORMANCE_PROBE_DATA_SOURCES_H_
#define DELIVERY_CONFORMANCE_PROBE_DATA_SOURCES_H_

#include <string>

#include "provider/plugin/resource.h"
#include "tests/conformance/probe/settings.h"

namespace delivery::conformance {

// probe_echo: `output` is `input`, whatever type that has, and `label` what the provider's
// configuration says.
class Echo final : public plugin::DataSource {
 public:
  // `settings` must outlive the data source.
  explicit Echo(const SharedSettings& settings);

  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value& config) const override;
  plugin::ReadResponse Read(const plugin::CallContext& context,
                            const value::Value& config) const override;

 private:
  const SharedSettings& settings_;
  const std::string type_name_ = "probe_echo";
  schema::Schema schema_;
};

}  // namespace delivery::conformance

#endif  // DELIVERY_CONFORMANCE_PROBE_DATA_SOURCES_H_
