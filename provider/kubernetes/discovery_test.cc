#include "provider/kubernetes/discovery.h"

#include "provider/kubernetes/rest_api_fixture.h"

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kGateway[] = "gateway.networking.k8s.io/v1";

Json Aggregated(const Json& resources) {
  return {{"kind", "APIGroupDiscoveryList"},
          {"items",
           {{{"metadata", {{"name", "gateway.networking.k8s.io"}}},
             {"versions", {{{"version", "v1"}, {"resources", resources}}}}}}}};
}
Json HttpRoutes() {
  return {{"resource", "httproutes"},
          {"responseKind", {{"kind", "HTTPRoute"}}},
          {"scope", "Namespaced"}};
}

class DiscoveryTest : public RestApiFixture {};

TEST_F(DiscoveryTest, UsualKindsNeedNoRequest) {
  for (const auto& [version, kind] : std::vector<std::pair<std::string, std::string>>{
           {"v1", "Pod"}, {"apps/v1", "StatefulSet"}, {"coordination.k8s.io/v1", "Lease"}}) {
    EXPECT_TRUE(api_->Discover(version, kind, no_stop_).ok()) << kind;
  }
  EXPECT_FALSE(api_->Discover("v1", "Namespace", no_stop_)->namespaced);
  EXPECT_THAT(transport_->requests(), IsEmpty());
}

TEST_F(DiscoveryTest, OthersAreDiscoveredOnce) {
  transport_->ThenAnswer(200, Aggregated({HttpRoutes(),
                                          {{"resource", "gatewayclasses"},
                                           {"responseKind", {{"kind", "GatewayClass"}}},
                                           {"scope", "Cluster"}}}));
  const auto route = api_->Discover(kGateway, "HTTPRoute", no_stop_);
  ASSERT_TRUE(route.ok()) << route.status();
  EXPECT_EQ(route->plural, "httproutes");
  EXPECT_TRUE(route->namespaced);
  EXPECT_FALSE(api_->Discover(kGateway, "GatewayClass", no_stop_)->namespaced);
  ASSERT_THAT(transport_->requests(), SizeIs(1));
  EXPECT_EQ(Path(0), "/apis");
  EXPECT_THAT(Header(0, "Accept"), HasSubstr("as=APIGroupDiscoveryList"));
}

TEST_F(DiscoveryTest, OlderServersAreAskedForTheGroupVersion) {
  transport_->ThenAnswer(200, {{"kind", "APIGroupList"}, {"groups", Json::array()}});
  transport_->ThenAnswer(
      200, {{"kind", "APIResourceList"},
            {"groupVersion", kGateway},
            {"resources",
             {{{"name", "httproutes/status"}, {"kind", "HTTPRoute"}, {"namespaced", true}},
              {{"name", "httproutes"}, {"kind", "HTTPRoute"}, {"namespaced", true}}}}});
  EXPECT_EQ(api_->Discover(kGateway, "HTTPRoute", no_stop_)->plural, "httproutes");
  EXPECT_EQ(Path(1), "/apis/gateway.networking.k8s.io/v1");
}

TEST_F(DiscoveryTest, AMissIsAskedAgainNextTime) {
  transport_->ThenAnswer(200, Aggregated(Json::array()));
  transport_->ThenText(404, "404 page not found");
  const absl::Status missing = api_->Discover(kGateway, "HTTPRoute", no_stop_).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("custom resource definition"));
  transport_->ThenAnswer(200, Aggregated(Json::array({HttpRoutes()})));
  EXPECT_TRUE(api_->Discover(kGateway, "HTTPRoute", no_stop_).ok());
}

TEST_F(DiscoveryTest, AServerThatCannotBeAskedIsNotTakenForOneWithoutTheKind) {
  transport_->ThenAnswer(403, StatusObject(403, "Forbidden", "no discovery for you"));
  EXPECT_TRUE(absl::IsPermissionDenied(api_->Discover(kGateway, "HTTPRoute", no_stop_).status()));
  transport_->ThenFail(absl::UnauthenticatedError("certificate is not trusted"));
  EXPECT_TRUE(absl::IsUnauthenticated(api_->Discover(kGateway, "HTTPRoute", no_stop_).status()));
}

}  // namespace
}  // namespace delivery::kubernetes
