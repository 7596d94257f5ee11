// Sets of fields of Kubernetes objects in FieldsV1 form, and the merges that server-side apply does
// with them: what the fake API server needs of the structured-merge-diff library.
//
// A set is a JSON trie with the keys of FieldsV1 ("f:name", "k:{...}", "v:..."). A node without
// children is in the set; one with children is in the set if it has the child ".".
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_FIELDS_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_FIELDS_H_

#include <string>
#include <vector>

#include "provider/base/json.h"

namespace delivery::testing {

// Every field that `object` states, without identity (apiVersion, kind, name, namespace) and what
// the server fills in (uid, resourceVersion, status and so on).
Json FieldsOf(const Json& object);
// Fields of `after` that are absent from `before` or different there.
Json ChangedFields(const Json& before, const Json& after);

Json FieldsUnion(const Json& a, const Json& b);
Json FieldsDifference(const Json& a, const Json& b);
bool FieldsEmpty(const Json& fields);

// A field that two sets contain and two objects have different values for.
struct DifferingField {
  std::string path;  // `.spec.template.spec.containers[name="web"].image`
  Json fields;       // the set with this field only
};
std::vector<DifferingField> FindDiffering(const Json& fields_a, const Json& object_a,
                                          const Json& fields_b, const Json& object_b);

// `live` with everything that `applied` states: maps are merged, associative lists by their keys,
// other lists replaced.
Json MergeApplied(const Json& live, const Json& applied);
// `object` without the fields of the set. An element of an associative list goes as a whole when
// the set contains the element itself.
Json RemoveFields(const Json& object, const Json& fields);

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_FIELDS_H_
