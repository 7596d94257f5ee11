// What the transport trusts, on real TLS connections.
#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/json.h"
#include "provider/http/curl_transport.h"
#include "provider/system/test_folder.h"
#include "tests/support/http_test_server.h"

namespace delivery::http {
namespace {

using delivery::testing::HttpTestServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new HttpTestServer({.tls = true});
    strict_server_ = new HttpTestServer({.tls = true, .require_client_certificate = true});
  }
  static void TearDownTestSuite() {
    delete server_;
    delete strict_server_;
  }

  static TransportOptions WithAuthority(const std::string& pem) {
    TransportOptions options;
    options.ca_certificate_pem = pem;
    return options;
  }

  static TransportOptions Trusting(const HttpTestServer& server) {
    TransportOptions options = WithAuthority(server.ca());
    options.tls_server_name = HttpTestServer::kServerName;
    return options;
  }

  static absl::StatusOr<Response> Get(const TransportOptions& options, const std::string& url) {
    Request request;
    request.url = url;
    request.timeout = absl::Seconds(20);
    return MakeCurlTransport(options)->Do(request, {});
  }

  static HttpTestServer* server_;
  static HttpTestServer* strict_server_;
};
HttpTestServer* TlsTest::server_ = nullptr;
HttpTestServer* TlsTest::strict_server_ = nullptr;

TEST_F(TlsTest, TrustsTheGivenAuthority) {
  const auto response =
      Get(WithAuthority(server_->ca()), server_->UrlAt("localhost", "/status/200"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
}

TEST_F(TlsTest, ServerNameReplacesTheHostForVerificationButNotInTheRequest) {
  const auto response = Get(Trusting(*server_), server_->Url("/echo"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->body, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
  EXPECT_THAT(response->body, Not(HasSubstr(HttpTestServer::kServerName)));
}

TEST_F(TlsTest, WithoutTheAuthorityNothingIsTrusted) {
  const absl::Status status = Get({}, server_->UrlAt("localhost", "/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("certificate of localhost:"), HasSubstr("is not trusted"),
                    HasSubstr("Give the certificate of the authority")));
}

TEST_F(TlsTest, AnotherAuthorityIsNotTrusted) {
  const absl::Status status =
      Get(WithAuthority(server_->other_ca()), server_->UrlAt("localhost", "/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(TlsTest, CertificateForAnotherNameIsRefusedWithARemedy) {
  const absl::Status status =
      Get(WithAuthority(server_->ca()), server_->Url("/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"127.0.0.1\""), HasSubstr("tls_server_name")));
}

TEST_F(TlsTest, InsecureVerifiesNothing) {
  TransportOptions options;
  options.insecure = true;
  const auto response = Get(options, server_->Url("/status/200"));
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST_F(TlsTest, MalformedAuthorityIsExplained) {
  const absl::Status status = Get(WithAuthority("not PEM"), server_->Url("/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()), HasSubstr("must be PEM text"));
}

TEST_F(TlsTest, SendsTheClientCertificate) {
  TransportOptions options = Trusting(*strict_server_);
  options.client_certificate_pem = strict_server_->client_certificate();
  options.client_key_pem = strict_server_->client_key();
  const auto response = Get(options, strict_server_->Url("/status/200"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
}

TEST_F(TlsTest, MissingClientCertificateIsExplained) {
  const absl::Status status =
      Get(Trusting(*strict_server_), strict_server_->Url("/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("client certificate"));
}

TEST_F(TlsTest, UnusableClientKeyIsExplainedWithoutShowingIt) {
  TransportOptions options = Trusting(*strict_server_);
  options.client_certificate_pem = strict_server_->client_certificate();
  options.client_key_pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  const absl::Status status = Get(options, strict_server_->Url("/status/200")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("client certificate or key"), Not(HasSubstr("c2VjcmV0"))));
}

TEST_F(TlsTest, CertificateWithoutKeyIsRefused) {
  TransportOptions options = Trusting(*strict_server_);
  options.client_certificate_pem = strict_server_->client_certificate();
  EXPECT_EQ(Get(options, strict_server_->Url("/status/200")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(TlsTest, PlainHttpServerIsNotTakenForATlsFailureOfTrust) {
  const HttpTestServer plain;
  const absl::Status status =
      Get({}, "https://127.0.0.1:" + std::to_string(plain.port()) + "/").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not speak TLS"));
}

TEST_F(TlsTest, TunnelsThroughTheProxyWithTheRealName) {
  const HttpTestServer proxy;
  TransportOptions options = Trusting(*server_);
  options.proxy_url = proxy.Url("");
  const auto response = Get(options, server_->UrlAt("api.cluster.test", "/echo"));
  ASSERT_TRUE(response.ok()) << response.status();
  const auto stats = Get({}, proxy.Url("/stats"));
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(GetInt(*ParseJson(stats->body), "connects"), 1);
}

// Changes the environment of the process, which is safe between requests only.
class ProxyEnvironmentTest : public TlsTest {
 protected:
  void SetUp() override { setenv("https_proxy", proxy_.Url("").c_str(), 1); }
  void TearDown() override {
    unsetenv("https_proxy");
    unsetenv("no_proxy");
  }
  int64_t Connects() { return GetInt(*ParseJson(Get({}, proxy_.Url("/stats"))->body), "connects"); }
  const HttpTestServer proxy_;
};

TEST_F(ProxyEnvironmentTest, IsHonoured) {
  const auto response = Get(Trusting(*server_), server_->Url("/status/200"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Connects(), 1);
}

TEST_F(ProxyEnvironmentTest, ExemptionGoesByTheRealHostNotByTheServerName) {
  setenv("no_proxy", HttpTestServer::kServerName, 1);
  ASSERT_TRUE(Get(Trusting(*server_), server_->Url("/status/200")).ok());
  EXPECT_EQ(Connects(), 1);
  setenv("no_proxy", "127.0.0.0/8", 1);
  ASSERT_TRUE(Get(Trusting(*server_), server_->Url("/status/200")).ok());
  EXPECT_EQ(Connects(), 1);
}

// Changes the environment of the process, which is safe between requests only.
class TrustStoreEnvironmentTest : public TlsTest {
 protected:
  void TearDown() override { unsetenv("SSL_CERT_FILE"); }
  const system::TestFolder folder_;
};

TEST_F(TrustStoreEnvironmentTest, FileIsTrusted) {
  setenv("SSL_CERT_FILE", folder_.Write("ca.pem", server_->ca()).c_str(), 1);
  const auto response = Get({}, server_->UrlAt("localhost", "/status/200"));
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST_F(TrustStoreEnvironmentTest, FileIsTrustedForAProxy) {
  const HttpTestServer proxy({.tls = true});
  setenv("SSL_CERT_FILE", folder_.Write("ca.pem", proxy.ca()).c_str(), 1);
  TransportOptions options = Trusting(*server_);
  options.proxy_url = proxy.UrlAt("localhost", "");
  const auto response = Get(options, server_->Url("/status/200"));
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST_F(TrustStoreEnvironmentTest, AnAuthorityOfTheConfigurationIsTrustedAlone) {
  setenv("SSL_CERT_FILE", folder_.Write("ca.pem", server_->ca()).c_str(), 1);
  EXPECT_EQ(
      Get(WithAuthority(server_->other_ca()), server_->UrlAt("localhost", "/")).status().code(),
      absl::StatusCode::kUnauthenticated);
}

TEST_F(TrustStoreEnvironmentTest, AFileThatCannotBeUsedIsNamed) {
  for (const std::string& file : {folder_.Write("text.pem", "not PEM"), folder_.Path("absent")}) {
    setenv("SSL_CERT_FILE", file.c_str(), 1);
    const absl::Status status = Get({}, server_->UrlAt("localhost", "/status/200")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(file), HasSubstr("SSL_CERT_FILE")));
  }
}

}  // namespace
}  // namespace delivery::http
