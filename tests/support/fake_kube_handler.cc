#include "tests/support/fake_kube_handler.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/fake_kube_answers.h"
#include "tests/support/fake_kube_managers.h"

namespace delivery::testing {

struct FakeKubeHandler::Target {
  const KubeRequest& request;
  const ResourceType& type;
  ObjectKey key;
  const Json* live = nullptr;  // what the store holds under the name, if anything

  bool dry_run() const { return request.Query("dryRun") == "All"; }
  bool for_status() const { return request.subresource == "status"; }
};

namespace {

std::string VersionOf(const Json& object) {
  return GetString(GetObject(object, "metadata"), "resourceVersion");
}

const Json* SelectorOf(const Json& object) { return Find(GetObject(object, "spec"), "selector"); }

std::string ManagerOf(const KubeRequest& request) {
  const std::string named = request.Query("fieldManager");
  if (!named.empty()) return named;
  const std::string agent = http::FindHeader(request.headers, "User-Agent").value_or("unknown");
  return agent.substr(0, agent.find('/'));
}

Writer WriterOf(const KubeRequest& request, const ResourceType& type, const std::string& time) {
  return {ManagerOf(request), type.ApiVersion(), request.subresource, time};
}

const char* VerbOf(const KubeRequest& request) {
  if (request.method == "POST") return "create";
  if (request.method == "PUT") return "update";
  if (request.method == "PATCH") return "patch";
  if (request.method == "DELETE") return "delete";
  if (request.IsWatch()) return "watch";
  return request.name.empty() ? "list" : "get";
}

// "pods", "pods/log".
std::string Resource(const std::string& plural, const std::string& subresource) {
  return subresource.empty() ? plural : absl::StrCat(plural, "/", subresource);
}

// The object that a request is about, also when the selector of a list names it.
std::string NameOf(const KubeRequest& request) {
  if (!request.name.empty()) return request.name;
  const std::string selector = request.Query("fieldSelector");
  const std::string one = "metadata.name=";
  return absl::StartsWith(selector, one) ? selector.substr(one.size()) : "";
}

bool Covers(const std::string& rule, const std::string& value) {
  return rule.empty() || rule == value;
}

// The page that a continue token names: "<version>:<first>".
bool ParseToken(const std::string& token, int64_t& version, size_t& first) {
  const std::vector<std::string> parts = absl::StrSplit(token, ':');
  return parts.size() == 2 && absl::SimpleAtoi(parts[0], &version) &&
         absl::SimpleAtoi(parts[1], &first);
}

// What a request may not state differently from its path; nullopt when all is well.
std::optional<http::Response> CheckIdentity(const KubeRequest& request, const ResourceType& type,
                                            Json& object) {
  if (!object.is_object()) return BadRequest("the body is not an object");
  const std::string kind = GetString(object, "kind", type.kind);
  const std::string version = GetString(object, "apiVersion", type.ApiVersion());
  if (kind != type.kind || version != type.ApiVersion()) {
    return BadRequest(absl::StrCat("the API version in the data (", version, ", ", kind,
                                   ") does not match the expected one (", type.ApiVersion(), ", ",
                                   type.kind, ")"));
  }
  Json& metadata = object["metadata"];
  if (type.namespaced) {
    const std::string stated = GetString(metadata, "namespace", request.namespace_name);
    if (stated != request.namespace_name) {
      return BadRequest(
          "the namespace of the provided object does not match the namespace sent on the request");
    }
    metadata["namespace"] = request.namespace_name;
  }
  if (request.name.empty()) return std::nullopt;
  const std::string name = GetString(metadata, "name", request.name);
  if (name != request.name) {
    return BadRequest(absl::StrCat("the name of the object (", name,
                                   ") does not match the name on the URL (", request.name, ")"));
  }
  metadata["name"] = name;
  return std::nullopt;
}

std::string LastLines(const std::string& text, int64_t count) {
  size_t start = text.size();
  if (start > 0 && text[start - 1] == '\n') --start;
  for (int64_t seen = 0; start > 0; --start) {
    if (text[start - 1] == '\n' && ++seen == count) break;
  }
  return text.substr(start);
}

}  // namespace

const ResourceType* FakeKubeHandler::TypeOf(const KubeRequest& request) const {
  return store_.FindType(request.group, request.version, request.plural);
}

std::optional<http::Response> FakeKubeHandler::Handle(const KubeRequest& request) {
  if (request.version.empty() || request.plural.empty()) return Discover(request);
  if (request.plural == "selfsubjectaccessreviews") return ReviewAccess(request);
  const ResourceType* type = TypeOf(request);
  if (type == nullptr) return NotServed();
  Target target{request, *type, {type->Qualified(), request.namespace_name, request.name}};
  if (!request.name.empty()) target.live = store_.Find(target.key);
  if (auto refusal = CheckAccess(target)) return refusal;
  if (request.method == "GET" && request.IsWatch() && request.name.empty()) return std::nullopt;
  if (request.name.empty()) return HandleCollection(target);
  return request.subresource.empty() || target.for_status() ? HandleObject(target)
                                                            : HandleSubresource(target);
}

http::Response FakeKubeHandler::Discover(const KubeRequest& request) const {
  if (request.path == "/version") {
    return Answer(200, {{"major", "1"}, {"minor", "36"}, {"gitVersion", "v1.36.0-fake"}});
  }
  if (request.path == "/api") {
    return Answer(200, {{"kind", "APIVersions"}, {"versions", Json::array({"v1"})}});
  }
  if (!request.version.empty()) return DescribeGroup(request);
  if (request.path != "/apis") return PlainText(404, "404 page not found\n");
  Json groups = Json::array();
  std::set<std::string> seen;
  for (const ResourceType& type : store_.types()) {
    if (type.group.empty() || !seen.insert(type.ApiVersion()).second) continue;
    const Json version = {{"groupVersion", type.ApiVersion()}, {"version", type.version}};
    groups.push_back({{"name", type.group},
                      {"versions", Json::array({version})},
                      {"preferredVersion", version}});
  }
  return Answer(200, {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}});
}

http::Response FakeKubeHandler::DescribeGroup(const KubeRequest& request) const {
  Json resources = Json::array();
  const auto add = [&](const ResourceType& type, const std::string& name) {
    resources.push_back(
        {{"name", name},
         {"singularName", ""},
         {"namespaced", type.namespaced},
         {"kind", type.kind},
         {"verbs", {"get", "list", "watch", "create", "update", "patch", "delete"}}});
  };
  std::string api_version;
  for (const ResourceType& type : store_.types()) {
    if (type.group != request.group || type.version != request.version) continue;
    api_version = type.ApiVersion();
    add(type, type.plural);
    if (type.has_status) add(type, absl::StrCat(type.plural, "/status"));
  }
  if (resources.empty()) return PlainText(404, "404 page not found\n");
  return Answer(200, {{"kind", "APIResourceList"},
                      {"apiVersion", "v1"},
                      {"groupVersion", api_version},
                      {"resources", resources}});
}

bool FakeKubeHandler::IsDenied(const DeniedAccess& access, const std::string& name) const {
  return std::any_of(denied_.begin(), denied_.end(), [&](const DeniedAccess& rule) {
    return Covers(rule.verb, access.verb) && Covers(rule.group, access.group) &&
           Covers(rule.resource, access.resource) &&
           Covers(rule.namespace_name, access.namespace_name) &&
           (rule.except_name.empty() || rule.except_name != name);
  });
}

http::Response FakeKubeHandler::ReviewAccess(const KubeRequest& request) const {
  absl::StatusOr<Json> review = ParseJson(request.body);
  if (!review.ok()) return BadRequest(std::string(review.status().message()));
  const Json& asked = GetObject(GetObject(*review, "spec"), "resourceAttributes");
  const bool denied =
      IsDenied({GetString(asked, "verb"), GetString(asked, "group"),
                Resource(GetString(asked, "resource"), GetString(asked, "subresource")),
                GetString(asked, "namespace")},
               GetString(asked, "name"));
  (*review)["status"] = {{"allowed", !denied}};
  if (denied) (*review)["status"]["reason"] = "denied by the test";
  return Answer(201, *review);
}

std::optional<http::Response> FakeKubeHandler::CheckAccess(const Target& target) const {
  const KubeRequest& request = target.request;
  const std::string verb = VerbOf(request);
  const std::string resource = Resource(request.plural, request.subresource);
  if (!IsDenied({verb, request.group, resource, request.namespace_name}, NameOf(request))) {
    return std::nullopt;
  }
  const std::string where =
      request.namespace_name.empty()
          ? " at the cluster scope"
          : absl::StrCat(" in the namespace \"", request.namespace_name, "\"");
  return KubeRefusal(
      403, "Forbidden",
      absl::StrCat(target.type.Qualified(), " is forbidden: User \"test\" cannot ", verb,
                   " resource \"", resource, "\" in API group \"", request.group, "\"", where),
      DetailsOf(target.type, request.name));
}

http::Response FakeKubeHandler::HandleCollection(const Target& target) {
  if (target.request.method == "GET") return List(target);
  if (target.request.method == "POST") return Create(target);
  return NotAllowed();
}

http::Response FakeKubeHandler::HandleObject(const Target& target) {
  const KubeRequest& request = target.request;
  const std::string type = http::FindHeader(request.headers, "Content-Type").value_or("");
  if (request.method == "PATCH" && absl::StartsWith(type, "application/apply-patch")) {
    return Apply(target);
  }
  if (target.live == nullptr) return NotFound(target.type, request.name);
  if (request.method == "GET") return Answer(200, *target.live);
  if (request.method == "PATCH") return Patch(target);
  if (request.method == "DELETE") return Delete(target);
  if (request.method != "PUT") return NotAllowed();
  absl::StatusOr<Json> object = ParseJson(request.body);
  if (!object.ok()) return BadRequest(std::string(object.status().message()));
  return Replace(target, *std::move(object));
}

http::Response FakeKubeHandler::HandleSubresource(const Target& target) {
  const KubeRequest& request = target.request;
  if (request.subresource == "proxy") {
    return proxy_ ? proxy_(request)
                  : KubeRefusal(503, "ServiceUnavailable", "no endpoints available for service");
  }
  if (target.live == nullptr) return NotFound(target.type, request.name);
  if (request.subresource == "log" && request.method == "GET") return Log(target);
  if (request.subresource == "scale") return Scale(target);
  if (request.subresource == "eviction" && request.method == "POST") return Delete(target);
  return NotServed();
}

http::Response FakeKubeHandler::List(const Target& target) const {
  const KubeRequest& request = target.request;
  const auto selectors =
      KubeSelectors::Parse(request.Query("labelSelector"), request.Query("fieldSelector"));
  if (!selectors.ok()) return BadRequest(std::string(selectors.status().message()));
  int64_t version = store_.version();
  size_t first = 0;
  const std::string token = request.Query("continue");
  if (!token.empty() && !ParseToken(token, version, first)) {
    return BadRequest("invalid continue token: continue key is not valid");
  }
  if (version < store_.compacted()) {
    return KubeRefusal(410, "Expired",
                       "The provided continue parameter is too old to display a consistent list "
                       "result.");
  }
  std::vector<const Json*> matching;
  for (const Json* object : store_.List(target.type, request.namespace_name)) {
    if (selectors->Match(*object)) matching.push_back(object);
  }
  size_t limit = 0;
  if (!absl::SimpleAtoi(request.Query("limit"), &limit) || limit == 0) limit = matching.size();
  Json items = Json::array();
  for (size_t i = first; i < matching.size() && items.size() < limit; ++i) {
    items.push_back(*matching[i]);
    // As in the real server's lists the items do not repeat what the list says.
    items.back().erase("apiVersion");
    items.back().erase("kind");
  }
  Json metadata = {{"resourceVersion", absl::StrCat(version)}};
  const size_t next = first + items.size();
  if (next < matching.size()) {
    metadata["continue"] = absl::StrCat(version, ":", next);
    metadata["remainingItemCount"] = matching.size() - next;
  }
  return Answer(200, {{"kind", absl::StrCat(target.type.kind, "List")},
                      {"apiVersion", target.type.ApiVersion()},
                      {"metadata", metadata},
                      {"items", items}});
}

http::Response FakeKubeHandler::Create(const Target& target) {
  absl::StatusOr<Json> object = ParseJson(target.request.body);
  if (!object.ok()) return BadRequest(std::string(object.status().message()));
  if (auto refusal = CheckIdentity(target.request, target.type, *object)) return *refusal;
  if (!VersionOf(*object).empty()) {
    return BadRequest("resourceVersion should not be set on objects to be created");
  }
  return StoreNew(target, *std::move(object), false);
}

http::Response FakeKubeHandler::StoreNew(const Target& target, Json object, bool applied) {
  const KubeRequest& request = target.request;
  if (target.type.namespaced && !store_.HasNamespace(request.namespace_name)) {
    return NotFound(*store_.FindType("", "v1", "namespaces"), request.namespace_name);
  }
  if (target.type.has_status) object.erase("status");
  object = store_.PrepareNew(target.type, std::move(object));
  const ObjectKey key = store_.KeyOf(target.type, object);
  if (key.name.empty()) return BadRequest("name or generateName is required");
  if (store_.Find(key) != nullptr) {
    return KubeRefusal(409, "AlreadyExists",
                       absl::StrCat(Quoted(target.type, key.name), " already exists"),
                       DetailsOf(target.type, key.name));
  }
  if (!applied) {
    TrackUpdate(Json::object(), object, WriterOf(request, target.type, store_.Timestamp()));
  }
  return Answer(201, target.dry_run() ? object : store_.Commit(target.type, std::move(object)));
}

http::Response FakeKubeHandler::Replace(const Target& target, Json object) {
  if (auto refusal = CheckIdentity(target.request, target.type, object)) return *refusal;
  const std::string version = VersionOf(object);
  if (!version.empty() && version != VersionOf(*target.live)) {
    return Modified(target.type, target.request.name);
  }
  const std::string uid = GetString(GetObject(object, "metadata"), "uid");
  if (!uid.empty() && uid != GetString(GetObject(*target.live, "metadata"), "uid")) {
    return Modified(target.type, target.request.name);
  }
  return StoreSuccessor(target, std::move(object), false);
}

http::Response FakeKubeHandler::StoreSuccessor(const Target& target, Json object, bool applied) {
  const Json live = *target.live;
  if (target.for_status()) {
    Json status = GetObject(object, "status");
    object = live;
    object["status"] = std::move(status);
  } else if (target.type.has_status) {
    object.erase("status");
    if (live.contains("status")) object["status"] = live["status"];
  }
  object = store_.PrepareSuccessor(target.type, live, std::move(object));
  const Json* before = SelectorOf(live);
  const Json* after = SelectorOf(object);
  if (target.type.group == "apps" && before != nullptr && after != nullptr && *before != *after) {
    return ImmutableSelector(target.type, target.request.name, *after);
  }
  if (!applied) {
    TrackUpdate(live, object, WriterOf(target.request, target.type, store_.Timestamp()));
  }
  return Answer(200, target.dry_run() ? object : store_.Commit(target.type, std::move(object)));
}

http::Response FakeKubeHandler::Patch(const Target& target) {
  const KubeRequest& request = target.request;
  absl::StatusOr<Json> patch = ParseJson(request.body);
  if (!patch.ok()) return BadRequest(std::string(patch.status().message()));
  const std::string type = http::FindHeader(request.headers, "Content-Type").value_or("");
  Json object = *target.live;
  if (absl::StartsWith(type, "application/merge-patch+json")) {
    object.merge_patch(*patch);
  } else if (absl::StartsWith(type, "application/json-patch+json")) {
    try {
      object = object.patch(*patch);
    } catch (const Json::exception&) {
      return KubeRefusal(422, "Invalid",
                         "the server rejected our request due to an error in our request");
    }
  } else {
    return KubeRefusal(415, "UnsupportedMediaType",
                       "the body of the request was in an unknown format");
  }
  return Replace(target, std::move(object));
}

http::Response FakeKubeHandler::Apply(const Target& target) {
  const KubeRequest& request = target.request;
  absl::StatusOr<Json> parsed = ParseJson(request.body);
  if (!parsed.ok()) return BadRequest(std::string(parsed.status().message()));
  Json applied = *std::move(parsed);
  if (request.Query("fieldManager").empty()) {
    return BadRequest(
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
        "required for apply patch");
  }
  if (auto refusal = CheckIdentity(request, target.type, applied)) return *refusal;
  if (GetObject(applied, "metadata").contains("managedFields")) {
    return BadRequest("metadata.managedFields must be nil");
  }
  const std::string version = VersionOf(applied);
  if (target.live != nullptr && !version.empty() && version != VersionOf(*target.live)) {
    return Modified(target.type, request.name);
  }
  applied["metadata"].erase("resourceVersion");
  const Json live = target.live == nullptr ? Json() : *target.live;
  ApplyOutcome outcome =
      ApplyFields(live, applied, WriterOf(request, target.type, store_.Timestamp()),
                  request.Query("force") == "true");
  if (!outcome.conflicts.empty()) {
    Json causes = Json::array();
    for (const ApplyConflict& conflict : outcome.conflicts) {
      causes.push_back({{"reason", "FieldManagerConflict"},
                        {"message", conflict.message},
                        {"field", conflict.field}});
    }
    return KubeRefusal(409, "Conflict", outcome.message, {{"causes", causes}});
  }
  return target.live == nullptr ? StoreNew(target, std::move(outcome.object), true)
                                : StoreSuccessor(target, std::move(outcome.object), true);
}

http::Response FakeKubeHandler::Delete(const Target& target) {
  const Json live = *target.live;
  const Json options = ParseJson(target.request.body).value_or(Json::object());
  const Json& metadata = GetObject(live, "metadata");
  const std::string name = target.request.name;
  for (const auto& [member, label] :
       {std::pair{"uid", "UID"}, std::pair{"resourceVersion", "ResourceVersion"}}) {
    const std::string wanted = GetString(GetObject(options, "preconditions"), member);
    const std::string actual = GetString(metadata, member);
    if (wanted.empty() || wanted == actual) continue;
    return KubeRefusal(409, "Conflict",
                       absl::StrCat("Operation cannot be fulfilled on ", Quoted(target.type, name),
                                    ": the ", label, " in the precondition (", wanted,
                                    ") does not match the ", label, " in record (", actual, ")"),
                       DetailsOf(target.type, name));
  }
  const std::string policy = GetString(options, "propagationPolicy", "Background");
  const Cascade cascade = policy == "Orphan"       ? Cascade::kOrphan
                          : policy == "Foreground" ? Cascade::kForeground
                                                   : Cascade::kBackground;
  if (!target.dry_run()) store_.Delete(target.type, target.key, cascade);
  Json details = DetailsOf(target.type, name);
  details["uid"] = GetString(metadata, "uid");
  return Answer(200, {{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"metadata", Json::object()},
                      {"status", "Success"},
                      {"details", details}});
}

void FakeKubeHandler::SetPodLog(const std::string& namespace_name, const std::string& pod,
                                const std::string& container, bool previous, std::string text) {
  logs_[{namespace_name, pod, container, previous}] = std::move(text);
}

http::Response FakeKubeHandler::Log(const Target& target) const {
  const KubeRequest& request = target.request;
  const bool previous = request.Query("previous") == "true";
  std::string container = request.Query("container");
  const Json& containers = GetArray(GetObject(*target.live, "spec"), "containers");
  if (container.empty() && !containers.empty()) container = GetString(containers[0], "name");
  const auto found = logs_.find({request.namespace_name, request.name, container, previous});
  if (found == logs_.end()) {
    return BadRequest(absl::StrCat(previous ? "previous terminated " : "", "container \"",
                                   container, "\" in pod \"", request.name, "\" not found"));
  }
  std::string text = found->second;
  int64_t lines = 0;
  if (absl::SimpleAtoi(request.Query("tailLines"), &lines)) text = LastLines(text, lines);
  size_t limit = 0;
  if (absl::SimpleAtoi(request.Query("limitBytes"), &limit)) text = text.substr(0, limit);
  return PlainText(200, std::move(text));
}

http::Response FakeKubeHandler::Scale(const Target& target) {
  Json object = *target.live;
  if (target.request.method != "GET") {
    const absl::StatusOr<Json> body = ParseJson(target.request.body);
    if (!body.ok()) return BadRequest(std::string(body.status().message()));
    object["spec"]["replicas"] = GetInt(GetObject(*body, "spec"), "replicas");
    const http::Response stored = StoreSuccessor(target, std::move(object), false);
    if (stored.status != 200) return stored;
    object = *ParseJson(stored.body);
  }
  const Json& metadata = GetObject(object, "metadata");
  return Answer(200, {{"kind", "Scale"},
                      {"apiVersion", "autoscaling/v1"},
                      {"metadata",
                       {{"name", metadata["name"]},
                        {"namespace", metadata["namespace"]},
                        {"resourceVersion", metadata["resourceVersion"]}}},
                      {"spec", {{"replicas", GetInt(GetObject(object, "spec"), "replicas")}}}});
}

}  // namespace delivery::testing
