#include "provider/kubernetes/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;

struct Scalar {
  const char* yaml;
  const char* json;
};

class ScalarTest : public ::testing::TestWithParam<Scalar> {};

TEST_P(ScalarTest, IsTyped) {
  const auto parsed = ParseYaml(std::string("a: ") + GetParam().yaml);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(DumpJson(*Find(*parsed, "a")), GetParam().json) << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    All, ScalarTest,
    ::testing::Values(
        Scalar{"true", "true"}, Scalar{"FALSE", "false"}, Scalar{"yes", "\"yes\""},
        Scalar{"on", "\"on\""}, Scalar{"n", "\"n\""}, Scalar{"'true'", "\"true\""},
        Scalar{"null", "null"}, Scalar{"~", "null"}, Scalar{"", "null"}, Scalar{"''", "\"\""},
        Scalar{"\"null\"", "\"null\""}, Scalar{"1", "1"}, Scalar{"-7", "-7"}, Scalar{"+7", "7"},
        Scalar{"0", "0"}, Scalar{"0644", "420"}, Scalar{"0o644", "420"}, Scalar{"0x1F", "31"},
        Scalar{"0b11", "3"}, Scalar{"0888", "888.0"}, Scalar{"\"1\"", "\"1\""},
        Scalar{"9223372036854775807", "9223372036854775807"},
        Scalar{"18446744073709551615", "18446744073709551615"},
        Scalar{"-9223372036854775808", "-9223372036854775808"}, Scalar{"1.5", "1.5"},
        Scalar{"0.1", "0.1"}, Scalar{"0.5", "0.5"}, Scalar{"-0.25", "-0.25"}, Scalar{"0e1", "0.0"},
        Scalar{"0:30", "\"0:30\""}, Scalar{"0-5", "\"0-5\""}, Scalar{"0_7", "\"0_7\""},
        Scalar{"00", "0"}, Scalar{"-0x1F", "-31"}, Scalar{".5", "0.5"}, Scalar{"1e3", "1000.0"},
        Scalar{"1e999", "\"1e999\""}, Scalar{".inf", "\".inf\""}, Scalar{".nan", "\".nan\""},
        Scalar{"1.2.3", "\"1.2.3\""}, Scalar{"500m", "\"500m\""}, Scalar{"1Gi", "\"1Gi\""},
        Scalar{".", "\".\""}, Scalar{"0x", "\"0x\""}, Scalar{"1_000", "\"1_000\""},
        Scalar{"12:30", "\"12:30\""}, Scalar{"2026-02-03", "\"2026-02-03\""},
        Scalar{"!!str 1", "\"1\""}, Scalar{"!!int 1", "1"}, Scalar{"!!float 1", "1"},
        Scalar{"|\n  x\n  y\n", "\"x\\ny\\n\""}, Scalar{">-\n  x\n  y\n", "\"x y\""},
        Scalar{"[1, a, {b: c}]", "[1,\"a\",{\"b\":\"c\"}]"}));

TEST(YamlTest, ExpandsAliasesAndMerges) {
  const auto parsed = ParseYaml(R"(
base: &base {image: a, env: &env [x, y], tag: &tag v1}
one:
  <<: *base
  image: b
two: {<<: [{k: 1}, {k: 2, l: 3}], env: *env}
"<<": plain
*tag : key
1: number
true: bool
)");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, *ParseJson(R"({
      "base": {"image": "a", "env": ["x", "y"], "tag": "v1"},
      "one": {"image": "b", "env": ["x", "y"], "tag": "v1"},
      "two": {"k": 1, "l": 3, "env": ["x", "y"]},
      "<<": "plain", "v1": "key", "1": "number", "true": "bool"})"));
}

TEST(YamlTest, ReadsDocuments) {
  EXPECT_EQ(*ParseYaml(""), Json());
  EXPECT_EQ(*ParseYaml("# only a comment\n"), Json());
  EXPECT_EQ(*ParseYaml("---\na: 1\n---\n"), Json({{"a", 1}}));
  const auto documents = ParseYamlDocuments("a: 1\n---\n---\n# none\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents.ok());
  EXPECT_EQ(*documents, (std::vector<Json>{Json({{"a", 1}}), Json({{"b", 2}})}));
  const auto several = ParseYaml("a: 1\n---\nb: 2\n");
  EXPECT_THAT(std::string(several.status().message()), HasSubstr("2 YAML documents"));
}

TEST(YamlTest, AnchorsEndWithTheirDocument) {
  EXPECT_FALSE(ParseYamlDocuments("a: &x 1\n---\nb: *x\n").ok());
}

TEST(YamlTest, ErrorsNameTheLineButNotTheContent) {
  const auto bad = ParseYaml("a: 1\nb: [hunter2\nc: }\n");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("line 3"));
  EXPECT_THAT(std::string(bad.status().message()), ::testing::Not(HasSubstr("hunter2")));
  const auto twice = ParseYaml("a: 1\nb: 2\na: 3\n");
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("line 3, column 1"));
  for (const char* text :
       {"a: *none", "&a [*a]", "{[1]: 2}", "{null: 2}", "a: !foo 1", "a: !foo [1]", "a: !!int x",
        "<<: 3", "<<: [3]", "{*a : 1}", "\t- x", "a: 'x", "&a 1: 2\n? [*a]\n: 3", "a: \"\\q\""}) {
    EXPECT_FALSE(ParseYaml(text).ok()) << text;
  }
}

TEST(YamlTest, LimitsExpansionDepthAndSize) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 8; ++j) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_THAT(std::string(ParseYaml(laughs).status().message()), HasSubstr("values"));
  EXPECT_FALSE(ParseYaml(std::string(5000, '[')).ok());
  const std::string nested = std::string(200, '[') + std::string(200, ']');
  EXPECT_THAT(std::string(ParseYaml(nested).status().message()), HasSubstr("deeper"));
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 150; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_THAT(std::string(ParseYaml(deep).status().message()), HasSubstr("deeper"));
  YamlLimits small;
  small.bytes = 3;
  EXPECT_THAT(std::string(ParseYaml("a: 12", small).status().message()), HasSubstr("larger"));
}

}  // namespace
}  // namespace delivery::kubernetes
