// What delivery_ab_test and delivery_traffic_mirror have in common: a variant beside a workload, as
// the user declares it, and what it asks for.
#ifndef DELIVERY_RESOURCES_VARIANT_ARGUMENTS_H_
#define DELIVERY_RESOURCES_VARIANT_ARGUMENTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/traffic_block.h"
#include "resources/variant_metric.h"
#include "resources/workload_apply.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

struct VariantWorkloadBlock {
  schema::Attr<std::string> namespace_name;  // "namespace"
  schema::Attr<std::string> name;
  static const schema::Spec<VariantWorkloadBlock>& Declaration();
};

using Environments = std::map<std::string, schema::Attr<Images>>;

struct VariantArguments {
  schema::Attr<VariantWorkloadBlock> workload;
  schema::Attr<Images> images;
  schema::Attr<Environments> env;
  schema::Attr<int64_t> replicas;
  schema::Attr<Images> variant_labels;
  schema::Attr<TrafficBlock> traffic;
  VariantMetricBlocks metric;
  schema::Attr<std::string> interval;
  schema::Attr<value::Number> confidence;
  schema::Attr<int64_t> min_samples;
  schema::Attr<std::string> progress_deadline;
  schema::Attr<std::string> schedule_timeout;
  schema::Attr<Timeouts> timeouts;
  static const schema::Spec<VariantArguments>& Declaration();
};

struct VariantResults {
  schema::Attr<std::string> id;
  schema::Attr<std::string> variant;
  schema::Attr<bool> serving;
  schema::Attr<bool> stale;
  schema::Attr<std::string> started_at;
  schema::Attr<ReleaseStatus> status;
  VariantReports report;
  schema::Attr<std::vector<schema::Attr<std::string>>> release_plan;
  static const schema::Spec<VariantResults>& Declaration();
};

// What one of the two resources makes of its arguments.
struct VariantWish {
  std::string resource_type;
  runner::BesideWords words;
  // A share, or all that matches; or copies.
  routing::Match match;
  int weight = 0;
  int mirror = 0;
};

// Rules between the common arguments, everything at once; unknown values are passed over.
void ValidateVariant(const VariantArguments& config, const schema::Attr<MatchBlock>& match,
                     Diagnostics& diagnostics);

// Container => variables.
using EnvironmentMap = std::map<std::string, std::map<std::string, std::string>>;
EnvironmentMap KnownEnvironments(const schema::Attr<Environments>& env);

absl::Duration VariantTimeout(const VariantArguments& arguments, bool creates);
absl::Duration VariantDeleteTimeout(const VariantArguments& arguments);
absl::Duration VariantProgressDeadline(const VariantArguments& arguments);

// What the variant is made from: `live` as a user would write it, with these images and variables.
// InvalidArgument that names the containers that exist when one does not.
absl::StatusOr<Json> VariantManifest(const Json& live, const VariantArguments& arguments);

// Tells one pod template from another; not by when it was restarted.
std::string TemplateFingerprint(const Json& workload);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_ARGUMENTS_H_
