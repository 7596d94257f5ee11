#include "provider/kubernetes/quantity.h"

#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

struct Pair {
  std::string a;
  std::string b;
  bool equal;
};

class QuantityPairTest : public ::testing::TestWithParam<Pair> {};

TEST_P(QuantityPairTest, ComparesAsNumbers) {
  EXPECT_EQ(EqualQuantities(GetParam().a, GetParam().b), GetParam().equal)
      << GetParam().a << " and " << GetParam().b;
  EXPECT_EQ(EqualQuantities(GetParam().b, GetParam().a), GetParam().equal);
}

INSTANTIATE_TEST_SUITE_P(
    All, QuantityPairTest,
    ::testing::Values(Pair{"1000m", "1", true}, Pair{"1", "1.0", true}, Pair{"0.5", "500m", true},
                      Pair{".5", "500m", true}, Pair{"5.", "5", true},
                      Pair{"1Gi", "1073741824", true}, Pair{"1Gi", "1024Mi", true},
                      Pair{"1G", "1Gi", false}, Pair{"1.5Gi", "1536Mi", true},
                      Pair{"1e3", "1k", true}, Pair{"1E3", "1000", true}, Pair{"1E", "1e18", true},
                      Pair{"1Ei", "1152921504606846976", true}, Pair{"100n", "0.0000001", true},
                      Pair{"1e-3", "1m", true}, Pair{"2e+2", "200", true}, Pair{"0", "0m", true},
                      Pair{"-0", "0", true}, Pair{"-1", "1", false}, Pair{"-500m", "-0.5", true},
                      Pair{"+1", "1", true}, Pair{"128Mi", "128M", false}, Pair{"abc", "abc", true},
                      Pair{"abc", "1", false}, Pair{"9007199254740993", "9007199254740992", false},
                      Pair{"99999999999999999999", "99999999999999999999", true},
                      Pair{"1", "1001m", false}));

TEST(QuantityTest, RefusesWhatIsNotAQuantity) {
  for (const std::string_view text :
       {"", "-", ".", "m", "1x", "1 Gi", "1e", "1e+", "1e+-2", "1e9999", "1KI", "1ki", "1.2.3",
        "0x10", "99999999999999999999", "1e 3", " 1"}) {
    EXPECT_FALSE(ParseQuantity(text).has_value()) << text;
  }
}

TEST(QuantityTest, ConvertsToDouble) {
  EXPECT_DOUBLE_EQ(ParseQuantity("1500m")->ToDouble(), 1.5);
  EXPECT_DOUBLE_EQ(ParseQuantity("-2Ki")->ToDouble(), -2048);
  EXPECT_DOUBLE_EQ(ParseQuantity("0")->ToDouble(), 0);
}

}  // namespace
}  // namespace delivery::kubernetes
