#include "provider/kubernetes/rest_api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/api_error.h"
#include "provider/kubernetes/discovery.h"
#include "provider/kubernetes/rest_client.h"
#include "provider/kubernetes/timer_thread.h"
#include "provider/kubernetes/watch.h"

namespace delivery::kubernetes {
namespace {

using Repeat = RestRequest::Repeat;

constexpr char kPageSize[] = "500";

std::vector<std::pair<std::string, std::string>> Selectors(const ListOptions& options) {
  std::vector<std::pair<std::string, std::string>> query;
  if (!options.label_selector.empty()) query.emplace_back("labelSelector", options.label_selector);
  if (!options.field_selector.empty()) query.emplace_back("fieldSelector", options.field_selector);
  return query;
}

const char* PropagationName(Propagation propagation) {
  switch (propagation) {
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
    case Propagation::kBackground:
      break;
  }
  return "Background";
}

void AddWriteQuery(const std::string& field_manager, bool dry_run, RestRequest& request) {
  request.query.emplace_back("fieldManager", field_manager);
  if (dry_run) request.query.emplace_back("dryRun", "All");
}

std::vector<std::string> WarningsOf(const http::Response& response) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : response.headers) {
    if (!absl::EqualsIgnoreCase(name, "Warning")) continue;
    // 299 - "text", where quotes and backslashes of the text are escaped.
    const size_t first = value.find('"');
    const size_t last = value.rfind('"');
    if (first == last) continue;
    warnings.push_back(absl::StrReplaceAll(value.substr(first + 1, last - first - 1),
                                           {{"\\\"", "\""}, {"\\\\", "\\"}}));
  }
  return warnings;
}

bool HasTest(const Json& operations) {
  return std::any_of(operations.begin(), operations.end(),
                     [](const Json& operation) { return GetString(operation, "op") == "test"; });
}

class RestApi final : public Api {
 public:
  RestApi(ClusterConfig config, std::shared_ptr<CredentialSource> credentials,
          TransportFactory make_transport, Clock& clock)
      : client_(std::make_shared<RestClient>(std::move(config), std::move(credentials),
                                             std::move(make_transport), clock)),
        discovery_(std::make_shared<Discovery>(client_)),
        timers_(std::make_shared<TimerThread>()) {}

  absl::StatusOr<Json> Get(const ObjectRef& ref, const std::stop_token& stop) override {
    RestRequest request;
    DELIVERY_ASSIGN_OR_RETURN(request.path, ObjectPath(ref, stop));
    return SendForObject(request, absl::StrCat("reading ", ref.ToString()), stop);
  }

  absl::StatusOr<ObjectList> List(std::string_view api_version, std::string_view kind,
                                  const ListOptions& options, const std::stop_token& stop) override;

  std::unique_ptr<ObjectWatch> Watch(std::string_view api_version, std::string_view kind,
                                     const ListOptions& options, ChangeSignal signal) override {
    return MakeObjectWatch({client_, discovery_, timers_}, std::string(api_version),
                           std::string(kind), options, std::move(signal));
  }

  absl::StatusOr<ApplyResult> Apply(const Json& object, const ApplyOptions& options,
                                    const std::stop_token& stop) override {
    const ObjectRef ref = RefOf(object);
    RestRequest request;
    request.method = "PATCH";
    DELIVERY_ASSIGN_OR_RETURN(request.path, ObjectPath(ref, stop));
    AddWriteQuery(options.field_manager, options.dry_run, request);
    request.query.emplace_back("fieldValidation", "Strict");
    if (options.force) request.query.emplace_back("force", "true");
    request.content_type = "application/apply-patch+yaml";
    request.body = DumpJson(object);
    const std::string doing =
        absl::StrCat(options.dry_run ? "rehearsing the write of " : "applying ", ref.ToString());
    DELIVERY_ASSIGN_OR_RETURN(const http::Response response, SendOk(request, doing, stop));
    ApplyResult result;
    DELIVERY_ASSIGN_OR_RETURN(result.object, ParseBody(response, doing));
    result.created = response.status == 201;
    result.warnings = WarningsOf(response);
    return result;
  }

  absl::StatusOr<Json> Create(const Json& object, const WriteOptions& options,
                              const std::stop_token& stop) override {
    const ObjectRef ref = RefOf(object);
    RestRequest request;
    request.method = "POST";
    DELIVERY_ASSIGN_OR_RETURN(request.path, PathForNew(ref, stop));
    // A repetition would answer that it exists already, and nobody would know who made it.
    request.repeat = Repeat::kOnlyUndone;
    AddWriteQuery(options.field_manager, options.dry_run, request);
    request.content_type = "application/json";
    request.body = DumpJson(object);
    return SendForObject(request, absl::StrCat("creating ", ref.ToString()), stop);
  }

  absl::StatusOr<Json> Replace(const Json& object, const WriteOptions& options,
                               const std::stop_token& stop) override {
    const ObjectRef ref = RefOf(object);
    RestRequest request;
    request.method = "PUT";
    DELIVERY_ASSIGN_OR_RETURN(request.path, ObjectPath(ref, stop));
    AddWriteQuery(options.field_manager, options.dry_run, request);
    request.content_type = "application/json";
    request.body = DumpJson(object);
    return SendForObject(request, absl::StrCat("updating ", ref.ToString()), stop);
  }

  absl::StatusOr<Json> JsonPatch(const ObjectRef& ref, const Json& operations,
                                 const WriteOptions& options,
                                 const std::stop_token& stop) override {
    // With a test, a repetition of what was done fails instead of doing it again.
    const Repeat repeat = HasTest(operations) ? Repeat::kIdempotent : Repeat::kOnlyUndone;
    return Patch(ref, "application/json-patch+json", operations, options, repeat, stop);
  }
  absl::StatusOr<Json> MergePatch(const ObjectRef& ref, const Json& patch,
                                  const WriteOptions& options,
                                  const std::stop_token& stop) override {
    return Patch(ref, "application/merge-patch+json", patch, options, Repeat::kIdempotent, stop);
  }

  absl::Status Delete(const ObjectRef& ref, const DeleteOptions& options,
                      const std::stop_token& stop) override {
    RestRequest request;
    request.method = "DELETE";
    DELIVERY_ASSIGN_OR_RETURN(request.path, ObjectPath(ref, stop));
    Json preconditions = Json::object();
    if (!options.uid.empty()) preconditions["uid"] = options.uid;
    if (!options.resource_version.empty()) {
      preconditions["resourceVersion"] = options.resource_version;
    }
    Json body = {{"apiVersion", "v1"},
                 {"kind", "DeleteOptions"},
                 {"propagationPolicy", PropagationName(options.propagation)}};
    if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
    request.content_type = "application/json";
    request.body = DumpJson(body);
    return SendOk(request, absl::StrCat("deleting ", ref.ToString()), stop).status();
  }

  absl::StatusOr<std::string> PodLog(std::string_view namespace_name, std::string_view pod,
                                     const PodLogOptions& options,
                                     const std::stop_token& stop) override {
    RestRequest request;
    request.path = absl::StrCat("/api/v1/namespaces/", EscapePathSegment(namespace_name), "/pods/",
                                EscapePathSegment(pod), "/log");
    request.accept = "*/*";
    request.query = {{"container", options.container},
                     {"tailLines", absl::StrCat(options.tail_lines)},
                     {"limitBytes", absl::StrCat(options.limit_bytes)}};
    if (options.previous) request.query.emplace_back("previous", "true");
    const std::string doing =
        absl::StrCat("reading the log of pod ", std::string(namespace_name), "/", std::string(pod));
    DELIVERY_ASSIGN_OR_RETURN(http::Response response, SendOk(request, doing, stop));
    return std::move(response.body);
  }

  absl::StatusOr<http::Response> Proxy(const ProxyRequest& proxy,
                                       const std::stop_token& stop) override;

  absl::StatusOr<AccessAnswer> ReviewAccess(const AccessQuery& query,
                                            const std::stop_token& stop) override {
    const Json review = {{"apiVersion", "authorization.k8s.io/v1"},
                         {"kind", "SelfSubjectAccessReview"},
                         {"spec",
                          {{"resourceAttributes",
                            {{"verb", query.verb},
                             {"group", query.group},
                             {"resource", query.resource},
                             {"subresource", query.subresource},
                             {"namespace", query.namespace_name},
                             {"name", query.name}}}}}};
    RestRequest request;
    request.method = "POST";
    request.path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    request.content_type = "application/json";
    request.body = DumpJson(review);
    DELIVERY_ASSIGN_OR_RETURN(const Json answer,
                              SendForObject(request, "asking for our permissions", stop));
    const Json& status = GetObject(answer, "status");
    return AccessAnswer{GetBool(status, "allowed"), GetString(status, "reason")};
  }

  absl::StatusOr<ResourceInfo> Discover(std::string_view api_version, std::string_view kind,
                                        const std::stop_token& stop) override {
    return discovery_->Resolve(api_version, kind, stop);
  }

 private:
  absl::StatusOr<std::string> ObjectPath(const ObjectRef& ref, const std::stop_token& stop) {
    if (ref.name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("the ", ref.kind, " has no name"));
    }
    DELIVERY_ASSIGN_OR_RETURN(const std::string collection, PathForNew(ref, stop));
    return absl::StrCat(collection, "/", EscapePathSegment(ref.name));
  }
  // Of the collection that the object is, or will be, in.
  absl::StatusOr<std::string> PathForNew(const ObjectRef& ref, const std::stop_token& stop) {
    DELIVERY_ASSIGN_OR_RETURN(const ResourceInfo info, Discover(ref.api_version, ref.kind, stop));
    if (info.namespaced && ref.namespace_name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(ref.ToString(), " has no namespace"));
    }
    return CollectionPath(ref.api_version, info, ref.namespace_name);
  }

  absl::StatusOr<http::Response> SendOk(const RestRequest& request, const std::string& doing,
                                        const std::stop_token& stop) {
    absl::StatusOr<http::Response> response = client_->Send(request, stop);
    if (!response.ok()) return StatusBuilder(response.status()) << doing;
    DELIVERY_RETURN_IF_ERROR(StatusFromResponse(*response, doing));
    return response;
  }
  static absl::StatusOr<Json> ParseBody(const http::Response& response, const std::string& doing) {
    absl::StatusOr<Json> body = ParseJson(response.body);
    if (!body.ok()) return StatusBuilder(body.status()) << doing;
    return body;
  }
  absl::StatusOr<Json> SendForObject(const RestRequest& request, const std::string& doing,
                                     const std::stop_token& stop) {
    DELIVERY_ASSIGN_OR_RETURN(const http::Response response, SendOk(request, doing, stop));
    return ParseBody(response, doing);
  }
  absl::StatusOr<Json> Patch(const ObjectRef& ref, const std::string& content_type,
                             const Json& patch, const WriteOptions& options, Repeat repeat,
                             const std::stop_token& stop) {
    RestRequest request;
    request.method = "PATCH";
    request.repeat = repeat;
    DELIVERY_ASSIGN_OR_RETURN(request.path, ObjectPath(ref, stop));
    AddWriteQuery(options.field_manager, options.dry_run, request);
    request.content_type = content_type;
    request.body = DumpJson(patch);
    return SendForObject(request, absl::StrCat("patching ", ref.ToString()), stop);
  }

  const std::shared_ptr<RestClient> client_;
  const std::shared_ptr<Discovery> discovery_;
  const std::shared_ptr<TimerThread> timers_;
};

absl::StatusOr<ObjectList> RestApi::List(std::string_view api_version, std::string_view kind,
                                         const ListOptions& options, const std::stop_token& stop) {
  DELIVERY_ASSIGN_OR_RETURN(const ResourceInfo info, Discover(api_version, kind, stop));
  const std::string doing = absl::StrCat("listing ", std::string(kind), " objects");
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    ObjectList list;
    std::string next;
    absl::Status status;
    do {
      RestRequest request;
      request.path = CollectionPath(api_version, info, options.namespace_name);
      request.query = Selectors(options);
      request.query.emplace_back("limit",
                                 options.at_most > 0 ? absl::StrCat(options.at_most) : kPageSize);
      if (!next.empty()) request.query.emplace_back("continue", next);
      absl::StatusOr<Json> page = SendForObject(request, doing, stop);
      status = page.status();
      if (!status.ok()) break;
      for (Json item : GetArray(*page, "items")) {
        item["apiVersion"] = std::string(api_version);
        item["kind"] = std::string(kind);
        list.items.push_back(std::move(item));
      }
      const Json& metadata = GetObject(*page, "metadata");
      list.resource_version = GetString(metadata, "resourceVersion");
      next = GetString(metadata, "continue");
    } while (!next.empty() && options.at_most == 0);
    if (status.ok()) return list;
    // A page token that expired: begin anew.
    if (!absl::IsOutOfRange(status) || attempt == kAttempts) return status;
  }
}

absl::StatusOr<http::Response> RestApi::Proxy(const ProxyRequest& proxy,
                                              const std::stop_token& stop) {
  const bool pod = proxy.target == ProxyRequest::Target::kPod;
  const std::string doing = absl::StrCat("requesting ", proxy.path, " of ",
                                         pod ? "Pod " : "Service ", proxy.namespace_name, "/",
                                         proxy.name, ":", proxy.port, " through the API server");
  if (!absl::StartsWith(proxy.path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(doing, ": the path must begin with \"/\""));
  }
  RestRequest request;
  request.method = proxy.method;
  request.path = absl::StrCat("/api/v1/namespaces/", EscapePathSegment(proxy.namespace_name),
                              pod ? "/pods/" : "/services/", EscapePathSegment(proxy.scheme), ":",
                              EscapePathSegment(proxy.name), ":", proxy.port, "/proxy", proxy.path);
  request.accept = "*/*";
  request.repeat = Repeat::kRelayed;
  request.timeout = proxy.timeout;
  request.max_response_bytes = proxy.max_response_bytes;
  absl::StatusOr<http::Response> response = client_->Send(request, stop);
  if (!response.ok()) return StatusBuilder(response.status()) << doing;
  if (IsOwnRefusal(*response)) return StatusFromResponse(*response, doing);
  return response;
}

}  // namespace

std::shared_ptr<Api> MakeRestApi(ClusterConfig config,
                                 std::shared_ptr<CredentialSource> credentials,
                                 TransportFactory make_transport, Clock& clock) {
  return std::make_shared<RestApi>(std::move(config), std::move(credentials),
                                   std::move(make_transport), clock);
}

}  // namespace delivery::kubernetes
