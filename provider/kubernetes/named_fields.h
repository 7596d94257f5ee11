// The fields of a live object that a manifest names, and how Kubernetes identifies list elements.
#ifndef DELIVERY_KUBERNETES_NAMED_FIELDS_H_
#define DELIVERY_KUBERNETES_NAMED_FIELDS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/base/json.h"
#include "provider/kubernetes/field_path.h"

namespace delivery::kubernetes {

// A list whose elements are identified by the values of `keys` under server-side apply. `defaults`
// are those of keys that an element may leave out (a port's protocol).
struct ListKeys {
  std::vector<std::string> keys;
  std::map<std::string, std::string> defaults;
};

// The keys of the list at `list`, null when the list is atomic. Covers pods, pod templates,
// workloads and Services.
const ListKeys* FindListKeys(const FieldPath& list);
// True for maps that Kubernetes owns and replaces as a whole (nodeSelector).
bool IsAtomicMap(const FieldPath& map);

// The element's identity; nullopt when it is not an object or lacks a key.
std::optional<FieldPath::Element> ElementOf(const Json& element, const ListKeys& keys);
// Null when no element of `list` has this identity. `keys` may be null; elements must then have the
// keys themselves.
const Json* FindElement(const Json& list, const FieldPath::Element& element, const ListKeys* keys);
// The keys of the list at `at` if every element of `list` has an identity of its own, else null:
// such a list is to be treated as atomic.
const ListKeys* UsableListKeys(const FieldPath& at, const Json& list);

// The part of `live` that `manifest` names: members that the manifest has, recursively;
// associative lists element by element in the manifest's order; other lists and scalars whole. What
// is absent from `live`, and what the manifest sets to null, is left out. The result is plain JSON:
// a valid manifest, fit to be stored, compared (FindDrift) and applied.
Json ProjectNamedFields(const Json& manifest, const Json& live);

// The value at `path`, null when there is none. Indices count in `object` itself.
const Json* FindField(const Json& object, const FieldPath& path);
// `path` as positions in `object`; nullopt when `object` has no such field.
std::optional<ConcreteSteps> ConcretePath(const Json& object, const FieldPath& path);

// `path` with the positions in associative lists of `object` replaced by keys: what it means in
// another version of the object, whatever its order.
FieldPath CanonicalPath(const Json& object, const FieldPath& path);

// `object` without the fields that `patterns` cover. List elements by position become null, so that
// the positions of others stay.
Json WithoutFields(const Json& object, const std::vector<FieldPath>& patterns);

// Equal to Kubernetes: quantities as numbers, 1 and 1.0, associative lists in any order, null and
// absent. `at` is where both values are.
bool SemanticallyEqual(const FieldPath& at, const Json& a, const Json& b);

// Where two manifests of one object differ, added and removed fields included; the highest place
// that only one has, or the leaf.
std::vector<FieldPath> ChangedFields(const Json& before, const Json& after);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_NAMED_FIELDS_H_
