#include "provider/value/type.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/value/diagnostics.h"
#include "provider/value/path.h"

namespace delivery::value {
namespace {

Type FromText(const std::string& text) { return *Type::FromJson(*ParseJson(text)); }

class TypeJsonTest : public testing::TestWithParam<std::string> {};

TEST_P(TypeJsonTest, IsReadAndWrittenAlike) {
  EXPECT_EQ(FromText(GetParam()).ToString(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Forms, TypeJsonTest,
    testing::Values(R"("dynamic")", R"("string")", R"("number")", R"("bool")", R"(["list","bool"])",
                    R"(["set",["map","number"]])", R"(["object",{}])", R"(["tuple",[]])",
                    R"(["object",{"a":"string","b":["tuple",["bool","dynamic"]]}])"));

class MalformedTypeTest : public testing::TestWithParam<std::string> {};

TEST_P(MalformedTypeTest, IsRefused) {
  const auto type = Type::FromJson(*ParseJson(GetParam()));
  EXPECT_EQ(type.status().code(), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Forms, MalformedTypeTest,
                         testing::Values("null", "1", R"("any")", "[]", R"(["list"])",
                                         R"(["list","bool","bool"])", R"(["vector","bool"])",
                                         R"(["object",["string"]])", R"(["tuple",{}])",
                                         R"(["tuple","string"])", R"([1,"string"])",
                                         R"(["object",{"a":"any"}])", R"(["list",["set","any"]])",
                                         R"(["object",{},[],[]])"));

TEST(TypeTest, IgnoresNamesOfOptionalAttributes) {
  EXPECT_EQ(FromText(R"(["object",{"a":"string"},["a"]])"), Type::Object({{"a", Type::String()}}));
}

TEST(TypeTest, RefusesEndlessNesting) {
  Json deep = "string";
  for (int i = 0; i < 300; ++i) deep = Json::array({"list", deep});
  EXPECT_FALSE(Type::FromJson(deep).ok());
}

TEST(TypeTest, IsDynamicByDefault) { EXPECT_TRUE(Type().IsDynamic()); }

TEST(TypeTest, ComparesByStructure) {
  EXPECT_EQ(Type::List(Type::Object({{"a", Type::Bool()}})),
            Type::List(Type::Object({{"a", Type::Bool()}})));
  EXPECT_FALSE(Type::List(Type::Bool()) == Type::Set(Type::Bool()));
  EXPECT_FALSE(Type::Object({{"a", Type::Bool()}}) == Type::Object({{"b", Type::Bool()}}));
  EXPECT_FALSE(Type::Tuple({Type::Bool()}) == Type::Tuple({Type::Bool(), Type::Bool()}));
}

TEST(TypeTest, ConformsWhereEitherIsDynamic) {
  const Type open = Type::Object({{"a", Type::Dynamic()}});
  const Type closed = Type::Object({{"a", Type::List(Type::String())}});
  EXPECT_TRUE(closed.ConformsTo(open));
  EXPECT_TRUE(open.ConformsTo(closed));
  EXPECT_FALSE(closed.ConformsTo(Type::Object({{"a", Type::List(Type::Bool())}})));
  EXPECT_FALSE(closed.ConformsTo(Type::Object({{"b", Type::Dynamic()}})));
  EXPECT_FALSE(Type::Tuple({}).ConformsTo(Type::Tuple({Type::Dynamic()})));
}

TEST(TypeTest, CountsTheLevelsOfItsJson) {
  EXPECT_EQ(Type::String().JsonDepth(), 0);
  EXPECT_EQ(Type::List(Type::String()).JsonDepth(), 1);
  EXPECT_EQ(Type::Object({{"a", Type::Tuple({Type::Map(Type::Bool())})}}).JsonDepth(), 5);
}

TEST(PathTest, IsSpelledAsInHcl) {
  EXPECT_EQ(Path().ToString(), "");
  EXPECT_EQ(Path::Of("check").At(0).Attr("http").Attr("port").ToString(), "check[0].http.port");
  EXPECT_EQ(Path::Of("images").At("we\"b").ToString(), R"(images["we\"b"])");
  EXPECT_EQ(Path::Of("a").At("${x}\n").ToString(), R"(a["$${x}\n"])");
}

TEST(PathTest, ComparesByContent) {
  EXPECT_EQ(Path::Of("a").At(1), Path::Of("a").At(1));
  EXPECT_FALSE(Path::Of("a").At("b") == Path::Of("a").Attr("b"));
}

TEST(DiagnosticsTest, KnowsWhetherItHoldsErrors) {
  Diagnostics diagnostics;
  diagnostics.Warning(Path(), "Old field", "Use the new one.");
  EXPECT_FALSE(diagnostics.HasErrors());
  Diagnostics more;
  more.Error(Path::Of("a"), "Wrong", "It is wrong.");
  diagnostics.Append(more);
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(diagnostics.list().size(), 2u);
}

}  // namespace
}  // namespace delivery::value
