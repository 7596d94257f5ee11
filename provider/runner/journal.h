// The journal of a release: ConfigMap delivery-<lower-case kind>-<name> beside the workload,
// written by compare-and-swap before each effect, so that whatever a killed provider left behind is
// known.
#ifndef DELIVERY_RUNNER_JOURNAL_H_
#define DELIVERY_RUNNER_JOURNAL_H_

#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "provider/delivery/state.h"
#include "provider/kubernetes/api.h"
#include "provider/runner/ports.h"

namespace delivery::runner {

// The name that the journal and the Lease of a workload share, with an optional suffix ("-b").
// Shortened with a hash where it would pass Kubernetes' 253 characters.
std::string RunObjectName(const kubernetes::ObjectRef& workload, std::string_view suffix = "");

struct JournalEntry {
  engine::State state;
  std::string resource_type;  // "delivery_rollout"
  std::string resource_version;
};

// NotFound becomes nullopt. DataLoss or FailedPrecondition when it cannot be read (damaged, newer),
// with the remedy. `suffix` as of RunObjectName.
absl::StatusOr<std::optional<JournalEntry>> LoadJournal(kubernetes::Api& api,
                                                        const kubernetes::ObjectRef& workload,
                                                        const std::stop_token& stop,
                                                        std::string_view suffix = "");

// Used by one thread.
class Journal : public RunStore {
 public:
  // `resource_version` is that of the entry found, empty when there was none. The journal must not
  // outlive `api`; `stop` ends its requests.
  Journal(kubernetes::Api& api, kubernetes::ObjectRef workload, std::string resource_type,
          std::string resource_version, std::stop_token stop, std::string suffix = "");

  // From the next Save on, this object (the workload, or a slot of it) owns the journal, except
  // while it is being removed.
  void SetOwner(kubernetes::ObjectRef owner, std::string uid) {
    owner_ = std::move(owner);
    owner_uid_ = std::move(uid);
  }

  // Where the journal would be too large, the oldest measured values are left out of it.
  absl::Status Save(const engine::State& state) override;
  // A journal that is already gone is no error.
  absl::Status Clear() override;

 private:
  absl::StatusOr<Json> Encode(engine::State state) const;
  bool WentWithItsOwner();
  absl::StatusOr<Json> Create(const Json& object);
  absl::StatusOr<Json> MadeAnew(const engine::State& state);
  absl::StatusOr<Json> OwnWriteOr(const Json& object, const absl::Status& conflict);

  kubernetes::Api& api_;
  kubernetes::ObjectRef workload_;
  std::string suffix_;
  std::string resource_type_;
  std::string writer_;
  std::string resource_version_;
  kubernetes::ObjectRef owner_;
  std::string owner_uid_;
  std::stop_token stop_;
};

}  // namespace delivery::runner

#endif  // DELIVERY_RUNNER_JOURNAL_H_
