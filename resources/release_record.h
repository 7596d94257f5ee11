// The private state of a workload resource: what was written last, what was good last, and what the
// server answered, so that a refresh is one request and a rollback needs no history.
#ifndef DELIVERY_RESOURCES_RELEASE_RECORD_H_
#define DELIVERY_RESOURCES_RELEASE_RECORD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "provider/base/json.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {

// One version of a workload, as the user declared it.
struct WorkloadVersion {
  value::Value manifest;        // the argument
  schema::Attr<Images> images;  // the argument
  Json workload;                // both together, as it is written

  friend bool operator==(const WorkloadVersion&, const WorkloadVersion&) = default;
};

// A release that was rolled back.
struct FailedRelease {
  std::string template_identity;  // engine::RunIdentity of its pod template
  std::string at;                 // RFC 3339
  std::string reason;             // one line
  std::string retry_token;        // the argument, then
};

// The version of a canary that is open and that the state shows: it waits for approval, or has
// failed and was left at its weight.
struct PendingVersion {
  WorkloadVersion version;
  int weight = 0;  // percent that its step asks for
  int step = 0;    // 1 is the first; 0: before the first
  // With which the stable pods were started; the plan after a rollback asks for a restart again.
  ContentHashes stable_contents;
  std::optional<std::string> stable_trigger;
  // A measurement failed while it waited: why. The next apply rolls back.
  std::string abort_reason;
};

// Of a blue-green release.
struct SlotRecord {
  std::string active;         // the slot that serves
  Json original;              // what the switch said before the first release; null: not known
  std::string kept_identity;  // TemplateIdentity of the version that the other slot keeps, or empty
  std::string switched_at;    // RFC 3339
  bool kept_ready = false;    // at the last look it was there, at its size
  bool expired = false;       // at the last look its time was over
};

struct ReleaseRecord {
  // What the last write that stands was.
  std::optional<WorkloadVersion> written;
  // The version of the last release that succeeded; what a rollback restores.
  std::optional<WorkloadVersion> good;
  // The named fields of `written` as the API server returned them.
  Json recorded;
  // metadata.generation at the last look.
  int64_t generation = 0;
  // Drifted fields (FieldPath spelling) that the state shows, whose correction a plan shows.
  std::vector<std::string> drifted;
  // Contents of what restart_on names: at the last look, and with which the pods were started.
  ContentHashes contents;
  ContentHashes released_contents;
  // The last release, when it was rolled back.
  std::optional<FailedRelease> failed;
  std::optional<PendingVersion> pending;
  std::optional<SlotRecord> slots;
  // Of the run that is open, or was at the last look; empty: none.
  std::string open_identity;
  // Imported, and nothing written by us yet.
  bool imported = false;
  // Of an imported workload: the tools from which its first write takes fields over.
  std::vector<std::string> legacy_managers;

  // The empty text is an empty record. DataLoss when it is damaged.
  static absl::StatusOr<ReleaseRecord> Parse(const std::string& text);
  std::string Serialize() const;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_RELEASE_RECORD_H_
