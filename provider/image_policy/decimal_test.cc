#include "provider/image_policy/decimal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace delivery::image_policy {
namespace {

int Sign(int order) { return order < 0 ? -1 : (order > 0 ? 1 : 0); }

TEST(DecimalTest, OrdersByValue) {
  // Each lower than the next.
  const std::vector<std::string> ascending = {"-100000000000000000000000",
                                              "-99999999999999999999999",
                                              "-2",
                                              "-1.5",
                                              "-1.25",
                                              "-1",
                                              "-0.01",
                                              "0",
                                              "0.009",
                                              "0.01",
                                              "0.1",
                                              "0.11",
                                              "1",
                                              "1.00000000000000000000001",
                                              "9",
                                              "10",
                                              "9007199254740992",
                                              "9007199254740993",
                                              "20240101123456789012345678"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(Sign(Compare(*ParseDecimal(ascending[i]), *ParseDecimal(ascending[j]))),
                Sign(static_cast<int>(i) - static_cast<int>(j)))
          << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(DecimalTest, ZerosAtTheEndsCountForNothing) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"007", "7"},
                                                                             {"1.50", "1.5"},
                                                                             {"1.0", "1"},
                                                                             {"-0", "0"},
                                                                             {"-00.00", "0"},
                                                                             {"-01", "-1"}}) {
    EXPECT_EQ(Compare(*ParseDecimal(a), *ParseDecimal(b)), 0) << a << " and " << b;
  }
}

TEST(DecimalTest, RefusesWhatIsNotDigits) {
  for (const std::string_view text :
       {"",      "-",    ".",   "-.",  "+1",    "--1",      "1e5",     "1E5",
        "0x10",  "NaN",  "nan", "Inf", "-Inf",  "infinity", ".5",      "5.",
        "1.2.3", "1.-2", " 1",  "1 ",  "1_000", "1,5",      "\xd9\xa1"}) {
    EXPECT_FALSE(ParseDecimal(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace delivery::image_policy
