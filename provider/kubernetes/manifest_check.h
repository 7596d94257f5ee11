// What is wrong with a workload manifest as far as the manifest alone can tell.
#ifndef DELIVERY_KUBERNETES_MANIFEST_CHECK_H_
#define DELIVERY_KUBERNETES_MANIFEST_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"

namespace delivery::kubernetes {

// `path` is inside the manifest and holds member names and list indices only (FieldPath::Member,
// FieldPath::Index); where a field is missing it names the field's would-be place. `problem` and
// `remedy` are whole sentences.
struct ManifestProblem {
  FieldPath path;
  std::string problem;
  std::string remedy;
};

struct ManifestCheckOptions {
  // In the order in which a message should name them.
  std::vector<std::string> allowed_kinds = {"Deployment", "StatefulSet", "DaemonSet"};
  // What to advise when the kind is none of these; empty: to use one of these.
  std::string other_kind_remedy;
  // Containers whose image the resource's `images` sets: the manifest need not have one.
  std::vector<std::string> images_set_elsewhere;
  // Values that are not known yet (plan). They are absent from the manifest, or null; nothing is
  // reported about them or below them.
  std::vector<FieldPath> unknown;
};

// All findings at once, in the order of the manifest. Empty: nothing is wrong.
std::vector<ManifestProblem> CheckWorkloadManifest(const Json& manifest,
                                                   const ManifestCheckOptions& options);

// A DNS-1123 label (at most 63 characters), or subdomain (253).
bool IsDnsLabel(std::string_view name);
bool IsDnsSubdomain(std::string_view name);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_MANIFEST_CHECK_H_
