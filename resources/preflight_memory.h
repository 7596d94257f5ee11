// What the plans of one provider process have learnt of the cluster, so that a thousand resources
// in a namespace ask once.
#ifndef DELIVERY_RESOURCES_PREFLIGHT_MEMORY_H_
#define DELIVERY_RESOURCES_PREFLIGHT_MEMORY_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/kubernetes/api.h"
#include "provider/runner/workload_writer.h"

namespace delivery::resources {

// Answers by key. Who asks for what another thread is asking for already waits for that answer,
// an error included; errors are not remembered. Thread-safe.
template <typename T>
class Remembered {
 public:
  using Ask = std::function<absl::StatusOr<T>()>;
  using Keep = std::function<absl::Duration(const T&)>;

  // The answer remembered at `now`, or else what `ask` says, remembered for as long as `keep` says.
  // Cancelled when `stop` is requested while waiting.
  absl::StatusOr<T> Get(const std::string& key, absl::Time now, const std::stop_token& stop,
                        const Ask& ask, const Keep& keep) {
    while (true) {
      const std::pair<std::shared_ptr<Attempt>, bool> joined = Join(key, now);
      const std::shared_ptr<Attempt>& attempt = joined.first;
      if (joined.second) return Settle(key, *attempt, ask(), now, keep);
      std::unique_lock lock(mutex_);
      if (!settled_.wait(lock, stop, [&] { return attempt->answer.has_value(); })) {
        return absl::CancelledError("stopped while waiting for an answer of the cluster");
      }
      // Who asked was stopped; that says nothing to others.
      if (!absl::IsCancelled(attempt->answer->status())) return *attempt->answer;
    }
  }

  // What was answered so is asked anew.
  void Forget(const T& answer) {
    const std::lock_guard lock(mutex_);
    std::erase_if(attempts_, [&](const auto& entry) {
      const Attempt& attempt = *entry.second;
      return attempt.answer.has_value() && attempt.answer->ok() && **attempt.answer == answer;
    });
  }

 private:
  struct Attempt {
    std::optional<absl::StatusOr<T>> answer;  // nullopt while it is asked for
    absl::Time until;
  };

  // The attempt to wait for, or (true) a new one that the caller must settle.
  std::pair<std::shared_ptr<Attempt>, bool> Join(const std::string& key, absl::Time now) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Attempt>& entry = attempts_[key];
    const bool usable = entry != nullptr &&
                        (!entry->answer.has_value() || (entry->answer->ok() && now < entry->until));
    if (!usable) entry = std::make_shared<Attempt>();
    return {entry, !usable};
  }

  absl::StatusOr<T> Settle(const std::string& key, Attempt& attempt, absl::StatusOr<T> answer,
                           absl::Time now, const Keep& keep) {
    {
      const std::lock_guard lock(mutex_);
      if (answer.ok()) {
        attempt.until = now + keep(*answer);
      } else {
        attempts_.erase(key);
      }
      attempt.answer = answer;
    }
    settled_.notify_all();
    return answer;
  }

  std::mutex mutex_;
  std::condition_variable_any settled_;
  std::map<std::string, std::shared_ptr<Attempt>> attempts_;  // guarded by mutex_
};

// What a registry says of an image that a workload names.
struct ImageLook {
  enum class Verdict {
    kThere,
    kAbsent,
    kRefused,  // not with the credentials that the pods bring
    kUnknown,  // the registry was not reached, or does not answer these credentials
  };
  Verdict verdict = Verdict::kUnknown;
  std::string why_not;
  std::vector<std::string> platforms;
};

// Thread-safe.
class PreflightMemory {
 public:
  // Whether our credentials may do this. What is allowed is remembered for good, a refusal for a
  // minute: the role may be made by the apply that is under way.
  absl::StatusOr<bool> IsAllowed(kubernetes::Api& api, const kubernetes::AccessQuery& query,
                                 absl::Time now, const std::stop_token& stop);
  void ForgetRefusals() { access_.Forget(false); }

  // The ResourceQuotas of a namespace, as they were within the last half minute.
  absl::StatusOr<std::vector<Json>> Quotas(kubernetes::Api& api, const std::string& namespace_name,
                                           absl::Time now, const std::stop_token& stop);

  // Whether there is a node with these labels (a selector), as it was within the last minute.
  absl::StatusOr<bool> HasNode(kubernetes::Api& api, const std::string& labels, absl::Time now,
                               const std::stop_token& stop);

  // An image that was found, or a registry that did not say; `key` names image and credentials.
  void RememberImage(const std::string& key, const ImageLook& look, absl::Time now);
  std::optional<ImageLook> FindImage(const std::string& key, absl::Time now);

  // The server accepted a rehearsal (dry run) of this write.
  void RememberRehearsal(const runner::WorkloadWrite& write, absl::Time now);
  // Whether it did within the last seconds, as when the host has planned again just before this
  // apply. Says so once.
  bool TakeRehearsal(const runner::WorkloadWrite& write, absl::Time now);

 private:
  Remembered<bool> access_;
  Remembered<std::vector<Json>> quotas_;
  Remembered<bool> nodes_;
  std::mutex mutex_;                             // guards the following
  std::map<std::string, absl::Time> rehearsed_;  // by the write's digest
  std::map<std::string, std::pair<ImageLook, absl::Time>> images_;
};

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PREFLIGHT_MEMORY_H_
