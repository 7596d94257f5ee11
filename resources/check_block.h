// The `check` block of a workload resource: its declaration, its rules, and the checks it asks for.
#ifndef DELIVERY_RESOURCES_CHECK_BLOCK_H_
#define DELIVERY_RESOURCES_CHECK_BLOCK_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/checks/check.h"
#include "provider/kubernetes/api.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"

namespace delivery::resources {

struct HttpCheckBlock {
  schema::Attr<std::string> target;
  schema::Attr<std::string> service;
  schema::Attr<std::string> url;
  schema::Attr<int64_t> port;
  schema::Attr<std::string> scheme;
  schema::Attr<std::string> path;
  schema::Attr<std::vector<schema::Attr<int64_t>>> expect_status;
  schema::Attr<std::string> expect_body;
  schema::Attr<std::string> expect_body_regex;
  static const schema::Spec<HttpCheckBlock>& Declaration();
};

struct JobCheckBlock {
  schema::Attr<std::string> yaml;
  static const schema::Spec<JobCheckBlock>& Declaration();
};

struct WebhookCheckBlock {
  schema::Attr<std::string> url;
  schema::Attr<std::string> poll;
  static const schema::Spec<WebhookCheckBlock>& Declaration();
};

struct CheckBlock {
  schema::Attr<std::string> name;
  schema::Attr<std::string> at;
  schema::Attr<HttpCheckBlock> http;
  schema::Attr<JobCheckBlock> job;
  schema::Attr<WebhookCheckBlock> webhook;
  schema::Attr<std::string> timeout;
  static const schema::Spec<CheckBlock>& Declaration();
};

using CheckBlocks = schema::Attr<std::vector<CheckBlock>>;

// What a strategy offers to checks.
struct CheckPlaces {
  std::vector<std::string> at;       // allowed values, the default first
  std::vector<std::string> targets;  // of http, the default first
};

// Everything that is wrong, each with its path: a name used twice, no kind or two, a target or a
// moment that the strategy has not, a Job or a regular expression that is none. Unknown values are
// passed over.
void ValidateCheckBlocks(const CheckBlocks& blocks, const CheckPlaces& places,
                         Diagnostics& diagnostics);

// Blocks that are wholly known and valid, as checks, in order.
absl::StatusOr<std::vector<checks::Check>> ToChecks(const CheckBlocks& blocks);

// A check before the traffic moves asks the canary (the idle slot), unless it says otherwise.
checks::Check AskingCanary(checks::Check check, const CheckBlock& block);

// The sum of their time limits, as far as they are known.
absl::Duration TimeForChecks(const CheckBlocks& blocks);

// The Services that checks ask and that do not exist, each once; those that our credentials may not
// look at are passed over.
absl::StatusOr<std::vector<kubernetes::ObjectRef>> MissingServices(
    kubernetes::Api& api, const std::string& namespace_name,
    const std::vector<checks::Check>& checks, const std::stop_token& stop);

// For the reader of a plan: "check smoke: GET /healthz of a ready pod, port 8080 (at most 1m)".
std::vector<std::string> DescribeChecks(const std::vector<checks::Check>& checks);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CHECK_BLOCK_H_
