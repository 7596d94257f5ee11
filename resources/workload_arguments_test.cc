#include "resources/workload_arguments.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using value::Type;
using value::Value;

using Strings = std::vector<Attr<std::string>>;

std::vector<std::string> Complaints(const WorkloadArguments& arguments) {
  Diagnostics diagnostics;
  ValidateWorkloadArguments(arguments, {"Deployment"}, diagnostics);
  return Said(diagnostics);
}

TEST(WorkloadArgumentsTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(WorkloadArguments::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(WorkloadResults::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(ReleaseStatus::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(Timeouts::Declaration().Problems(), IsEmpty());
}

TEST(WorkloadArgumentsTest, DefaultsAreThoseOfTheContract) {
  const WorkloadArguments arguments = ArgumentsFor(WebManifest());
  EXPECT_EQ(arguments.on_interrupt.value(), "resume");
  EXPECT_EQ(arguments.drift_mode.value(), "correct");
  EXPECT_THAT(arguments.ignore_fields.value(), IsEmpty());
  EXPECT_FALSE(arguments.force_conflicts.value());
  EXPECT_FALSE(arguments.adopt_existing.value());
  EXPECT_EQ(arguments.progress_deadline.value(), "10m");
  EXPECT_EQ(arguments.schedule_timeout.value(), "30s");
  EXPECT_TRUE(arguments.images.is_null());
}

// ---- Field rules

struct RuleCase {
  std::string name;
  std::function<void(WorkloadArguments&)> set;
  std::string complaint;
};
void PrintTo(const RuleCase& test, std::ostream* out) { *out << test.name; }

class WorkloadRuleTest : public ::testing::TestWithParam<RuleCase> {};

TEST_P(WorkloadRuleTest, IsCheckedAtTheArgument) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  GetParam().set(arguments);
  Diagnostics diagnostics;
  WorkloadArguments::Declaration().Validate(arguments, {}, diagnostics);
  EXPECT_THAT(Said(diagnostics), ElementsAre(StartsWith(GetParam().complaint)));
}

INSTANTIATE_TEST_SUITE_P(
    , WorkloadRuleTest,
    ::testing::Values(
        RuleCase{"NoManifest", [](auto& a) { a.manifest = {}; }, "error at manifest: "},
        RuleCase{"OnInterrupt", [](auto& a) { a.on_interrupt = std::string("stop"); },
                 "error at on_interrupt: "},
        RuleCase{"DriftMode", [](auto& a) { a.drift_mode = std::string("warn"); },
                 "error at drift_mode: "},
        RuleCase{"ProgressDeadline", [](auto& a) { a.progress_deadline = std::string("soon"); },
                 "error at progress_deadline: "},
        RuleCase{"ScheduleTimeout", [](auto& a) { a.schedule_timeout = std::string("-30s"); },
                 "error at schedule_timeout: "},
        RuleCase{"CreateTimeout",
                 [](auto& a) {
                   a.timeouts = Timeouts{std::string("5"), {}, {}};
                 },
                 "error at timeouts.create: "}),
    [](const auto& test) { return test.param.name; });

// ---- Manifest

TEST(ValidateManifestTest, AGoodOneIsAccepted) {
  EXPECT_THAT(Complaints(ArgumentsFor(WebManifest("registry.test:5000/shop/web:1@sha256:"
                                                  "0123456789abcdef0123456789abcdef"))),
              IsEmpty());
}

TEST(ValidateManifestTest, ListsAndTextsAreExplained) {
  EXPECT_THAT(Complaints(ArgumentsFor(Json::array({WebManifest(), WebManifest()}))),
              ElementsAre(AllOf(StartsWith("error at manifest: manifest is not an object"),
                                HasSubstr("It is a list"), HasSubstr("one resource each"))));
  EXPECT_THAT(Complaints(ArgumentsFor(Json("kind: Deployment"))),
              ElementsAre(AllOf(HasSubstr("It is a scalar"), HasSubstr("yamldecode"))));
}

TEST(ValidateManifestTest, EverythingIsSaidAtOnceAtTheArgument) {
  Json manifest = WebManifest("Web:1");
  manifest["kind"] = "Service";
  manifest["metadata"]["name"] = "Web_1";
  manifest["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  EXPECT_THAT(Complaints(ArgumentsFor(manifest)),
              ElementsAre(StartsWith("error at manifest: Invalid manifest.kind: "),
                          StartsWith("error at manifest: Invalid manifest.metadata.name: "),
                          StartsWith("error at manifest: Invalid "
                                     "manifest.spec.template.metadata.labels: "),
                          StartsWith("error at manifest: Invalid image reference: \"Web:1\"")));
}

TEST(ValidateManifestTest, MembersThatAreNullCountAsMissing) {
  const Value manifest = value::FromPlainJson(WebManifest());
  const Value without_selector =
      manifest.With("spec", manifest.Get("spec").With("selector", Value()));
  EXPECT_THAT(Complaints(ArgumentsFor(without_selector)),
              ElementsAre(HasSubstr("Invalid manifest.spec.selector: spec.selector is missing.")));
}

// `manifest` with something unknown at this place.
Value WithUnknown(const Value& manifest, const std::vector<std::string>& names) {
  if (names.empty()) return Value::Unknown(Type::Dynamic());
  const std::vector<std::string> rest(names.begin() + 1, names.end());
  if (manifest.is_sequence()) {
    Value::List elements = manifest.elements();
    elements[0] = WithUnknown(elements[0], names);
    return Value::Tuple(std::move(elements));
  }
  return manifest.With(names.front(), WithUnknown(manifest.Get(names.front()), rest));
}

struct UnknownCase {
  std::string name;
  std::vector<std::string> place;
};
void PrintTo(const UnknownCase& test, std::ostream* out) { *out << test.name; }

class UnknownManifestTest : public ::testing::TestWithParam<UnknownCase> {};

// The container's name too may be what is not known yet.
TEST_P(UnknownManifestTest, IsNoMistake) {
  WorkloadArguments arguments =
      ArgumentsFor(WithUnknown(value::FromPlainJson(WebManifest()), GetParam().place));
  EXPECT_THAT(Complaints(arguments), IsEmpty());
}

TEST_P(UnknownManifestTest, MayHaveTheContainerOfAnImage) {
  WorkloadArguments arguments =
      ArgumentsFor(WithUnknown(value::FromPlainJson(WebManifest()), GetParam().place));
  arguments.images = ToImages({{"late", "late:1"}});
  EXPECT_THAT(Complaints(arguments), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    , UnknownManifestTest,
    ::testing::Values(UnknownCase{"Everything", {}}, UnknownCase{"Spec", {"spec"}},
                      UnknownCase{"Template", {"spec", "template"}},
                      UnknownCase{"PodSpec", {"spec", "template", "spec"}},
                      UnknownCase{"Containers", {"spec", "template", "spec", "containers"}},
                      UnknownCase{"InitContainers", {"spec", "template", "spec", "initContainers"}},
                      UnknownCase{"ContainerName",
                                  {"spec", "template", "spec", "containers", "name"}}),
    [](const auto& test) { return test.param.name; });

TEST(ValidateManifestTest, OneOfSeveralContainersMayHaveAnUnknownName) {
  Json manifest = WebManifest();
  PodSpecOf(manifest)["containers"].insert(PodSpecOf(manifest)["containers"].begin(),
                                           Json{{"name", "side"}, {"image", "side:1"}});
  WorkloadArguments arguments = ArgumentsFor(WithUnknown(
      value::FromPlainJson(manifest), {"spec", "template", "spec", "containers", "name"}));
  arguments.images = ToImages({{"web", "web:2"}, {"side", "side:2"}});
  EXPECT_THAT(Complaints(arguments), IsEmpty());
}

TEST(ValidateManifestTest, WhatIsUnknownElsewhereDoesNotHideAMistake) {
  const std::vector<std::vector<std::string>> places = {
      {"metadata", "namespace"},
      {"spec", "replicas"},
      {"spec", "template", "metadata", "labels"},
      {"spec", "template", "spec", "containers", "image"}};
  for (const std::vector<std::string>& place : places) {
    WorkloadArguments arguments =
        ArgumentsFor(WithUnknown(value::FromPlainJson(WebManifest()), place));
    arguments.images = ToImages({{"late", "late:1"}});
    EXPECT_THAT(Complaints(arguments), ElementsAre(StartsWith("error at images[\"late\"]: ")))
        << place.back();
  }
}

// ---- Images

TEST(ValidateImagesTest, AnUnknownContainerIsNamedWithThoseThatExist) {
  Json manifest = WebManifest();
  PodSpecOf(manifest)["initContainers"] = Json::array({{{"name", "migrate"}, {"image", "m:1"}}});
  WorkloadArguments arguments = ArgumentsFor(manifest);
  arguments.images = ToImages({{"web", "web:2"}, {"migrate", "m:2"}, {"wbe", "web:2"}});
  EXPECT_THAT(Complaints(arguments),
              ElementsAre(AllOf(StartsWith("error at images[\"wbe\"]: Unknown container: "),
                                HasSubstr("migrate, web"))));
}

TEST(ValidateImagesTest, NullIsRefusedAndUnknownIsNot) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  arguments.images = Images{{"web", {}}};
  EXPECT_THAT(Complaints(arguments),
              ElementsAre(StartsWith("error at images[\"web\"]: Image is null: ")));
  arguments.images = Images{{"web", Attr<std::string>::Unknown()}};
  EXPECT_THAT(Complaints(arguments), IsEmpty());
  arguments.images = Attr<Images>::Unknown();
  EXPECT_THAT(Complaints(arguments), IsEmpty());
}

TEST(ValidateImagesTest, AnImageMayStandInForTheManifests) {
  Json manifest = WebManifest();
  FirstContainerOf(manifest).erase("image");
  WorkloadArguments arguments = ArgumentsFor(manifest);
  EXPECT_THAT(Complaints(arguments), ElementsAre(HasSubstr("containers[0].image")));
  arguments.images = ToImages({{"web", "web:2"}});
  EXPECT_THAT(Complaints(arguments), IsEmpty());
  arguments.images = Attr<Images>::Unknown();
  EXPECT_THAT(Complaints(arguments), IsEmpty());
}

class ImageReferenceTest : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(ImageReferenceTest, FollowsTheGrammar) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  arguments.images = ToImages({{"web", GetParam().first}});
  if (GetParam().second) {
    EXPECT_THAT(Complaints(arguments), IsEmpty());
  } else {
    EXPECT_THAT(Complaints(arguments),
                ElementsAre(StartsWith("error at images[\"web\"]: Invalid image reference: ")));
  }
}

constexpr char kDigest[] =
    "web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

INSTANTIATE_TEST_SUITE_P(Valid, ImageReferenceTest,
                         ::testing::Values(std::pair("nginx", true),
                                           std::pair("library/nginx:1.27-alpine", true),
                                           std::pair("localhost:5000/web:v1", true),
                                           std::pair("Registry.Example.com/shop/web:A_1", true),
                                           std::pair("a/b__c/d-e.f:1", true),
                                           std::pair(kDigest, true),
                                           std::pair("gcr.io/distroless/static-debian12", true)));
INSTANTIATE_TEST_SUITE_P(Invalid, ImageReferenceTest,
                         ::testing::Values(std::pair("", false), std::pair("Web:1", false),
                                           std::pair("web:", false), std::pair("web:1 ", false),
                                           std::pair("https://registry.test/web", false),
                                           std::pair("web:-1", false),
                                           std::pair("web@sha256:123", false),
                                           std::pair("a//b", false), std::pair("web:1:2", false)));

TEST(ValidateImagesTest, AReferenceHasALimit) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  arguments.images = ToImages({{"web", std::string(1024, 'a')}});
  EXPECT_THAT(Complaints(arguments), IsEmpty());
  arguments.images = ToImages({{"web", std::string(1025, 'a')}});
  EXPECT_THAT(Complaints(arguments), ElementsAre(HasSubstr("Invalid image reference")));
}

// ---- ignore_fields

TEST(ValidateIgnoredFieldsTest, EachBadPathIsNamedByItsPosition) {
  WorkloadArguments arguments = ArgumentsFor(WebManifest());
  arguments.ignore_fields =
      Strings{std::string("spec.replicas"), std::string("spec.template.spec.containers[name="),
              Attr<std::string>::Unknown(), std::string("")};
  EXPECT_THAT(Complaints(arguments),
              ElementsAre(StartsWith("error at ignore_fields[1]: Invalid field path: "),
                          StartsWith("error at ignore_fields[3]: Invalid field path: ")));
}

TEST(IgnoredFieldsTest, AreThoseThatParse) {
  WorkloadArguments arguments;
  EXPECT_THAT(IgnoredFields(arguments), IsEmpty());
  arguments.ignore_fields = Strings{std::string("spec.replicas"), std::string("a["), {}};
  EXPECT_THAT(IgnoredFields(arguments), ElementsAre(Field("spec.replicas")));
}

// ---- Known parts

TEST(KnownPartsTest, NullAndUnknownAreLeftOut) {
  EXPECT_THAT(KnownStrings({}), IsEmpty());
  EXPECT_THAT(
      KnownStrings(Strings{std::string("b"), {}, Attr<std::string>::Unknown(), std::string("a")}),
      ElementsAre("b", "a"));
  EXPECT_THAT(KnownImages(Attr<Images>::Unknown()), IsEmpty());
  EXPECT_THAT(KnownImages(Images{{"a", {}}, {"b", std::string("b:1")}}),
              ElementsAre(Pair("b", "b:1")));
  EXPECT_THAT(KnownImages(ToImages({{"a", "a:1"}})), ElementsAre(Pair("a", "a:1")));
}

// ---- Times

TEST(WorkloadTimesTest, FollowTheProgressDeadline) {
  WorkloadArguments arguments;
  EXPECT_EQ(ProgressDeadline(arguments), absl::Minutes(10));
  EXPECT_EQ(ScheduleTimeout(arguments), absl::Seconds(30));
  EXPECT_EQ(CreateTimeout(arguments), absl::Minutes(20));
  EXPECT_EQ(UpdateTimeout(arguments), absl::Minutes(20));
  EXPECT_EQ(DeleteTimeout(arguments), absl::Minutes(10));
  arguments.progress_deadline = std::string("90s");
  EXPECT_EQ(CreateTimeout(arguments), absl::Minutes(3));
  EXPECT_EQ(UpdateTimeout(arguments), absl::Minutes(3));
  EXPECT_EQ(DeleteTimeout(arguments), absl::Minutes(10));
}

TEST(WorkloadTimesTest, EachTimeoutIsForItsOwnOperation) {
  WorkloadArguments arguments;
  arguments.schedule_timeout = std::string("1m");
  arguments.timeouts = Timeouts{std::string("1h"), std::string("2h"), std::string("3h")};
  EXPECT_EQ(ScheduleTimeout(arguments), absl::Minutes(1));
  EXPECT_EQ(CreateTimeout(arguments), absl::Hours(1));
  EXPECT_EQ(UpdateTimeout(arguments), absl::Hours(2));
  EXPECT_EQ(DeleteTimeout(arguments), absl::Hours(3));
  arguments.timeouts = Timeouts{{}, std::string("2h"), {}};
  EXPECT_EQ(CreateTimeout(arguments), absl::Minutes(20));
}

TEST(OnInterruptTest, ResumesUnlessToldToRollBack) {
  WorkloadArguments arguments;
  EXPECT_EQ(OnInterruptOf(arguments), engine::OnInterrupt::kResume);
  arguments.on_interrupt = std::string("rollback");
  EXPECT_EQ(OnInterruptOf(arguments), engine::OnInterrupt::kRollback);
}

}  // namespace
}  // namespace delivery::resources
