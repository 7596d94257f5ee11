// What a resource with a variant remembers beside its state: the private state.
#ifndef DELIVERY_RESOURCES_VARIANT_RECORD_H_
#define DELIVERY_RESOURCES_VARIANT_RECORD_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "provider/delivery/state.h"
#include "provider/runner/canary_objects.h"
#include "resources/variant_metric.h"

namespace delivery::resources {

struct VariantRecord {
  // What it takes to take the variant back when the workload or the journal is gone. Of the
  // workload only names, labels and selector: the rest may hold what nobody should read in a state.
  Json workload;
  runner::CanaryNaming naming;
  std::optional<engine::State> run;  // where it stood last; nullopt: nothing is there
  // TemplateFingerprint of the workload when the variant was made from it, and of the variant as
  // the API server had it then.
  std::string source_template;
  std::string variant_template;
  AllVariantSamples samples;
  // What a refresh found: the next apply mends it. Empty: nothing.
  std::string trouble;
  bool workload_is_gone = false;

  // The empty text is an empty record. DataLoss when it is damaged.
  static absl::StatusOr<VariantRecord> Parse(const std::string& text);
  std::string Serialize() const;
};

// The part of `live` that VariantRecord::workload holds.
Json WorkloadOutline(const Json& live);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_RECORD_H_
