#include "resources/image_policy_arguments.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/oci/test_keys.h"
#include "resources/image_policy_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Change = void (*)(ImageArguments&);

class ImageArgumentsTest : public ImageFixture {
 protected:
  static std::vector<std::string> Validate(const ImageArguments& arguments) {
    Diagnostics diagnostics;
    ImageArguments::Declaration().Validate(arguments, {}, diagnostics);
    ValidateImageArguments(arguments, diagnostics);
    return Said(diagnostics);
  }
  static VerifyBlock Key(const std::string& pem) {
    VerifyBlock verify;
    verify.cosign = CosignBlock{pem};
    return verify;
  }
  // With everything that can be given.
  static ImageArguments Full() {
    ImageArguments arguments = Semver("^1.0.0");
    arguments.filter_tags = FilterTagsBlock{{"^v(?P<v>.*)$"}, {"$v"}};
    arguments.platform = std::string("linux/arm64");
    arguments.min_age = std::string("24h");
    arguments.exclude = Texts({"1.4.2", absl::StrCat("sha256:", std::string(64, 'a'))});
    arguments.pin = std::string("1.3.9");
    arguments.allow_downgrade = true;
    arguments.with_digest = false;
    arguments.verify = Key(oci::TestKey::Ec("P-256").PublicPem());
    arguments.timeout = std::string("30s");
    return arguments;
  }
};

// ---- Validate

TEST_F(ImageArgumentsTest, GoodOnesAreValid) {
  EXPECT_THAT(Validate(Semver("*")), IsEmpty());
  EXPECT_THAT(Validate(Newest()), IsEmpty());
  EXPECT_THAT(Validate(Full()), IsEmpty());
}

TEST_F(ImageArgumentsTest, WhatIsUnknownIsValid) {
  ImageArguments arguments = Full();
  const auto unknown = schema::Attr<std::string>::Unknown();
  arguments.repository = arguments.platform = arguments.min_age = arguments.pin = unknown;
  arguments.timeout = unknown;
  arguments.filter_tags = FilterTagsBlock{unknown, {"$v"}};
  arguments.policy.value().semver = SemverBlock{unknown};
  arguments.verify.value().cosign = CosignBlock{unknown};
  arguments.exclude = std::vector<schema::Attr<std::string>>{unknown};
  EXPECT_THAT(Validate(arguments), IsEmpty());
  arguments.policy = schema::Attr<PolicyBlock>::Unknown();
  arguments.verify = schema::Attr<VerifyBlock>::Unknown();
  arguments.filter_tags = schema::Attr<FilterTagsBlock>::Unknown();
  arguments.exclude = schema::Attr<std::vector<schema::Attr<std::string>>>::Unknown();
  EXPECT_THAT(Validate(arguments), IsEmpty());
}

struct MistakeCase {
  std::string name;
  Change change;
  std::string place;
  std::string said;
};
void PrintTo(const MistakeCase& test, std::ostream* out) { *out << test.name; }
class ImageArgumentsMistakeTest : public ImageArgumentsTest,
                                  public ::testing::WithParamInterface<MistakeCase> {};

TEST_P(ImageArgumentsMistakeTest, IsSaidAtItsPlace) {
  ImageArguments arguments = Full();
  GetParam().change(arguments);
  EXPECT_THAT(Validate(arguments),
              ElementsAre(AllOf(StartsWith(absl::StrCat("error at ", GetParam().place, ": ")),
                                HasSubstr(GetParam().said))));
}

INSTANTIATE_TEST_SUITE_P(
    , ImageArgumentsMistakeTest,
    ::testing::Values(
        MistakeCase{"NoRepository", [](ImageArguments& a) { a.repository = {}; }, "repository", ""},
        MistakeCase{"ARepositoryWithATag",
                    [](ImageArguments& a) { a.repository = std::string("a.test/web:1"); },
                    "repository", "a.test/web"},
        MistakeCase{"ARepositoryWithAScheme",
                    [](ImageArguments& a) { a.repository = std::string("https://a.test/web"); },
                    "repository", "https"},
        MistakeCase{"NoPolicy", [](ImageArguments& a) { a.policy = {}; }, "policy",
                    "there is none"},
        MistakeCase{"AnEmptyPolicy", [](ImageArguments& a) { a.policy = PolicyBlock(); }, "policy",
                    "there is none"},
        MistakeCase{"TwoPolicies",
                    [](ImageArguments& a) { a.policy.value().newest = NewestBlock(); }, "policy",
                    "there are semver and newest"},
        MistakeCase{"NoRange", [](ImageArguments& a) { a.policy.value().semver = SemverBlock(); },
                    "policy.semver.range", ""},
        MistakeCase{"ABadRange",
                    [](ImageArguments& a) { a.policy.value().semver = SemverBlock{{">>1"}}; },
                    "policy.semver.range", ">>"},
        MistakeCase{"ABadOrder",
                    [](ImageArguments& a) {
                      a.policy = PolicyBlock();
                      a.policy.value().numerical = NumericalBlock{{"up"}};
                    },
                    "policy.numerical.order", "\"asc\""},
        MistakeCase{"NoPattern", [](ImageArguments& a) { a.filter_tags = FilterTagsBlock(); },
                    "filter_tags.pattern", ""},
        MistakeCase{"ABadPattern",
                    [](ImageArguments& a) {
                      a.filter_tags = FilterTagsBlock{{"("}, {}};
                    },
                    "filter_tags.pattern", ""},
        MistakeCase{"ATemplateOfAGroupThatIsNotThere",
                    [](ImageArguments& a) {
                      a.filter_tags = FilterTagsBlock{{"^(?P<v>.*)$"}, {"$ts"}};
                    },
                    "filter_tags.extract", "ts"},
        MistakeCase{"ABadPlatform", [](ImageArguments& a) { a.platform = std::string("amd64"); },
                    "platform", "amd64"},
        MistakeCase{"ABadAge", [](ImageArguments& a) { a.min_age = std::string("a day"); },
                    "min_age", "duration"},
        MistakeCase{"ABadTimeout", [](ImageArguments& a) { a.timeout = std::string("60"); },
                    "timeout", "duration"},
        MistakeCase{
            "APinThatIsADigest",
            [](ImageArguments& a) { a.pin = absl::StrCat("sha256:", std::string(64, 'b')); }, "pin",
            "is not a tag"},
        MistakeCase{"APinThatIsExcluded", [](ImageArguments& a) { a.pin = std::string("1.4.2"); },
                    "pin", "which exclude rules out"},
        MistakeCase{"AnExclusionOfNeither",
                    [](ImageArguments& a) {
                      a.exclude = std::vector<schema::Attr<std::string>>{std::string("1.0.0"),
                                                                         std::string("1.*")};
                    },
                    "exclude[1]", "neither a tag"},
        MistakeCase{
            "AnExclusionOfNull",
            [](ImageArguments& a) { a.exclude = std::vector<schema::Attr<std::string>>{{}}; },
            "exclude[0]", "Name a tag"},
        MistakeCase{"NothingToVerifyWith", [](ImageArguments& a) { a.verify = VerifyBlock(); },
                    "verify", "public key"},
        MistakeCase{
            "ABadKey",
            [](ImageArguments& a) { a.verify.value().cosign = CosignBlock{{"cosign.pub"}}; },
            "verify.cosign.public_key", "public_key "}),
    [](const auto& test) { return test.param.name; });

TEST_F(ImageArgumentsTest, MistakesAreSaidAllAtOnce) {
  ImageArguments arguments;
  arguments.repository = std::string("Web");
  arguments.platform = std::string("?");
  arguments.min_age = std::string("?");
  EXPECT_THAT(Validate(arguments),
              ::testing::UnorderedElementsAre(
                  StartsWith("error at repository: "), StartsWith("error at platform: "),
                  StartsWith("error at min_age: "), StartsWith("error at policy: ")));
}

TEST_F(ImageArgumentsTest, APrivateKeyIsNotRepeated) {
  ImageArguments arguments = Full();
  const std::string pem = oci::TestKey::Ec("P-256").PrivatePem();
  arguments.verify = Key(pem);
  EXPECT_THAT(Validate(arguments), ElementsAre(Not(HasSubstr(pem.substr(60, 40)))));
}

// ---- What decides

struct DecidesCase {
  std::string name;
  Change change;
  bool decides;
};
void PrintTo(const DecidesCase& test, std::ostream* out) { *out << test.name; }
class ImageArgumentsDecideTest : public ImageArgumentsTest,
                                 public ::testing::WithParamInterface<DecidesCase> {};

TEST_P(ImageArgumentsDecideTest, OnlyIfTheImageMayBeAnother) {
  const ImageArguments before = Full();  // each has a key of its own
  ImageArguments arguments = before;
  GetParam().change(arguments);
  EXPECT_EQ(SelectsDifferently(before, arguments), GetParam().decides);
  EXPECT_FALSE(SelectsDifferently(arguments, arguments));
}

INSTANTIATE_TEST_SUITE_P(
    , ImageArgumentsDecideTest,
    ::testing::Values(
        DecidesCase{"Repository", [](ImageArguments& a) { a.repository = std::string("b"); }, true},
        DecidesCase{"Policy", [](ImageArguments& a) { a.policy = PolicyBlock(); }, true},
        DecidesCase{"Filter", [](ImageArguments& a) { a.filter_tags = {}; }, true},
        DecidesCase{"Platform", [](ImageArguments& a) { a.platform = {}; }, true},
        DecidesCase{"MinAge", [](ImageArguments& a) { a.min_age = {}; }, true},
        DecidesCase{"Exclude", [](ImageArguments& a) { a.exclude = {}; }, true},
        DecidesCase{"Pin", [](ImageArguments& a) { a.pin = {}; }, true},
        DecidesCase{"AllowDowngrade", [](ImageArguments& a) { a.allow_downgrade = false; }, true},
        DecidesCase{"Verify", [](ImageArguments& a) { a.verify = {}; }, true},
        DecidesCase{"WithDigest", [](ImageArguments& a) { a.with_digest = true; }, false},
        DecidesCase{"Timeout", [](ImageArguments& a) { a.timeout = {}; }, false}),
    [](const auto& test) { return test.param.name; });

TEST_F(ImageArgumentsTest, WhatIsUnknownDecidesUnlessItCannot) {
  ImageArguments arguments = Full();
  arguments.timeout = schema::Attr<std::string>::Unknown();
  arguments.with_digest = schema::Attr<bool>::Unknown();
  EXPECT_TRUE(DecidesWhatToSelect(arguments));
  arguments.policy.value().semver = SemverBlock{schema::Attr<std::string>::Unknown()};
  EXPECT_FALSE(DecidesWhatToSelect(arguments));
}

// ---- Rules

TEST_F(ImageArgumentsTest, BecomeRules) {
  const ImageArguments arguments = Full();
  const absl::StatusOr<SelectionRules> rules = ToRules(arguments);
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_TRUE(rules->policy.has_value());
  EXPECT_TRUE(std::holds_alternative<image_policy::Semver>(rules->policy->rule));
  EXPECT_TRUE(rules->policy->filter.has_value());
  EXPECT_EQ(rules->platform->Text(), "linux/arm64");
  EXPECT_EQ(rules->min_age, absl::Hours(24));
  EXPECT_THAT(rules->exclude, ElementsAre("1.4.2", StartsWith("sha256:")));
  EXPECT_EQ(rules->pin, "1.3.9");
  EXPECT_TRUE(rules->allow_downgrade);
  EXPECT_TRUE(rules->key.has_value());
  EXPECT_THAT(rules->key_id, StartsWith("sha256:"));
  EXPECT_EQ(TimeoutOf(arguments), absl::Seconds(30));
}

TEST_F(ImageArgumentsTest, NoneAreNoRules) {
  const absl::StatusOr<SelectionRules> rules = ToRules({});
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_FALSE(rules->policy.has_value() || rules->pin.has_value() || rules->key.has_value());
  EXPECT_FALSE(rules->LooksAtContent());
  EXPECT_EQ(rules->order_id, "");
  EXPECT_EQ(TimeoutOf({}), absl::Minutes(1));
}

TEST_F(ImageArgumentsTest, OrdersFollowTheirKind) {
  PolicyBlock descending;
  descending.alphabetical = AlphabeticalBlock{{"desc"}};
  EXPECT_EQ(std::get<image_policy::Alphabetical>(ToRules(With(descending))->policy->rule).order,
            image_policy::Order::kDescending);
  PolicyBlock numerical;
  numerical.numerical = NumericalBlock();
  EXPECT_EQ(std::get<image_policy::Numerical>(ToRules(With(numerical))->policy->rule).order,
            image_policy::Order::kAscending);
  EXPECT_TRUE(std::holds_alternative<image_policy::Newest>(ToRules(Newest())->policy->rule));
}

TEST_F(ImageArgumentsTest, ThePolicyAndTheFilterAloneMakeTheOrder) {
  ImageArguments other = Full();
  other.exclude = {};
  other.pin = {};
  other.repository = std::string("other");
  EXPECT_EQ(ToRules(other)->order_id, ToRules(Full())->order_id);
  other.filter_tags = {};
  EXPECT_NE(ToRules(other)->order_id, ToRules(Full())->order_id);
  EXPECT_NE(ToRules(Semver("1.x"))->order_id, ToRules(Semver("2.x"))->order_id);
}

TEST_F(ImageArgumentsTest, OnesThatWereNotValidatedAreAnErrorNotACrash) {
  EXPECT_FALSE(ToRules(Semver(">>1")).ok());
  ImageArguments arguments = Newest();
  arguments.platform = std::string("?");
  EXPECT_FALSE(ToRules(arguments).ok());
  arguments = Newest();
  arguments.verify = Key("?");
  EXPECT_FALSE(ToRules(arguments).ok());
  arguments = Newest();
  arguments.filter_tags = FilterTagsBlock{{"("}, {}};
  EXPECT_FALSE(ToRules(arguments).ok());
}

// ---- Texts

TEST_F(ImageArgumentsTest, TheImageIsTheRepositoryWithTagAndDigest) {
  ImageArguments arguments = Newest();
  EXPECT_EQ(ImageText(arguments, "1", "sha256:a"), absl::StrCat(kRepository, ":1@sha256:a"));
  arguments.with_digest = false;
  EXPECT_EQ(ImageText(arguments, "1", "sha256:a"), absl::StrCat(kRepository, ":1"));
  EXPECT_EQ(ImageText(arguments, "", "sha256:a"), absl::StrCat(kRepository, "@sha256:a"));
}

TEST_F(ImageArgumentsTest, AFailureForLackOfTimeNamesTheTimeout) {
  EXPECT_EQ(LookFailureText(absl::NotFoundError("no such tag")), "no such tag");
  EXPECT_THAT(LookFailureText(absl::DeadlineExceededError("slow")),
              AllOf(StartsWith("slow. timeout bounds"), HasSubstr("raise it")));
}

// The hosts end the call over a string that is not UTF-8; a registry may answer anything.
TEST_F(ImageArgumentsTest, WhatRegistriesAnswerIsEscapedInReasons) {
  const SkippedTags tags = ToSkippedTags({{"1.0.0", "says \xff"}, {"1.1.0", "says \xc3\xa4"}});
  EXPECT_EQ(tags[0]->reason.value(), "says \\xff");
  EXPECT_EQ(tags[1]->reason.value(), "says \xc3\xa4");
}

TEST_F(ImageArgumentsTest, TimesAreInUtcAndInWholeSeconds) {
  EXPECT_EQ(TimeText(absl::FromUnixMillis(1'700'000'000'999)), "2023-11-14T22:13:20Z");
}

}  // namespace
}  // namespace delivery::resources
