// What delivery_image_policy resolves in plan, from what it remembers of the last look at the
// registry, and what it leaves to apply.
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/oci/manifest.h"
#include "resources/image_memory.h"
#include "resources/image_policy_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using value::Path;
using value::Type;
using value::Value;

using ArgumentChange = void (*)(ImageArguments&);

// 1.3.9 ran, 1.4.0 runs; 1.2.0 was never selected.
class ImagePolicyPlanTest : public ImagePolicyFixture {
 protected:
  ImagePolicyPlanTest() {
    Push("1.2.0");
    old_ = Push("1.3.9");
    Select(arguments_);
    new_ = Push("1.4.0");
    RefreshAndSelect(arguments_);
    Refresh();
    ForgetRequests();
  }

  // The plan of these arguments, which asks nothing.
  plugin::PlanResponse PlanFromMemory(const ImageArguments& arguments) {
    ForgetRequests();
    plugin::PlanResponse plan = Plan(arguments);
    EXPECT_THAT(Requests(), IsEmpty());
    return plan;
  }
  plugin::PlanResponse PlanOf(ArgumentChange change) {
    ImageArguments arguments = arguments_;
    change(arguments);
    return PlanFromMemory(arguments);
  }
  static std::string TagOf(const plugin::PlanResponse& plan) {
    return TextOf(plan.planned.Get("tag"));
  }

  const ImageArguments arguments_ = Semver("^1.0.0");
  std::string old_;
  std::string new_;
};

// ---- Known

TEST_F(ImagePolicyPlanTest, AnEmergencyPinToWhatRanBeforeIsKnownWithoutTheRegistry) {
  AnswerAlways(503);
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.3.9");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TextOf(plan.planned.Get("image")), absl::StrCat(kRepository, ":1.3.9@", old_));
  EXPECT_EQ(TextOf(plan.planned.Get("created_at")), "2023-11-01T00:00:00Z");
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  ForgetRequests();
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_THAT(Requests(), IsEmpty());
  AnswerAgain();
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

TEST_F(ImagePolicyPlanTest, APinThatIsTakenAwayGoesBack) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.3.9");
  Select(arguments);
  EXPECT_EQ(Text("tag"), "1.3.9");
  RefreshAndSelect(arguments_);
  EXPECT_EQ(Text("image"), absl::StrCat(kRepository, ":1.4.0@", new_));
}

struct KnownCase {
  std::string name;
  ArgumentChange change;
  std::string tag;
};
void PrintTo(const KnownCase& test, std::ostream* out) { *out << test.name; }
class ImagePolicyKnownTest : public ImagePolicyPlanTest,
                             public ::testing::WithParamInterface<KnownCase> {};

TEST_P(ImagePolicyKnownTest, IsResolvedFromMemory) {
  ImageArguments arguments = arguments_;
  GetParam().change(arguments);
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TagOf(plan), GetParam().tag);
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  ForgetRequests();
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_THAT(Requests(), IsEmpty());
  EXPECT_THAT(Said(Refresh().diagnostics), IsEmpty());
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

ImagePolicyKnownTest::ParamType Known(std::string name, ArgumentChange change, std::string tag) {
  return {std::move(name), change, std::move(tag)};
}
schema::Attr<std::vector<schema::Attr<std::string>>> List(const std::string& text) {
  return std::vector<schema::Attr<std::string>>{text};
}

INSTANTIATE_TEST_SUITE_P(
    , ImagePolicyKnownTest,
    ::testing::Values(
        Known(
            "AnExcludedTag", [](ImageArguments& a) { a.exclude = List("1.4.0"); }, "1.3.9"),
        Known(
            "ATagExcludedThatWasNotSelected", [](ImageArguments& a) { a.exclude = List("1.2.0"); },
            "1.4.0"),
        Known(
            "ANarrowerRange",
            [](ImageArguments& a) { a.policy.value().semver = SemverBlock{{"~1.3.0"}}; }, "1.3.9"),
        Known(
            "AWiderRange", [](ImageArguments& a) { a.policy.value().semver = SemverBlock{{"*"}}; },
            "1.4.0"),
        Known(
            "AnotherPolicy",
            [](ImageArguments& a) {
              a.policy = PolicyBlock();
              a.policy.value().alphabetical = AlphabeticalBlock();
            },
            "1.4.0"),
        Known(
            "AFilter",
            [](ImageArguments& a) {
              a.filter_tags = FilterTagsBlock{{"^1\\.3\\."}, {}};
            },
            "1.3.9"),
        Known(
            "APlatform", [](ImageArguments& a) { a.platform = std::string("linux/amd64"); },
            "1.4.0"),
        Known(
            "AnAge", [](ImageArguments& a) { a.min_age = std::string("1h"); }, "1.4.0"),
        Known(
            "ADowngradeThatIsAllowed", [](ImageArguments& a) { a.allow_downgrade = true; },
            "1.4.0"),
        Known(
            "ATimeout", [](ImageArguments& a) { a.timeout = std::string("2m"); }, "1.4.0"),
        Known(
            "NoDigest", [](ImageArguments& a) { a.with_digest = false; }, "1.4.0"),
        Known(
            "AnotherSpellingOfTheRepository",
            [](ImageArguments& a) { a.repository = std::string("REGISTRY.example.com/team/web"); },
            "1.4.0")),
    [](const auto& test) { return test.param.name; });

TEST_F(ImagePolicyPlanTest, AnExcludedDigestIsPassedOver) {
  ImageArguments arguments = arguments_;
  arguments.exclude = List(new_);
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TagOf(plan), "1.3.9");
  EXPECT_THAT(SkippedIn(plan.planned), Contains(StartsWith("1.4.0: excluded by its digest")));
}

TEST_F(ImagePolicyPlanTest, WhatThePinHeldWhenItRanIsMeantNotWhatItsTagNamesNow) {
  Push("1.3.9", {{"comment", "moved"}});
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.3.9");
  Select(arguments);
  EXPECT_EQ(Text("digest"), old_);
}

// Neither plan nor state may depend on the clock: what was old enough is, and what was not may be.
TEST_F(ImagePolicyPlanTest, AgeIsKnownOfWhatWasOldEnoughAtTheLastLook) {
  ImageArguments arguments = arguments_;
  arguments.min_age = std::string("300h");  // all are 336 hours old
  EXPECT_TRUE(PlanFromMemory(arguments).planned.Get("tag").IsWhollyKnown());
  arguments.min_age = std::string("400h");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
}

TEST_F(ImagePolicyPlanTest, ALookThatFindsNothingNewLeavesThePrivateStateAsItIs) {
  Refresh();
  const std::string before = stored_.private_state;
  clock_.Advance(absl::Hours(1000));
  Refresh();
  EXPECT_EQ(stored_.private_state, before);
}

TEST_F(ImagePolicyPlanTest, OfTheNewestAnExclusionIsResolvedFromTheTimesOfTheLastLook) {
  Push("1.2.0", {{"created", "2023-11-02T00:00:00.2Z"}});
  const std::string moved = Push("1.4.0", {{"created", "2023-11-02T00:00:00.1Z"}});
  Select(Newest());
  EXPECT_EQ(Text("tag"), "1.2.0");
  ImageArguments arguments = Newest();
  arguments.exclude = List("1.2.0");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TextOf(plan.planned.Get("image")), absl::StrCat(kRepository, ":1.4.0@", moved));
  RefreshAndSelect(arguments);
  EXPECT_EQ(Text("digest"), moved);
}

TEST_F(ImagePolicyPlanTest, TheNewestAfterAnotherPolicyIsLeftToApply) {
  const plugin::PlanResponse plan = PlanFromMemory(Newest());
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  EXPECT_THAT(Said(ApplyPlan(Newest(), plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.4.0");
}

// ---- Partly known

TEST_F(ImagePolicyPlanTest, OfAPinThatNeverRanTheTagIsKnown) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.2.0");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_EQ(TagOf(plan), "1.2.0");
  EXPECT_EQ(TextOf(plan.planned.Get("latest_tag")), "1.2.0");
  for (const char* attribute : {"digest", "image", "latest_digest", "created_at", "platforms"}) {
    EXPECT_TRUE(plan.planned.Get(attribute).is_unknown()) << attribute;
  }
  ForgetRequests();
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_THAT(Requests(), ElementsAre("HEAD 1.2.0", StartsWith("GET sha256:"), "GET blob"));
  EXPECT_EQ(Text("tag"), "1.2.0");
  EXPECT_EQ(Text("digest"), Text("latest_digest"));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

TEST_F(ImagePolicyPlanTest, WithoutDigestTheImageOfSuchAPinIsKnown) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.2.0");
  arguments.with_digest = false;
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_EQ(TextOf(plan.planned.Get("image")), absl::StrCat(kRepository, ":1.2.0"));
  EXPECT_TRUE(plan.planned.Get("digest").is_unknown());
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
}

TEST_F(ImagePolicyPlanTest, OfARangeWhoseBestNeverRanTheTagIsKnown) {
  const plugin::PlanResponse plan = PlanFromMemory(Semver("~1.2.0"));
  EXPECT_EQ(TagOf(plan), "1.2.0");
  EXPECT_EQ(plan.planned.Get("candidates"), Value::Number(1));
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
  EXPECT_THAT(Said(ApplyPlan(Semver("~1.2.0"), plan).diagnostics), IsEmpty());
  EXPECT_THAT(Text("image"), StartsWith(absl::StrCat(kRepository, ":1.2.0@sha256:")));
}

TEST_F(ImagePolicyPlanTest, AnUnknownPinLeavesTheSelectionToApply) {
  const plugin::PlanResponse plan =
      PlanOf([](ImageArguments& a) { a.pin = schema::Attr<std::string>::Unknown(); });
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  EXPECT_EQ(plan.planned.Get("id"), Value::String(kRepository));
}

TEST_F(ImagePolicyPlanTest, WhetherTheDigestIsShownDoesNotDecideWhatIsSelected) {
  const plugin::PlanResponse plan =
      PlanOf([](ImageArguments& a) { a.with_digest = schema::Attr<bool>::Unknown(); });
  EXPECT_EQ(TagOf(plan), "1.4.0");
  EXPECT_EQ(TextOf(plan.planned.Get("digest")), new_);
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
}

// Its image may turn out to be refused: then another tag is selected.
TEST_F(ImagePolicyPlanTest, WhereTheContentDecidesTheTagIsNotPromised) {
  ImageArguments arguments = Semver("~1.2.0");
  arguments.platform = std::string("linux/amd64");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.2.0");
}

TEST_F(ImagePolicyPlanTest, APinWithAPlatformIsPromisedAndHeldAgainstIt) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.2.0");
  arguments.platform = std::string("linux/arm64");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_EQ(TagOf(plan), "1.2.0");
  const Value before = stored_.state;
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: No image was selected"),
                                HasSubstr("the plan selected the tag 1.2.0"),
                                HasSubstr("linux/arm64"), HasSubstr("Plan again"))));
  EXPECT_EQ(stored_.state, before);
}

// Otherwise each plan would promise it, and each apply refuse it.
TEST_F(ImagePolicyPlanTest, WhatAnApplyHadToRefuseIsPassedOverByTheNextPlan) {
  const ImageArguments arguments = Semver(">=1.5.0-0 || ~1.2.0");
  const std::string good = Push("1.5.0", {{"comment", "good"}});
  registry_->AddManifest("team/web", "1.5.1", {{"garbage", true}}, oci::kOciManifest);
  ImageArguments pinned = arguments_;
  pinned.pin = std::string("1.3.9");
  Select(pinned);
  Refresh();
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_EQ(TagOf(plan), "1.5.1");
  const Value before = stored_.state;
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(HasSubstr("the plan selected the tag 1.5.1")));
  EXPECT_EQ(stored_.state, before);
  Refresh();
  const plugin::PlanResponse next = PlanFromMemory(arguments);
  EXPECT_EQ(TagOf(next), "1.5.0");
  EXPECT_THAT(Said(ApplyPlan(arguments, next).diagnostics), IsEmpty());
  EXPECT_EQ(Text("digest"), good);
  const std::string repaired = Push("1.5.1");
  RefreshAndSelect(arguments);
  EXPECT_EQ(Text("digest"), repaired);
}

TEST_F(ImagePolicyPlanTest, APinThatIsNotThereIsSaidAtPlanAndAnErrorAtApply) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.9.9");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_THAT(Said(plan.diagnostics),
              ElementsAre(AllOf(StartsWith("warning at pin: There is no tag 1.9.9"),
                                HasSubstr("unless it is pushed before"))));
  const Stored before = stored_;
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(HasSubstr("the plan selected the tag 1.9.9")));
  EXPECT_EQ(stored_.state, before.state);
  Push("1.9.9");
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.9.9");
}

TEST_F(ImagePolicyPlanTest, NothingToSelectIsAWarningAtPlanAndAnErrorAtApply) {
  const ImageArguments arguments = Semver("^9.0.0");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_THAT(Said(plan.diagnostics),
              ElementsAre(AllOf(StartsWith("warning at repository: No image can be selected now"),
                                HasSubstr("\n  1.4.0: "))));
  const Value before = stored_.state;
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(StartsWith("error at repository: No image was selected")));
  EXPECT_EQ(stored_.state, before);
}

TEST_F(ImagePolicyPlanTest, AnUpdateThatAsksAgainDuringAnOutageKeepsTheState) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.2.0");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  const Stored before = stored_;
  AnswerAlways(503);
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: "), HasSubstr("503"))));
  EXPECT_EQ(stored_.state, before.state);
}

TEST_F(ImagePolicyPlanTest, AnUpdateThatAsksAgainDoesNotGoDownEither) {
  registry_->RemoveTag("team/web", "1.4.0");
  ImageArguments arguments = arguments_;
  arguments.platform = std::string("linux/amd64");
  arguments.exclude = schema::Attr<std::vector<schema::Attr<std::string>>>::Unknown();
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  arguments.exclude = List("7.7.7");
  // What the host has filled in by then.
  plugin::PlanResponse filled = plan;
  filled.planned =
      plan.planned.With("exclude", Value::MakeList(Type::String(), {Value::String("7.7.7")}));
  EXPECT_THAT(Said(ApplyPlan(arguments, filled).diagnostics), IsEmpty());
  EXPECT_EQ(Text("digest"), new_);
}

// ---- Another repository

TEST_F(ImagePolicyPlanTest, AnotherRepositoryIsAReplacementWhichIsForetold) {
  registry_->AddImage("team/api", "1.0.0");
  ImageArguments arguments = arguments_;
  arguments.repository = std::string("registry.example.com/team/api");
  const plugin::PlanResponse plan = PlanFromMemory(arguments);
  EXPECT_THAT(plan.requires_replace, ElementsAre(Path::Of("repository")));
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
  // The host plans the second half of it as a create, with the private state of the first.
  stored_.state = NoState();
  stored_.identity = Value();
  const plugin::PlanResponse create = Plan(arguments);
  EXPECT_THAT(Said(create.diagnostics), ElementsAre(HasSubstr("Now it would be 1.0.0")));
  EXPECT_THAT(Said(ApplyPlan(arguments, create).diagnostics), IsEmpty());
  EXPECT_THAT(Text("image"), StartsWith("registry.example.com/team/api:1.0.0@sha256:"));
  EXPECT_EQ(ImageMemory::Parse(stored_.private_state)->repository, "registry.example.com/team/api");
}

TEST_F(ImagePolicyPlanTest, ARepositoryThatIsUnknownMayBeAnother) {
  const plugin::PlanResponse plan =
      PlanOf([](ImageArguments& a) { a.repository = schema::Attr<std::string>::Unknown(); });
  EXPECT_TRUE(plan.planned.Get("image").is_unknown());
  EXPECT_TRUE(plan.planned.Get("id").is_unknown());
}

// ---- More tags than are remembered

class ManyTagsTest : public ImagePolicyFixture {
 protected:
  // 2,100 tags, of which the lowest 100 are forgotten.
  ManyTagsTest() {
    for (size_t i = 0; i < ImageMemory::kMostTags + 100; ++i) {
      Push(absl::StrCat("1.0.", i), {{"comment", ""}});
    }
    Select(arguments_);
    before_ = Push("1.5.0");
    RefreshAndSelect(arguments_);
    Push("1.6.0");
    RefreshAndSelect(arguments_);
    Refresh();
    ForgetRequests();
  }

  const ImageArguments arguments_ = Semver("^1.0.0");
  std::string before_;
};

TEST_F(ManyTagsTest, NothingNewMeansAnEmptyPlan) {
  EXPECT_EQ(stored_.state.Get("candidates"),
            Value::Number(static_cast<int64_t>(ImageMemory::kMostTags) + 102));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(arguments_));
}

TEST_F(ManyTagsTest, APinToWhatRanBeforeIsKnown) {
  AnswerAlways(503);
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.5.0");
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_TRUE(plan.planned.IsWhollyKnown());
  EXPECT_EQ(TextOf(plan.planned.Get("digest")), before_);
  EXPECT_EQ(plan.planned.Get("candidates"), Value::Number(1));
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
}

TEST_F(ManyTagsTest, APinToAForgottenTagIsNotSaidToBeMissing) {
  ImageArguments arguments = arguments_;
  arguments.pin = std::string("1.0.7");
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_EQ(TextOf(plan.planned.Get("tag")), "1.0.7");
  EXPECT_EQ(plan.planned.Get("candidates"), Value::Number(1));
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
}

// How many there are cannot be told of a list that was cut: the last count stands.
TEST_F(ManyTagsTest, AnExclusionIsResolvedByTheSameOrder) {
  ImageArguments arguments = arguments_;
  arguments.exclude = List("1.6.0");
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_EQ(TextOf(plan.planned.Get("digest")), before_);
  EXPECT_EQ(plan.planned.Get("candidates"), stored_.state.Get("candidates"));
  Push("1.5.0", {{"comment", "moved"}});
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("digest"), before_) << "what was planned is applied";
}

// The best of another order may be among those that were forgotten.
TEST_F(ManyTagsTest, AnotherOrderIsLeftToApply) {
  PolicyBlock policy;
  policy.alphabetical = AlphabeticalBlock{{"desc"}};
  const ImageArguments arguments = With(policy);
  const plugin::PlanResponse plan = Plan(arguments);
  EXPECT_TRUE(plan.planned.Get("tag").is_unknown());
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_THAT(Said(ApplyPlan(arguments, plan).diagnostics), IsEmpty());
  EXPECT_EQ(Text("tag"), "1.0.0");
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(arguments));
}

}  // namespace
}  // namespace delivery::resources
