// Arbitrary JSON as manifest, recorded fields and live object: {"manifest": ..., "live": ...,
// "ignore": [paths]}, or one value for all. Nothing crashes, and what must hold for every input
// holds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "provider/kubernetes/drift.h"
#include "provider/kubernetes/manifest_check.h"
#include "provider/kubernetes/object.h"
#include "provider/kubernetes/pod_failure.h"
#include "provider/kubernetes/quantity.h"
#include "provider/kubernetes/workload_status.h"

namespace {

using delivery::Json;
using namespace delivery::kubernetes;  // NOLINT: the fuzzer is about this namespace

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<FieldPath> ParsePaths(const Json& texts) {
  std::vector<FieldPath> paths;
  for (const Json& text : texts) {
    if (!text.is_string()) continue;
    const auto path = FieldPath::Parse(text.get_ref<const std::string&>());
    if (!path.ok()) continue;
    // A path that was printed means the same.
    const auto again = FieldPath::Parse(path->ToString());
    Require(again.ok() && *again == *path);
    paths.push_back(*path);
  }
  return paths;
}

void CheckDrift(const Json& manifest, const Json& live, const std::vector<FieldPath>& ignored) {
  const Json recorded = ProjectNamedFields(manifest, live);
  DriftOptions options;
  // What was just recorded has not drifted.
  Require(FindDrift(recorded, live, options).empty());
  options.ignore_fields = ignored;
  options.manifest = &manifest;
  for (const FieldChange& change : FindDrift(manifest, live, options)) {
    DescribeChange(change);
    (void)ConcretePath(manifest, change.path);
  }
  options.manifest = nullptr;
  ApplyChangesToManifest(manifest, FindDrift(manifest, live, options));
  for (const FieldPath& path : ChangedFields(manifest, live)) (void)path.ToString();
  Require(SemanticallyEqual(FieldPath(), manifest, manifest));
}

void CheckObject(const Json& object) {
  for (const FieldOwner& owner : ManagersOf(object)) FieldsOwnedBy(object, owner.manager);
  Json copy = object;
  Require(SetImages(copy, ImagesOf(object)).ok());
  WorkloadProgress(object, 1);
  FindPodFailure(object, absl::UnixEpoch(), absl::Seconds(30));
  FindReplicaSetFailure(object);
  SelectorMatches(delivery::GetObject(Spec(object), "selector"), LabelsOf(object));
  ParseConflict(delivery::GetString(object, "field"), delivery::GetString(object, "message"),
                object);
  ParseQuantity(delivery::GetString(object, "quantity"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto input = delivery::ParseJson(text);
  if (!input.ok()) return 0;
  const Json* manifest = delivery::Find(*input, "manifest");
  const Json* live = delivery::Find(*input, "live");
  const std::vector<FieldPath> ignored = ParsePaths(delivery::GetArray(*input, "ignore"));
  if (manifest == nullptr) manifest = &*input;
  if (live == nullptr) live = &*input;
  ManifestCheckOptions options;
  CheckWorkloadManifest(*manifest, options);
  options.unknown = ignored;
  CheckWorkloadManifest(*manifest, options);
  CheckDrift(*manifest, *live, ignored);
  CheckObject(*manifest);
  CheckObject(*live);
  return 0;
}
