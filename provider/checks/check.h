// One check of a release: asks a pod, a Service or a URL, runs a Kubernetes Job, or calls a
// webhook, and says whether the release passed it or why not.
#ifndef DELIVERY_CHECKS_CHECK_H_
#define DELIVERY_CHECKS_CHECK_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"
#include "provider/kubernetes/api.h"

namespace delivery::checks {

// Which version is asked. Without a canary there is only the stable one: what the release wrote.
enum class Side { kStable, kCanary };

// A GET that must be answered as expected. Redirects are not followed: a 3xx is an answer.
//
// No answer is asked for again every second until the check's time is over: no ready pod, no
// connection, an answer that does not arrive within 10 s, a refusal 502, 503 or 504 of the API
// server's proxy (those of the target itself are its answer). An answer that contradicts the
// expectation is asked for twice more, 2 s apart, and then fails the check; so do refusals that
// will not pass, such as a missing permission, at once.
//
// Expectations of the body are held against its first MiB.
struct HttpCheck {
  enum class Target {
    kPod,      // the pod of CheckContext::pick_pod, through the API server's proxy
    kService,  // `service` in the workload's namespace, through the API server's proxy
    kUrl,      // `url`, from here; never with the cluster's credentials
  };
  Target target = Target::kPod;
  Side side = Side::kStable;  // kPod only
  std::string service;        // kService only
  std::string url;  // kUrl only: http or https; user:password@ becomes basic authentication

  // kPod and kService only.
  int port = 0;
  std::string scheme = "http";  // or "https", whose certificate the API server does not verify
  std::string path = "/";       // with query

  std::vector<int> expect_status = {200};  // any of these
  std::string expect_body;                 // a part of the body; empty: whatever it is
  std::string expect_body_regex;           // RE2, found anywhere in the body; empty: none
};

// A Job that must complete. It is created as <its name, or the check's>-<short run id> in the
// workload's namespace and owned by the workload. A Job that the same run made for the same check
// and phase is continued. Deleted (in the background) at the end, whatever the end is, unless the
// API server does not answer. A pod that cannot start fails the check before its time is over.
//
// Its ttlSecondsAfterFinished is raised to five minutes, so that it is still there when it is
// looked at.
struct JobCheck {
  Json job;  // a batch/v1 Job (ParseJobYaml)
};

// A POST of {check, run_id, phase, namespace, name, kind, images} as JSON, with the header
// Idempotency-Key: <run id>/<check>. A 2xx passes; whatever else happens, it is repeated every
// `poll` until the check's time is over. Each has 30 s to be answered. Redirects are not followed.
struct WebhookCheck {
  std::string url;  // as HttpCheck::url
  absl::Duration poll = absl::Seconds(10);
};

struct Check {
  std::string name;
  std::variant<HttpCheck, JobCheck, WebhookCheck> what;
  absl::Duration timeout = absl::Minutes(1);
};

// The name of a ready pod of this side, asked for before each request. NotFound while there is
// none. Should not wait for one.
using PodPicker =
    std::function<absl::StatusOr<std::string>(Side side, const std::stop_token& stop)>;

// What is released, and the means to look at it. The references must outlive RunCheck.
struct CheckContext {
  kubernetes::ObjectRef workload;
  std::string workload_uid;                   // empty: the Job of a check gets no owner
  std::string run_id;                         // not empty
  std::string phase;                          // "before_traffic", "step-1", ...; told to webhooks
  std::map<std::string, std::string> images;  // container -> image; told to webhooks
  PodPicker pick_pod;                         // may be empty when no check asks a pod
  kubernetes::Api& api;
  // For URLs: a transport without client certificate. May be null when no check has one.
  std::shared_ptr<http::Transport> transport;
  Clock& clock;
  absl::Duration schedule_timeout = absl::Seconds(30);  // of the pods of Jobs
};

struct CheckResult {
  enum class Outcome { kPassed, kFailed, kCancelled };
  Outcome outcome = Outcome::kPassed;
  // Why it failed, for a person: one or several lines of printable UTF-8, without the check's name,
  // registered secrets, and the user names, passwords and query values of URLs. Empty otherwise.
  std::string reason;
};

// What is wrong with a check that can be told without running it: InvalidArgument that names the
// argument. RunCheck fails for the same reasons.
absl::Status ValidateCheck(const Check& check);

// Runs the check to its end: passed, failed, or cancelled because `stop` was requested, which it
// answers within 200 ms. Takes no longer than check.timeout and what a failed Job takes to explain
// and remove (less than 20 s, when the API server hardly answers). Checks of one run whose Jobs
// have the same name must not run at the same time. Thread-safe, as far as `pick_pod` is.
CheckResult RunCheck(const CheckContext& context, const Check& check, const std::stop_token& stop);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_CHECK_H_
