#include "provider/checks/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "provider/base/redact.h"
#include "provider/checks/printable.h"

namespace delivery::checks {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ParseUrlTest, KeepsWhatIsRequestedAndHidesWhatIsSecret) {
  const auto url =
      ParseUrl("HTTPS://jane:hunter%402@hooks.test:8443/run?token=s3cret%20x&a=&bare1#x");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->request, "https://hooks.test:8443/run?token=s3cret%20x&a=&bare1");
  EXPECT_EQ(url->authorization, "Basic amFuZTpodW50ZXJAMg==");
  EXPECT_EQ(url->shown.text, "https://hooks.test:8443/run?token=(redacted)&a=&(redacted)");
  EXPECT_EQ(url->shown.Hide("jane sent s3cret%20x or s3cret x or bare1 with hunter@2", ""),
            "(redacted) sent (redacted) or (redacted) or (redacted) with (redacted)");
  EXPECT_EQ(Redact("Basic amFuZTpodW50ZXJAMg=="), "Basic (redacted)==");
}

TEST(ParseUrlTest, PlainUrlIsShownAsItIs) {
  const auto url = ParseUrl("http://hooks.test");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->request, "http://hooks.test/");
  EXPECT_EQ(url->authorization, "");
  EXPECT_EQ(url->shown.text, "http://hooks.test/");
}

TEST(ParseUrlTest, TheLastAtSignEndsTheUser) {
  const auto url = ParseUrl("http://user@evil.test:pw@hooks.test/@x");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->request, "http://hooks.test/@x");
}

TEST(ParseUrlTest, RefusesWithoutRepeatingTheText) {
  for (const char* bad :
       {"", "hooks.test/hunter22", "ftp://hooks.test/hunter22", "http://", "http://user:hunter22@",
        "http://:80/hunter22", "http://hooks.test/ hunter22", "http://hooks.test/\r\nhunter22: 1",
        "http://hooks.test\\hunter22"}) {
    const absl::Status status = ParseUrl(bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("url must be"), Not(HasSubstr("hunter22"))));
  }
}

TEST(ShowPathTest, HidesTheQueryWhereverItAppears) {
  const Shown shown = ShowPath("/healthz?pin=12");
  EXPECT_EQ(shown.text, "/healthz?pin=(redacted)");
  EXPECT_EQ(shown.Hide("asking for /healthz?pin=12 in 12 s", "/healthz?pin=12"),
            "asking for /healthz?pin=(redacted) in 12 s");
}

TEST(PrintableTest, IsOneLineOfWhatCanBeShown) {
  EXPECT_EQ(Printable("  a\r\n\tb\x1b[31m\x7f c ", 100), "a b [31m c");
  EXPECT_EQ(Printable("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 100),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(Printable("\xff\xc3 \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80", 100), "?? ?? ??? ????");
  EXPECT_EQ(Printable("ab\xe2\x80\xae"
                      "cd\xef\xbb\xbf",
                      100),
            "abcd");
  EXPECT_EQ(Printable(std::string("a\0b", 3), 100), "a b");
}

TEST(PrintableTest, CutsBetweenCharacters) {
  EXPECT_EQ(Printable("abcdef", 6), "abcdef");
  EXPECT_EQ(Printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(Printable("abcde\xc3\xbc", 6), "abcde...");
  EXPECT_EQ(Printable("abcdef   ", 6), "abcdef");
}

}  // namespace
}  // namespace delivery::checks
