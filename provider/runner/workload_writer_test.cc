#include "provider/runner/workload_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using kubernetes::FieldPath;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KubeFault;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kImagePath[] = "spec.template.spec.containers[name=web].image";

FieldPath PathOf(const char* text) { return *FieldPath::Parse(text); }

class WorkloadWriterTest : public RunnerFixture {
 protected:
  absl::StatusOr<kubernetes::ApplyResult> Apply(const WorkloadWrite& write,
                                                WriteMode mode = WriteMode::kWrite) {
    return WriteWorkload(api(), write, mode, NoStop());
  }
  // The workload as our last write left it.
  void Release(const std::string& image) {
    const auto applied = Apply(Write(image));
    ASSERT_TRUE(applied.ok()) << applied.status();
    kube_->ForgetRequests();
  }
  void SetImage(const std::string& image, const std::string& manager) {
    kube_->Change(
        Web(),
        [&](Json& web) { web["spec"]["template"]["spec"]["containers"][0]["image"] = image; },
        manager);
  }
  void SetReplicas(int replicas, const std::string& manager) {
    kube_->Change(
        Web(), [&](Json& web) { web["spec"]["replicas"] = replicas; }, manager);
  }
  int LiveReplicas() const { return static_cast<int>(GetInt(Live(Web())["spec"], "replicas")); }
  // Calls `change` before each forced write is sent.
  void BeforeForcedWrites(std::function<void()> change) {
    process_.line->OnRequest([change = std::move(change)](const http::Request& request) {
      if (absl::StrContains(request.url, "force=true")) change();
    });
  }
};

TEST_F(WorkloadWriterTest, CreatesAndThenUpdatesAsOurManager) {
  const auto created = Apply(Write(kOld));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE(created->created);
  const auto updated = Apply(Write(kNew));
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_FALSE(updated->created);
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(kubernetes::GenerationOf(updated->object), 2);
  const auto owners = kubernetes::OwnersOf(Live(Web()), PathOf(kImagePath));
  ASSERT_THAT(owners, SizeIs(1));
  EXPECT_EQ(owners[0].manager, "terraform-provider-delivery");
  EXPECT_EQ(owners[0].operation, "Apply");
}

TEST_F(WorkloadWriterTest, WritingTheSameAgainChangesNothing) {
  Release(kOld);
  const Json before = Live(Web());
  EXPECT_TRUE(Apply(Write(kOld)).ok());
  EXPECT_EQ(Live(Web()), before);
}

TEST_F(WorkloadWriterTest, FieldsThatAreNotNamedAreLeftToTheirOwners) {
  WorkloadWrite write = Write(kOld);
  write.manifest["spec"].erase("replicas");
  ASSERT_TRUE(Apply(write).ok());
  SetReplicas(7, "horizontal-pod-autoscaler");
  write.manifest["spec"]["template"]["spec"]["containers"][0]["image"] = kNew;
  EXPECT_TRUE(Apply(write).ok());
  EXPECT_EQ(LiveReplicas(), 7);
  EXPECT_EQ(LiveImage(), kNew);
}

TEST_F(WorkloadWriterTest, PausedIsWrittenAndTakenBackWithTheField) {
  WorkloadWrite write = Write(kOld);
  write.manifest["spec"]["paused"] = true;
  ASSERT_TRUE(Apply(write).ok());
  EXPECT_EQ(Live(Web())["spec"]["paused"], true);
  ASSERT_TRUE(Apply(Write(kOld)).ok());
  EXPECT_FALSE(Live(Web())["spec"].contains("paused"));
}

TEST_F(WorkloadWriterTest, ConflictNamesFieldManagerTimeAndRemedyAndWritesNothing) {
  Release(kOld);
  clock_.Advance(absl::Hours(1));
  SetImage("registry.test/web:hotfix", "kubectl-set");
  const std::string when =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.Now(), absl::UTCTimeZone());
  clock_.Advance(absl::Hours(1));
  const Json before = Live(Web());
  const absl::Status status = Apply(Write(kNew)).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("Deployment shop/web has fields that another field manager owns"),
            HasSubstr(absl::StrCat(kImagePath, ": manager \"kubectl-set\", last written ", when)),
            HasSubstr("force_conflicts = true")));
  EXPECT_EQ(Live(Web()), before);
}

TEST_F(WorkloadWriterTest, EveryConflictIsNamed) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  SetReplicas(7, "keda");
  const std::string message(Apply(Write(kNew)).status().message());
  EXPECT_THAT(message, AllOf(HasSubstr("image: manager \"kubectl-set\""),
                             HasSubstr("spec.replicas: manager \"keda\"")));
}

TEST_F(WorkloadWriterTest, ForceTakesEveryField) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  SetReplicas(7, "keda");
  WorkloadWrite write = Write(kNew);
  write.force = true;
  ASSERT_TRUE(Apply(write).ok());
  EXPECT_EQ(LiveImage(), kNew);
  EXPECT_EQ(LiveReplicas(), 2);
  EXPECT_THAT(kubernetes::OwnersOf(Live(Web()), PathOf("spec.replicas")), SizeIs(1));
}

TEST_F(WorkloadWriterTest, AgreedFieldIsTakenBack) {
  for (const char* agreed : {kImagePath, "spec.template.spec.containers[name=web]", "spec.template",
                             "spec.template.spec.containers[*].image"}) {
    SCOPED_TRACE(agreed);
    Release(kOld);
    SetImage("registry.test/web:hotfix", "kubectl-set");
    WorkloadWrite write = Write(kOld);
    write.agreed = {PathOf(agreed)};
    const auto applied = Apply(write);
    EXPECT_TRUE(applied.ok()) << applied.status();
    EXPECT_EQ(LiveImage(), kOld);
    kube_->Remove(Web());
  }
}

// A list without keys conflicts as a whole, while the plan shows the element that differs.
TEST_F(WorkloadWriterTest, ListIsTakenBackForAnAgreedElement) {
  WorkloadWrite write = Write(kOld);
  write.manifest["spec"]["template"]["spec"]["containers"][0]["args"] = {"--port", "80"};
  ASSERT_TRUE(Apply(write).ok());
  const auto args = [](Json& web) -> Json& {
    return web["spec"]["template"]["spec"]["containers"][0]["args"];
  };
  kube_->Change(
      Web(),
      [&](Json& web) {
        args(web) = {"--port", "81"};
      },
      "kubectl-edit");
  write.agreed = {PathOf("spec.template.spec.containers[name=web].args[1]")};
  const auto applied = Apply(write);
  EXPECT_TRUE(applied.ok()) << applied.status();
  Json live = Live(Web());
  EXPECT_EQ(args(live), Json({"--port", "80"}));
}

TEST_F(WorkloadWriterTest, FieldsThatWereNotAgreedAreNotForcedAlong) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  SetReplicas(7, "keda");
  WorkloadWrite write = Write(kNew);
  write.agreed = {PathOf(kImagePath)};
  const absl::Status status = Apply(write).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("spec.replicas: manager \"keda\""), Not(HasSubstr("kubectl-set"))));
  EXPECT_EQ(LiveImage(), "registry.test/web:hotfix");
  EXPECT_EQ(LiveReplicas(), 7);
}

struct LegacyCase {
  const char* manager;
  bool take_over;
  bool works;
};

class LegacyManagerTest : public WorkloadWriterTest,
                          public ::testing::WithParamInterface<LegacyCase> {};

TEST_P(LegacyManagerTest, IsTakenOverFromOnlyAtTheFirstWriteAfterAnImport) {
  kube_->Put(Manifest(kOld), GetParam().manager);
  WorkloadWrite write = Write(kNew);
  write.take_over_legacy = GetParam().take_over;
  const absl::Status status = Apply(write).status();
  EXPECT_EQ(status.ok(), GetParam().works) << status;
  EXPECT_EQ(LiveImage(), GetParam().works ? kNew : kOld);
  if (!GetParam().works) {
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("manager \"", GetParam().manager, "\"")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Managers, LegacyManagerTest,
    ::testing::Values(LegacyCase{"kubectl-client-side-apply", true, true},
                      LegacyCase{"kubectl", true, true}, LegacyCase{"HashiCorp", true, true},
                      LegacyCase{"Terraform", true, true}, LegacyCase{"helm", true, true},
                      LegacyCase{"helm", false, false}, LegacyCase{"kubectl", false, false},
                      LegacyCase{"argocd-controller", true, false},
                      LegacyCase{"kubectl-edit", true, false}),
    [](const auto& test) {
      const std::string when = test.param.take_over ? "_AfterImport" : "_Later";
      return absl::StrReplaceAll(test.param.manager, {{"-", "_"}}) + when;
    });

TEST_F(WorkloadWriterTest, FieldsOfSucceededToolsLeaveTheClusterWithTheManifest) {
  Json made = Manifest(kOld);
  made["metadata"]["labels"] = {{"team", "shop"}};
  made["spec"]["minReadySeconds"] = 1;
  kube_->Put(made, "helm");
  WorkloadWrite write = Write(kNew);
  write.manifest["metadata"]["labels"] = {{"team", "shop"}};
  write.take_over_legacy = true;
  ASSERT_TRUE(Apply(write).ok());
  EXPECT_TRUE(EndCoOwnership(api(), Web(), NoStop()).ok());
  EXPECT_TRUE(EndCoOwnership(api(), Web(), NoStop()).ok()) << "nothing is left to do";
  ASSERT_TRUE(Apply(Write(kNew)).ok());
  EXPECT_FALSE(Live(Web())["metadata"].contains("labels"));
  EXPECT_EQ(Live(Web())["spec"]["minReadySeconds"], 1) << "never named by us";
}

TEST_F(WorkloadWriterTest, LegacyManagersOfAnObjectAreListedOnceAndSorted) {
  kube_->Put(Manifest(kOld), "kubectl-client-side-apply");
  SetReplicas(3, "helm");
  SetImage(kNew, "argocd-controller");
  kube_->Change(
      Web(), [](Json& web) { web["metadata"]["labels"]["team"] = "shop"; }, "helm");
  // The status of the same manager is another entry.
  kube_->Change(
      Web(), [](Json& web) { web["status"]["replicas"] = 3; }, "helm");
  EXPECT_THAT(LegacyManagersOf(Live(Web())), ElementsAre("helm", "kubectl-client-side-apply"));
  EXPECT_THAT(LegacyManagersOf(Json::object()), IsEmpty());
}

TEST_F(WorkloadWriterTest, ChangeBetweenTheLookAndTheForcedWriteIsLookedAtAgain) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  bool touched = false;
  BeforeForcedWrites([&] {
    if (std::exchange(touched, true)) return;
    kube_->Change(
        Web(), [](Json& web) { web["metadata"]["labels"]["team"] = "shop"; }, "policy");
  });
  WorkloadWrite write = Write(kOld);
  write.agreed = {PathOf(kImagePath)};
  const auto applied = Apply(write);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_TRUE(touched);
  EXPECT_EQ(LiveImage(), kOld);
  EXPECT_EQ(Live(Web())["metadata"]["labels"]["team"], "shop");
}

// The guard is what keeps a force, which takes every field, from taking one that became foreign in
// the last moment.
TEST_F(WorkloadWriterTest, ConflictThatArisesMeanwhileIsNotForced) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  BeforeForcedWrites([&] { SetReplicas(7, "keda"); });
  WorkloadWrite write = Write(kOld);
  write.agreed = {PathOf(kImagePath)};
  const absl::Status status = Apply(write).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("spec.replicas: manager \"keda\""));
  EXPECT_EQ(LiveReplicas(), 7);
}

TEST_F(WorkloadWriterTest, ObjectThatNeverHoldsStillIsGivenUp) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  int touches = 0;
  BeforeForcedWrites([&] {
    ++touches;
    kube_->Change(
        Web(), [&](Json& web) { web["metadata"]["labels"]["touch"] = absl::StrCat(touches); },
        "policy");
  });
  WorkloadWrite write = Write(kOld);
  write.agreed = {PathOf(kImagePath)};
  EXPECT_TRUE(absl::IsAborted(Apply(write).status()));
  EXPECT_EQ(touches, 4);
  EXPECT_EQ(LiveImage(), "registry.test/web:hotfix");
}

TEST_F(WorkloadWriterTest, ForcedWriteWhoseAnswerIsLostIsNoConflictWithItself) {
  Release(kOld);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  WorkloadWrite write = Write(kOld);
  write.agreed = {PathOf(kImagePath)};
  kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "PATCH", .skip = 1});
  const auto applied = Apply(write);
  EXPECT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(WorkloadWriterTest, DryRunChangesNothingAndFindsTheSameConflicts) {
  EXPECT_TRUE(Apply(Write(kOld), WriteMode::kDryRun).ok());
  EXPECT_TRUE(Live(Web()).is_null());
  Release(kOld);
  const Json before = Live(Web());
  EXPECT_TRUE(Apply(Write(kNew), WriteMode::kDryRun).ok());
  EXPECT_EQ(Live(Web()), before);
  SetImage("registry.test/web:hotfix", "kubectl-set");
  EXPECT_TRUE(absl::IsAborted(Apply(Write(kNew), WriteMode::kDryRun).status()));
  WorkloadWrite write = Write(kNew);
  write.agreed = {PathOf(kImagePath)};
  EXPECT_TRUE(Apply(write, WriteMode::kDryRun).ok());
  EXPECT_EQ(LiveImage(), "registry.test/web:hotfix");
  EXPECT_THAT(Writes(), IsEmpty());
}

struct RefusalCase {
  const char* name;
  int status;
  const char* reason;
  absl::StatusCode code;
};

class RefusalTest : public WorkloadWriterTest, public ::testing::WithParamInterface<RefusalCase> {};

TEST_P(RefusalTest, IsReportedInTheServersWordsAndNotRepeated) {
  kube_->AddFault({.method = "PATCH",
                   .times = 1'000'000,
                   .status = GetParam().status,
                   .reason = GetParam().reason});
  const absl::Status status = Apply(Write(kNew)).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("this is a fault that the test asked for"));
  EXPECT_EQ(kubernetes::GetApiError(status)->reason, GetParam().reason);
  EXPECT_THAT(kube_->writes(), SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(Answers, RefusalTest,
                         ::testing::Values(RefusalCase{"AdmissionWebhook", 403, "Forbidden",
                                                       absl::StatusCode::kPermissionDenied},
                                           RefusalCase{"WebhookWithoutAccess", 400, "BadRequest",
                                                       absl::StatusCode::kInvalidArgument},
                                           RefusalCase{"Validation", 422, "Invalid",
                                                       absl::StatusCode::kInvalidArgument}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::runner
