#include "resources/preflight_images.h"

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/oci/manifest.h"
#include "provider/runner/runner_fixture.h"
#include "resources/preflight.h"
#include "resources/workload_fixture.h"
#include "tests/support/fake_registry.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A registry at registry.test, and a cluster without nodes.
class PreflightImagesTest : public runner::RunnerFixture {
 protected:
  PreflightImagesTest() {
    registry_->Change([](auto& settings) { settings.host = "registry.test"; });
    connection_.api = process_.api;
    connection_.registries = &registries_;
    kube_->AddType({"", "v1", "ResourceQuota", "resourcequotas"});
  }

  // "web registry.test/web:2: why", with "?" before what is not certain.
  std::vector<std::string> Find(const Json& workload, const Json& live = Json()) {
    std::vector<std::string> texts;
    for (const ImageProblem& one : FindImageProblems(connection_, workload, live, "shop", {})) {
      texts.push_back(
          absl::StrCat(one.certain ? "" : "? ", one.container, " ", one.image, ": ", one.what));
    }
    return texts;
  }
  std::string Push(const std::string& tag, const std::string& architecture = "amd64") {
    return registry_->AddImage("web", tag, {{"architecture", architecture}, {"comment", tag}});
  }
  // One image for linux on each of these processors.
  void PushIndex(const std::string& tag, const std::vector<std::string>& architectures) {
    Json manifests = Json::array();
    for (const std::string& architecture : architectures) {
      manifests.push_back(
          {{"mediaType", oci::kOciManifest},
           {"digest", registry_->AddImage("web", "", {{"architecture", architecture}})},
           {"platform", {{"os", "linux"}, {"architecture", architecture}}}});
    }
    registry_->AddManifest(
        "web", tag, {{"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", manifests}},
        oci::kOciIndex);
  }
  void AddNode(const std::string& name, const std::string& architecture,
               const std::string& os = "linux") {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "Node"},
                {"metadata",
                 {{"name", name},
                  {"labels", {{"kubernetes.io/os", os}, {"kubernetes.io/arch", architecture}}}}}});
  }
  void AnswerAlways(int status) {
    registry_->Intercept([status](const http::Request&) { return http::Response{status, {}, ""}; });
  }
  void RequirePassword() {
    registry_->Change([](auto& settings) {
      settings.user = "me";
      settings.password = "pass-word";
    });
  }
  void PutPullSecret(const std::string& name, const std::string& password, bool legacy = false) {
    const Json auths = {
        {"registry.test", {{"auth", absl::Base64Escape(absl::StrCat("me:", password))}}}};
    const std::string text = DumpJson(legacy ? auths : Json{{"auths", auths}});
    kube_->Put(
        {{"apiVersion", "v1"},
         {"kind", "Secret"},
         {"metadata", {{"name", name}, {"namespace", "shop"}}},
         {"data", {{legacy ? ".dockercfg" : ".dockerconfigjson", absl::Base64Escape(text)}}}});
  }
  static Json WithPullSecrets(Json manifest, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      PodSpecOf(manifest)["imagePullSecrets"].push_back({{"name", name}});
    }
    return manifest;
  }
  static Json WithNodeSelector(Json manifest, const Json& selector) {
    PodSpecOf(manifest)["nodeSelector"] = selector;
    return manifest;
  }
  size_t KubeRequests(const std::string& part) const {
    size_t count = 0;
    for (const auto& [request, status] : kube_->requests()) {
      if (absl::StrContains(request.path, part)) ++count;
    }
    return count;
  }
  size_t RegistryRequests() const { return registry_->requests().size(); }

  const std::shared_ptr<testing::FakeRegistry> registry_ =
      std::make_shared<testing::FakeRegistry>();
  Registries registries_{clock_, [](const std::string&) { return std::nullopt; },
                         [this](const http::TransportOptions&) { return registry_; }};
  Connection connection_;
};

// ---- There or not

TEST_F(PreflightImagesTest, AnImageThatIsThereIsNoProblem) {
  Push("2");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightImagesTest, AnAbsentImageIsOne) {
  Push("1");
  EXPECT_THAT(Find(Manifest(kNew)), ElementsAre(AllOf(StartsWith(absl::StrCat("web ", kNew, ": ")),
                                                      HasSubstr("no such image"))));
}

TEST_F(PreflightImagesTest, AnAbsentRepositoryIsOne) {
  EXPECT_THAT(Find(Manifest("registry.test/team/api:1")), ElementsAre(HasSubstr("team/api")));
}

TEST_F(PreflightImagesTest, AnAbsentDigestIsOneWhateverTheTagNames) {
  const std::string digest = Push("2");
  EXPECT_THAT(Find(Manifest(absl::StrCat(kNew, "@", digest))), IsEmpty());
  EXPECT_THAT(Find(Manifest(absl::StrCat(kNew, "@sha256:", std::string(64, '0')))),
              ElementsAre(HasSubstr("no such image")));
}

TEST_F(PreflightImagesTest, WithoutATagLatestIsMeant) {
  EXPECT_THAT(Find(Manifest("registry.test/web")), ElementsAre(HasSubstr("web:latest")));
  Push("latest");
  EXPECT_THAT(Find(Manifest("registry.test/web")), IsEmpty());
}

TEST_F(PreflightImagesTest, AllContainersCountInitContainersToo) {
  Push("2");
  Json manifest = Manifest(kNew);
  PodSpecOf(manifest)["initContainers"] =
      Json::array({{{"name", "migrate"}, {"image", "registry.test/web:3"}}});
  PodSpecOf(manifest)["containers"].push_back({{"name", "proxy"}, {"image", "registry.test/p:1"}});
  EXPECT_THAT(Find(manifest), ElementsAre(StartsWith("migrate registry.test/web:3: "),
                                          StartsWith("proxy registry.test/p:1: ")));
}

TEST_F(PreflightImagesTest, WhatRunsAlreadyIsNotAskedFor) {
  EXPECT_THAT(Find(Manifest(kOld), Manifest(kOld)), IsEmpty());
  EXPECT_EQ(RegistryRequests(), 0u);
  EXPECT_THAT(Find(Manifest(kNew), Manifest(kOld)), ElementsAre(HasSubstr(kNew)));
}

TEST_F(PreflightImagesTest, WhatIsNeverPulledIsNotAskedFor) {
  Json manifest = Manifest(kNew);
  FirstContainerOf(manifest)["imagePullPolicy"] = "Never";
  EXPECT_THAT(Find(manifest), IsEmpty());
  EXPECT_EQ(RegistryRequests(), 0u);
  FirstContainerOf(manifest)["imagePullPolicy"] = "IfNotPresent";
  EXPECT_THAT(Find(manifest), ElementsAre(HasSubstr(kNew)));
}

TEST_F(PreflightImagesTest, WhatIsNoReferenceIsLeftToTheDryRun) {
  EXPECT_THAT(Find(Manifest("https://registry.test/web")), IsEmpty());
  EXPECT_THAT(Find(Manifest("")), IsEmpty());
  EXPECT_EQ(RegistryRequests(), 0u);
}

TEST_F(PreflightImagesTest, WithoutRegistriesNothingIsSaid) {
  registries_.SetUnknown();
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
  connection_.registries = nullptr;
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

// ---- Platforms

TEST_F(PreflightImagesTest, AnImageThatNoNodeRunsIsAProblem) {
  AddNode("a", "amd64");
  AddNode("b", "amd64", "windows");
  Push("2", "arm64");
  EXPECT_THAT(Find(Manifest(kNew)),
              ElementsAre(HasSubstr("it is made for linux/arm64; the nodes of the cluster are "
                                    "linux/amd64, windows/amd64")));
}

TEST_F(PreflightImagesTest, OneNodeIsEnough) {
  AddNode("a", "amd64");
  AddNode("b", "arm64");
  Push("2", "arm64");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
  PushIndex("3", {"s390x", "arm64"});
  EXPECT_THAT(Find(Manifest("registry.test/web:3")), IsEmpty());
  PushIndex("4", {"s390x", "ppc64le"});
  EXPECT_THAT(Find(Manifest("registry.test/web:4")),
              ElementsAre(HasSubstr("made for linux/ppc64le, linux/s390x; the nodes of the "
                                    "cluster are linux/amd64, linux/arm64")));
}

TEST_F(PreflightImagesTest, AClusterWithoutNodesMayGetAny) {
  Push("2", "arm64");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightImagesTest, WhereNodesMayNotBeListedNothingIsSaid) {
  AddNode("a", "amd64");
  kube_->Deny({.resource = "nodes"});
  Push("2", "arm64");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightImagesTest, WhatIsNoContainerImageHasNoPlatform) {
  AddNode("a", "amd64");
  const std::string config = registry_->AddBlob("web", "{}");
  registry_->AddManifest(
      "web", "2",
      {{"schemaVersion", 2},
       {"mediaType", oci::kOciManifest},
       {"config", {{"mediaType", "application/vnd.cncf.helm.config.v1+json"}, {"digest", config}}},
       {"layers", Json::array()}},
      oci::kOciManifest);
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

struct SelectorCase {
  std::string name;
  const char* selector;
  std::string problem;  // empty: none
};
void PrintTo(const SelectorCase& test, std::ostream* out) { *out << test.name; }
class PreflightNodeSelectorTest : public PreflightImagesTest,
                                  public ::testing::WithParamInterface<SelectorCase> {};

// The image is for linux/amd64, the only node for linux/arm64.
TEST_P(PreflightNodeSelectorTest, SaysWhereThePodsRun) {
  AddNode("a", "arm64");
  Push("2", "amd64");
  const std::vector<std::string> found =
      Find(WithNodeSelector(Manifest(kNew), Json::parse(GetParam().selector)));
  if (GetParam().problem.empty()) {
    EXPECT_THAT(found, IsEmpty());
    EXPECT_EQ(KubeRequests("nodes"), 0u);
  } else {
    EXPECT_THAT(found, ElementsAre(HasSubstr(GetParam().problem)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    , PreflightNodeSelectorTest,
    ::testing::Values(
        SelectorCase{"TheSame", R"({"kubernetes.io/arch": "amd64"})", ""},
        SelectorCase{"TheSameWithOs",
                     R"({"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"})", ""},
        SelectorCase{"AnotherProcessor", R"({"kubernetes.io/arch": "s390x"})",
                     "nodeSelector wants linux/s390x"},
        SelectorCase{"AnotherSystem",
                     R"({"kubernetes.io/arch": "amd64", "kubernetes.io/os": "windows"})",
                     "nodeSelector wants windows/amd64"},
        SelectorCase{"AnotherLabel", R"({"disk": "ssd"})",
                     "the nodes of the cluster are linux/arm64"}),
    [](const auto& test) { return test.param.name; });

TEST_F(PreflightImagesTest, VariantsRunOnTheirProcessor) {
  registry_->AddImage("web", "2", {{"architecture", "arm"}, {"variant", "v7"}});
  AddNode("a", "arm");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
  EXPECT_THAT(Find(WithNodeSelector(Manifest(kNew), {{"kubernetes.io/arch", "arm"}})), IsEmpty());
  EXPECT_THAT(Find(WithNodeSelector(Manifest(kNew), {{"kubernetes.io/arch", "arm64"}})),
              ElementsAre(HasSubstr("nodeSelector wants linux/arm64")));
}

// ---- Credentials

TEST_F(PreflightImagesTest, WithoutCredentialsARefusalSaysNothing) {
  RequirePassword();
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightImagesTest, ThePullSecretsOfThePodsAreUsed) {
  RequirePassword();
  Push("2");
  PutPullSecret("pull", "pass-word");
  const Json manifest = WithPullSecrets(Manifest(kNew), {"pull"});
  EXPECT_THAT(Find(manifest), IsEmpty());
  EXPECT_THAT(Find(WithPullSecrets(Manifest("registry.test/web:9"), {"pull"})),
              ElementsAre(AllOf(StartsWith("web "), HasSubstr("no such image"))));
  PutPullSecret("old", "pass-word", true);
  EXPECT_THAT(Find(WithPullSecrets(Manifest("registry.test/web:9"), {"gone", "old"})),
              ElementsAre(HasSubstr("no such image")));
}

TEST_F(PreflightImagesTest, PullSecretsThatAreRefusedAreAProblemThatIsNotCertain) {
  RequirePassword();
  Push("2");
  PutPullSecret("pull", "wrong-one");
  EXPECT_THAT(Find(WithPullSecrets(Manifest(kNew), {"pull"})),
              ElementsAre(AllOf(StartsWith("? web "), HasSubstr("imagePullSecrets of the pods"),
                                ::testing::Not(HasSubstr("wrong-one")))));
  // Somebody corrects it: asked anew.
  PutPullSecret("pull", "pass-word");
  EXPECT_THAT(Find(WithPullSecrets(Manifest(kNew), {"pull"})), IsEmpty());
}

TEST_F(PreflightImagesTest, SecretsThatMayNotBeReadAreDoneWithout) {
  Push("2");
  kube_->Deny({.resource = "secrets"});
  EXPECT_THAT(Find(WithPullSecrets(Manifest(kNew), {"pull"})), IsEmpty());
  EXPECT_THAT(Find(WithPullSecrets(Manifest("registry.test/web:9"), {"pull"})),
              ElementsAre(HasSubstr("no such image")));
}

TEST_F(PreflightImagesTest, SecretsAreReadOnlyWhenARegistryIsAsked) {
  PutPullSecret("pull", "pass-word");
  Find(WithPullSecrets(Manifest(kOld), {"pull"}), Manifest(kOld));
  EXPECT_EQ(KubeRequests("secrets"), 0u);
}

// ---- Once for many

TEST_F(PreflightImagesTest, ManyWorkloadsAskOnce) {
  AddNode("a", "amd64");
  Push("2");
  Find(Manifest(kNew));
  const size_t registry = RegistryRequests();
  const size_t nodes = KubeRequests("nodes");
  EXPECT_EQ(nodes, 1u);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
  EXPECT_EQ(RegistryRequests(), registry);
  EXPECT_EQ(KubeRequests("nodes"), nodes);
  clock_.Advance(absl::Minutes(1));
  Find(Manifest(kNew));
  EXPECT_GT(RegistryRequests(), registry);
  EXPECT_EQ(KubeRequests("nodes"), 2u);
}

TEST_F(PreflightImagesTest, WhatWasFoundWithSecretsIsNotSaidOfOthers) {
  RequirePassword();
  Push("2");
  PutPullSecret("pull", "pass-word");
  PutPullSecret("bad", "wrong-one");
  EXPECT_THAT(Find(WithPullSecrets(Manifest(kNew), {"pull"})), IsEmpty());
  EXPECT_THAT(Find(WithPullSecrets(Manifest(kNew), {"bad"})), ElementsAre(StartsWith("? web ")));
}

TEST_F(PreflightImagesTest, WhatIsAbsentMayBePushedAtAnyMoment) {
  EXPECT_THAT(Find(Manifest(kNew)), ElementsAre(HasSubstr(kNew)));
  Push("2");
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
}

TEST_F(PreflightImagesTest, ARegistryThatDoesNotAnswerIsWaitedForOnce) {
  AnswerAlways(503);
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Find(Manifest(kNew)), IsEmpty());
  EXPECT_LE(clock_.Now() - start, absl::Seconds(5));
  const size_t asked = RegistryRequests();
  EXPECT_THAT(Find(Manifest(kOld)), IsEmpty()) << "another image of it";
  EXPECT_EQ(RegistryRequests(), asked);
  EXPECT_THAT(Find(Manifest("other.test/web:1")), IsEmpty());
  EXPECT_GT(RegistryRequests(), asked);
  registry_->Intercept(nullptr);
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Find(Manifest(kNew)), ElementsAre(HasSubstr(kNew)));
}

// ---- In the preflight of a release

class PreflightOfImagesTest : public PreflightImagesTest {
 protected:
  std::vector<std::string> Create(const Json& manifest) {
    WriteIntent intent;
    intent.workload = manifest;
    const ReleaseRecord record;
    const WorkloadArguments arguments = ArgumentsFor(manifest);
    PreflightInput input;
    input.intent = &intent;
    input.record = &record;
    input.arguments = &arguments;
    input.first_release = true;
    Diagnostics diagnostics;
    RunPreflight(connection_, input, clock_.Now(), {}, diagnostics);
    return Said(diagnostics);
  }
};

TEST_F(PreflightOfImagesTest, AProblemIsAFinding) {
  const auto finding = HasSubstr("The image of container \"web\" cannot be pulled: ");
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("warning at manifest: "), finding, HasSubstr(kNew),
                                HasSubstr("Push it first"))));
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Create(Manifest(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: "), finding)));
  connection_.preflight = Preflight::kOff;
  const size_t asked = RegistryRequests();
  EXPECT_THAT(Create(Manifest(kNew)), IsEmpty());
  EXPECT_EQ(RegistryRequests(), asked);
}

TEST_F(PreflightOfImagesTest, WhatIsNotCertainIsAWarningWhateverThePreflightIs) {
  RequirePassword();
  PutPullSecret("pull", "wrong-one");
  connection_.preflight = Preflight::kError;
  EXPECT_THAT(Create(WithPullSecrets(Manifest(kNew), {"pull"})),
              ElementsAre(AllOf(StartsWith("warning at manifest: "),
                                HasSubstr("imagePullSecrets of the pods"))));
}

// ---- HasNode and RememberImage

TEST_F(PreflightImagesTest, WhetherThereIsANodeIsRememberedForAMinuteByItsLabels) {
  PreflightMemory memory;
  const absl::Time now = clock_.Now();
  const std::string labels = "kubernetes.io/os=linux,kubernetes.io/arch=amd64";
  EXPECT_FALSE(*memory.HasNode(api(), labels, now, {}));
  AddNode("a", "amd64");
  EXPECT_FALSE(*memory.HasNode(api(), labels, now + absl::Seconds(59), {}));
  EXPECT_TRUE(*memory.HasNode(api(), labels, now + absl::Minutes(1), {}));
  EXPECT_FALSE(*memory.HasNode(api(), "kubernetes.io/arch=arm64", now + absl::Minutes(1), {}));
}

TEST_F(PreflightImagesTest, ARefusalToListNodesIsNotRemembered) {
  PreflightMemory memory;
  AddNode("a", "amd64");
  kube_->Deny({.resource = "nodes"});
  EXPECT_TRUE(absl::IsPermissionDenied(memory.HasNode(api(), "", clock_.Now(), {}).status()));
  kube_->AllowAll();
  EXPECT_TRUE(*memory.HasNode(api(), "", clock_.Now(), {}));
}

struct VerdictCase {
  std::string name;
  ImageLook::Verdict verdict;
  bool remembered;
};
void PrintTo(const VerdictCase& test, std::ostream* out) { *out << test.name; }
class RememberImageTest : public ::testing::TestWithParam<VerdictCase> {};

TEST_P(RememberImageTest, LastsAMinuteUnlessItMayChangeAtAnyMoment) {
  PreflightMemory memory;
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  memory.RememberImage("key", {GetParam().verdict, "why", {"linux/amd64"}}, now);
  EXPECT_FALSE(memory.FindImage("other", now).has_value());
  const std::optional<ImageLook> found = memory.FindImage("key", now + absl::Seconds(59));
  ASSERT_EQ(found.has_value(), GetParam().remembered);
  if (found.has_value()) {
    EXPECT_EQ(found->verdict, GetParam().verdict);
    EXPECT_THAT(found->platforms, ElementsAre("linux/amd64"));
  }
  EXPECT_FALSE(memory.FindImage("key", now + absl::Minutes(1)).has_value());
}

INSTANTIATE_TEST_SUITE_P(
    , RememberImageTest,
    ::testing::Values(VerdictCase{"There", ImageLook::Verdict::kThere, true},
                      VerdictCase{"Unknown", ImageLook::Verdict::kUnknown, true},
                      VerdictCase{"Absent", ImageLook::Verdict::kAbsent, false},
                      VerdictCase{"Refused", ImageLook::Verdict::kRefused, false}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::resources
