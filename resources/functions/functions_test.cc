#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/value/msgpack.h"
#include "resources/catalog.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using value::Type;
using value::Value;

Value Text(const std::string& text) { return Value::String(text); }
Value Texts(const std::vector<std::string>& texts) {
  Value::List list;
  for (const std::string& text : texts) list.push_back(Text(text));
  return Value::MakeList(Type::String(), std::move(list));
}
Value Decimal(const std::string& text) {
  return Value::Number(value::Number::FromDecimal(text).value());
}

plugin::FunctionResult Call(const std::string& name, const std::vector<Value>& arguments) {
  for (const auto& function : MakeFunctions()) {
    if (function->name() != name) continue;
    plugin::FunctionResult result = function->Call(arguments);
    if (!result.error.empty()) return result;
    // As the plugin layer hands it on.
    const auto written = value::EncodeMsgpack(result.value, function->return_type());
    EXPECT_TRUE(written.ok()) << written.status();
    EXPECT_TRUE(result.value.type().ConformsTo(function->return_type()));
    return result;
  }
  ADD_FAILURE() << "no function " << name;
  return {};
}

// The result; null, and a failed test, when there is an error instead.
Value Evaluate(const std::string& name, const std::vector<Value>& arguments) {
  plugin::FunctionResult result = Call(name, arguments);
  EXPECT_EQ(result.error, "");
  return result.value;
}

TEST(FunctionsTest, AreDeclaredCompletely) {
  std::vector<std::string> names;
  for (const auto& function : MakeFunctions()) {
    names.push_back(function->name());
    EXPECT_THAT(function->summary(), AllOf(EndsWith("."), Not(HasSubstr("\n")))) << names.back();
    EXPECT_THAT(function->description(), EndsWith(".")) << names.back();
    EXPECT_EQ(function->variadic_parameter(), nullptr);
    for (const plugin::FunctionParameter& parameter : function->parameters()) {
      EXPECT_THAT(parameter.description, EndsWith(".")) << names.back() << " " << parameter.name;
      EXPECT_FALSE(parameter.allow_null);
    }
  }
  EXPECT_THAT(names, ElementsAre("parse_image", "semver_select", "semver_compare",
                                 "decode_manifests", "canary_steps"));
}

// ---- What is refused: the function, the argument that is wrong, and what is said of it

struct BadCall {
  const char* function;
  std::vector<Value> arguments;
  int64_t wrong;
  std::vector<std::string> said;
};
void PrintTo(const BadCall& call, std::ostream* out) { *out << call.function; }

class BadCallTest : public ::testing::TestWithParam<BadCall> {};

TEST_P(BadCallTest, PointsAtTheArgument) {
  const BadCall& call = GetParam();
  const plugin::FunctionResult result = Call(call.function, call.arguments);
  EXPECT_EQ(result.error_argument, std::optional(call.wrong)) << result.error;
  for (const std::string& text : call.said) EXPECT_THAT(result.error, HasSubstr(text));
  EXPECT_THAT(result.error, Not(EndsWith("."))) << "the hosts end the sentence";
}

INSTANTIATE_TEST_SUITE_P(
    ParseImage, BadCallTest,
    ::testing::Values(
        BadCall{"parse_image", {Text("")}, 0, {"must not be empty", "[host[:port]/]path"}},
        BadCall{"parse_image", {Text("a b")}, 0, {"blanks", "[host[:port]/]path"}},
        BadCall{"parse_image", {Text("Team/web")}, 0, {"\"Team/web\"", "lower case"}},
        BadCall{"parse_image", {Text("web:")}, 0, {"\"web:\"", "tag"}},
        BadCall{"parse_image", {Text("web@sha256:12")}, 0, {"sha256:12", "digest"}},
        BadCall{"parse_image", {Text("https://a.example/web")}, 0, {"scheme"}}));

INSTANTIATE_TEST_SUITE_P(
    Semver, BadCallTest,
    ::testing::Values(
        BadCall{"semver_select", {Texts({"1.0.0"}), Text("newest")}, 1, {"newest", ">=1.2.0"}},
        BadCall{"semver_select", {Texts({}), Text(" ")}, 1, {"empty"}},
        BadCall{"semver_select",
                {Value::MakeList(Type::String(), {Text("1.0.0"), Value::Null(Type::String())}),
                 Text("*")},
                0,
                {"element 1 is null", "compact()"}},
        BadCall{"semver_compare", {Text("one"), Text("1.0.0")}, 0, {"\"one\"", "1.2.3"}},
        BadCall{"semver_compare", {Text("1.0.0"), Text("1.0")}, 1, {"\"1.0\"", "1.2.3"}},
        BadCall{"semver_compare", {Text(""), Text("")}, 0, {"\"\""}}));

INSTANTIATE_TEST_SUITE_P(
    DecodeManifests, BadCallTest,
    ::testing::Values(
        BadCall{"decode_manifests", {Text("a: 1\n---\nb: [1")}, 0, {"YAML at line 3"}},
        BadCall{"decode_manifests", {Text("a: 1\na: 2")}, 0, {"YAML at line 2"}},
        BadCall{"decode_manifests", {Text("a: 1\n---\n---\n- x\n")}, 0, {"document 2", "a list"}},
        BadCall{"decode_manifests", {Text("hello")}, 0, {"document 1", "single value", "kind"}}));

INSTANTIATE_TEST_SUITE_P(
    CanarySteps, BadCallTest,
    ::testing::Values(
        BadCall{"canary_steps", {Decimal("0"), Decimal("1"), Text("1m")}, 0, {"from 1 to 100"}},
        BadCall{"canary_steps", {Decimal("101"), Decimal("200"), Text("1m")}, 0, {"max is 101"}},
        BadCall{"canary_steps", {Decimal("9.5"), Decimal("1"), Text("1m")}, 0, {"9.5", "whole"}},
        BadCall{"canary_steps", {Decimal("1e30"), Decimal("1"), Text("1m")}, 0, {"whole"}},
        BadCall{"canary_steps", {Decimal("50"), Decimal("0"), Text("1m")}, 1, {"step is 0"}},
        BadCall{"canary_steps", {Decimal("50"), Decimal("51"), Text("1m")}, 1, {"step is 51"}},
        BadCall{"canary_steps", {Decimal("50"), Decimal("0.5"), Text("1m")}, 1, {"0.5", "whole"}},
        BadCall{
            "canary_steps", {Decimal("50"), Decimal("5"), Text("soon")}, 2, {"\"soon\"", "90s"}},
        BadCall{"canary_steps", {Decimal("50"), Decimal("5"), Text("")}, 2, {"duration"}},
        BadCall{"canary_steps", {Decimal("50"), Decimal("5"), Text("-1m")}, 2, {"duration"}}));

// A manifest may hold a secret.
TEST(DecodeManifestsTest, ErrorsDoNotShowTheText) {
  for (const std::string text : {"hunter2", "- hunter2", "a: hunter2\na: hunter2", "a: 'hunter2"}) {
    const std::string error = Call("decode_manifests", {Text(text)}).error;
    EXPECT_THAT(error, AllOf(Not(IsEmpty()), Not(HasSubstr("hunter2"))));
  }
}

// ---- What is computed

TEST(ParseImageTest, GivesThePartsAndNullForWhatIsNotThere) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const Value null = Value::Null(Type::String());
  struct Case {
    std::string ref;
    std::string registry;
    std::string repository;
    Value tag;
    Value digest;
  };
  const std::vector<Case> cases = {
      {"alpine", "docker.io", "library/alpine", null, null},
      {"team/web:1", "docker.io", "team/web", Text("1"), null},
      {"index.docker.io/alpine:3", "docker.io", "library/alpine", Text("3"), null},
      {"localhost/web@" + digest, "localhost", "web", null, Text(digest)},
      {"R.example.com:5000/team/web:1.4.0@" + digest, "r.example.com:5000", "team/web",
       Text("1.4.0"), Text(digest)},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Evaluate("parse_image", {Text(one.ref)}),
              Value::Object({{"registry", Text(one.registry)},
                             {"repository", Text(one.repository)},
                             {"tag", one.tag},
                             {"digest", one.digest}}))
        << one.ref;
  }
}

TEST(SemverSelectTest, SelectsTheHighestInTheRange) {
  const Value tags = Texts({"1.0.0", "v1.10.0", "1.9.0", "2.0.0-rc.1", "latest", ""});
  EXPECT_EQ(Evaluate("semver_select", {tags, Text("1.x")}), Text("v1.10.0"));
  EXPECT_EQ(Evaluate("semver_select", {tags, Text(">=1.0.0-0")}), Text("2.0.0-rc.1"));
}

TEST(SemverSelectTest, GivesNullWhereNothingIsInTheRange) {
  const Value null = Value::Null(Type::String());
  EXPECT_EQ(Evaluate("semver_select", {Texts({"1.0.0", "latest"}), Text("3.x")}), null);
  EXPECT_EQ(Evaluate("semver_select", {Texts({}), Text("*")}), null);
}

TEST(SemverCompareTest, OrdersByPrecedence) {
  const auto compare = [](const char* a, const char* b) {
    return Evaluate("semver_compare", {Text(a), Text(b)});
  };
  EXPECT_EQ(compare("1.9.0", "1.10.0"), Value::Number(-1));
  EXPECT_EQ(compare("v1.0.0", "1.0.0+build"), Value::Number(0));
  EXPECT_EQ(compare("1.0.0", "1.0.0-rc.1"), Value::Number(1));
}

TEST(DecodeManifestsTest, GivesOneObjectForEachDocument) {
  EXPECT_EQ(Evaluate("decode_manifests",
                     {Text("---\nkind: A\nn: 1\n---\n# nothing\n---\nkind: B\nlist: [x, true]\n"
                           "none: null\n")}),
            Value::Tuple({Value::Object({{"kind", Text("A")}, {"n", Value::Number(1)}}),
                          Value::Object({{"kind", Text("B")},
                                         {"list", Value::Tuple({Text("x"), Value::Bool(true)})},
                                         {"none", Value()}})}));
  EXPECT_EQ(Evaluate("decode_manifests", {Text("kind: A")}),
            Value::Tuple({Value::Object({{"kind", Text("A")}})}));
}

TEST(DecodeManifestsTest, GivesNothingForNothing) {
  for (const char* text : {"", "\n", "---\n---\n", "# only a comment\n", "null"}) {
    EXPECT_EQ(Evaluate("decode_manifests", {Text(text)}), Value::Tuple({})) << text;
  }
}

// Call encodes the result: what is as deep as can be decoded can be handed to the host.
TEST(DecodeManifestsTest, WhatIsTooDeepForTheHostIsRefused) {
  const auto nested = [](int levels) {
    std::string text = "1";
    for (int i = 0; i < levels; ++i) text = absl::StrCat("{a: ", text, "}");
    return Text(text);
  };
  EXPECT_TRUE(Evaluate("decode_manifests", {nested(99)}).is_known());
  const plugin::FunctionResult result = Call("decode_manifests", {nested(100)});
  EXPECT_THAT(result.error, HasSubstr("nested deeper than 99 levels"));
  EXPECT_EQ(result.error_argument, std::optional<int64_t>(0));
}

TEST(CanaryStepsFunctionTest, RisesToTheMaximum) {
  const auto steps = [](int64_t max, int64_t step, const std::string& hold) {
    return Evaluate("canary_steps", {Value::Number(max), Value::Number(step), Text(hold)});
  };
  const auto one = [](int64_t weight, const std::string& hold) {
    return Value::Object({{"weight", Value::Number(weight)}, {"hold", Text(hold)}});
  };
  EXPECT_THAT(steps(50, 20, "2m").elements(),
              ElementsAre(one(20, "2m"), one(40, "2m"), one(50, "2m")));
  EXPECT_THAT(steps(1, 1, "0s").elements(), ElementsAre(one(1, "0s")));
  EXPECT_EQ(steps(100, 1, "1h30m").elements().size(), 100u);
}

}  // namespace
}  // namespace delivery::resources
