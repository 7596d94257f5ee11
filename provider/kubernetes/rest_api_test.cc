#include "provider/kubernetes/rest_api.h"

#include "provider/kubernetes/rest_api_fixture.h"

namespace delivery::kubernetes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RestApiTest : public RestApiFixture {};

TEST_F(RestApiTest, GetUsesTheTableOfKindsAndTheCredentials) {
  transport_->ThenAnswer(200, Named("apps/v1", "Deployment", "web"));
  const auto web = api_->Get(web_, no_stop_);
  ASSERT_TRUE(web.ok()) << web.status();
  EXPECT_EQ(RefOf(*web), web_);
  ASSERT_THAT(transport_->requests(), SizeIs(1));
  EXPECT_EQ(Path(0), "/apis/apps/v1/namespaces/shop/deployments/web");
  EXPECT_EQ(Header(0, "Authorization"), "Bearer token-1");
  ASSERT_THAT(transport_options_, SizeIs(1));
  EXPECT_EQ(transport_options_[0].ca_certificate_pem, "authority");
}

TEST_F(RestApiTest, NamesAreEscaped) {
  transport_->ThenAnswer(404, StatusObject(404, "NotFound", "none"));
  EXPECT_FALSE(api_->Get({"v1", "ConfigMap", "shop", "../secrets?x"}, no_stop_).ok());
  EXPECT_EQ(Path(0), "/api/v1/namespaces/shop/configmaps/..%2Fsecrets%3Fx");
}

TEST_F(RestApiTest, NamespacedObjectsNeedANamespaceAndAName) {
  const auto no_namespace = api_->Get({"v1", "Pod", "", "web"}, no_stop_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(no_namespace));
  EXPECT_THAT(std::string(no_namespace.message()), HasSubstr("Pod web has no namespace"));
  EXPECT_TRUE(absl::IsInvalidArgument(api_->Get({"v1", "Pod", "shop", ""}, no_stop_).status()));
  EXPECT_THAT(transport_->requests(), IsEmpty());
}

TEST_F(RestApiTest, ClusterScopedObjectsIgnoreTheNamespace) {
  transport_->ThenAnswer(200, Json::object());
  EXPECT_TRUE(api_->Get({"v1", "Namespace", "shop", "shop"}, no_stop_).ok());
  EXPECT_EQ(Path(0), "/api/v1/namespaces/shop");
}

TEST_F(RestApiTest, ApplyIsStrictAndTellsCreationAndWarnings) {
  transport_->ThenAnswer(
      201, Named("apps/v1", "Deployment", "web"),
      {{"warning", "299 - \"uses \\\"old\\\" names\""}, {"Warning", "299 - \"second\""}});
  const auto result =
      api_->Apply(Named("apps/v1", "Deployment", "web"),
                  {.field_manager = "someone", .dry_run = true, .force = true}, no_stop_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->created);
  EXPECT_THAT(result->warnings, ElementsAre("uses \"old\" names", "second"));
  EXPECT_EQ(transport_->requests()[0].method, "PATCH");
  EXPECT_EQ(Header(0, "Content-Type"), "application/apply-patch+yaml");
  EXPECT_EQ(Path(0),
            "/apis/apps/v1/namespaces/shop/deployments/web"
            "?fieldManager=someone&dryRun=All&fieldValidation=Strict&force=true");
}

TEST_F(RestApiTest, ApplyConflictCarriesTheServersDetails) {
  Json refusal = StatusObject(409, "Conflict", "Apply failed with 1 conflict");
  refusal["details"]["causes"] = {{{"reason", "FieldManagerConflict"},
                                   {"message", "conflict with \"kubectl\" using apps/v1"},
                                   {"field", ".spec.replicas"}}};
  transport_->ThenAnswer(409, refusal);
  const auto status = api_->Apply(Named("apps/v1", "Deployment", "web"), {}, no_stop_).status();
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("Deployment shop/web"), HasSubstr("Apply failed with 1 conflict")));
  const auto error = GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->http_status, 409);
  EXPECT_EQ(error->reason, "Conflict");
  ASSERT_THAT(error->causes, SizeIs(1));
  EXPECT_EQ(error->causes[0].reason, "FieldManagerConflict");
  EXPECT_EQ(error->causes[0].field, ".spec.replicas");
}

TEST_F(RestApiTest, PatchesAndReplacementUseTheirMediaTypes) {
  for (int i = 0; i < 3; ++i) transport_->ThenAnswer(200, Json::object());
  const Json operations = {{{"op", "remove"}, {"path", "/spec"}}};
  EXPECT_TRUE(api_->JsonPatch(web_, operations, {.field_manager = "m"}, no_stop_).ok());
  EXPECT_TRUE(api_->MergePatch(web_, {{"spec", nullptr}}, {.dry_run = true}, no_stop_).ok());
  EXPECT_TRUE(api_->Replace(Named("apps/v1", "Deployment", "web"), {}, no_stop_).ok());
  EXPECT_EQ(Header(0, "Content-Type"), "application/json-patch+json");
  EXPECT_THAT(Path(0), EndsWith("/web?fieldManager=m"));
  EXPECT_EQ(Body(0), operations);
  EXPECT_EQ(Header(1, "Content-Type"), "application/merge-patch+json");
  EXPECT_THAT(Path(1), EndsWith("?fieldManager=terraform-provider-delivery&dryRun=All"));
  EXPECT_EQ(transport_->requests()[2].method, "PUT");
}

TEST_F(RestApiTest, DeleteCarriesPropagationAndPreconditions) {
  transport_->ThenAnswer(200, Json::object());
  transport_->ThenAnswer(404, StatusObject(404, "NotFound", "no such thing"));
  EXPECT_TRUE(
      api_->Delete(web_,
                   {.propagation = Propagation::kForeground, .uid = "u", .resource_version = "7"},
                   no_stop_)
          .ok());
  EXPECT_TRUE(absl::IsNotFound(api_->Delete(web_, {}, no_stop_)));
  EXPECT_EQ(GetString(Body(0), "propagationPolicy"), "Foreground");
  EXPECT_EQ(Body(0)["preconditions"], Json({{"uid", "u"}, {"resourceVersion", "7"}}));
  EXPECT_EQ(GetString(Body(1), "propagationPolicy"), "Background");
  EXPECT_FALSE(Body(1).contains("preconditions"));
}

TEST_F(RestApiTest, ListFollowsPagesAndFillsInTheType) {
  transport_->ThenAnswer(200, {{"metadata", {{"continue", "next page"}}},
                               {"items", {{{"metadata", {{"name", "a"}}}}}}});
  transport_->ThenAnswer(200, {{"metadata", {{"resourceVersion", "42"}}},
                               {"items", {{{"metadata", {{"name", "b"}}}}}}});
  const auto list = api_->List(
      "v1", "Pod",
      {.namespace_name = "shop", .label_selector = "app=web", .field_selector = "spec.nodeName="},
      no_stop_);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_THAT(list->items, SizeIs(2));
  EXPECT_EQ(list->resource_version, "42");
  EXPECT_EQ(list->items[1]["kind"], "Pod");
  EXPECT_EQ(list->items[1]["apiVersion"], "v1");
  EXPECT_EQ(Path(0),
            "/api/v1/namespaces/shop/pods"
            "?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3D&limit=500");
  EXPECT_THAT(Path(1), EndsWith("&limit=500&continue=next%20page"));
}

TEST_F(RestApiTest, ListBeginsAnewWhenThePagesExpire) {
  transport_->ThenAnswer(
      200, {{"metadata", {{"continue", "c"}}}, {"items", {{{"metadata", {{"name", "old"}}}}}}});
  transport_->ThenAnswer(410, StatusObject(410, "Expired", "too old"));
  transport_->ThenAnswer(200, {{"metadata", {{"resourceVersion", "9"}}}, {"items", Json::array()}});
  const auto list = api_->List("v1", "Pod", {}, no_stop_);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->items, IsEmpty());
  EXPECT_EQ(Path(2), "/api/v1/pods?limit=500");
}

TEST_F(RestApiTest, PodLog) {
  transport_->ThenText(200, "panic: no database\n");
  const auto log = api_->PodLog("shop", "web-1", {.container = "app", .previous = true}, no_stop_);
  EXPECT_EQ(log.value(), "panic: no database\n");
  EXPECT_EQ(Path(0),
            "/api/v1/namespaces/shop/pods/web-1/log"
            "?container=app&tailLines=20&limitBytes=16384&previous=true");
}

TEST_F(RestApiTest, ProxyReturnsWhateverTheTargetSays) {
  transport_->ThenText(401, "who are you?");
  transport_->ThenText(503, "try later", {{"Retry-After", "1"}});
  const ProxyRequest request{.target = ProxyRequest::Target::kService,
                             .namespace_name = "shop",
                             .name = "web",
                             .port = 8080,
                             .path = "/healthz?deep=1"};
  EXPECT_EQ(api_->Proxy(request, no_stop_)->status, 401);
  EXPECT_EQ(api_->Proxy(request, no_stop_)->status, 503);
  EXPECT_EQ(Path(0), "/api/v1/namespaces/shop/services/http:web:8080/proxy/healthz?deep=1");
  EXPECT_EQ(credentials_->invalidated, 0);
  EXPECT_THAT(transport_->requests(), SizeIs(2));
}

TEST_F(RestApiTest, ProxyTellsTheApiServersOwnRefusal) {
  transport_->ThenAnswer(403, StatusObject(403, "Forbidden", "cannot get pods/proxy"));
  transport_->ThenAnswer(503, StatusObject(503, "ServiceUnavailable", "connection refused"));
  const ProxyRequest request{.namespace_name = "shop", .name = "web-1", .port = 80};
  EXPECT_TRUE(absl::IsPermissionDenied(api_->Proxy(request, no_stop_).status()));
  EXPECT_TRUE(absl::IsUnavailable(api_->Proxy(request, no_stop_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      api_->Proxy({.namespace_name = "shop", .name = "w", .port = 80, .path = "x"}, no_stop_)
          .status()));
}

TEST_F(RestApiTest, ReviewAccess) {
  transport_->ThenAnswer(201, {{"status", {{"allowed", true}, {"reason", "RBAC"}}}});
  AccessQuery query;
  query.verb = "patch";
  query.group = "apps";
  query.resource = "deployments";
  const auto answer = api_->ReviewAccess(query, no_stop_);
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->allowed);
  EXPECT_EQ(answer->reason, "RBAC");
  EXPECT_EQ(Body(0)["spec"]["resourceAttributes"]["verb"], "patch");
}

struct CodeCase {
  int http_status;
  std::string reason;
  absl::StatusCode code;
};
class RestApiCodeTest : public RestApiFixture, public ::testing::WithParamInterface<CodeCase> {};

TEST_P(RestApiCodeTest, IsTheOnePromised) {
  for (int i = 0; i < 20; ++i) {
    transport_->ThenAnswer(GetParam().http_status,
                           StatusObject(GetParam().http_status, GetParam().reason, "its words"));
  }
  const absl::Status status = api_->Get(web_, no_stop_).status();
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_THAT(std::string(status.message()), HasSubstr("its words"));
  EXPECT_EQ(GetApiError(status)->http_status, GetParam().http_status);
}

INSTANTIATE_TEST_SUITE_P(
    All, RestApiCodeTest,
    ::testing::Values(CodeCase{400, "BadRequest", absl::StatusCode::kInvalidArgument},
                      CodeCase{401, "Unauthorized", absl::StatusCode::kUnauthenticated},
                      CodeCase{403, "Forbidden", absl::StatusCode::kPermissionDenied},
                      CodeCase{404, "NotFound", absl::StatusCode::kNotFound},
                      CodeCase{409, "AlreadyExists", absl::StatusCode::kAlreadyExists},
                      CodeCase{409, "Conflict", absl::StatusCode::kAborted},
                      CodeCase{410, "Expired", absl::StatusCode::kOutOfRange},
                      CodeCase{413, "RequestEntityTooLarge", absl::StatusCode::kInvalidArgument},
                      CodeCase{422, "Invalid", absl::StatusCode::kInvalidArgument},
                      CodeCase{429, "TooManyRequests", absl::StatusCode::kResourceExhausted},
                      CodeCase{500, "InternalError", absl::StatusCode::kUnavailable},
                      CodeCase{503, "ServiceUnavailable", absl::StatusCode::kUnavailable},
                      CodeCase{504, "Timeout", absl::StatusCode::kUnavailable}),
    [](const auto& test) { return absl::StrCat(test.param.http_status, test.param.reason); });

TEST_F(RestApiTest, AnswersOfOthersAreQuotedShortly) {
  transport_->ThenText(404, "<html>" + std::string(5000, 'x'));
  const absl::Status status = api_->Get(web_, no_stop_).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_LT(status.message().size(), 500u);
  EXPECT_THAT(std::string(status.message()), HasSubstr("HTTP status 404: <html>"));
}

TEST_F(RestApiTest, StatusesThatAreNotTheServersHaveNoApiError) {
  EXPECT_FALSE(GetApiError(absl::NotFoundError("x")).has_value());
  EXPECT_FALSE(GetApiError(absl::OkStatus()).has_value());
}

}  // namespace
}  // namespace delivery::kubernetes
