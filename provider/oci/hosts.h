// Single exchanges with registries and the servers they send us to: how each is reached and
// trusted, and when a request is repeated.
#ifndef DELIVERY_OCI_HOSTS_H_
#define DELIVERY_OCI_HOSTS_H_

#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "provider/base/clock.h"
#include "provider/http/transport.h"
#include "provider/oci/client.h"
#include "provider/oci/url.h"

namespace delivery::oci {

// How long a call may take.
struct Limits {
  absl::Time deadline;
  std::stop_token stop;
};

// Thread-safe.
class Hosts {
 public:
  Hosts(const ClientOptions& options, TransportFactory make_transport, Clock& clock);

  // Where the API of a registry is; `target` begins with "/v2/".
  Url ApiUrl(const std::string& registry, std::string target) const;
  bool IsPlainHttp(const std::string& registry) const;

  // The answer of `url`, which `registry` is at or has sent us to, whatever its HTTP status.
  // Repeats after 429, 5xx and lost connections until the deadline. `request` comes without URL and
  // time-outs. Its errors say what to do about them.
  absl::StatusOr<http::Response> Send(const std::string& registry, const Url& url,
                                      http::Request request, const Limits& limits);

  Clock& clock() { return clock_; }

 private:
  const HostOptions* OptionsOf(const std::string& host) const;
  std::vector<HostOptions> TrustFor(const std::string& registry, const Url& url) const;
  std::shared_ptr<http::Transport> TransportFor(const HostOptions& trust);
  absl::StatusOr<http::Response> SendOnce(const std::string& registry, const Url& url,
                                          const http::Request& request,
                                          const std::stop_token& stop);
  bool MayRepeat(const Url& url, const absl::StatusOr<http::Response>& answer, int attempts,
                 absl::Duration elapsed);

  const TransportFactory make_transport_;
  Clock& clock_;
  std::map<std::string, HostOptions> options_;  // by CanonicalHost; not changed after construction
  absl::Mutex mutex_;
  // By what TLS is set up with.
  std::map<std::pair<std::string, bool>, std::shared_ptr<http::Transport>> transports_
      ABSL_GUARDED_BY(mutex_);
  // Those that ever answered: they are worth waiting for.
  std::set<std::string> answered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace delivery::oci

#endif  // DELIVERY_OCI_HOSTS_H_
