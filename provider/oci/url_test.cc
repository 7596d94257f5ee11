#include "provider/oci/url.h"

#include <gtest/gtest.h>

#include "provider/oci/link.h"

namespace delivery::oci {
namespace {

std::string Resolved(const std::string& base, const std::string& location) {
  const auto url = ResolveUrl(*ParseUrl(base), location);
  return url.ok() ? url->Text() : "refused";
}

TEST(UrlTest, ReadsAbsoluteUrls) {
  const auto url = ParseUrl("HTTPS://Example.COM:443/a?b=c#d");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->Text(), "https://example.com/a?b=c");
  EXPECT_EQ(url->Shown(), "https://example.com/a");
  EXPECT_EQ(ParseUrl("http://h:80")->Text(), "http://h/");
  EXPECT_EQ(ParseUrl("http://h:443?x")->Text(), "http://h:443/?x");
  EXPECT_EQ(ParseUrl("https://[::1]:443/a")->Text(), "https://[::1]/a");
}

TEST(UrlTest, RefusesOthersWithoutTheirSecrets) {
  for (const char* text :
       {"", "h/a", "ftp://h/", "https://", "https:///a", "https://u:p@h/", "https://h/a b",
        "https://h/\r\nX: y", "https://h\\e/", "http://h:80:80/", "http://h:/", "http://:80/",
        "http://h:x/", "http://[::1/", "http://[h]x/"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
  const std::string message(ParseUrl("ftp://h/?key=secret").status().message());
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

TEST(UrlTest, ResolvesLocations) {
  EXPECT_EQ(Resolved("https://h/a/b?c", "/x?y"), "https://h/x?y");
  EXPECT_EQ(Resolved("https://h/a/b?c", "?y"), "https://h/a/b?y");
  EXPECT_EQ(Resolved("https://h/a/b?c=/", "x?u=https://z"), "https://h/a/x?u=https://z");
  EXPECT_EQ(Resolved("https://h/a", "//other/x"), "https://other/x");
  EXPECT_EQ(Resolved("https://h/a", "http://other/x"), "http://other/x");
  EXPECT_EQ(Resolved("https://h/a", "javascript://x"), "refused");
}

TEST(UrlTest, OriginsDifferByEachPart) {
  const Url url = *ParseUrl("https://h/a");
  EXPECT_TRUE(url.SameOrigin(*ParseUrl("https://H:443/b")));
  EXPECT_FALSE(url.SameOrigin(*ParseUrl("http://h/a")));
  EXPECT_FALSE(url.SameOrigin(*ParseUrl("https://h:8443/a")));
  EXPECT_FALSE(url.SameOrigin(*ParseUrl("https://h.example/a")));
}

TEST(UrlTest, EncodesValues) { EXPECT_EQ(PercentEncoded("a b:/~+\xff"), "a%20b%3A%2F~%2B%FF"); }

TEST(LinkTest, FindsTheNextPage) {
  EXPECT_EQ(NextLink({{"Link", "</v2/a/tags/list?last=b&n=1>; rel=\"next\""}}),
            "/v2/a/tags/list?last=b&n=1");
  EXPECT_EQ(NextLink({{"link", "<x>; rel=prev, <y,z>; title=\"a, rel=next\"; REL=\"last NEXT\""}}),
            "y,z");
  EXPECT_EQ(NextLink({{"Link", "<x>; rel=prev"}, {"Link", "<y>;rel=next"}}), "y");
}

TEST(LinkTest, LeavesOutTheRest) {
  EXPECT_EQ(NextLink({}), std::nullopt);
  for (const char* value : {"", "<x>", "<x", "x; rel=next", "<x>; rel=\"nextish\"",
                            "<x>; title=\"; rel=next", "<x>; rel=\"a\\"}) {
    EXPECT_EQ(NextLink({{"Link", value}}), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace delivery::oci
