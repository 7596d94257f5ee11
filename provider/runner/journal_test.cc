#include "provider/runner/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using engine::State;
using engine::Step;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KubeFault;
using ::testing::Not;

State At(Step step) {
  State state;
  state.run_id = "run-1";
  state.identity = engine::RunIdentity("{}");
  state.step = step;
  state.started_at = absl::FromUnixSeconds(1'700'000'000);
  return state;
}

class JournalTest : public RunnerFixture {
 protected:
  Journal NewJournal(const std::string& resource_version = "") {
    return {api(), Web(), "delivery_rollout", resource_version, NoStop()};
  }
  absl::StatusOr<std::optional<JournalEntry>> Load() { return LoadJournal(api(), Web(), NoStop()); }
  // The step that the cluster has on record; "none" without a journal.
  std::string StoredStep() {
    const auto entry = Load();
    if (!entry.ok()) return std::string(entry.status().message());
    return entry->has_value() ? engine::StepName((*entry)->state.step) : "none";
  }
  // A ConfigMap of the journal's name, as somebody else would leave it.
  void PutConfigMap(Json data) {
    kube_->Put({{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", JournalRef().name}, {"namespace", "shop"}}},
                {"data", std::move(data)}});
  }
};

TEST(RunObjectNameTest, IsMadeOfKindNameAndSuffix) {
  EXPECT_EQ(RunObjectName({"apps/v1", "StatefulSet", "shop", "db"}), "delivery-statefulset-db");
  EXPECT_EQ(RunObjectName({"apps/v1", "Deployment", "shop", "web"}, "-b"),
            "delivery-deployment-web-b");
}

TEST(RunObjectNameTest, LongNamesAreShortenedAndStayDifferent) {
  const std::string stem(240, 'a');
  const std::string one = RunObjectName({"apps/v1", "Deployment", "shop", stem + "1"});
  const std::string two = RunObjectName({"apps/v1", "Deployment", "shop", stem + "2"});
  EXPECT_EQ(one.size(), 253);
  EXPECT_EQ(two.size(), 253);
  EXPECT_NE(one, two);
}

// A label of a DNS name does not begin with a hyphen.
TEST(RunObjectNameTest, LongNamesAreNotCutBehindADot) {
  // The cut is after 242 characters, 20 of which come before the name.
  const std::string name = std::string(221, 'a') + "." + std::string(20, 'b');
  const std::string shortened = RunObjectName({"apps/v1", "Deployment", "shop", name});
  EXPECT_THAT(shortened, AllOf(Not(HasSubstr(".-")), HasSubstr("aaa-")));
  EXPECT_LE(shortened.size(), 253);
}

TEST_F(JournalTest, FirstSaveCreatesAndLaterOnesReplace) {
  Journal journal = NewJournal();
  ASSERT_TRUE(journal.Save(At(Step::kApply)).ok());
  ASSERT_TRUE(journal.Save(At(Step::kAwait)).ok());
  EXPECT_THAT(Writes(), ElementsAre("POST configmaps", "PUT configmaps/delivery-deployment-web"));
  const auto entry = Load();
  ASSERT_TRUE(entry.ok()) << entry.status();
  ASSERT_TRUE(entry->has_value());
  EXPECT_TRUE((*entry)->state.SameRecord(At(Step::kAwait)));
  EXPECT_EQ((*entry)->resource_type, "delivery_rollout");
  EXPECT_EQ((*entry)->resource_version, kubernetes::ResourceVersionOf(Live(JournalRef())));
}

TEST_F(JournalTest, SaysWhoseItIs) {
  ASSERT_TRUE(NewJournal().Save(At(Step::kApply)).ok());
  const Json object = Live(JournalRef());
  EXPECT_EQ(object["metadata"]["labels"]["app.kubernetes.io/managed-by"],
            "terraform-provider-delivery");
  EXPECT_EQ(object["data"]["workload"], "Deployment/shop/web");
  EXPECT_FALSE(object["metadata"].contains("ownerReferences"));
}

TEST_F(JournalTest, BelongsToTheWorkloadOnceThereIsOne) {
  Journal journal = NewJournal();
  ASSERT_TRUE(journal.Save(At(Step::kApply)).ok());
  const std::string uid = kubernetes::UidOf(kube_->Put(Manifest(kOld)));
  journal.SetOwner(Web(), uid);
  ASSERT_TRUE(journal.Save(At(Step::kAwait)).ok());
  EXPECT_EQ(
      Live(JournalRef())["metadata"]["ownerReferences"],
      Json::array(
          {{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}, {"uid", uid}}}));
  kube_->Remove(Web());
  EXPECT_TRUE(Live(JournalRef()).is_null());
}

// The garbage collector would take the journal of a first release away with the workload, while the
// removal is still to be watched.
TEST_F(JournalTest, OutlivesTheWorkloadWhoseRemovalItTellsOf) {
  for (const Step step : {Step::kRemove, Step::kAwaitRemoved}) {
    Journal journal = NewJournal();
    journal.SetOwner(Web(), kubernetes::UidOf(kube_->Put(Manifest(kOld))));
    ASSERT_TRUE(journal.Save(At(Step::kAwait)).ok());
    ASSERT_TRUE(journal.Save(At(step)).ok());
    kube_->Remove(Web());
    EXPECT_EQ(StoredStep(), engine::StepName(step));
    EXPECT_TRUE(journal.Clear().ok());
  }
}

TEST_F(JournalTest, IsOursWhenTheAnswerToItsCreationIsLost) {
  kube_->AddFault(
      {.kind = KubeFault::Kind::kCutAfter, .method = "POST", .path_part = "configmaps"});
  Journal journal = NewJournal();
  const absl::Status saved = journal.Save(At(Step::kApply));
  EXPECT_TRUE(saved.ok()) << saved;
  ASSERT_TRUE(journal.Save(At(Step::kAwait)).ok());
  EXPECT_EQ(StoredStep(), "await");
}

TEST_F(JournalTest, IsMadeAnewWhenSomebodyDeletesTheWorkloadDuringTheRun) {
  Journal journal = NewJournal();
  journal.SetOwner(Web(), kubernetes::UidOf(kube_->Put(Manifest(kOld))));
  ASSERT_TRUE(journal.Save(At(Step::kAwait)).ok());
  kube_->Remove(Web());
  ASSERT_TRUE(Live(JournalRef()).is_null());

  EXPECT_TRUE(journal.Save(At(Step::kAwaitRemoved)).ok());
  EXPECT_EQ(StoredStep(), engine::StepName(Step::kAwaitRemoved));
  EXPECT_TRUE(journal.Clear().ok());
  EXPECT_TRUE(Live(JournalRef()).is_null());
}

TEST_F(JournalTest, JournalThatWasFoundIsReplaced) {
  ASSERT_TRUE(NewJournal().Save(At(Step::kAwait)).ok());
  Journal next = NewJournal((*Load())->resource_version);
  EXPECT_TRUE(next.Save(At(Step::kRestore)).ok());
  EXPECT_EQ(StoredStep(), "restore");
}

TEST_F(JournalTest, CreateThatComesSecondIsLost) {
  ASSERT_TRUE(NewJournal().Save(At(Step::kAwait)).ok());
  const absl::Status lost = NewJournal().Save(At(Step::kApply));
  EXPECT_TRUE(absl::IsAborted(lost)) << lost;
  EXPECT_THAT(std::string(lost.message()), HasSubstr("another apply of this workload"));
  EXPECT_EQ(StoredStep(), "await");
}

TEST_F(JournalTest, ReplaceOfWhatSomebodyElseWroteIsLost) {
  Journal stale = NewJournal();
  ASSERT_TRUE(stale.Save(At(Step::kApply)).ok());
  Journal other = NewJournal((*Load())->resource_version);
  ASSERT_TRUE(other.Save(At(Step::kRestore)).ok());
  const absl::Status lost = stale.Save(At(Step::kAwait));
  EXPECT_TRUE(absl::IsAborted(lost)) << lost;
  EXPECT_THAT(std::string(lost.message()), HasSubstr("journal of the release"));
  EXPECT_EQ(StoredStep(), "restore");
}

// An apply that took over resumes the same run, so that what it stores can be the very same record.
TEST_F(JournalTest, TheSameRecordBySomebodyElseIsLostToo) {
  Journal stale = NewJournal();
  ASSERT_TRUE(stale.Save(At(Step::kApply)).ok());
  Journal other = NewJournal((*Load())->resource_version);
  ASSERT_TRUE(other.Save(At(Step::kAwait)).ok());
  EXPECT_TRUE(absl::IsAborted(stale.Save(At(Step::kAwait))));
}

// Another apply took over, finished and cleared it: this one must not go on.
TEST_F(JournalTest, JournalThatIsGoneIsNotMadeAnew) {
  Journal stale = NewJournal();
  ASSERT_TRUE(stale.Save(At(Step::kApply)).ok());
  ASSERT_TRUE(kube_->Remove(JournalRef()));
  EXPECT_FALSE(stale.Save(At(Step::kAwait)).ok());
  EXPECT_EQ(StoredStep(), "none");
}

// The connection breaks after the server did the write; its repetition finds the new version.
TEST_F(JournalTest, WriteWhoseAnswerWasLostIsRecognised) {
  Journal journal = NewJournal();
  ASSERT_TRUE(journal.Save(At(Step::kApply)).ok());
  kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "PUT"});
  const absl::Status saved = journal.Save(At(Step::kAwait));
  EXPECT_TRUE(saved.ok()) << saved;
  EXPECT_TRUE(journal.Save(At(Step::kRestore)).ok());
  EXPECT_EQ(StoredStep(), "restore");
}

TEST_F(JournalTest, ClearRemovesItAndAllowsAnotherRun) {
  Journal journal = NewJournal();
  EXPECT_TRUE(journal.Clear().ok());
  EXPECT_THAT(Writes(), IsEmpty());
  ASSERT_TRUE(journal.Save(At(Step::kApply)).ok());
  EXPECT_TRUE(journal.Clear().ok());
  EXPECT_EQ(StoredStep(), "none");
  EXPECT_TRUE(journal.Save(At(Step::kApply)).ok());
  EXPECT_EQ(StoredStep(), "apply");
}

TEST_F(JournalTest, ClearOfAJournalThatIsGoneIsNoError) {
  Journal journal = NewJournal();
  ASSERT_TRUE(journal.Save(At(Step::kApply)).ok());
  ASSERT_TRUE(kube_->Remove(JournalRef()));
  EXPECT_TRUE(journal.Clear().ok());
}

TEST_F(JournalTest, ClearLeavesTheJournalOfAnotherRun) {
  Journal stale = NewJournal();
  ASSERT_TRUE(stale.Save(At(Step::kApply)).ok());
  Journal other = NewJournal((*Load())->resource_version);
  ASSERT_TRUE(other.Save(At(Step::kAwait)).ok());
  EXPECT_TRUE(absl::IsAborted(stale.Clear()));
  EXPECT_EQ(StoredStep(), "await");
}

TEST_F(JournalTest, TooLargeAJournalIsRefusedBeforeItIsSent) {
  State state = At(Step::kAwait);
  state.reason = std::string(256 * 1024, 'x');
  const absl::Status refused = NewJournal().Save(state);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("256 KiB"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(JournalTest, OldMeasurementsAreLeftOutOfAJournalThatWouldBeTooLarge) {
  State state = At(Step::kAwait);
  state.reason = std::string(200 * 1024, 'x');
  for (int i = 0; i < 30; ++i) {
    analysis::Tally& tally = state.tallies[absl::StrCat("metric-", i)];
    tally.passed = 120;
    for (int value = 0; value < 120; ++value) {
      tally.canary_values.push_back(value + 0.123456789);
      tally.stable_values.push_back(value + 0.987654321);
    }
  }
  const absl::Status saved = NewJournal().Save(state);
  ASSERT_TRUE(saved.ok()) << saved;
  const auto entry = Load();
  ASSERT_TRUE(entry.ok() && entry->has_value()) << entry.status();
  const analysis::Tally& tally = (*entry)->state.tallies.at("metric-0");
  EXPECT_EQ(tally.passed, 120);
  ASSERT_FALSE(tally.canary_values.empty());
  EXPECT_EQ(tally.canary_values.size(), tally.stable_values.size());
  EXPECT_EQ(tally.canary_values.back(), 119.123456789);
}

TEST_F(JournalTest, NoJournalIsNoError) {
  const auto entry = Load();
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_FALSE(entry->has_value());
}

TEST_F(JournalTest, JournalThatMayNotBeReadIsAnErrorNotAnAbsence) {
  kube_->Deny({.verb = "get", .resource = "configmaps"});
  EXPECT_TRUE(absl::IsPermissionDenied(Load().status()));
}

TEST_F(JournalTest, SaveThatIsForbiddenSaysSo) {
  kube_->Deny({.verb = "create", .resource = "configmaps"});
  const absl::Status refused = NewJournal().Save(At(Step::kApply));
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot create resource"));
}

struct UnreadableCase {
  const char* name;
  Json data;
  absl::StatusCode code;
  const char* says;
};

class UnreadableJournalTest : public JournalTest,
                              public ::testing::WithParamInterface<UnreadableCase> {};

TEST_P(UnreadableJournalTest, IsAnErrorThatNamesItAndTheRemedy) {
  PutConfigMap(GetParam().data);
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("ConfigMap shop/delivery-deployment-web"), HasSubstr(GetParam().says),
                    HasSubstr("delete that ConfigMap")));
}

std::string NewerState() {
  Json state = engine::EncodeState(At(Step::kAwait));
  state["schema_version"] = GetInt(state, "schema_version") + 1;
  return DumpJson(state);
}

std::string StateWithout(const char* member) {
  Json state = engine::EncodeState(At(Step::kAwait));
  state.erase(member);
  return DumpJson(state);
}

INSTANTIATE_TEST_SUITE_P(
    Contents, UnreadableJournalTest,
    ::testing::Values(
        UnreadableCase{
            "Foreign", {{"nginx.conf", "events {}"}}, absl::StatusCode::kDataLoss, "damaged"},
        UnreadableCase{"Empty", Json::object(), absl::StatusCode::kDataLoss, "damaged"},
        UnreadableCase{
            "NotJson", {{"state", "{\"step\":"}}, absl::StatusCode::kDataLoss, "damaged"},
        UnreadableCase{"NotAnObject", {{"state", "[]"}}, absl::StatusCode::kDataLoss, "damaged"},
        UnreadableCase{"WithoutStep",
                       {{"state", StateWithout("step")}},
                       absl::StatusCode::kDataLoss,
                       "damaged"},
        UnreadableCase{"WithoutIdentity",
                       {{"state", StateWithout("identity")}},
                       absl::StatusCode::kDataLoss,
                       "damaged"},
        UnreadableCase{"Newer",
                       {{"state", NewerState()}},
                       absl::StatusCode::kFailedPrecondition,
                       "newer version of the provider"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::runner
