// metadata.managedFields and server-side apply of the fake API server.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_MANAGERS_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_MANAGERS_H_

#include <string>
#include <vector>

#include "provider/base/json.h"

namespace delivery::testing {

// Who writes, as it goes into a managedFields entry.
struct Writer {
  std::string manager;
  std::string api_version;
  std::string subresource;
  std::string time;  // RFC 3339
};

struct ApplyConflict {
  std::string message;  // `conflict with "kubectl" using apps/v1`
  std::string field;    // `.spec.replicas`
};

struct ApplyOutcome {
  Json object;                           // with managedFields
  std::vector<ApplyConflict> conflicts;  // not empty: nothing may be stored
  std::string message;                   // what the server says about the conflicts
};

// Server-side apply of `applied` on `live` (null: the object is created).
ApplyOutcome ApplyFields(const Json& live, const Json& applied, const Writer& writer, bool force);

// Sets after.metadata.managedFields for a write that is not an apply: what changed now belongs to
// the writer alone, what is gone to nobody.
void TrackUpdate(const Json& before, Json& after, const Writer& writer);

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_MANAGERS_H_
