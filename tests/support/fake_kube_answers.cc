#include "tests/support/fake_kube_answers.h"

#include "absl/strings/str_cat.h"

namespace delivery::testing {

http::Response Answer(int status, const Json& body) {
  return {status, {{"Content-Type", "application/json"}}, DumpJson(body)};
}

http::Response PlainText(int status, std::string text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(text)};
}

Json DetailsOf(const ResourceType& type, const std::string& name) {
  Json details = {{"name", name}, {"kind", type.plural}};
  if (!type.group.empty()) details["group"] = type.group;
  return details;
}

std::string Quoted(const ResourceType& type, const std::string& name) {
  return absl::StrCat(type.Qualified(), " \"", name, "\"");
}

http::Response NotFound(const ResourceType& type, const std::string& name) {
  return KubeRefusal(404, "NotFound", absl::StrCat(Quoted(type, name), " not found"),
                     DetailsOf(type, name));
}

http::Response NotServed() {
  return KubeRefusal(404, "NotFound", "the server could not find the requested resource");
}

http::Response BadRequest(const std::string& message) {
  return KubeRefusal(400, "BadRequest", message);
}

http::Response NotAllowed() {
  return KubeRefusal(405, "MethodNotAllowed",
                     "the server does not allow this method on the requested resource");
}

http::Response Modified(const ResourceType& type, const std::string& name) {
  return KubeRefusal(409, "Conflict",
                     absl::StrCat("Operation cannot be fulfilled on ", Quoted(type, name),
                                  ": the object has been modified; please apply your changes to "
                                  "the latest version and try again"),
                     DetailsOf(type, name));
}

http::Response ImmutableSelector(const ResourceType& type, const std::string& name,
                                 const Json& selector) {
  const std::string message =
      absl::StrCat("Invalid value: ", DumpJson(selector), ": field is immutable");
  Json details = DetailsOf(type, name);
  details["kind"] = type.kind;
  details["causes"] = Json::array(
      {Json{{"reason", "FieldValueInvalid"}, {"message", message}, {"field", "spec.selector"}}});
  const std::string group = type.group.empty() ? "" : absl::StrCat(".", type.group);
  return KubeRefusal(
      422, "Invalid",
      absl::StrCat(type.kind, group, " \"", name, "\" is invalid: spec.selector: ", message),
      details);
}

http::Response KubeRefusal(int status, const std::string& reason, const std::string& message,
                           const Json& details) {
  Json body = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
               {"status", "Failure"}, {"message", message}, {"details", details},
               {"code", status}};
  if (!reason.empty()) body["reason"] = reason;
  return Answer(status, body);
}

}  // namespace delivery::testing
