#include "provider/runner/failure_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::KubeFault;
using ::testing::Not;

kubernetes::PodFailure Crash() {
  kubernetes::PodFailure failure;
  failure.pod = "web-1";
  failure.container = "web";
  failure.reason = "CrashLoopBackOff";
  failure.message = "exit code 1, 3 restarts";
  failure.previous_log = true;
  return failure;
}

class FailureReportTest : public RunnerFixture {
 protected:
  FailureReportTest() {
    const Json pod = kube_->Put({{"apiVersion", "v1"},
                                 {"kind", "Pod"},
                                 {"metadata", {{"name", "web-1"}, {"namespace", "shop"}}},
                                 {"spec", {{"containers", Json::array({{{"name", "web"}}})}}}});
    uid_ = GetString(pod["metadata"], "uid");
  }

  std::vector<std::string> Report(const kubernetes::PodFailure& failure) {
    return absl::StrSplit(ReportFailure(api(), failure, "shop", uid_, NoStop()), '\n');
  }
  void PutEvent(const std::string& name, const std::string& uid, Json rest) {
    Json event = {{"apiVersion", "v1"},
                  {"kind", "Event"},
                  {"metadata", {{"name", name}, {"namespace", "shop"}}},
                  {"involvedObject", {{"uid", uid}}},
                  {"type", "Warning"},
                  {"reason", "BackOff"}};
    event.update(rest);
    kube_->Put(event, "kubelet");
  }
  void SetLog(const std::string& text, bool previous = true) {
    kube_->SetPodLog("shop", "web-1", "web", text, previous);
  }

  std::string uid_;
};

TEST_F(FailureReportTest, ShowsTheFailureThenTheLogThenTheEvents) {
  SetLog("starting\npanic: no database\n");
  PutEvent("a", uid_, {{"message", "Back-off restarting failed container"}});
  EXPECT_THAT(Report(Crash()),
              ElementsAre("pod web-1, container web: CrashLoopBackOff: exit code 1, 3 restarts",
                          "Last log lines:", "  starting", "  panic: no database", "Last events:",
                          "  Warning BackOff: Back-off restarting failed container"));
}

TEST_F(FailureReportTest, IsOneLineWhenNothingMoreCanBeHad) {
  const auto one_line =
      ElementsAre("pod web-1, container web: CrashLoopBackOff: exit code 1, 3 restarts");
  EXPECT_THAT(Report(Crash()), one_line);
  kube_->AddFault({.method = "GET", .times = 1'000'000, .status = 403});
  EXPECT_THAT(Report(Crash()), one_line);
}

TEST_F(FailureReportTest, LogIsThatOfTheInstanceThatCrashed) {
  SetLog("the one that crashed", true);
  SetLog("the one that waits", false);
  EXPECT_THAT(Report(Crash()),
              ElementsAre(HasSubstr("pod web-1"), "Last log lines:", "  the one that crashed"));
  kubernetes::PodFailure failure = Crash();
  failure.previous_log = false;
  EXPECT_THAT(Report(failure),
              ElementsAre(HasSubstr("pod web-1"), "Last log lines:", "  the one that waits"));
}

TEST_F(FailureReportTest, LogOfThePresentInstanceStandsInForOneThatIsGone) {
  SetLog("the one that waits", false);
  EXPECT_THAT(Report(Crash()),
              ElementsAre(HasSubstr("pod web-1"), "Last log lines:", "  the one that waits"));
}

TEST_F(FailureReportTest, LogIsCutToItsLastTenLines) {
  std::string log;
  for (int i = 1; i <= 30; ++i) absl::StrAppend(&log, "line ", i, "\n");
  SetLog(log);
  const std::vector<std::string> lines = Report(Crash());
  ASSERT_EQ(lines.size(), 12);
  EXPECT_EQ(lines[2], "  line 21");
  EXPECT_EQ(lines[11], "  line 30");
}

TEST_F(FailureReportTest, LongLinesAreCutButNotInsideACharacter) {
  // Two bytes each, so that the three hundredth is the first half of one.
  std::string log = "x";
  for (int i = 0; i < 400; ++i) log += "ä";
  SetLog(log);
  const std::vector<std::string> lines = Report(Crash());
  ASSERT_EQ(lines.size(), 3);
  EXPECT_EQ(lines[2].size(), 2 + 1 + 2 * 149);
  EXPECT_EQ(lines[2].substr(lines[2].size() - 2), "ä");
}

TEST_F(FailureReportTest, BlankLinesOfTheLogAreLeftOut) {
  SetLog("one\n\n   \ntwo\n");
  EXPECT_THAT(Report(Crash()),
              ElementsAre(HasSubstr("pod web-1"), "Last log lines:", "  one", "  two"));
}

TEST_F(FailureReportTest, PodAsAWholeHasNoLog) {
  SetLog("of the container");
  kubernetes::PodFailure failure = Crash();
  failure.container.clear();
  failure.reason = "Unschedulable";
  failure.message = "0/3 nodes are available";
  PutEvent("a", uid_, {{"reason", "FailedScheduling"}, {"message", "0/3 nodes are available"}});
  EXPECT_THAT(Report(failure),
              ElementsAre("pod web-1: Unschedulable: 0/3 nodes are available",
                          "Last events:", "  Warning FailedScheduling: 0/3 nodes are available"));
}

TEST_F(FailureReportTest, EventsAreTheLastFiveInTheirOrderWithCounts) {
  // In the order of their names, which is that of the list, they are not in the order of time. The
  // newer events API has another member for the time.
  const auto at = [](int minute) { return absl::StrCat("2026-01-01T10:", minute, ":00Z"); };
  PutEvent("f", uid_, {{"message", "first"}, {"lastTimestamp", at(10)}});
  PutEvent("e", uid_, {{"message", "second"}, {"eventTime", at(11)}});
  PutEvent("d", uid_, {{"message", "third"}, {"lastTimestamp", at(12)}, {"count", 7}});
  PutEvent("c", uid_, {{"message", "fourth"}, {"lastTimestamp", at(13)}, {"count", 1}});
  PutEvent("b", uid_, {{"message", "fifth"}, {"lastTimestamp", at(14)}, {"type", "Normal"}});
  PutEvent("a", uid_, {{"message", "sixth"}, {"eventTime", at(15)}, {"lastTimestamp", nullptr}});
  EXPECT_THAT(Report(Crash()),
              ElementsAre(HasSubstr("pod web-1"), "Last events:", "  Warning BackOff: second",
                          "  Warning BackOff (x7): third", "  Warning BackOff: fourth",
                          "  Normal BackOff: fifth", "  Warning BackOff: sixth"));
}

TEST_F(FailureReportTest, EventsOfOtherObjectsAreNotShown) {
  PutEvent("a", "another-uid", {{"message", "of somebody else"}});
  EXPECT_THAT(Report(Crash()), ElementsAre(HasSubstr("pod web-1")));
}

// What the newer events API says of an event that came again.
TEST_F(FailureReportTest, SeriesOfEventsCountsByItsLastOne) {
  PutEvent("a", uid_,
           {{"message", "again and again"},
            {"eventTime", "2026-01-01T10:00:00.000000Z"},
            {"series", {{"count", 9}, {"lastObservedTime", "2026-01-01T10:05:00.000000Z"}}}});
  PutEvent("b", uid_, {{"message", "once"}, {"eventTime", "2026-01-01T10:01:00.000000Z"}});
  EXPECT_THAT(Report(Crash()),
              ElementsAre(HasSubstr("pod web-1"), "Last events:", "  Warning BackOff: once",
                          "  Warning BackOff (x9): again and again"));
}

// Without the uid every event that names no object would answer the question.
TEST_F(FailureReportTest, WithoutAnObjectNoEventsAreAskedFor) {
  PutEvent("a", "", {{"message", "of nobody"}});
  uid_.clear();
  EXPECT_THAT(Report(Crash()), ElementsAre(HasSubstr("pod web-1")));
}

TEST_F(FailureReportTest, StopEndsTheQuestions) {
  SetLog("a line");
  kube_->AddFault({.kind = KubeFault::Kind::kDelay, .times = 100, .delay = absl::Minutes(1)});
  std::stop_source stop;
  stop.request_stop();
  const std::string report = ReportFailure(api(), Crash(), "shop", uid_, stop.get_token());
  EXPECT_THAT(report, HasSubstr("CrashLoopBackOff"));
  EXPECT_THAT(report, Not(HasSubstr("Last")));
}

}  // namespace
}  // namespace delivery::runner
