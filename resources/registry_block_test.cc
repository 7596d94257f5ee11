// The provider's `registry` blocks, and what the registries make of them.
#include "resources/registry_block.h"

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/redact.h"
#include "provider/schema/rules.h"
#include "provider/system/test_folder.h"
#include "resources/workload_fixture.h"
#include "tests/support/fake_registry.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Blocks = schema::Attr<std::vector<RegistryBlock>>;

constexpr char kCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUXEc8r3VOR6VYnB1aeFpNSdMniVgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExOTE3MTRaGA8yMTI2MTAyODE5MTcx
NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCSL
y8mKleL3AwRWoy8tIzLIR4FlIch2fK9ES4J6BBNPV6FgGDBfgthvwPeKEW6pXDFp
4PHhBigyzrS55nqavL2jUzBRMB0GA1UdDgQWBBQNVUE+veBlr38nmyJJ1wjCcGe+
LjAfBgNVHSMEGDAWgBQNVUE+veBlr38nmyJJ1wjCcGe+LjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDIQ8MnuoauYUkuyymeNmZabARNMKy9WWaB
+Ok3j/vOVwIhAPb95frJNvQ36y0TjCMKcticSf6wMnpx9Vca50qWSkDJ
-----END CERTIFICATE-----
)";

RegistryBlock Host(const std::string& host) {
  RegistryBlock block;
  block.host = host;
  return block;
}

std::vector<std::string> Validate(std::vector<RegistryBlock> blocks) {
  Diagnostics diagnostics;
  for (const RegistryBlock& block : blocks) {
    RegistryBlock::Declaration().Validate(block, {}, diagnostics);
  }
  ValidateRegistryBlocks(Blocks(std::move(blocks)), diagnostics);
  return Said(diagnostics);
}

// ---- Validate

TEST(RegistryBlockTest, TheDeclarationHasNoProblems) {
  EXPECT_THAT(schema::BlockProblems(RegistryBlock::Declaration().Describe()), IsEmpty());
}

TEST(RegistryBlockTest, NoBlocksAreValid) {
  Diagnostics diagnostics;
  ValidateRegistryBlocks({}, diagnostics);
  ValidateRegistryBlocks(Blocks::Unknown(), diagnostics);
  EXPECT_THAT(Said(diagnostics), IsEmpty());
  EXPECT_THAT(ToRegistrySettings({}), IsEmpty());
}

TEST(RegistryBlockTest, GoodBlocksAreValid) {
  RegistryBlock user = Host("registry.example.com");
  user.username = std::string("me");
  user.password = std::string("geheim-0815");
  user.ca_certificate = std::string(kCertificate);
  RegistryBlock token = Host("localhost:5000");
  token.token = std::string("geheim-4711");
  token.plain_http = true;
  RegistryBlock insecure = Host("10.0.0.1:5000");
  insecure.insecure = true;
  EXPECT_THAT(Validate({user, token, insecure, Host("docker.io"), Host("localhost")}), IsEmpty());
}

TEST(RegistryBlockTest, EmptyTextIsNotGiven) {
  RegistryBlock block = Host("a.test");
  block.token = std::string("geheim-4711");
  block.username = block.password = block.ca_certificate = std::string();
  block.plain_http = true;
  EXPECT_THAT(Validate({block}), IsEmpty());
}

TEST(RegistryBlockTest, WhatIsUnknownIsPassedOver) {
  RegistryBlock block;
  const auto unknown = schema::Attr<std::string>::Unknown();
  block.host = block.username = block.password = unknown;
  RegistryBlock half = Host("a.test");
  half.username = std::string("me");
  half.password = unknown;
  half.plain_http = half.insecure = schema::Attr<bool>::Unknown();
  EXPECT_THAT(Validate({block, block, half}), IsEmpty());
}

class BadHostTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BadHostTest, IsAnErrorThatShowsHowItBegins) {
  EXPECT_THAT(Validate({Host(GetParam())}),
              ElementsAre(AllOf(StartsWith("error at registry[0].host: Invalid registry host"),
                                HasSubstr(GetParam()), HasSubstr("without https://"))));
}

INSTANTIATE_TEST_SUITE_P(, BadHostTest,
                         ::testing::Values("", "https://a.test", "a.test/team", "a.test:5000/x",
                                           "a.test:port", "user@a.test", "a test", "a.test:"));

struct MistakeCase {
  std::string name;
  void (*change)(RegistryBlock&);
  std::string place;
  std::string said;
};
void PrintTo(const MistakeCase& test, std::ostream* out) { *out << test.name; }
class RegistryMistakeTest : public ::testing::TestWithParam<MistakeCase> {};

TEST_P(RegistryMistakeTest, IsSaidAtItsPlaceWithoutSecrets) {
  RegistryBlock block = Host("a.test");
  GetParam().change(block);
  EXPECT_THAT(Validate({Host("b.test"), block}),
              ElementsAre(AllOf(StartsWith(absl::StrCat("error at registry[1].", GetParam().place)),
                                HasSubstr(GetParam().said), Not(HasSubstr("geheim")))));
}

INSTANTIATE_TEST_SUITE_P(
    , RegistryMistakeTest,
    ::testing::Values(MistakeCase{"AUserWithoutPassword",
                                  [](RegistryBlock& b) { b.username = std::string("me"); },
                                  "password: ", "belong together"},
                      MistakeCase{"APasswordWithoutUser",
                                  [](RegistryBlock& b) { b.password = std::string("geheim"); },
                                  "username: ", "belong together"},
                      MistakeCase{"ATokenAndAUser",
                                  [](RegistryBlock& b) {
                                    b.token = std::string("geheim");
                                    b.username = std::string("me");
                                    b.password = std::string("geheim");
                                  },
                                  "token: ", "either"},
                      MistakeCase{"ATokenWithALineBreak",
                                  [](RegistryBlock& b) { b.token = std::string("geheim\n"); },
                                  "token: ", "trimspace"},
                      MistakeCase{
                          "APathForACertificate",
                          [](RegistryBlock& b) { b.ca_certificate = std::string("ca.crt"); },
                          "ca_certificate: ", "file("},
                      MistakeCase{"PlainHttpThatVerifiesNothing",
                                  [](RegistryBlock& b) { b.plain_http = b.insecure = true; },
                                  "plain_http: ", "no certificate"},
                      MistakeCase{"PlainHttpWithACertificate",
                                  [](RegistryBlock& b) {
                                    b.plain_http = true;
                                    b.ca_certificate = std::string(kCertificate);
                                  },
                                  "plain_http: ", "remove ca_certificate"}),
    [](const auto& test) { return test.param.name; });

TEST(RegistryBlockTest, AHostIsConfiguredOnceHoweverItIsWritten) {
  EXPECT_THAT(Validate({Host("docker.io"), Host("a.test"), Host("index.docker.io"), Host("A.test"),
                        Host("a.test:5000")}),
              ElementsAre(StartsWith("error at registry[2].host: Registry configured twice"),
                          StartsWith("error at registry[3].host: Registry configured twice")));
}

// ---- What becomes of them

TEST(RegistryBlockTest, BlocksBecomeSettingsAndTheirSecretsAreRedacted) {
  RegistryBlock block = Host("a.test");
  block.username = std::string("me");
  block.password = std::string("geheim-0815");
  block.ca_certificate = std::string(kCertificate);
  block.insecure = true;
  RegistryBlock token = Host("b.test");
  token.token = std::string("geheim-4711");
  token.plain_http = true;
  const std::vector<RegistrySettings> settings = ToRegistrySettings(Blocks({block, token}));
  ASSERT_THAT(settings, SizeIs(2));
  EXPECT_EQ(settings[0].host, "a.test");
  EXPECT_EQ(settings[0].credential, (oci::Credential{.username = "me", .password = "geheim-0815"}));
  EXPECT_EQ(settings[0].options.ca_certificate_pem, kCertificate);
  EXPECT_TRUE(settings[0].options.insecure);
  EXPECT_EQ(settings[1].credential, (oci::Credential{.registry_token = "geheim-4711"}));
  EXPECT_TRUE(settings[1].options.plain_http);
  EXPECT_THAT(Redact("geheim-0815 geheim-4711"), Not(HasSubstr("geheim")));
}

class RegistriesTest : public ::testing::Test {
 protected:
  static constexpr char kImage[] = "registry.example.com/team/web:1";

  RegistriesTest() {
    registry_->Change([](testing::FakeRegistrySettings& settings) {
      settings.user = "me";
      settings.password = "pass-word";
    });
    registry_->AddImage("team/web", "1");
  }
  absl::Status Ask(const absl::StatusOr<std::shared_ptr<oci::Client>>& client) {
    if (!client.ok()) return client.status();
    return (*client)
        ->Head(*oci::ParseReference(kImage), clock_.Now() + absl::Minutes(1), {})
        .status();
  }
  absl::Status Ask() { return Ask(registries_.Connect()); }
  static RegistrySettings Settings(const std::string& password) {
    return {"registry.example.com", {.username = "me", .password = password}, {}};
  }
  static std::string DockerConfig(const std::string& password) {
    return DumpJson({{"auths",
                      {{"registry.example.com",
                        {{"auth", absl::Base64Escape(absl::StrCat("me:", password))}}}}}});
  }

  const system::TestFolder folder_;
  std::map<std::string, std::string> environment_;
  std::vector<http::TransportOptions> transports_;
  SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::shared_ptr<testing::FakeRegistry> registry_ =
      std::make_shared<testing::FakeRegistry>();
  Registries registries_{clock_,
                         [this](const std::string& name) -> std::optional<std::string> {
                           const auto found = environment_.find(name);
                           if (found == environment_.end()) return std::nullopt;
                           return found->second;
                         },
                         [this](const http::TransportOptions& options) {
                           transports_.push_back(options);
                           return registry_;
                         }};
};

TEST_F(RegistriesTest, WithoutCredentialsTheRegistryRefuses) {
  EXPECT_FALSE(registries_.IsUnknown());
  EXPECT_TRUE(absl::IsUnauthenticated(Ask()));
}

TEST_F(RegistriesTest, CredentialsOfTheBlockAreUsed) {
  registries_.Set({Settings("pass-word")});
  EXPECT_TRUE(Ask().ok()) << Ask();
}

TEST_F(RegistriesTest, WithoutABlockDockersConfigurationIsUsed) {
  folder_.Write("config.json", DockerConfig("pass-word"));
  environment_["DOCKER_CONFIG"] = folder_.path();
  EXPECT_TRUE(Ask().ok()) << Ask();
  registries_.Set({{"registry.example.com", {}, {.insecure = true}}});
  EXPECT_TRUE(Ask().ok()) << "a block without credentials: " << Ask();
  registries_.Set({Settings("wrong")});
  EXPECT_TRUE(absl::IsUnauthenticated(Ask())) << "the block comes first";
}

TEST_F(RegistriesTest, PullSecretsComeLastAndForWhomTheyAreGivenOnly) {
  const std::vector<oci::PullSecret> secrets = {{"Secret shop/pull", DockerConfig("pass-word")}};
  EXPECT_TRUE(Ask(registries_.ConnectWith(secrets)).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Ask()));
  EXPECT_TRUE(absl::IsUnauthenticated(Ask(registries_.ConnectWith({}))));
  registries_.Set({Settings("wrong")});
  EXPECT_TRUE(absl::IsUnauthenticated(Ask(registries_.ConnectWith(secrets))));
}

TEST_F(RegistriesTest, TheWayToAHostIsThatOfItsBlockInAnySpelling) {
  registries_.Set({{"REGISTRY.example.com",
                    {.username = "me", .password = "pass-word"},
                    {.plain_http = true}}});
  EXPECT_TRUE(Ask().ok()) << Ask();
  EXPECT_THAT(registry_->requests().front().url, StartsWith("http://registry.example.com/"));
}

TEST_F(RegistriesTest, UnknownOnesCannotBeAskedUntilTheyAreSet) {
  registries_.SetUnknown();
  EXPECT_TRUE(registries_.IsUnknown());
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Ask(registries_.ConnectWith({{"Secret shop/pull", DockerConfig("pass-word")}}))));
  registries_.Set({Settings("pass-word")});
  EXPECT_FALSE(registries_.IsUnknown());
  EXPECT_TRUE(Ask().ok()) << Ask();
}

}  // namespace
}  // namespace delivery::resources
