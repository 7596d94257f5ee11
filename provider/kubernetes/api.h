// The Kubernetes API as the rest of the provider uses it. Objects are plain JSON. Implemented by
// RestApi (rest_api.h) over an http::Transport.
#ifndef DELIVERY_KUBERNETES_API_H_
#define DELIVERY_KUBERNETES_API_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "provider/base/json.h"
#include "provider/http/transport.h"

namespace delivery::kubernetes {

// Names one object. `namespace_name` is empty for cluster-scoped kinds.
struct ObjectRef {
  std::string api_version;  // "v1", "apps/v1"
  std::string kind;
  std::string namespace_name;
  std::string name;

  // "Deployment shop/web".
  std::string ToString() const;
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// The identity of `object` from its apiVersion, kind and metadata.
ObjectRef RefOf(const Json& object);

// What the API server said when it refused a request (its Status object), carried as a payload of
// the absl::Status that the methods below return. Codes: NotFound 404, AlreadyExists 409
// AlreadyExists, Aborted 409 otherwise (conflict), PermissionDenied 403, Unauthenticated 401,
// InvalidArgument 400 and 422, OutOfRange 410 (expired), ResourceExhausted 429, Unavailable for
// 500/502/503/504 after retries and for connection failures, DeadlineExceeded for time-outs.
struct ApiError {
  struct Cause {
    std::string reason;  // "FieldManagerConflict", "FieldValueInvalid"
    std::string message;
    std::string field;
  };
  int http_status = 0;
  std::string reason;   // "Conflict", "Forbidden", "NotFound"
  std::string message;  // the server's own words
  std::vector<Cause> causes;
};

// Nullopt when `status` did not come from an answer of the API server.
std::optional<ApiError> GetApiError(const absl::Status& status);

// Whether the API server refused the request itself (permission, credential, content), so that the
// same request need not be tried again.
bool IsFinalRefusal(const absl::Status& status);

struct WriteOptions {
  std::string field_manager = "terraform-provider-delivery";
  bool dry_run = false;
};
struct ApplyOptions {
  std::string field_manager = "terraform-provider-delivery";
  bool dry_run = false;
  bool force = false;
};
struct ApplyResult {
  Json object;                        // as the server returned it, with managedFields
  bool created = false;               // 201, not 200
  std::vector<std::string> warnings;  // the server's Warning headers
};
enum class Propagation { kBackground, kForeground, kOrphan };
struct DeleteOptions {
  Propagation propagation = Propagation::kBackground;
  std::string uid;               // precondition when not empty
  std::string resource_version;  // precondition when not empty
};
struct ListOptions {
  std::string namespace_name;  // empty: all namespaces
  std::string label_selector;
  std::string field_selector;
  int64_t at_most = 0;  // List ends with so many, whichever come first; 0: all
};
struct ObjectList {
  std::vector<Json> items;  // apiVersion and kind are filled in
  std::string resource_version;
};
struct PodLogOptions {
  std::string container;
  int64_t tail_lines = 20;
  bool previous = false;
  size_t limit_bytes = 16 * 1024;
};
// A request through the API server's proxy to a pod or Service.
struct ProxyRequest {
  enum class Target { kPod, kService };
  Target target = Target::kPod;
  std::string namespace_name;
  std::string name;
  int port = 0;
  std::string scheme = "http";
  std::string method = "GET";
  std::string path = "/";  // with query
  absl::Duration timeout = absl::Seconds(10);
  size_t max_response_bytes = 1024 * 1024;
};
struct AccessQuery {
  std::string verb;
  std::string group;
  std::string resource;  // plural
  std::string subresource;
  std::string namespace_name;
  std::string name;
};
struct AccessAnswer {
  bool allowed = false;
  std::string reason;
};
struct ResourceInfo {
  std::string plural;
  bool namespaced = true;
};

// Lets a waiter sleep until one of several watched things changed. Thread-safe.
class ChangeSignal {
 public:
  uint64_t version() const;
  void Notify();
  // Until version() differs from `seen`, `deadline` passes or `stop` is requested; returns the
  // version now.
  uint64_t Wait(uint64_t seen, absl::Time deadline, const std::stop_token& stop) const;

 private:
  struct State;
  std::shared_ptr<State> state_;

 public:
  ChangeSignal();
};

// The current objects of one list, kept current by a watch in the background: list, watch with
// bookmarks, resume at the last resourceVersion after a cut, list again after 410, back off on
// errors. Runs on the transport's thread; destroying it ends the watch. Thread-safe.
class ObjectWatch {
 public:
  virtual ~ObjectWatch() = default;
  // True after the first list arrived.
  virtual bool synced() const = 0;
  // By name (with namespace), a copy.
  virtual std::vector<Json> Objects() const = 0;
  // The most recent error while it is not recovered from, OK otherwise. It keeps trying except
  // after PermissionDenied, Unauthenticated and InvalidArgument, which are final.
  virtual absl::Status status() const = 0;
};

// Thread-safe. Every method blocks until the answer is complete or `stop` is requested (Cancelled).
// Idempotent requests are retried on 429 and 5xx and connection failures, with Retry-After and
// exponential back-off, within a budget of about 30 s per call; writes that carry a
// resourceVersion, a test or a server-side apply are idempotent. 401 makes the credentials refresh
// and the request repeat once.
class Api {
 public:
  virtual ~Api() = default;

  virtual absl::StatusOr<Json> Get(const ObjectRef& ref, const std::stop_token& stop) = 0;
  virtual absl::StatusOr<ObjectList> List(std::string_view api_version, std::string_view kind,
                                          const ListOptions& options,
                                          const std::stop_token& stop) = 0;
  // `signal` is notified at each change, and when status() changes.
  virtual std::unique_ptr<ObjectWatch> Watch(std::string_view api_version, std::string_view kind,
                                             const ListOptions& options, ChangeSignal signal) = 0;

  // Server-side apply of `object` (its metadata.resourceVersion, if any, is a precondition).
  virtual absl::StatusOr<ApplyResult> Apply(const Json& object, const ApplyOptions& options,
                                            const std::stop_token& stop) = 0;
  virtual absl::StatusOr<Json> Create(const Json& object, const WriteOptions& options,
                                      const std::stop_token& stop) = 0;
  // PUT; compare-and-swap when metadata.resourceVersion is set.
  virtual absl::StatusOr<Json> Replace(const Json& object, const WriteOptions& options,
                                       const std::stop_token& stop) = 0;
  virtual absl::StatusOr<Json> JsonPatch(const ObjectRef& ref, const Json& operations,
                                         const WriteOptions& options,
                                         const std::stop_token& stop) = 0;
  virtual absl::StatusOr<Json> MergePatch(const ObjectRef& ref, const Json& patch,
                                          const WriteOptions& options,
                                          const std::stop_token& stop) = 0;
  virtual absl::Status Delete(const ObjectRef& ref, const DeleteOptions& options,
                              const std::stop_token& stop) = 0;

  virtual absl::StatusOr<std::string> PodLog(std::string_view namespace_name, std::string_view pod,
                                             const PodLogOptions& options,
                                             const std::stop_token& stop) = 0;
  // Any HTTP status of the target is a result.
  virtual absl::StatusOr<http::Response> Proxy(const ProxyRequest& request,
                                               const std::stop_token& stop) = 0;
  virtual absl::StatusOr<AccessAnswer> ReviewAccess(const AccessQuery& query,
                                                    const std::stop_token& stop) = 0;
  // From discovery, cached; NotFound when the server does not serve the kind.
  virtual absl::StatusOr<ResourceInfo> Discover(std::string_view api_version, std::string_view kind,
                                                const std::stop_token& stop) = 0;
};

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_API_H_
