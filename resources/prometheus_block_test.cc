#include "resources/prometheus_block.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/redact.h"
#include "provider/http/scripted_transport.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

using Headers = std::map<std::string, Attr<std::string>>;

PrometheusBlock Block(const std::function<void(PrometheusBlock&)>& edit = nullptr) {
  PrometheusBlock block;
  block.url = std::string("https://prometheus.test/prefix");
  if (edit) edit(block);
  return block;
}
std::vector<std::string> Complaints(const Attr<PrometheusBlock>& block) {
  Diagnostics diagnostics;
  const value::Path path = value::Path::Of("prometheus");
  if (block.is_known()) {
    PrometheusBlock::Declaration().Validate(block.value(), path, diagnostics);
  }
  ValidatePrometheusBlock(block, path, diagnostics);
  return Said(diagnostics);
}

TEST(PrometheusBlockTest, TheDeclarationHasNoProblems) {
  EXPECT_THAT(PrometheusBlock::Declaration().Problems(), IsEmpty());
}

TEST(PrometheusBlockTest, WhatIsRightOrUnknownIsPassedOver) {
  EXPECT_THAT(Complaints({}), IsEmpty());
  EXPECT_THAT(Complaints(Block()), IsEmpty());
  EXPECT_THAT(Complaints(Block([](PrometheusBlock& b) {
                b.username = std::string("ann");
                b.password = Attr<std::string>::Unknown();
                b.headers = Headers{{"X-Scope-OrgID", std::string("team")}};
              })),
              IsEmpty());
  EXPECT_THAT(Complaints(Block([](PrometheusBlock& b) { b.url = Attr<std::string>::Unknown(); })),
              IsEmpty());
}

struct ComplaintCase {
  std::string name;
  std::function<void(PrometheusBlock&)> edit;
  std::string said;
};
class PrometheusComplaintTest : public ::testing::TestWithParam<ComplaintCase> {};

TEST_P(PrometheusComplaintTest, IsSaidAtItsPlaceWithoutTheSecret) {
  EXPECT_THAT(Complaints(Block(GetParam().edit)),
              ElementsAre(AllOf(StartsWith(GetParam().said), Not(HasSubstr("geheim")))));
}

INSTANTIATE_TEST_SUITE_P(
    , PrometheusComplaintTest,
    ::testing::Values(
        ComplaintCase{"NoUrl", [](PrometheusBlock& b) { b.url = {}; }, "error at prometheus.url"},
        ComplaintCase{"BadUrl",
                      [](PrometheusBlock& b) { b.url = std::string("ann:geheim@prometheus:9090"); },
                      "error at prometheus.url: Invalid URL"},
        ComplaintCase{"UrlWithQuery",
                      [](PrometheusBlock& b) { b.url = std::string("http://p.test/?t=geheim"); },
                      "error at prometheus.url: Invalid URL"},
        ComplaintCase{"TwoCredentials",
                      [](PrometheusBlock& b) {
                        b.username = std::string("ann");
                        b.password = std::string("geheim1");
                        b.bearer_token = std::string("geheim2");
                      },
                      "error at prometheus.bearer_token: Two kinds of credentials"},
        ComplaintCase{"HalfOfThem", [](PrometheusBlock& b) { b.password = std::string("geheim1"); },
                      "error at prometheus.username: Half of the credentials"},
        ComplaintCase{"UserInUrlToo",
                      [](PrometheusBlock& b) {
                        b.url = std::string("http://ann:geheim@p.test");
                        b.bearer_token = std::string("geheim2");
                      },
                      "error at prometheus.url: Two kinds of credentials"},
        ComplaintCase{"HeaderToo",
                      [](PrometheusBlock& b) {
                        b.bearer_token = std::string("geheim2");
                        b.headers = Headers{{"authorization", std::string("Basic geheim")}};
                      },
                      "error at prometheus.headers: Two kinds of credentials"},
        ComplaintCase{"LineBreak",
                      [](PrometheusBlock& b) { b.bearer_token = std::string("geheim2\n"); },
                      "error at prometheus.bearer_token: A line break in a secret"},
        ComplaintCase{"HeaderName",
                      [](PrometheusBlock& b) {
                        b.headers = Headers{{"X Scope", std::string("geheim")}};
                      },
                      "error at prometheus.headers: Invalid header name"},
        ComplaintCase{"HeaderValue",
                      [](PrometheusBlock& b) {
                        b.headers = Headers{{"X-Scope", std::string("geheim\r\nX: y")}};
                      },
                      "error at prometheus.headers[\"X-Scope\"]: A line break in a secret"},
        ComplaintCase{"Certificate",
                      [](PrometheusBlock& b) { b.ca_certificate = std::string("ca.crt"); },
                      "error at prometheus.ca_certificate: Not a certificate"}),
    [](const auto& test) { return test.param.name; });

TEST(ToPrometheusServerTest, EverythingIsHandedOverAndSecretsAreRedacted) {
  EXPECT_FALSE(ToPrometheusServer({}).has_value());
  const auto server = ToPrometheusServer(Block([](PrometheusBlock& b) {
    b.username = std::string("ann");
    b.password = std::string("geheim-prom-1");
    b.bearer_token = std::string("geheim-prom-2");
    b.ca_certificate = std::string("PEM");
    b.insecure = true;
    b.headers = Headers{{"X-Key", std::string("geheim-prom-3")}};
  }));
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(server->url, "https://prometheus.test/prefix");
  EXPECT_EQ(server->username, "ann");
  EXPECT_EQ(server->password, "geheim-prom-1");
  EXPECT_EQ(server->bearer_token, "geheim-prom-2");
  EXPECT_EQ(server->ca_certificate, "PEM");
  EXPECT_TRUE(server->insecure);
  EXPECT_THAT(server->headers, ElementsAre(Pair("X-Key", "geheim-prom-3")));
  EXPECT_THAT(Redact("geheim-prom-1 geheim-prom-2 geheim-prom-3"), Not(HasSubstr("geheim")));
}

TEST(MetricTransportsTest, ServersThatAreTrustedAlikeShareATransport) {
  std::vector<http::TransportOptions> made;
  const metrics::TransportOf transports = MetricTransports([&](const http::TransportOptions& o) {
    made.push_back(o);
    return std::make_shared<http::ScriptedTransport>();
  });
  EXPECT_THAT(made, IsEmpty());
  const auto plain = transports({.url = "http://a.test"});
  EXPECT_EQ(transports({.url = "http://b.test", .password = "x"}), plain);
  EXPECT_NE(transports({.ca_certificate = "PEM"}), plain);
  EXPECT_NE(transports({.insecure = true}), plain);
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[1].ca_certificate_pem, "PEM");
  EXPECT_FALSE(made[1].insecure);
  EXPECT_TRUE(made[2].insecure);
}

}  // namespace
}  // namespace delivery::resources
