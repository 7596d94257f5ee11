#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "provider/base/json.h"
#include "provider/oci/client_fixture.h"

namespace delivery::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

http::Response Page(const Json& tags, const std::string& next = "") {
  http::Response page = {200, {}, DumpJson({{"name", "team/web"}, {"tags", tags}})};
  if (!next.empty()) page.headers.emplace_back("Link", absl::StrCat("<", next, ">; rel=\"next\""));
  return page;
}

TEST_F(ClientTest, ListsTagsInOrder) {
  for (const char* tag : {"b", "a", "B", "1.10", "1.9"}) registry_->AddImage("team/web", tag);
  EXPECT_THAT(Tags()->tags, ElementsAre("1.10", "1.9", "B", "a", "b"));
  EXPECT_EQ(registry_->Count("GET", "/v2/team/web/tags/list?n=1000"), 1U);
}

TEST_F(ClientTest, ReadsAllPages) {
  for (int i = 0; i < 25; ++i) registry_->AddImage("team/web", absl::StrCat("t", i));
  registry_->Change([](Settings& settings) { settings.page_size = 10; });
  EXPECT_THAT(Tags()->tags, SizeIs(25));
  registry_->Change([](Settings& settings) { settings.absolute_links = true; });
  EXPECT_THAT(Tags()->tags, SizeIs(25));
  EXPECT_EQ(registry_->requests().size(), 6U);
}

TEST_F(ClientTest, ARepositoryMayHaveNoTags) {
  AnswerAlways(Page(nullptr));
  EXPECT_THAT(Tags()->tags, IsEmpty());
  AnswerAlways(Page(Json::array()));
  EXPECT_THAT(Tags()->tags, IsEmpty());
}

TEST_F(ClientTest, WhatIsNoTagIsLeftOut) {
  AnswerAlways(Page({"ok", 1, nullptr, "", ".bad", "b/ad", std::string(129, 'x'), "ok"}));
  EXPECT_THAT(Tags()->tags, ElementsAre("ok"));
}

TEST_F(ClientTest, TagListsMustBeTagLists) {
  for (const char* body : {"", "[]", "{}", "{\"tags\": \"a\"}", "{\"tags\": [\"a\"", "<html>"}) {
    AnswerAlways({200, {}, body});
    EXPECT_EQ(Tags().status().code(), absl::StatusCode::kDataLoss) << body;
  }
}

TEST_F(ClientTest, PagesWithoutEndAreNoticed) {
  AnswerAlways(Page({"a"}, "/v2/team/web/tags/list?last=a"));
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(tags), HasSubstr("without end"));
  EXPECT_EQ(registry_->requests().size(), 2U);
}

TEST_F(ClientTest, PagesWithEverNewNamesAreBounded) {
  auto count = std::make_shared<int>(0);
  registry_->Intercept([count](const http::Request&) {
    return Page(Json::array(), absl::StrCat("?last=", ++*count));
  });
  EXPECT_EQ(Tags().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_LE(registry_->requests().size(), 10'001U);
}

// Docker-registry before 3.0 answers everything at once; others cut without saying where.
TEST_F(ClientTest, AFullPageWithoutALinkIsAskedForItsRest) {
  Json full = Json::array();
  for (int i = 0; i < 1000; ++i) full.push_back(absl::StrCat("t", i));
  registry_->Intercept([full](const http::Request& request) {
    return absl::StrContains(request.url, "last=t999") ? Page({"z"}) : Page(full);
  });
  EXPECT_THAT(Tags()->tags, SizeIs(1001));
  // One that does not know `last` says the same again.
  AnswerAlways(Page(full));
  EXPECT_THAT(Tags()->tags, SizeIs(1000));
}

TEST_F(ClientTest, TooManyTagsAreRefused) {
  auto count = std::make_shared<int>(0);
  registry_->Intercept([count](const http::Request&) {
    Json tags = Json::array();
    for (int i = 0; i < 100'000; ++i) tags.push_back(absl::StrCat("t", ++*count));
    return Page(tags, absl::StrCat("?last=", *count));
  });
  const auto tags = Tags();
  EXPECT_EQ(tags.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(tags), HasSubstr("more than 500000 tags"));
}

TEST_F(ClientTest, ThePageOfAnotherHostIsRefused) {
  for (const char* next :
       {"https://evil.example.com/v2/x", "//evil.example.com/x", "http://registry.example.com/v2/x",
        "https://registry.example.com:1/x", "ftp://x/"}) {
    AnswerAlways(Page({"a"}, next));
    EXPECT_EQ(Tags().status().code(), absl::StatusCode::kDataLoss) << next;
  }
  EXPECT_EQ(registry_->Count("GET", "evil"), 0U);
}

TEST_F(ClientTest, PagesOfAMirrorAreItsOwn) {
  registry_->Intercept([](const http::Request& request) {
    if (absl::StrContains(request.url, "registry.example.com")) {
      return http::Response{307, {{"Location", "https://mirror.example.com/tags?n=1"}}, ""};
    }
    return absl::StrContains(request.url, "last") ? Page({"b"}) : Page({"a"}, "/tags?last=a");
  });
  EXPECT_THAT(Tags()->tags, ElementsAre("a", "b"));
  EXPECT_EQ(registry_->requests().back().url, "https://mirror.example.com/tags?last=a");
}

TEST_F(ClientTest, AsksWithoutASizeWhereTheSizeIsRefused) {
  registry_->Intercept([](const http::Request& request) {
    if (absl::StrContains(request.url, "n=")) return http::Response{400, {}, ""};
    return Page({"a"});
  });
  EXPECT_THAT(Tags()->tags, ElementsAre("a"));
}

TEST_F(ClientTest, AnUnchangedListIsNotSentAgain) {
  registry_->Intercept([](const http::Request& request) {
    if (http::FindHeader(request.headers, "If-None-Match") == "\"v1\"") {
      return http::Response{304, {}, ""};
    }
    http::Response page = Page({"a"});
    page.headers.emplace_back("ETag", "\"v1\"");
    return page;
  });
  const auto first = Tags();
  EXPECT_EQ(first->etag, "\"v1\"");
  EXPECT_FALSE(first->not_modified);
  const auto second = Tags(kWeb, first->etag);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->not_modified);
  EXPECT_EQ(second->etag, "\"v1\"");
  EXPECT_THAT(Tags(kWeb, "\"v0\"")->tags, ElementsAre("a"));
}

TEST_F(ClientTest, AnETagOfOnePageDoesNotSpeakForAll) {
  registry_->Intercept([](const http::Request& request) {
    http::Response page =
        absl::StrContains(request.url, "last") ? Page({"b"}) : Page({"a"}, "?last=a");
    page.headers.emplace_back("ETag", "\"v1\"");
    return page;
  });
  EXPECT_EQ(Tags()->etag, "");
  Json full = Json::array();
  for (int i = 0; i < 1000; ++i) full.push_back(absl::StrCat("t", i));
  http::Response page = Page(full);
  page.headers.emplace_back("ETag", "\"v1\"");
  AnswerAlways(page);
  EXPECT_EQ(Tags()->etag, "");
}

}  // namespace
}  // namespace delivery::oci
