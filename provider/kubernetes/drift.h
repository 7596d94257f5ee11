// Drift: what of our own writing the cluster no longer says, and who changed it.
#ifndef DELIVERY_KUBERNETES_DRIFT_H_
#define DELIVERY_KUBERNETES_DRIFT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/named_fields.h"

namespace delivery::kubernetes {

// One field. A list that is atomic to Kubernetes is one field.
struct FieldChange {
  FieldPath path;
  std::optional<Json> recorded;  // nullopt: it was absent
  std::optional<Json> live;      // nullopt: it is absent
  std::string manager;           // empty: unknown, as for everything removed
  std::optional<absl::Time> written;
};

struct DriftOptions {
  // What these cover is not compared.
  std::vector<FieldPath> ignore_fields;
  std::string field_manager = kFieldManager;
  // The manifest as we wrote it, if at hand. With it, a field that it names, that was absent from
  // the recorded answer (the server drops `paused: false`), and that is live now with another value
  // than the manifest's is drift too.
  const Json* manifest = nullptr;
};

// Compares what the server answered to our last write (ProjectNamedFields of it) with `live`. Not
// drift: fields that were not recorded, status, what the server sets in metadata,
// kubectl.kubernetes.io/restartedAt, and values that are SemanticallyEqual. In the order of
// `recorded`. The author is the newest owner of the field other than `options.field_manager`, or
// that one when nobody else owns it.
std::vector<FieldChange> FindDrift(const Json& recorded, const Json& live,
                                   const DriftOptions& options);

// `manifest` with each changed field set to its live value, or removed. Changes of fields that the
// manifest does not have are added where their parent exists, else left out.
Json ApplyChangesToManifest(const Json& manifest, const std::vector<FieldChange>& changes);

// `value` at `path` as short text for a human, cut at about 120 characters, with everything that
// may be sensitive replaced by "(sensitive)": values of env entries and headers whose name says
// so, likewise arguments like --password=x, last-applied annotations, data and stringData.
std::string DisplayValue(const FieldPath& path, const Json& value);

// "spec.replicas: 3 -> 5, by kubectl (2026-02-03T04:05:06Z)" or "spec.paused: true -> removed,
// author unknown". Safe to show.
std::string DescribeChange(const FieldChange& change);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_DRIFT_H_
