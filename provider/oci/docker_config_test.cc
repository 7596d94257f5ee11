#include "provider/oci/docker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "provider/system/test_folder.h"

namespace delivery::oci {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Json Auth(const std::string& both) { return {{"auth", absl::Base64Escape(both)}}; }

std::string UserFor(const DockerConfig& config, const std::string& registry,
                    const std::string& repository) {
  const AuthEntry* const entry = config.FindAuth(registry, repository);
  if (entry == nullptr) return "none";
  return entry->credential.ok() ? entry->credential->username : "error";
}

DockerConfig Parsed(const Json& auths) { return *ParseDockerConfig(DumpJson({{"auths", auths}})); }

TEST(DockerConfigTest, ReadsAllFormsOfAnEntry) {
  const DockerConfig config = Parsed({{"a.io", Auth("u:p:w")},
                                      {"b.io", {{"username", "v"}, {"password", "pass-b"}}},
                                      {"c.io", {{"identitytoken", "identity-c"}}},
                                      {"d.io", {{"registrytoken", "registry-d"}}},
                                      {"e.io", Auth("<token>:identity-e")},
                                      {"f.io", Json::object()}});
  EXPECT_EQ(*config.FindAuth("a.io", "x")->credential,
            (Credential{.username = "u", .password = "p:w"}));
  EXPECT_EQ(*config.FindAuth("b.io", "x")->credential,
            (Credential{.username = "v", .password = "pass-b"}));
  EXPECT_EQ(*config.FindAuth("c.io", "x")->credential,
            (Credential{.identity_token = "identity-c"}));
  EXPECT_EQ(*config.FindAuth("d.io", "x")->credential,
            (Credential{.registry_token = "registry-d"}));
  EXPECT_EQ(*config.FindAuth("e.io", "x")->credential,
            (Credential{.identity_token = "identity-e"}));
  EXPECT_TRUE(config.FindAuth("f.io", "x")->credential->IsAnonymous());
  EXPECT_EQ(config.FindAuth("g.io", "x"), nullptr);
  for (const char* secret : {"pass-b", "identity-c", "registry-d", "identity-e"}) {
    EXPECT_EQ(Redact(secret), "(redacted)");
  }
  EXPECT_EQ(Redact(absl::Base64Escape("<token>:identity-e")), "(redacted)");
}

TEST(DockerConfigTest, ABadEntryConcernsOnlyItsHost) {
  const DockerConfig config = Parsed({{"a.io", {{"auth", "%%%"}}},
                                      {"b.io", Auth("nocolon")},
                                      {"c.io", 1},
                                      {"d.io", Auth(":nouser")},
                                      {"ok.io", Auth("u:p")}});
  for (const char* host : {"a.io", "b.io", "c.io", "d.io"}) {
    EXPECT_EQ(UserFor(config, host, "x"), "error") << host;
  }
  EXPECT_EQ(UserFor(config, "ok.io", "x"), "u");
}

TEST(DockerConfigTest, KeysHaveSchemesAndOldPaths) {
  const DockerConfig config = Parsed({{"https://index.docker.io/v1/", Auth("hub:p")},
                                      {"http://plain.io:5000/v2/", Auth("plain:p")},
                                      {"HTTPS://Upper.io/", Auth("upper:p")}});
  EXPECT_EQ(UserFor(config, "docker.io", "library/nginx"), "hub");
  EXPECT_EQ(UserFor(config, "registry-1.docker.io", "a/b"), "hub");
  EXPECT_EQ(UserFor(config, "plain.io:5000", "x"), "plain");
  EXPECT_EQ(UserFor(config, "plain.io", "x"), "none");
  EXPECT_EQ(UserFor(config, "upper.io", "x"), "upper");
}

TEST(DockerConfigTest, TheMostExactKeyCounts) {
  const DockerConfig config = Parsed({{"r.io", Auth("host:p")},
                                      {"r.io/team", Auth("team:p")},
                                      {"r.io/team/web", Auth("web:p")},
                                      {"*.r.io", Auth("any:p")},
                                      {"*.r.io/team", Auth("anyteam:p")},
                                      {"x.r.io", Auth("exact:p")},
                                      {"pre-*.s.io:5000", Auth("port:p")}});
  EXPECT_EQ(UserFor(config, "r.io", "other"), "host");
  EXPECT_EQ(UserFor(config, "r.io", "team"), "team");
  EXPECT_EQ(UserFor(config, "r.io", "team/x"), "team");
  EXPECT_EQ(UserFor(config, "r.io", "teammate/x"), "host");
  EXPECT_EQ(UserFor(config, "r.io", "team/web"), "web");
  EXPECT_EQ(UserFor(config, "r.io", "team/web/x"), "web");
  EXPECT_EQ(UserFor(config, "y.r.io", "team/x"), "anyteam");
  EXPECT_EQ(UserFor(config, "y.r.io", "x"), "any");
  EXPECT_EQ(UserFor(config, "x.r.io", "team/x"), "exact");
  EXPECT_EQ(UserFor(config, "a.b.r.io", "x"), "none");
  EXPECT_EQ(UserFor(config, "pre-a.s.io:5000", "x"), "port");
  EXPECT_EQ(UserFor(config, "pre-a.s.io", "x"), "none");
}

TEST(DockerConfigTest, RefusesOtherTextsWithoutShowingThem) {
  for (const char* text : {"", "hunter2", "[\"hunter2\"]", "{\"auths\": {\"hunter2\""}) {
    const auto config = ParseDockerConfig(text);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(config.status().message()), Not(HasSubstr("hunter2")));
  }
  EXPECT_TRUE(ParseDockerConfig("{\"auths\": null, \"credHelpers\": []}").ok());
}

class DockerConfigSourceTest : public ::testing::Test {
 protected:
  DockerConfigSourceTest() {
    source_ = MakeDockerConfigCredentials([this](const std::string& name) {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    });
    environment_ = {{"HOME", folder_.Path("home")}, {"PATH", folder_.path() + ":/usr/bin:/bin"}};
  }
  absl::StatusOr<Credential> Get(const std::string& registry) {
    return source_->Get(registry, "team/web", {});
  }
  // A helper that knows one server and notes what it was asked.
  void Helper(const std::string& name, const std::string& server) {
    folder_.Script("docker-credential-" + name,
                   "read -r asked || true; echo \"$asked\" >> " + folder_.Path("asked") +
                       "; if test \"$asked\" = '" + server + "'; then echo '{\"Username\": \"" +
                       name +
                       "\", \"Secret\": \"from-helper\"}'; else echo credentials not found in "
                       "native keychain; exit 1; fi");
  }

  const system::TestFolder folder_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<CredentialSource> source_;
};

TEST_F(DockerConfigSourceTest, IsAnonymousWithoutAFile) {
  EXPECT_TRUE(Get("r.io")->IsAnonymous());
  environment_.clear();
  EXPECT_TRUE(Get("r.io")->IsAnonymous());
}

TEST_F(DockerConfigSourceTest, ReadsTheFileOfTheEnvironmentAtEachGet) {
  folder_.Write("home/.docker/config.json", DumpJson({{"auths", {{"r.io", Auth("home:p")}}}}));
  EXPECT_EQ(Get("r.io")->username, "home");
  folder_.Write("home/.docker/config.json", DumpJson({{"auths", {{"r.io", Auth("later:p")}}}}));
  EXPECT_EQ(Get("r.io")->username, "later");
  environment_["DOCKER_CONFIG"] = folder_.Path("elsewhere");
  EXPECT_TRUE(Get("r.io")->IsAnonymous());
  folder_.Write("elsewhere/config.json", DumpJson({{"auths", {{"r.io", Auth("else:p")}}}}));
  EXPECT_EQ(Get("r.io")->username, "else");
}

TEST(DockerConfigTest, AuthsMustBeAnObject) {
  EXPECT_FALSE(ParseDockerConfig(R"({"auths": []})").ok());
  EXPECT_TRUE(ParseDockerConfig(R"({"auths": null})").ok());
}

// Docker writes the user "<token>" beside an identity token.
TEST(DockerConfigTest, AnIdentityTokenIsNotLostToAnEmptyPassword) {
  const auto config = ParseDockerConfig(
      R"({"auths": {"r.io": {"auth": "PHRva2VuPjo=", "identitytoken": "refresh-me"}}})");
  ASSERT_TRUE(config.ok());
  const AuthEntry* const entry = config->FindAuth("r.io", "web");
  ASSERT_NE(entry, nullptr);
  ASSERT_TRUE(entry->credential.ok());
  EXPECT_EQ(entry->credential->identity_token, "refresh-me");
  EXPECT_EQ(entry->credential->username, "");
}

TEST_F(DockerConfigSourceTest, ABrokenFileIsNamed) {
  const std::string path = folder_.Write("home/.docker/config.json", "{\"auths\": hunter2");
  const auto broken = Get("r.io");
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(broken.status().message()),
              AllOf(HasSubstr(path), Not(HasSubstr("hunter2"))));
  folder_.Write("home/.docker/config.json", "{\"auths\": {\"r.io\": {\"auth\": \"%\"}}}");
  EXPECT_THAT(std::string(Get("r.io").status().message()),
              AllOf(HasSubstr(path), HasSubstr("r.io"), HasSubstr("not base64")));
  EXPECT_TRUE(Get("other.io").ok());
}

TEST_F(DockerConfigSourceTest, HelpersComeFirst) {
  Helper("own", "own.io");
  Helper("all", "https://index.docker.io/v1/");
  folder_.Write("home/.docker/config.json",
                DumpJson({{"auths", {{"file.io", Auth("file:p")}, {"own.io", Auth("no:p")}}},
                          {"credHelpers", {{"own.io", "own"}}},
                          {"credsStore", "all"}}));
  EXPECT_EQ(Get("own.io")->username, "own");
  EXPECT_EQ(Get("docker.io")->username, "all");
  EXPECT_EQ(Get("file.io")->username, "file");
  EXPECT_TRUE(Get("none.io")->IsAnonymous());
  EXPECT_EQ(folder_.Read("asked"), "own.io\nhttps://index.docker.io/v1/\nfile.io\nnone.io\n");
}

TEST_F(DockerConfigSourceTest, AFailingHelperIsAnErrorThatNamesTheFile) {
  const std::string path =
      folder_.Write("home/.docker/config.json", "{\"credsStore\": \"missing\"}");
  const auto failed = Get("r.io");
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(failed.status().message()),
              AllOf(HasSubstr("docker-credential-missing"), HasSubstr(path)));
}

TEST(PullSecretTest, AreAskedInOrderAndStartNoHelpers) {
  const auto source = MakePullSecretCredentials(
      {{"Secret a/one",
        DumpJson({{"auths", {{"r.io/team", Auth("one:p")}}}, {"credsStore", "evil"}})},
       {"Secret a/two", DumpJson({{"r.io", Auth("two:p")}}), true}});
  EXPECT_EQ(source->Get("r.io", "team/web", {})->username, "one");
  EXPECT_EQ(source->Get("r.io", "other", {})->username, "two");
  EXPECT_TRUE(source->Get("x.io", "other", {})->IsAnonymous());
}

TEST(PullSecretTest, ABrokenOneIsNamed) {
  const auto source = MakePullSecretCredentials({{"Secret a/one", "hunter2"}});
  EXPECT_THAT(std::string(source->Get("r.io", "x", {}).status().message()),
              AllOf(HasSubstr("Secret a/one"), Not(HasSubstr("hunter2"))));
}

TEST(CredentialChainTest, TheFirstThatKnowsAnswers) {
  std::vector<std::shared_ptr<CredentialSource>> sources;
  sources.push_back(MakeFixedCredentials({{"A.io", {.username = "a", .password = "pw-a"}}}));
  sources.push_back(MakePullSecretCredentials({{"Secret", "broken"}}));
  const auto chain = MakeCredentialChain(sources);
  EXPECT_EQ(chain->Get("a.io", "x", {})->username, "a");
  EXPECT_FALSE(chain->Get("b.io", "x", {}).ok());
  EXPECT_TRUE(MakeCredentialChain({})->Get("b.io", "x", {})->IsAnonymous());
  EXPECT_EQ(MakeFixedCredentials({{"index.docker.io", {.username = "h"}}})
                ->Get("docker.io", "x", {})
                ->username,
            "h");
}

}  // namespace
}  // namespace delivery::oci
