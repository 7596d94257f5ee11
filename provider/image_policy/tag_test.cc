#include "provider/image_policy/tag.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace delivery::image_policy {
namespace {

TEST(TagTest, KnowsTheTagsOfSignatures) {
  const std::string digest = "sha256-" + std::string(60, '0') + "beef";
  for (const std::string_view suffix : {"", ".sig", ".att", ".sbom"}) {
    EXPECT_TRUE(IsSignatureTag(digest + std::string(suffix))) << suffix;
  }
  for (const std::string& tag :
       {digest + ".other", digest + "0", digest + ".sig.sig", digest.substr(0, 70),
        "sha256-" + std::string(64, 'g'), "sha256-" + std::string(64, 'A'), "x" + digest,
        std::string("sha256-"), std::string(), std::string("1.0.0"), "sha512" + digest.substr(6)}) {
    EXPECT_FALSE(IsSignatureTag(tag)) << tag;
  }
}

TEST(TagTest, CountsAsPeopleDo) {
  const std::vector<std::string> ascending = {
      "",    "1",    "2",     "10",     "10a",     "a",         "a1",    "a2", "a2b",
      "a10", "main", "main-", "main-9", "main-10", "main-10-1", "main.", "z",  "\xc3\xa4"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      const int order = CompareNaturally(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << ascending[i] << " and " << ascending[j];
      EXPECT_EQ(order > 0, i > j) << ascending[i] << " and " << ascending[j];
    }
  }
  EXPECT_EQ(CompareNaturally("a01", "a1"), 0);
  EXPECT_LT(CompareNaturally("99999999999999999999998", "99999999999999999999999"), 0);
}

}  // namespace
}  // namespace delivery::image_policy
