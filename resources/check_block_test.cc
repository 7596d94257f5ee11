#include "resources/check_block.h"

#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const CheckPlaces kPlaces = {{"after_promotion"}, {"stable"}};

constexpr char kJob[] = R"({apiVersion: batch/v1, kind: Job, metadata: {name: smoke}, spec:
  {template: {spec: {restartPolicy: Never, containers: [{name: curl, image: "curl:1"}]}}}})";

CheckBlock HttpBlock(const std::function<void(HttpCheckBlock&)>& edit = nullptr) {
  CheckBlock block;
  block.name = std::string("smoke");
  HttpCheckBlock http;
  http.port = 8080;
  if (edit) edit(http);
  block.http = std::move(http);
  return block;
}
CheckBlock JobBlock(const std::string& yaml = kJob) {
  CheckBlock block;
  block.name = std::string("job");
  block.job = JobCheckBlock{yaml};
  return block;
}
CheckBlock WebhookBlock() {
  CheckBlock block;
  block.name = std::string("hook");
  block.webhook = WebhookCheckBlock{std::string("https://a.test/hook"), {}};
  return block;
}

std::vector<std::string> Complaints(const CheckBlocks& blocks) {
  Diagnostics diagnostics;
  ValidateCheckBlocks(blocks, kPlaces, diagnostics);
  return Said(diagnostics);
}

// The only check.
checks::Check Checked(const CheckBlock& block) {
  const auto checks = ToChecks(std::vector<CheckBlock>{block});
  EXPECT_TRUE(checks.ok()) << checks.status();
  return checks.ok() && checks->size() == 1 ? checks->front() : checks::Check();
}

TEST(CheckBlockTest, DeclarationsHaveNoProblems) {
  EXPECT_THAT(CheckBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(HttpCheckBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(JobCheckBlock::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(WebhookCheckBlock::Declaration().Problems(), IsEmpty());
}

// ---- Validation

TEST(ValidateCheckBlocksTest, OneOfEachKindIsFine) {
  EXPECT_THAT(Complaints(std::vector<CheckBlock>{HttpBlock(), JobBlock(), WebhookBlock()}),
              IsEmpty());
  EXPECT_THAT(Complaints(CheckBlocks()), IsEmpty());
}

TEST(ValidateCheckBlocksTest, AllMistakesAreSaidAtTheirPlaces) {
  CheckBlock nothing;
  nothing.name = std::string("nothing");
  CheckBlock two = WebhookBlock();
  two.job = JobBlock().job;
  CheckBlock elsewhere =
      HttpBlock([](HttpCheckBlock& http) { http.target = std::string("canary"); });
  elsewhere.at = std::string("before_lunch");
  EXPECT_THAT(
      Complaints(std::vector<CheckBlock>{nothing, two, elsewhere, HttpBlock()}),
      ElementsAre(
          StartsWith("error at check[0]: A check without a kind"),
          StartsWith("error at check[1]: A check of two kinds"),
          AllOf(StartsWith("error at check[2].at: "), HasSubstr("Possible: after_promotion")),
          AllOf(StartsWith("error at check[2].http.target: "), HasSubstr("Possible: stable")),
          StartsWith("error at check[3].name: A name used twice")));
}

TEST(ValidateCheckBlocksTest, OneTargetIsEnough) {
  EXPECT_THAT(Complaints(std::vector<CheckBlock>{HttpBlock([](HttpCheckBlock& http) {
                http.target = std::string("stable");
                http.service = std::string("web");
              })}),
              ElementsAre(StartsWith("error at check[0].http: A check of two targets")));
}

struct BadCheckCase {
  std::string name;
  CheckBlock block;
};
void PrintTo(const BadCheckCase& test, std::ostream* out) { *out << test.name; }
class BadCheckTest : public ::testing::TestWithParam<BadCheckCase> {};

TEST_P(BadCheckTest, IsFoundBeforeItIsRun) {
  EXPECT_THAT(Complaints(std::vector<CheckBlock>{GetParam().block}),
              ElementsAre(StartsWith("error at check[0]: Invalid check ")));
  EXPECT_FALSE(ToChecks(std::vector<CheckBlock>{GetParam().block}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    , BadCheckTest,
    ::testing::Values(BadCheckCase{"NoPort", HttpBlock([](auto& http) { http.port = {}; })},
                      BadCheckCase{"RegularExpression", HttpBlock([](auto& http) {
                                     http.expect_body_regex = std::string("(");
                                   })},
                      BadCheckCase{"Url", HttpBlock([](auto& http) {
                                     http.port = {};
                                     http.url = std::string("ftp://a.test");
                                   })},
                      BadCheckCase{"JobYaml", JobBlock("{")},
                      BadCheckCase{"NotAJob", JobBlock("kind: Pod")}),
    [](const auto& test) { return test.param.name; });

TEST(ValidateCheckBlocksTest, WhatIsUnknownIsPassedOver) {
  CheckBlock block = HttpBlock([](HttpCheckBlock& http) {
    http.url = Attr<std::string>::Unknown();
    http.port = {};
  });
  block.at = Attr<std::string>::Unknown();
  EXPECT_THAT(Complaints(std::vector<CheckBlock>{block}), IsEmpty());
  CheckBlock unknown_job = JobBlock();
  unknown_job.job = JobCheckBlock{Attr<std::string>::Unknown()};
  EXPECT_THAT(Complaints(std::vector<CheckBlock>{unknown_job}), IsEmpty());
  EXPECT_THAT(Complaints(CheckBlocks::Unknown()), IsEmpty());
}

// ---- Conversion

TEST(ToChecksTest, AnHttpCheckHasItsDefaults) {
  const checks::Check check = Checked(HttpBlock());
  EXPECT_EQ(check.name, "smoke");
  EXPECT_EQ(check.timeout, absl::Minutes(1));
  const auto& http = std::get<checks::HttpCheck>(check.what);
  EXPECT_EQ(http.target, checks::HttpCheck::Target::kPod);
  EXPECT_EQ(http.port, 8080);
  EXPECT_EQ(http.scheme, "http");
  EXPECT_EQ(http.path, "/");
  EXPECT_THAT(http.expect_status, ElementsAre(200));
}

TEST(ToChecksTest, EverythingOfAnHttpCheckIsHandedOver) {
  CheckBlock block = HttpBlock([](HttpCheckBlock& http) {
    http.service = std::string("web");
    http.scheme = std::string("https");
    http.path = std::string("/healthz?full=1");
    http.expect_status = std::vector<Attr<int64_t>>{int64_t{200}, int64_t{204}};
    http.expect_body = std::string("ok");
    http.expect_body_regex = std::string("o.");
  });
  block.timeout = std::string("30s");
  const checks::Check check = Checked(block);
  EXPECT_EQ(check.timeout, absl::Seconds(30));
  const auto& http = std::get<checks::HttpCheck>(check.what);
  EXPECT_EQ(http.target, checks::HttpCheck::Target::kService);
  EXPECT_EQ(http.service, "web");
  EXPECT_EQ(http.scheme, "https");
  EXPECT_EQ(http.path, "/healthz?full=1");
  EXPECT_THAT(http.expect_status, ElementsAre(200, 204));
  EXPECT_EQ(http.expect_body, "ok");
  EXPECT_EQ(http.expect_body_regex, "o.");
}

TEST(ToChecksTest, AUrlIsATargetOfItsOwn) {
  const checks::Check check = Checked(HttpBlock([](HttpCheckBlock& http) {
    http.port = {};
    http.url = std::string("https://a.test/x");
  }));
  const auto& http = std::get<checks::HttpCheck>(check.what);
  EXPECT_EQ(http.target, checks::HttpCheck::Target::kUrl);
  EXPECT_EQ(http.url, "https://a.test/x");
}

TEST(ToChecksTest, JobsAndWebhooksAreHandedOver) {
  const auto job = std::get<checks::JobCheck>(Checked(JobBlock()).what);
  EXPECT_EQ(job.job["metadata"]["name"], "smoke");
  CheckBlock block = WebhookBlock();
  EXPECT_EQ(std::get<checks::WebhookCheck>(Checked(block).what).poll, absl::Seconds(10));
  block.webhook.value().poll = std::string("2s");
  const auto hook = std::get<checks::WebhookCheck>(Checked(block).what);
  EXPECT_EQ(hook.url, "https://a.test/hook");
  EXPECT_EQ(hook.poll, absl::Seconds(2));
}

TEST(ToChecksTest, KeepsTheOrder) {
  const auto checks = ToChecks(std::vector<CheckBlock>{WebhookBlock(), HttpBlock(), JobBlock()});
  ASSERT_TRUE(checks.ok()) << checks.status();
  std::vector<std::string> names;
  for (const checks::Check& check : *checks) names.push_back(check.name);
  EXPECT_THAT(names, ElementsAre("hook", "smoke", "job"));
}

TEST(TimeForChecksTest, IsTheSumOfTheirLimits) {
  EXPECT_EQ(TimeForChecks(CheckBlocks()), absl::ZeroDuration());
  CheckBlock slow = JobBlock();
  slow.timeout = std::string("5m");
  EXPECT_EQ(TimeForChecks(std::vector<CheckBlock>{HttpBlock(), slow}), absl::Minutes(6));
}

TEST(DescribeChecksTest, SaysWhatIsAskedAndForHowLong) {
  const auto checks = ToChecks(std::vector<CheckBlock>{
      HttpBlock([](HttpCheckBlock& http) { http.path = std::string("/healthz"); }), JobBlock(),
      WebhookBlock()});
  ASSERT_TRUE(checks.ok()) << checks.status();
  EXPECT_THAT(DescribeChecks(*checks),
              ElementsAre("check smoke: GET /healthz of a ready pod, port 8080, expect 200 (at "
                          "most 1m)",
                          "check job: a Job that must complete (at most 1m)",
                          "check hook: a webhook that must agree (at most 1m)"));
}

// They may hold a password or a token.
TEST(DescribeChecksTest, UrlsAreNotShown) {
  const auto checks = ToChecks(std::vector<CheckBlock>{HttpBlock([](HttpCheckBlock& http) {
    http.port = {};
    http.url = std::string("https://u:geheim@a.test/?token=geheim");
  })});
  ASSERT_TRUE(checks.ok()) << checks.status();
  EXPECT_THAT(DescribeChecks(*checks), ElementsAre(Not(HasSubstr("geheim"))));
}

}  // namespace
}  // namespace delivery::resources
