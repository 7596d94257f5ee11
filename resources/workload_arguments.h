// The arguments and computed attributes that every resource which releases a workload has.
#ifndef DELIVERY_RESOURCES_WORKLOAD_ARGUMENTS_H_
#define DELIVERY_RESOURCES_WORKLOAD_ARGUMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/delivery/plan.h"
#include "provider/kubernetes/field_path.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"
#include "resources/check_block.h"
#include "resources/restart.h"

namespace delivery::resources {

using Images = std::map<std::string, schema::Attr<std::string>>;

struct Timeouts {
  schema::Attr<std::string> create;
  schema::Attr<std::string> update;
  schema::Attr<std::string> delete_;
  static const schema::Spec<Timeouts>& Declaration();
};

struct WorkloadArguments {
  schema::Attr<value::Value> manifest;
  schema::Attr<Images> images;
  schema::Attr<std::string> on_interrupt;
  schema::Attr<std::string> drift_mode;
  schema::Attr<std::vector<schema::Attr<std::string>>> ignore_fields;
  schema::Attr<bool> force_conflicts;
  schema::Attr<bool> adopt_existing;
  schema::Attr<std::string> progress_deadline;
  schema::Attr<std::string> schedule_timeout;
  schema::Attr<std::string> retry_token;
  schema::Attr<std::string> restart_trigger;
  schema::Attr<RestartOn> restart_on;
  CheckBlocks check;
  schema::Attr<Timeouts> timeouts;
  static const schema::Spec<WorkloadArguments>& Declaration();
};

struct ReleaseStatus {
  schema::Attr<std::string> phase;
  schema::Attr<std::string> message;
  schema::Attr<std::string> started_at;
  schema::Attr<std::string> finished_at;
  static const schema::Spec<ReleaseStatus>& Declaration();
};

// What a release leaves, apart from its status, which says more for some strategies.
struct WorkloadResults {
  schema::Attr<std::string> id;
  schema::Attr<std::string> uid;
  schema::Attr<std::string> revision;
  schema::Attr<Images> running_images;
  schema::Attr<Images> last_good_images;
  schema::Attr<Images> failed_images;
  schema::Attr<std::vector<schema::Attr<std::string>>> release_plan;
  static const schema::Spec<WorkloadResults>& Declaration();
};

// Phases of product.md section 1.
namespace phase {
inline constexpr char kSucceeded[] = "Succeeded";
inline constexpr char kRolledBack[] = "RolledBack";
inline constexpr char kFailed[] = "Failed";
inline constexpr char kInterrupted[] = "Interrupted";
inline constexpr char kProgressing[] = "Progressing";
inline constexpr char kPaused[] = "Paused";
inline constexpr char kHeld[] = "Held";
}  // namespace phase

// Rules between and inside the common arguments: manifest, images, ignore_fields, timeouts. Says
// everything at once; unknown values are passed over.
void ValidateWorkloadArguments(const WorkloadArguments& arguments,
                               const std::vector<std::string>& allowed_kinds,
                               Diagnostics& diagnostics);

// The known strings of a list, in order.
std::vector<std::string> KnownStrings(
    const schema::Attr<std::vector<schema::Attr<std::string>>>& list);
// Name -> image of the known entries.
std::map<std::string, std::string> KnownImages(const schema::Attr<Images>& images);
schema::Attr<Images> ToImages(const std::map<std::string, std::string>& images);

// Those that parse; the others were reported by validation.
std::vector<kubernetes::FieldPath> IgnoredFields(const WorkloadArguments& arguments);
absl::Duration ProgressDeadline(const WorkloadArguments& arguments);
absl::Duration ScheduleTimeout(const WorkloadArguments& arguments);
// The user's, or twice the progress deadline, the checks' time, and what the strategy waits
// `besides`.
absl::Duration CreateTimeout(const WorkloadArguments& arguments, absl::Duration besides = {});
absl::Duration UpdateTimeout(const WorkloadArguments& arguments, absl::Duration besides = {});
absl::Duration DeleteTimeout(const WorkloadArguments& arguments);
engine::OnInterrupt OnInterruptOf(const WorkloadArguments& arguments);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_ARGUMENTS_H_
