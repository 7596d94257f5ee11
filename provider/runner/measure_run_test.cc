#include "provider/runner/measure_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using analysis::Measurement;
using analysis::Sample;

// Answers with a number once as many requests as `together` wait for it; never, if that is
// negative.
class Source : public http::Transport {
 public:
  explicit Source(int together) : together_(together) {}

  void Start(http::Request, std::stop_token stop,
             std::shared_ptr<http::ResponseHandler> handler) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    waiting_.push_back(std::move(handler));
    if (together_ < 0) {
      stops_.push_back(std::make_unique<Stop>(stop, End{waiting_.back()}));
      return;
    }
    if (static_cast<int>(waiting_.size()) < together_) return;
    for (const auto& one : waiting_) {
      threads_.emplace_back([one] {
        one->OnHeaders(200, {});
        one->OnData(R"({"value": 7})");
        one->OnDone(absl::OkStatus());
      });
    }
    waiting_.clear();
  }
  int asked() const { return asked_; }

 private:
  struct End {
    std::shared_ptr<http::ResponseHandler> handler;
    void operator()() const { handler->OnDone(absl::CancelledError("stopped")); }
  };
  using Stop = std::stop_callback<End>;

  const int together_;
  std::mutex mutex_;
  std::atomic<int> asked_ = 0;
  std::vector<std::shared_ptr<http::ResponseHandler>> waiting_;
  std::vector<std::unique_ptr<Stop>> stops_;
  std::vector<std::jthread> threads_;
};

class MeasureRunTest : public RunnerFixture {
 protected:
  void Add(const std::string& name, bool compares = false) {
    target_.metrics.push_back(
        {.name = name,
         .source = metrics::HttpMetric{.url = "http://metrics.test/m", .json_path = "$.value"}});
    analysis::Rule rule{.metric = name, .max = 10};
    if (compares) rule.max_ratio_to_stable = 1.2;
    target_.rules.push_back(rule);
  }
  std::unique_ptr<MeasureRun> Begin() {
    return std::make_unique<MeasureRun>(
        metrics::MetricContext{
            .api = api(), .transport = nullptr, .url_transport = [this] { return source_; }},
        target_, MeasureRun::Sides{}, signal_);
  }
  static std::vector<Measurement> Await(MeasureRun& run) {
    std::optional<std::vector<Measurement>> answers;
    EXPECT_TRUE(Eventually([&] {
      if (!answers.has_value()) answers = run.Take();
      return answers.has_value();
    }));
    return answers.value_or(std::vector<Measurement>());
  }

  MeasuringTarget target_;
  kubernetes::ChangeSignal signal_;
  std::shared_ptr<Source> source_;
};

TEST_F(MeasureRunTest, AllAreAskedAtOnceAndAnsweredInOrder) {
  // Nothing is answered before all five are asked: three metrics, two of them of both sides.
  source_ = std::make_shared<Source>(5);
  Add("first");
  Add("second", /*compares=*/true);
  Add("third", /*compares=*/true);
  const uint64_t before = signal_.version();
  const auto run = Begin();
  const std::vector<Measurement> answers = Await(*run);
  ASSERT_EQ(answers.size(), 3);
  EXPECT_EQ(answers[0].metric, "first");
  EXPECT_EQ(answers[0].canary.kind, Sample::Kind::kValue) << answers[0].canary.detail;
  EXPECT_EQ(answers[0].canary.value, 7);
  EXPECT_FALSE(answers[0].stable.has_value());
  EXPECT_EQ(answers[2].metric, "third");
  ASSERT_TRUE(answers[2].stable.has_value());
  EXPECT_EQ(answers[2].stable->value, 7);
  EXPECT_TRUE(Eventually([&] { return signal_.version() != before; }));
}

TEST_F(MeasureRunTest, AnswersAreGivenOnce) {
  source_ = std::make_shared<Source>(1);
  Add("only");
  const auto run = Begin();
  EXPECT_EQ(Await(*run).size(), 1);
  EXPECT_FALSE(run->Take().has_value());
}

TEST_F(MeasureRunTest, MoreThanAreAskedAtOnceAreAskedInTurn) {
  source_ = std::make_shared<Source>(1);
  for (int i = 0; i < 20; ++i) Add(absl::StrCat("metric-", i));
  const auto run = Begin();
  EXPECT_EQ(Await(*run).size(), 20);
  EXPECT_EQ(source_->asked(), 20);
}

TEST_F(MeasureRunTest, NoMetricsAreNoAnswers) {
  const auto run = Begin();
  EXPECT_TRUE(Await(*run).empty());
}

// Of a source that never answers.
TEST_F(MeasureRunTest, EndsWithoutAnAnswerWhenItIsDestroyed) {
  source_ = std::make_shared<Source>(-1);
  Add("only", /*compares=*/true);
  auto run = Begin();
  EXPECT_TRUE(Eventually([this] { return source_->asked() == 2; }));
  const absl::Time before = absl::Now();
  run.reset();
  EXPECT_LT(absl::Now() - before, absl::Seconds(5));
}

}  // namespace
}  // namespace delivery::runner
