// What delivery_image_policy selects and stores: create, refresh, apply and import, with a registry
// that answers and with one that does not.
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "resources/image_memory.h"
#include "resources/image_policy_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using value::Path;
using value::Type;
using value::Value;

class ImagePolicyTest : public ImagePolicyFixture {
 protected:
  ImagePolicyTest() {
    old_ = Push("1.3.9");
    Push("0.9.0");
    Push("latest");
  }
  // After this a refresh finds 1.4.0.
  void PushNew() { new_ = Push("1.4.0"); }

  const ImageArguments arguments_ = Semver("^1.0.0");
  std::string old_;
  std::string new_;
};

// ---- Create

TEST_F(ImagePolicyTest, ACreateIsKnownAfterApplyAndForetold) {
  const plugin::PlanResponse plan = Plan(arguments_);
  for (const char* attribute : {"tag", "digest", "image", "created_at", "platforms", "latest_tag",
                                "latest_digest", "candidates", "skipped"}) {
    EXPECT_TRUE(plan.planned.Get(attribute).is_unknown()) << attribute;
  }
  EXPECT_EQ(plan.planned.Get("id"), Value::String(kRepository));
  EXPECT_THAT(Said(plan.diagnostics),
              ElementsAre(AllOf(StartsWith("warning at repository: Now it would be 1.3.9: "),
                                HasSubstr(absl::StrCat(kRepository, ":1.3.9@", old_)))));
}

TEST_F(ImagePolicyTest, ACreateSelects) {
  EXPECT_THAT(Said(Apply(arguments_).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.3.9");
  EXPECT_EQ(Text("digest"), old_);
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.3.9@", old_));
  EXPECT_EQ(Text("created_at"), "2023-11-01T00:00:00Z");
  EXPECT_EQ(stored_.state.Get("platforms"),
            Value::MakeList(Type::String(), {Value::String("linux/amd64")}));
  EXPECT_EQ(Text("latest_tag"), "1.3.9");
  EXPECT_EQ(Text("latest_digest"), old_);
  EXPECT_EQ(stored_.state.Get("candidates"), Value::Number(1));
  EXPECT_THAT(SkippedIn(stored_.state),
              ElementsAre(StartsWith("0.9.0: "), "latest: not a semantic version"));
  EXPECT_EQ(stored_.identity, Value::Object({{"repository", Value::String(kRepository)}}));
}

TEST_F(ImagePolicyTest, ACreateSelectsWhatIsThereWhenItIsApplied) {
  const plugin::PlanResponse plan = Plan(arguments_);
  PushNew();
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.4.0");
}

TEST_F(ImagePolicyTest, WithoutDigestTheImageIsItsTag) {
  ImageArguments arguments = arguments_;
  arguments.with_digest = false;
  Select(arguments);
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.3.9"));
  EXPECT_EQ(Text("digest"), old_);
}

TEST_F(ImagePolicyTest, TheRepositoryIsShownAsItIsWritten) {
  registry_->Change([](auto& settings) { settings.host = "registry-1.docker.io"; });
  registry_->AddImage("library/nginx", "1.25.0");
  ImageArguments arguments = Semver("*");
  arguments.repository = std::string("nginx");
  Select(arguments);
  EXPECT_THAT(Text("image"), StartsWith("nginx:1.25.0@sha256:"));
  EXPECT_EQ(Text("id"), "docker.io/library/nginx");
}

TEST_F(ImagePolicyTest, ACreateWithoutAnImageIsAWarningAtPlanAndAnErrorAtApply) {
  const ImageArguments arguments = Semver("^7.0.0");
  const plugin::PlanResponse plan = Plan(arguments);
  const auto why = AllOf(HasSubstr(kRepository), HasSubstr("none of the 3 tags can be selected"),
                         HasSubstr("\n  1.3.9: "));
  EXPECT_THAT(
      Said(plan.diagnostics),
      ElementsAre(AllOf(StartsWith("warning at repository: No image can be selected now"), why)));
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: No image was selected"), why)));
  EXPECT_TRUE(stored_.state.is_null());
}

TEST_F(ImagePolicyTest, ACreateOfWhatIsUnknownAsksNothing) {
  ImageArguments arguments = arguments_;
  arguments.pin = schema::Attr<std::string>::Unknown();
  EXPECT_THAT(Said(Plan(arguments).diagnostics), IsEmpty());
  arguments.repository = schema::Attr<std::string>::Unknown();
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_TRUE(plan.planned.Get("id").is_unknown());
  EXPECT_TRUE(plan.identity.is_null());
  EXPECT_THAT(Requests(), IsEmpty());
}

TEST_F(ImagePolicyTest, AStopEndsTheApply) {
  const plugin::PlanResponse plan = Plan(arguments_);
  stop_.request_stop();
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics), SizeIs(1));
  EXPECT_TRUE(stored_.state.is_null());
}

// ---- A newer image

TEST_F(ImagePolicyTest, ARefreshFindsItThePlanMovesToItAndApplyTakesIt) {
  Select(arguments_);
  PushNew();
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.3.9");
  EXPECT_EQ(Text("latest_tag"), "1.4.0");
  EXPECT_EQ(Text("latest_digest"), new_);
  EXPECT_EQ(stored_.state.Get("candidates"), Value::Number(2));
  ForgetRequests();
  const plugin::PlanResponse plan = Plan(arguments_);
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TextOf(plan.planned.Get("tag")), "1.4.0");
  EXPECT_EQ(TextOf(plan.planned.Get("image")), absl::StrCat(kRepository, ":1.4.0@", new_));
  Select(arguments_);
  EXPECT_EQ(Text("tag"), "1.4.0");
  EXPECT_THAT(Requests(), IsEmpty());
}

TEST_F(ImagePolicyTest, WhatIsPushedBetweenPlanAndApplyChangesNothing) {
  Select(arguments_);
  PushNew();
  Refresh();
  const plugin::PlanResponse plan = Plan(arguments_);
  Push("1.4.0", {{"comment", "moved"}});
  Push("1.5.0");
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.4.0@", new_));
  Refresh();
  EXPECT_EQ(Text("latest_tag"), "1.5.0");
}

TEST_F(ImagePolicyTest, ATagThatMovesIsFollowedByItsDigest) {
  Select(arguments_);
  const std::string moved = Push("1.3.9", {{"comment", "moved"}});
  RefreshAndSelect(arguments_);
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.3.9@", moved));
}

TEST_F(ImagePolicyTest, NothingNewMeansAnEmptyPlanTwiceInARow) {
  ImageArguments arguments = arguments_;
  arguments.platform = std::string("linux/amd64");
  arguments.exclude = Texts({});
  Select(arguments);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
    EXPECT_TRUE(PlanIsEmpty(arguments));
    clock_.Advance(absl::Hours(24));
  }
}

TEST_F(ImagePolicyTest, ARefreshOfWhatIsUnchangedListsTagsAndAsksForOneDigest) {
  Select(arguments_);
  ForgetRequests();
  const Value before = stored_.state;
  Refresh();
  EXPECT_THAT(Requests(), ElementsAre("GET tags", "HEAD 1.3.9"));
  EXPECT_EQ(stored_.state, before);
  ForgetRequests();
  EXPECT_TRUE(PlanIsEmpty(arguments_));
  EXPECT_THAT(Requests(), IsEmpty());
}

TEST_F(ImagePolicyTest, ATagListThatDidNotChangeIsNotSentAgain) {
  int sent = 0;
  registry_->Intercept([&](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StrContains(request.url, "tags/list")) return std::nullopt;
    if (http::FindHeader(request.headers, "If-None-Match") == "\"1\"") {
      return http::Response{304, {}, ""};
    }
    ++sent;
    return http::Response{200, {{"ETag", "\"1\""}}, R"({"tags": ["1.3.9"]})"};
  });
  Select(arguments_);
  EXPECT_EQ(sent, 3);  // two plans of a create, and the apply
  Refresh();
  EXPECT_EQ(sent, 3);
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

// ---- What stays

TEST_F(ImagePolicyTest, AVanishedTagStaysWithAWarningAtEachRefresh) {
  Push("1.2.0");
  Select(arguments_);
  registry_->RemoveTag("team/web", "1.3.9");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Said(Refresh().diagnostics),
                ElementsAre(AllOf(StartsWith("warning at repository: The selected tag stays"),
                                  HasSubstr("1.3.9"), HasSubstr(old_),
                                  HasSubstr("is no longer in the repository"),
                                  HasSubstr("allow_downgrade is false"))));
    EXPECT_TRUE(PlanIsEmpty(arguments_));
  }
}

TEST_F(ImagePolicyTest, AVanishedTagIsLeftWhereADowngradeIsAllowed) {
  Push("1.2.0");
  ImageArguments arguments = arguments_;
  arguments.allow_downgrade = true;
  Select(arguments);
  registry_->RemoveTag("team/web", "1.3.9");
  RefreshAndSelect(arguments);
  EXPECT_EQ(Text("tag"), "1.2.0");
}

TEST_F(ImagePolicyTest, APinnedTagThatVanishesStaysAndTheWarningBlamesThePin) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.3.9");
  arguments.allow_downgrade = true;
  Select(arguments);
  registry_->RemoveTag("team/web", "1.3.9");
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(HasSubstr("is no longer in the repository, and pin holds it"),
                                Not(HasSubstr("allow_downgrade")))));
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

TEST_F(ImagePolicyTest, ATagThatMovesToAnImageWhichIsRefusedStaysAtItsOld) {
  ImageArguments arguments = arguments_;
  arguments.platform = std::string("linux/amd64");
  Select(arguments);
  Push("1.3.9", {{"architecture", "arm64"}});
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(HasSubstr("names another image now, which is refused"),
                                HasSubstr("linux/arm64"))));
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

TEST_F(ImagePolicyTest, AnEmptiedRepositoryChangesNothing) {
  Select(arguments_);
  for (const char* tag : {"1.3.9", "0.9.0", "latest"}) registry_->RemoveTag("team/web", tag);
  EXPECT_THAT(Said(Refresh().diagnostics), ElementsAre(HasSubstr("The selected tag stays")));
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

// ---- Time

TEST_F(ImagePolicyTest, OfTheNewestASubSecondDecides) {
  Push("1.3.9", {{"created", "2023-11-02T00:00:00.000000001Z"}});
  Push("latest", {{"created", "2023-11-02T00:00:00.000000002Z"}});
  Push("0.9.0", {{"created", "2023-11-02T00:00:00Z"}});
  Select(Newest());
  EXPECT_EQ(Text("tag"), "latest");
  EXPECT_EQ(Text("created_at"), "2023-11-02T00:00:00Z");
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(Newest()));
  ImageArguments arguments = Newest();
  arguments.exclude = Texts({"latest"});
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_EQ(TextOf(plan.planned.Get("tag")), "1.3.9");
  Select(arguments);
  EXPECT_EQ(Text("tag"), "1.3.9");
}

TEST_F(ImagePolicyTest, AnImageGrowsOldEnoughAtARefreshNotInAPlan) {
  ImageArguments arguments = arguments_;
  arguments.min_age = std::string("24h");
  Select(arguments);
  Push("1.4.0", {{"created", "2023-11-14T22:00:00Z"}});
  Refresh();
  EXPECT_THAT(SkippedIn(stored_.state),
              Contains("1.4.0: younger than min_age: created 2023-11-14T22:00:00Z"));
  const std::vector<std::string> skipped = SkippedIn(stored_.state);
  clock_.Advance(absl::Hours(1));
  Refresh();
  EXPECT_EQ(SkippedIn(stored_.state), skipped) << "no stored text contains an age";
  clock_.Advance(absl::Hours(24));
  EXPECT_TRUE(PlanIsEmpty(arguments));
  RefreshAndSelect(arguments);
  EXPECT_EQ(Text("tag"), "1.4.0");
}

// ---- A registry in trouble

TEST_F(ImagePolicyTest, AnOutageIsAWarningAndChangesNothing) {
  Select(arguments_);
  const Stored before = stored_;
  AnswerAlways(503);
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(StartsWith("warning at repository: The registry of "),
                                HasSubstr("was not asked"), HasSubstr("503"),
                                HasSubstr("The selection stays at registry.example.com/team/web:"
                                          "1.3.9@sha256:"))));
  EXPECT_EQ(stored_.state, before.state);
  EXPECT_EQ(stored_.private_state, before.private_state);
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

TEST_F(ImagePolicyTest, AnOutageIsOverWithinTheTimeout) {
  ImageArguments arguments = arguments_;
  arguments.timeout = std::string("10s");
  Select(arguments);
  const absl::Time start = clock_.Now();
  AnswerAlways(503);
  Refresh();
  EXPECT_LE(clock_.Now() - start, absl::Seconds(10));
}

TEST_F(ImagePolicyTest, ACreateDuringAnOutageIsForetoldToFailAndFails) {
  AnswerAlways(503);
  const plugin::PlanResponse plan = Plan(arguments_);
  EXPECT_THAT(
      Said(plan.diagnostics),
      ElementsAre(AllOf(StartsWith("warning at repository: No image can be selected now"),
                        HasSubstr("503"), HasSubstr("Apply fails unless that has changed"))));
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics),
              ElementsAre(StartsWith("error at repository: No image was selected")));
}

struct RefusalCase {
  int status;
  const char* said;
};
void PrintTo(const RefusalCase& test, std::ostream* out) { *out << test.status; }
class ImagePolicyRefusalTest : public ImagePolicyTest,
                               public ::testing::WithParamInterface<RefusalCase> {};

TEST_P(ImagePolicyRefusalTest, IsAnErrorAndTheStateStays) {
  Select(arguments_);
  const Value before = stored_.state;
  AnswerAlways(GetParam().status);
  EXPECT_THAT(
      Said(Refresh().diagnostics),
      ElementsAre(
          AllOf(StartsWith("error at repository: Refresh failed"), HasSubstr(GetParam().said)),
          AllOf(StartsWith("warning at repository: "), HasSubstr("-refresh=false"))));
  EXPECT_EQ(stored_.state, before);
}

INSTANTIATE_TEST_SUITE_P(, ImagePolicyRefusalTest,
                         ::testing::Values(RefusalCase{401, "docker login"},
                                           RefusalCase{403, "denies access"}),
                         [](const auto& test) { return absl::StrCat(test.param.status); });

// As if all its tags had vanished.
TEST_F(ImagePolicyTest, ARepositoryThatIsGoneIsAWarningAndChangesNothing) {
  Select(arguments_);
  AnswerAlways(404);
  EXPECT_THAT(Said(Refresh().diagnostics), ElementsAre(AllOf(StartsWith("warning at repository: "),
                                                             HasSubstr("registry.example.com"),
                                                             HasSubstr("The selection stays at"))));
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

TEST_F(ImagePolicyTest, WhenNothingCanBeSelectedAnyMoreTheSelectionStays) {
  ImageArguments arguments = arguments_;
  arguments.allow_downgrade = true;
  Select(arguments);
  registry_->RemoveTag("team/web", "1.3.9");
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(StartsWith("warning at repository: "),
                                HasSubstr("none of the 2 tags can be selected"),
                                HasSubstr("The selection stays at"))));
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

TEST_F(ImagePolicyTest, OneUnreadableTagDoesNotEndTheSelection) {
  Select(arguments_);
  PushNew();
  Push("1.5.0");
  registry_->Intercept([](const http::Request& request) -> std::optional<http::Response> {
    if (!absl::StrContains(request.url, "manifests/1.5.0")) return std::nullopt;
    return http::Response{500, {}, ""};
  });
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(StartsWith("warning at repository: Tag 1.5.0 was not read"),
                                HasSubstr("500"), HasSubstr("1.4.0 is selected until it can"))));
  EXPECT_EQ(Text("latest_tag"), "1.4.0");
  EXPECT_THAT(SkippedIn(stored_.state), Contains(StartsWith("1.5.0: cannot be read: ")));
}

TEST_F(ImagePolicyTest, RegistriesThatAreUnknownSkipTheRefresh) {
  Select(arguments_);
  const Value before = stored_.state;
  registries_.SetUnknown();
  EXPECT_THAT(Said(Refresh().diagnostics), ElementsAre(StartsWith("warning: Refresh was skipped")));
  EXPECT_EQ(stored_.state, before);
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

TEST_F(ImagePolicyTest, ACreateWithUnknownRegistriesIsPlannedWithoutThem) {
  registries_.SetUnknown();
  const plugin::PlanResponse plan = Plan(arguments_);
  EXPECT_THAT(Said(plan.diagnostics),
              ElementsAre(StartsWith("warning at repository: Planned without the registry")));
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
  registries_.Set({});
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics), IsEmpty());
}

// ---- Import

TEST_F(ImagePolicyTest, AnImportWithATagTakesItsImage) {
  const plugin::ReadResponse imported = Import(absl::StrCat(kRepository, ":0.9.0"));
  EXPECT_THAT(Said(imported.diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "0.9.0");
  EXPECT_THAT(Text("image"), StartsWith(absl::StrCat(kRepository, ":0.9.0@sha256:")));
  EXPECT_EQ(Text("repository"), kRepository);
  EXPECT_EQ(stored_.identity, Value::Object({{"repository", Value::String(kRepository)}}));
}

TEST_F(ImagePolicyTest, AnImportWithATagAndADigestTakesThem) {
  Push("1.3.9", {{"comment", "moved"}});
  Import(absl::StrCat(kRepository, ":1.3.9@", old_));
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.3.9@", old_));
}

TEST_F(ImagePolicyTest, AnImportWithADigestHasNoTag) {
  Import(absl::StrCat(kRepository, "@", old_));
  EXPECT_TRUE(stored_.state.Get("tag").is_null());
  EXPECT_TRUE(stored_.state.Get("latest_tag").is_null());
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, "@", old_));
}

TEST_F(ImagePolicyTest, AnImportOfTheRepositoryAloneHasNoSelection) {
  Import(kRepository);
  EXPECT_EQ(Text("id"), kRepository);
  for (const char* attribute : {"tag", "digest", "image", "latest_tag"}) {
    EXPECT_TRUE(stored_.state.Get(attribute).is_null()) << attribute;
  }
}

TEST_F(ImagePolicyTest, AnImportByIdentityIsOneByItsRepository) {
  Import("", Value::Object({{"repository", Value::String(kRepository)}}));
  EXPECT_EQ(Text("id"), kRepository);
}

struct ImportCase {
  std::string name;
  std::string what;  // after the repository; the digest is added after an '@'
};
void PrintTo(const ImportCase& test, std::ostream* out) { *out << test.name; }
class ImagePolicyImportTest : public ImagePolicyTest,
                              public ::testing::WithParamInterface<ImportCase> {};

// The hosts refresh what they have imported.
TEST_P(ImagePolicyImportTest, IsChangedByNoRefreshAndLeadsToTheSameSelection) {
  const std::string& what = GetParam().what;
  Import(absl::StrCat(kRepository, what, what.ends_with('@') ? old_ : ""));
  const Value imported = stored_.state;
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_EQ(stored_.state, imported);
  const plugin::PlanResponse plan = Plan(arguments_);
  EXPECT_EQ(TextOf(plan.planned.Get("tag")), "1.3.9");
  EXPECT_THAT(plan.requires_replace, IsEmpty());
  RefreshAndSelect(arguments_);
  EXPECT_EQ(Text("digest"), old_);
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

INSTANTIATE_TEST_SUITE_P(
    , ImagePolicyImportTest,
    ::testing::Values(ImportCase{"Repository", ""}, ImportCase{"AnotherTag", ":0.9.0"},
                      ImportCase{"TheTag", ":1.3.9"}, ImportCase{"TheDigest", "@"},
                      ImportCase{"Both", ":1.3.9@"}, ImportCase{"TheDigestByAnotherTag", ":x@"}),
    [](const auto& test) { return test.param.name; });

TEST_F(ImagePolicyTest, AnImportOfWhatIsSelectedAlreadyChangesTheArgumentsOnly) {
  Import(absl::StrCat(kRepository, ":1.3.9"));
  Refresh();
  const plugin::PlanResponse plan = Plan(arguments_);
  for (const char* attribute : {"id", "tag", "digest", "image", "created_at", "platforms"}) {
    EXPECT_EQ(plan.planned.Get(attribute), stored_.state.Get(attribute)) << attribute;
  }
}

TEST_F(ImagePolicyTest, AnImportThatCannotBeIsAnErrorThatNamesIt) {
  EXPECT_THAT(Said(Import("https://registry.example.com/web").diagnostics),
              ElementsAre(AllOf(StartsWith("error: Invalid import id"),
                                HasSubstr("repository[:tag][@digest]"))));
  EXPECT_THAT(Said(Import(absl::StrCat(kRepository, ":7.0.0")).diagnostics),
              ElementsAre(AllOf(HasSubstr("Cannot import registry.example.com/team/web:7.0.0"),
                                HasSubstr("does not have it"))));
  EXPECT_THAT(Said(Import("registry.example.com/team/other").diagnostics),
              ElementsAre(HasSubstr("no such repository")));
  EXPECT_TRUE(stored_.state.is_null());
}

// ---- What goes wrong with us

TEST_F(ImagePolicyTest, AnApplyThatWasKilledIsAppliedAgain) {
  const plugin::PlanResponse create = Plan(arguments_);
  const Stored none = stored_;
  ApplyPlan(arguments_, create);
  const Stored created = stored_;
  stored_ = none;
  ApplyPlan(arguments_, create);
  EXPECT_EQ(stored_.state, created.state);
  PushNew();
  Refresh();
  const Stored before = stored_;
  const plugin::PlanResponse update = Plan(arguments_);
  ApplyPlan(arguments_, update);
  const Stored updated = stored_;
  stored_ = before;
  ApplyPlan(arguments_, update);
  EXPECT_EQ(stored_.state, updated.state);
  EXPECT_EQ(stored_.private_state, updated.private_state);
}

TEST_F(ImagePolicyTest, ADamagedMemoryIsAnErrorWithARemedy) {
  Select(arguments_);
  const Value before = stored_.state;
  stored_.private_state = R"({"version": 99})";
  const auto damaged = HasSubstr("import the image policy again");
  EXPECT_THAT(Said(Refresh().diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: Refresh failed"), damaged)));
  EXPECT_THAT(Said(Plan(arguments_).diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: Plan failed"), damaged)));
  EXPECT_EQ(stored_.state, before);
}

TEST_F(ImagePolicyTest, ALostMemoryIsMadeAnew) {
  Select(arguments_);
  stored_.private_state = "";
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(arguments_));
  EXPECT_EQ(ImageMemory::Parse(stored_.private_state)->tags.size(), 3u);
}

// Without the refresh that would make it anew: what was planned is what is applied.
TEST_F(ImagePolicyTest, WithALostMemoryThePlannedDigestIsApplied) {
  Select(arguments_);
  PushNew();
  Refresh();
  stored_.private_state = "";
  const plugin::PlanResponse plan = Plan(arguments_);
  EXPECT_EQ(TextOf(plan.planned.Get("digest")), new_);
  Push("1.4.0", {{"comment", "moved"}});
  EXPECT_THAT(Said(ApplyPlan(arguments_, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("digest"), new_);
  EXPECT_EQ(Text("created_at"), "2023-11-01T00:00:00Z");
}

TEST_F(ImagePolicyTest, ADestroyAsksNothingAndLeavesNothing) {
  Select(arguments_);
  ForgetRequests();
  const plugin::PlanResponse plan = policy_->Plan(
      {}, {NoState(), stored_.state, NoState(), stored_.private_state, stored_.identity});
  EXPECT_TRUE(plan.planned.is_null());
  const plugin::ApplyResponse applied = policy_->Apply(
      {}, {NoState(), stored_.state, NoState(), stored_.private_state, stored_.identity});
  EXPECT_TRUE(applied.state.is_null());
  EXPECT_THAT(Said(applied.diagnostics), IsEmpty());
  EXPECT_THAT(Requests(), IsEmpty());
}

}  // namespace
}  // namespace delivery::resources
