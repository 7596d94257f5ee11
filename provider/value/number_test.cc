#include "provider/value/number.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::value {
namespace {

Number Decimal(const std::string& text) { return *Number::FromDecimal(text); }

struct Spelling {
  std::string text;
  std::string canonical;
};

class DecimalTest : public testing::TestWithParam<Spelling> {};

TEST_P(DecimalTest, HasACanonicalForm) {
  EXPECT_EQ(Decimal(GetParam().text).ToDecimal(), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, DecimalTest,
    testing::Values(Spelling{"0", "0"}, Spelling{"-0", "0"}, Spelling{"0e99", "0"},
                    Spelling{"1", "1"}, Spelling{"+1.0", "1"}, Spelling{"1e0", "1"},
                    Spelling{"007", "7"}, Spelling{"-12.50", "-12.5"}, Spelling{"0.1", "0.1"},
                    Spelling{"1E-3", "0.001"}, Spelling{"100e-2", "1"}, Spelling{"12.5e1", "125"},
                    Spelling{"1e20", "100000000000000000000"}, Spelling{"1e21", "1e21"},
                    Spelling{"-1.25e30", "-1.25e30"}, Spelling{"1e-101", "1e-101"},
                    Spelling{"1234567890123456789012", "1.234567890123456789012e21"},
                    Spelling{"0.30000000000000000004", "0.30000000000000000004"}));

class NotDecimalTest : public testing::TestWithParam<std::string> {};

TEST_P(NotDecimalTest, IsRefused) {
  EXPECT_EQ(Number::FromDecimal(GetParam()).status().code(), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Texts, NotDecimalTest,
                         testing::Values("", "-", "+", ".5", "5.", "1e", "1e+", "1e10000",
                                         "1e-10000", "1e99999999999", "0x10", "1_000", " 1", "1 ",
                                         "--1", "Inf", "NaN", "1.2.3", std::string(1001, '1')));

TEST(NumberTest, KeepsTheFormInWhichItCame) {
  EXPECT_EQ(std::get<std::string>(Decimal("1.50").form()), "1.50");
  EXPECT_EQ(std::get<double>(Number(2.0).form()), 2.0);
  EXPECT_EQ(std::get<uint64_t>(Number(uint64_t{3}).form()), 3u);
}

TEST(NumberTest, AcceptsLongText) {
  EXPECT_TRUE(Number::FromDecimal(std::string(1000, '9')).ok());
  EXPECT_TRUE(Number::FromDecimal("1e-9999").ok());
}

TEST(NumberTest, EqualsByDecimalValue) {
  EXPECT_EQ(Number(int64_t{1}), Number(1.0));
  EXPECT_EQ(Number(int64_t{1}), Decimal("1e0"));
  EXPECT_EQ(Number(uint64_t{1}), Decimal("1.00"));
  EXPECT_EQ(Number(0.1), Decimal("0.1"));
  EXPECT_EQ(Number(-0.0), Number(int64_t{0}));
  EXPECT_FALSE(Number(int64_t{-1}) == Number(uint64_t{1}));
  EXPECT_FALSE(Number(0.1) == Decimal("0.10000000000000000001"));
  EXPECT_FALSE(Decimal("9007199254740993") == Number(9007199254740992.0));
}

TEST(NumberTest, IsAnInt64OnlyWhenExactly) {
  EXPECT_EQ(Number(3.0).AsInt64(), 3);
  EXPECT_EQ(Decimal("-9223372036854775808").AsInt64(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Decimal("1e3").AsInt64(), 1000);
  EXPECT_EQ(Decimal("0.0").AsInt64(), 0);
  EXPECT_EQ(Number(0.5).AsInt64(), std::nullopt);
  EXPECT_EQ(Decimal("9223372036854775808").AsInt64(), std::nullopt);
  EXPECT_EQ(Number(1e300).AsInt64(), std::nullopt);
  EXPECT_EQ(Number(std::numeric_limits<double>::infinity()).AsInt64(), std::nullopt);
}

TEST(NumberTest, IsAUint64OnlyWhenExactly) {
  EXPECT_EQ(Decimal("18446744073709551615").AsUint64(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Decimal("18446744073709551616").AsUint64(), std::nullopt);
  EXPECT_EQ(Number(int64_t{-1}).AsUint64(), std::nullopt);
}

TEST(NumberTest, HasANearestDouble) {
  EXPECT_EQ(Decimal("0.1").AsDouble(), 0.1);
  EXPECT_EQ(Decimal("+2.5").AsDouble(), 2.5);
  EXPECT_EQ(Decimal("1e999").AsDouble(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(Number(int64_t{-7}).AsDouble(), -7.0);
  EXPECT_EQ(Number(uint64_t{7}).AsDouble(), 7.0);
}

TEST(NumberTest, NamesWhatIsNotFinite) {
  const Number infinite(std::numeric_limits<double>::infinity());
  EXPECT_EQ(infinite.ToDecimal(), "Inf");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()).ToDecimal(), "-Inf");
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN()).ToDecimal(), "NaN");
  EXPECT_FALSE(infinite == Number(1.0));
  EXPECT_FALSE(infinite.IsFinite());
}

}  // namespace
}  // namespace delivery::value
