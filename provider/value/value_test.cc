#include "provider/value/value.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/value/utf8.h"

namespace delivery::value {
namespace {

using testing::HasSubstr;

Value Text(std::string text) { return Value::String(std::move(text)); }
Value Int(int64_t n) { return Value::Number(n); }

TEST(ValueTest, IsANullOfDynamicTypeByDefault) {
  EXPECT_TRUE(Value().is_null());
  EXPECT_TRUE(Value().type().IsDynamic());
  EXPECT_FALSE(Value().is_known());
}

TEST(ValueTest, TellsItsStateAndKind) {
  EXPECT_TRUE(Text("a").is_string());
  EXPECT_FALSE(Value::Null(Type::String()).is_string());
  EXPECT_FALSE(Value::Unknown(Type::Bool()).is_bool());
  EXPECT_TRUE(Value::Tuple({}).is_sequence());
  EXPECT_TRUE(Value::MakeMap(Type::Bool(), {}).is_mapping());
  EXPECT_FALSE(Value::Unknown(Type::Map(Type::Bool())).is_mapping());
}

TEST(ValueTest, ObjectsAndTuplesTakeTheirTypeFromTheirElements) {
  const Value object = Value::Object({{"a", Text("x")}, {"b", Value()}});
  EXPECT_EQ(object.type(), Type::Object({{"a", Type::String()}, {"b", Type::Dynamic()}}));
  EXPECT_EQ(Value::Tuple({Int(1), object}).type(), Type::Tuple({Type::Number(), object.type()}));
}

TEST(ValueTest, ObjectSharesOnlyATypeThatFits) {
  const Type open = Type::Object({{"a", Type::Dynamic()}});
  EXPECT_EQ(Value::Object(open, {{"a", Text("x")}}).type(), Type::Object({{"a", Type::String()}}));
  EXPECT_EQ(Value::Object(open, {{"a", Value()}}).type(), open);
}

TEST(ValueTest, NullElementsTakeOnTheElementType) {
  const Value list = Value::MakeList(Type::String(), {Value(), Value::Unknown(Type::Dynamic())});
  EXPECT_EQ(list.elements()[0], Value::Null(Type::String()));
  EXPECT_EQ(list.elements()[1], Value::Unknown(Type::String()));
}

TEST(ValueTest, SetsDropEqualElementsButNotUnknownOnes) {
  EXPECT_EQ(Value::MakeSet(Type::Number(), {Int(1), Value::Number(Number(1.0)), Int(2)})
                .elements()
                .size(),
            2u);
  const Value unknown = Value::Unknown(Type::String());
  EXPECT_EQ(Value::MakeSet(Type::String(), {unknown, unknown}).elements().size(), 2u);
}

TEST(ValueTest, SetsCompareWithoutOrder) {
  const Value a = Value::MakeSet(Type::String(), {Text("a"), Text("b")});
  EXPECT_EQ(a, Value::MakeSet(Type::String(), {Text("b"), Text("a")}));
  EXPECT_FALSE(a == Value::MakeSet(Type::String(), {Text("b"), Text("c")}));
  EXPECT_FALSE(a == Value::MakeSet(Type::String(), {Text("b")}));
  const Type element = Type::Set(Type::String());
  EXPECT_EQ(Value::MakeSet(element, {a, Value::MakeSet(Type::String(), {Text("b"), Text("a")})})
                .elements()
                .size(),
            1u);
}

TEST(ValueTest, LargeSetsAreBuiltAndComparedQuickly) {
  Value::List up;
  Value::List down;
  for (int i = 0; i < 100'000; ++i) up.push_back(Int(i));
  for (int i = 100'000; i > 0; --i) down.push_back(Int(i - 1));
  EXPECT_EQ(Value::MakeSet(Type::Number(), up), Value::MakeSet(Type::Number(), down));
}

TEST(ValueTest, ComparesTypeStateAndContent) {
  EXPECT_EQ(Int(1), Value::Number(*Number::FromDecimal("1.0")));
  EXPECT_FALSE(Value::Null(Type::String()) == Value::Null(Type::Bool()));
  EXPECT_FALSE(Value::Null(Type::String()) == Value::Unknown(Type::String()));
  EXPECT_FALSE(Value::MakeList(Type::Bool(), {}) == Value::MakeList(Type::String(), {}));
  EXPECT_EQ(Value::Object({{"a", Int(1)}}), Value::Object({{"a", Int(1)}}));
  EXPECT_FALSE(Value::Object({{"a", Int(1)}}) == Value::Object({{"a", Int(2)}}));
}

TEST(ValueTest, FindsUnknownsAnywhereInside) {
  const Value unknown = Value::Unknown(Type::String());
  EXPECT_FALSE(Value::Object({{"a", Value::Tuple({unknown})}}).IsWhollyKnown());
  EXPECT_FALSE(Value::MakeMap(Type::String(), {{"a", unknown}}).IsWhollyKnown());
  EXPECT_TRUE(Value::Object({{"a", Value::Tuple({Value()})}}).IsWhollyKnown());
}

TEST(ValueTest, GetAndHasTolerateWhatIsAbsent) {
  const Value object = Value::Object({{"a", Int(1)}});
  EXPECT_EQ(object.Get("a"), Int(1));
  EXPECT_TRUE(object.Has("a"));
  EXPECT_EQ(object.Get("b"), Value());
  EXPECT_FALSE(Value().Has("a"));
  EXPECT_EQ(Int(1).Get("a"), Value());
}

TEST(ValueTest, WithAndWithoutChangeACopy) {
  const Value object = Value::Object({{"a", Int(1)}});
  EXPECT_EQ(object.With("a", Text("x")), Value::Object({{"a", Text("x")}}));
  EXPECT_EQ(object.With("b", Int(2)).Without("a"), Value::Object({{"b", Int(2)}}));
  const Value map = Value::MakeMap(Type::String(), {{"a", Text("x")}});
  EXPECT_EQ(map.With("b", Text("y")).Without("a").With("b", Value()),
            Value::MakeMap(Type::String(), {{"b", Value::Null(Type::String())}}));
  EXPECT_EQ(object.Get("a"), Int(1));
}

TEST(ValueTest, DebugStringShowsEverything) {
  const Value value = Value::Object({{"a", Text("x\n")},
                                     {"b", Value::Unknown(Type::Bool())},
                                     {"c", Value()},
                                     {"d", Value::Tuple({Int(1), Value::Bool(true)})}});
  EXPECT_EQ(value.DebugString(), R"({a: "x\n", b: (unknown), c: null, d: [1, true]})");
}

class PlainJsonTest : public testing::TestWithParam<std::string> {};

TEST_P(PlainJsonTest, SurvivesTheWayThroughAValue) {
  const Json json = *ParseJson(GetParam());
  EXPECT_EQ(DumpJson(*ToPlainJson(FromPlainJson(json))), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Documents, PlainJsonTest,
                         testing::Values("null", "true", "-1", "0.5", "18446744073709551615",
                                         "\"caf\u0301\"", "[]", "{}",
                                         R"({"a":[1,"x",null,{"b":false}]})"));

TEST(PlainJsonTest, WholeNumbersBecomeIntegers) {
  EXPECT_EQ(DumpJson(*ToPlainJson(Value::Number(Number(3.0)))), "3");
  EXPECT_EQ(DumpJson(*ToPlainJson(Value::Number(*Number::FromDecimal("1e3")))), "1000");
  EXPECT_EQ(DumpJson(*ToPlainJson(Value::Number(*Number::FromDecimal("0.10")))), "0.1");
}

TEST(PlainJsonTest, CollectionsBecomeArraysAndObjects) {
  EXPECT_EQ(DumpJson(*ToPlainJson(Value::MakeSet(Type::Bool(), {Value::Bool(true)}))), "[true]");
  EXPECT_EQ(DumpJson(*ToPlainJson(Value::MakeMap(Type::Bool(), {{"a", Value()}}))),
            R"({"a":null})");
}

TEST(PlainJsonTest, NamesThePlaceOfAnUnknown) {
  const Value value =
      Value::Object({{"a", Value::Tuple({Int(1), Value::Unknown(Type::Dynamic())})}});
  const absl::Status status = ToPlainJson(value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a[1]"));
}

TEST(PlainJsonTest, RefusesNumbersBeyondDouble) {
  EXPECT_FALSE(ToPlainJson(Value::Number(*Number::FromDecimal("1e999"))).ok());
  EXPECT_FALSE(ToPlainJson(Value::Number(Number(std::numeric_limits<double>::infinity()))).ok());
}

TEST(Utf8Test, AcceptsWellFormedText) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(std::string_view("a\0\x7f", 3)));
  EXPECT_TRUE(IsValidUtf8("\xc3\xa9 \xe2\x82\xac \xed\x9f\xbf \xf0\x9f\x9a\x80 \xf4\x8f\xbf\xbf"));
}

TEST(Utf8Test, RefusesEverythingElse) {
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5", "\xff", "\xc3(", "\xe2\x82("}) {
    EXPECT_FALSE(IsValidUtf8(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace delivery::value
