// Who owns a field of an object, and since when (metadata.managedFields).
#ifndef DELIVERY_KUBERNETES_MANAGED_FIELDS_H_
#define DELIVERY_KUBERNETES_MANAGED_FIELDS_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"

namespace delivery::kubernetes {

inline constexpr char kFieldManager[] = "terraform-provider-delivery";
inline constexpr char kTrafficFieldManager[] = "terraform-provider-delivery-traffic";

// One entry of metadata.managedFields without its fields.
struct FieldOwner {
  std::string manager;
  std::string operation;    // "Apply" or "Update"
  std::string subresource;  // "scale", "status", or empty
  std::optional<absl::Time> written;
  friend bool operator==(const FieldOwner&, const FieldOwner&) = default;
};

// True when `fields_v1` holds `path` itself, or an ancestor as a leaf (atomically), or something
// below it.
bool OwnsField(const Json& fields_v1, const FieldPath& path);

// Everybody who owns `path` in `object`, the newest first; entries without a time last.
std::vector<FieldOwner> OwnersOf(const Json& object, const FieldPath& path);

// Every leaf that `manager` owns with `operation` ("" for any) in `object`.
std::vector<FieldPath> FieldsOwnedBy(const Json& object, std::string_view manager,
                                     std::string_view operation = "");

// Every entry of the object, in its order.
std::vector<FieldOwner> ManagersOf(const Json& object);
// When `manager` last wrote anything to `object`, nullopt when it never did or the time is unknown.
std::optional<absl::Time> LastWriteBy(const Json& object, std::string_view manager);

// metadata.managedFields of `object` in which those whom `gives_up` names no longer hold what
// `manager` applied; an element of a list that it applied is given up as a whole. Nullopt when that
// changes nothing. For tools that the object was taken over from: a field that they still hold
// would stay when it leaves our manifest.
std::optional<Json> WithoutCoOwners(const Json& object, std::string_view manager,
                                    const std::function<bool(const std::string&)>& gives_up);

// A field that server-side apply refused to take from `manager`.
struct FieldConflict {
  FieldPath path;
  std::string manager;
  std::string subresource;
  std::optional<absl::Time> written;
};

// Reads one FieldManagerConflict cause of the API server's answer: field
// `.spec.template.spec.containers[name="web"].image`, message `conflict with
// "kubectl-client-side-apply" using apps/v1 at 2026-02-03T04:05:06Z`. When the message has no time
// it is looked up in the managedFields of `live` (null if not at hand). Nullopt when the texts are
// not of this form.
std::optional<FieldConflict> ParseConflict(std::string_view field, std::string_view message,
                                           const Json& live);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_MANAGED_FIELDS_H_
