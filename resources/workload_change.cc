#include "resources/workload_change.h"

#include <algorithm>
#include <vector>

#include "provider/kubernetes/named_fields.h"
#include "provider/kubernetes/object.h"
#include "resources/manifest_value.h"
#include "resources/restart.h"
#include "resources/workload_plan.h"

namespace delivery::resources {
namespace {

using kubernetes::FieldPath;

// After an import `images` was never seen: what already runs is no change.
bool ImagesChanged(const schema::Attr<Images>& images, const WorkloadArguments& prior,
                   const ReleaseRecord& record) {
  if (!record.imported || !images.is_known()) return !(images == prior.images);
  const auto running = kubernetes::ImagesOf(ToPartialJson(prior.manifest.value()).json);
  return std::any_of(images->begin(), images->end(), [&](const auto& entry) {
    const auto live = running.find(entry.first);
    return !entry.second.is_known() || live == running.end() ||
           live->second != entry.second.value();
  });
}

bool IsInTemplate(const FieldPath& field) {
  return (FieldPath() / "spec" / "template").Covers(field);
}

}  // namespace

bool NeedsRelease(const std::string& phase) {
  return phase == phase::kFailed || phase == phase::kInterrupted;
}

void KeepWhatAsksForNothingNew(const WorkloadArguments& prior, const ReleaseRecord& record,
                               WorkloadArguments& planned) {
  if (planned.manifest.is_known() &&
      AsksForNothingNew(planned.manifest.value(), prior.manifest.value(), IgnoredFields(planned),
                        record.imported)) {
    planned.manifest = prior.manifest;
  }
  if (ImagesAskForNothingNew(planned, prior)) planned.images = prior.images;
}

bool WorkloadChanged(const WorkloadArguments& planned, const WorkloadArguments& prior,
                     const ReleaseRecord& record) {
  return !(planned.manifest == prior.manifest) || ImagesChanged(planned.images, prior, record) ||
         planned.restart_trigger.is_unknown() || TriggerRestarts(planned, &prior, record) ||
         !ChangedContents(record.released_contents, record.contents).empty();
}

bool TemplateDiffers(const Json& a, const Json& b) {
  const std::vector<FieldPath> changed = kubernetes::ChangedFields(a, b);
  return std::any_of(changed.begin(), changed.end(), IsInTemplate);
}

bool DiffersOutsideTemplate(const Json& a, const Json& b) {
  const std::vector<FieldPath> changed = kubernetes::ChangedFields(a, b);
  return !std::all_of(changed.begin(), changed.end(), IsInTemplate);
}

}  // namespace delivery::resources
