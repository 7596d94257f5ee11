// Planning of a workload resource: what a change means, and what the reader of the plan is told.
// Pure.
#ifndef DELIVERY_RESOURCES_WORKLOAD_PLAN_H_
#define DELIVERY_RESOURCES_WORKLOAD_PLAN_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/delivery/plan.h"
#include "provider/value/diagnostics.h"
#include "resources/manifest_value.h"
#include "resources/release_record.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// True when `config` asks for nothing that `prior` does not say: equal to Kubernetes, or different
// only in ignored fields; after an import, when the imported object has everything that is named.
bool AsksForNothingNew(const value::Value& config, const value::Value& prior,
                       const std::vector<kubernetes::FieldPath>& ignored, bool imported);

// The same of `images`: true when it differs, and only in images of ignored fields.
bool ImagesAskForNothingNew(const WorkloadArguments& arguments, const WorkloadArguments& prior);

// The workload's namespace: the manifest's, or `otherwise`. Nullopt when the manifest's is unknown.
std::optional<std::string> NamespaceOf(const value::Value& manifest, const std::string& otherwise);

// True when restart_trigger asks for a restart. After an import the first value does not.
bool TriggerRestarts(const WorkloadArguments& arguments, const WorkloadArguments* prior,
                     const ReleaseRecord& record);

struct ReleasePlanInput {
  const WorkloadArguments* arguments = nullptr;  // manifest and images wholly known
  const WorkloadArguments* prior = nullptr;      // null: a first release
  const ReleaseRecord* record = nullptr;
  std::string prior_phase;
  engine::OnFailure on_failure = engine::OnFailure::kRollback;
  bool paused = false;
  bool prior_paused = false;
  // Whether an interrupted run is of this very release; nullopt: judged by what the state says.
  std::optional<bool> resumes;
  absl::Duration besides;             // CreateTimeout
  std::vector<std::string> analysis;  // DescribeAnalysis
};
// release_plan: what the reader will see happen.
std::vector<std::string> DescribeRollout(const ReleasePlanInput& input);

// Parts of it that other strategies say too: what becomes another version ("image of web: ...",
// "change spec.replicas: ..."), and why the pods are restarted.
void DescribeChanges(const ReleasePlanInput& input, std::vector<std::string>& lines);
void DescribeRestart(const ReleasePlanInput& input, std::vector<std::string>& lines);
// Images of the containers: the manifest's, or those given in their place.
std::map<std::string, std::string> EffectiveImages(const WorkloadArguments& arguments);

// What the next write of this resource says to the API server.
struct WriteIntent {
  Json workload;
  std::vector<kubernetes::FieldPath> agreed;  // drifted fields whose correction the plan shows
  std::vector<kubernetes::FieldPath> ignored;
  bool force = false;
  bool take_over_legacy = false;  // imported or adopted: from kubectl, Helm and the like
  std::vector<kubernetes::FieldPath> kept = {};  // fields with their live value (KeepLiveValues)
};
struct IntentInput {
  const WorkloadArguments* arguments = nullptr;
  const WorkloadArguments* prior = nullptr;  // null: a first release
  const ReleaseRecord* record = nullptr;
  std::string namespace_name;
  bool paused = false;
};
absl::StatusOr<WriteIntent> IntentOf(const IntentInput& input);

// Why a version is not tried again (retry = "on_change"), nullopt when it may be.
std::optional<std::string> RetryRefusal(const Json& workload, const std::string& retry,
                                        const std::string& retry_token,
                                        const ReleaseRecord& record);
// Identifies the run that makes this write (engine::Plan::identity).
std::string RunIdentityOf(const WriteIntent& intent);
// Identifies a pod template, images included.
std::string TemplateIdentity(const Json& workload);

// Fields that others may change, and spec.replicas when it left the configuration, keep their live
// value: the write names it.
void KeepLiveValues(const Json& live, WriteIntent& intent);

// Says that the next write takes fields over from the tools that wrote the workload before.
void WarnOfTakeOver(const std::vector<std::string>& legacy_managers, Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_WORKLOAD_PLAN_H_
