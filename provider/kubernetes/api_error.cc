#include "provider/kubernetes/api_error.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace delivery::kubernetes {
namespace {

constexpr char kPayloadUrl[] = "delivery/kubernetes.ApiError";
constexpr size_t kLongestForeignBody = 300;
// How kube-apiserver words, under the status 500 and without a reason, that an applied object has
// fields or types that its schema does not (fieldmanager/structuredmerge.go).
constexpr char kNotInSchema[] = "failed to create typed patch object";

bool IsRefusalBySchema(const ApiError& error) {
  return error.http_status == 500 && absl::StrContains(error.message, kNotInSchema);
}

absl::StatusCode CodeOf(const ApiError& error) {
  if (IsRefusalBySchema(error)) return absl::StatusCode::kInvalidArgument;
  switch (const int http_status = error.http_status; http_status) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return error.reason == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                             : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 500:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      // Other refusals of the request itself: 405, 406, 413, 415.
      return http_status >= 400 && http_status < 500 ? absl::StatusCode::kInvalidArgument
                                                     : absl::StatusCode::kUnknown;
  }
}

ApiError ErrorFromObject(const Json& object, int http_status) {
  ApiError error;
  error.http_status = http_status;
  error.reason = GetString(object, "reason");
  error.message = GetString(object, "message");
  for (const Json& cause : GetArray(GetObject(object, "details"), "causes")) {
    error.causes.push_back(
        {GetString(cause, "reason"), GetString(cause, "message"), GetString(cause, "field")});
  }
  return error;
}

Json Encode(const ApiError& error) {
  Json causes = Json::array();
  for (const ApiError::Cause& cause : error.causes) {
    causes.push_back(
        {{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
  }
  return {{"code", error.http_status},
          {"reason", error.reason},
          {"message", error.message},
          {"details", {{"causes", std::move(causes)}}}};
}

std::string Remedy(absl::StatusCode code, const std::string& said) {
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return ". The API server does not accept these credentials: they are wrong or expired";
    case absl::StatusCode::kPermissionDenied:
      // The authorizer's words; admission policies and quotas refuse with 403 too.
      return absl::StrContains(said, "User \"") && absl::StrContains(said, "\" cannot ")
                 ? ". Grant this permission to the provider's user (RBAC)"
                 : "";
    default:
      return "";
  }
}

absl::Status MakeStatus(const ApiError& error, const std::string& doing) {
  const absl::StatusCode code = CodeOf(error);
  const std::string said =
      error.message.empty() ? absl::StrCat("HTTP status ", error.http_status) : error.message;
  absl::Status status(code, absl::StrCat(doing, ": ", said, Remedy(code, said)));
  status.SetPayload(kPayloadUrl, absl::Cord(DumpJson(Encode(error))));
  return status;
}

// Nothing for a body that is not the API server's: a proxy's, perhaps.
std::optional<ApiError> ErrorFromBody(const http::Response& response) {
  const absl::StatusOr<Json> body = ParseJson(response.body);
  if (!body.ok() || GetString(*body, "kind") != "Status") return std::nullopt;
  return ErrorFromObject(*body, response.status);
}

}  // namespace

bool IsRefusalBySchema(const http::Response& response) {
  if (response.status != 500) return false;
  const std::optional<ApiError> error = ErrorFromBody(response);
  return error.has_value() && IsRefusalBySchema(*error);
}

absl::Status StatusFromObject(const Json& status_object, int http_status,
                              const std::string& doing) {
  return MakeStatus(ErrorFromObject(status_object, http_status), doing);
}

absl::Status StatusFromResponse(const http::Response& response, const std::string& doing) {
  if (response.status >= 200 && response.status < 300) return absl::OkStatus();
  if (const auto said = ErrorFromBody(response)) return MakeStatus(*said, doing);
  ApiError error;
  error.http_status = response.status;
  if (!response.body.empty()) {
    error.message = absl::StrCat("HTTP status ", response.status, ": ",
                                 response.body.substr(0, kLongestForeignBody));
  }
  return MakeStatus(error, doing);
}

bool IsFinalRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsInvalidArgument(status);
}

std::optional<ApiError> GetApiError(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  const absl::StatusOr<Json> json = ParseJson(std::string(*payload));
  if (!json.ok()) return std::nullopt;
  return ErrorFromObject(*json, static_cast<int>(GetInt(*json, "code")));
}

}  // namespace delivery::kubernetes
