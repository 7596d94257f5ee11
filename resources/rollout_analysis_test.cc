// A delivery_rollout that is measured: while it goes on, and for a time after it.
#include <string>
#include <vector>

#include "resources/canary_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using value::Value;

class RolloutAnalysisTest : public CanaryFixture {
 protected:
  RolloutAnalysisTest() {
    rollout_ = MakeRollout(cluster_);
    stored_ = {NoState(), "", Value()};
  }
  Value Measured(const std::string& image) const {
    const Value analysis = NoRestarts();
    return Config(Manifest(image, 4),
                  {{"analysis", analysis.With("duration", Value::String("20s"))}});
  }
};

TEST_F(RolloutAnalysisTest, ThePlanTellsWhatIsMeasured) {
  const plugin::PlanResponse plan = Plan(Measured(kOld));
  EXPECT_THAT(Said(plan.diagnostics), IsEmpty());
  EXPECT_THAT(Lines(plan.planned.Get("release_plan")), Contains(HasSubstr("measure restarts")));
}

TEST_F(RolloutAnalysisTest, AGoodVersionIsReleasedOnceItWasMeasured) {
  const absl::Time before = clock_.Now();
  Release(Measured(kOld));
  EXPECT_GE(clock_.Now() - before, absl::Seconds(20));
  Refresh();
  EXPECT_TRUE(PlanIsEmpty(Measured(kOld)));
}

TEST_F(RolloutAnalysisTest, ABadVersionIsRolledBack) {
  Release(Measured(kOld));
  after_write_ = [this] {
    if (LiveImage() == kNew && StoredStep() == "observe") RestartPods("web-");
  };
  EXPECT_THAT(ApplySays(Measured(kNew)),
              ElementsAre(AllOf(StartsWith("error at manifest: Release of Deployment shop/web "
                                           "failed and was rolled back"),
                                HasSubstr("restarts"))));
  EXPECT_EQ(Phase(), phase::kRolledBack);
  EXPECT_EQ(LiveImage(), kOld);
}

TEST_F(RolloutAnalysisTest, ThereIsNoSecondVersionToCompareWith) {
  const Value metric = Block({"analysis", "metric"}, {{"name", Value::String("restarts")},
                                                      {"max_ratio_to_stable", Value::Number(2)},
                                                      {"kubernetes", Value::String("restarts")}});
  const Value analysis = NoRestarts().With("metric", Value::MakeList(metric.type(), {metric}));
  EXPECT_THAT(Said(rollout_->Validate(Config(Manifest(kOld), {{"analysis", analysis}}))),
              ElementsAre(StartsWith("error at analysis.metric[0]")));
}

}  // namespace
}  // namespace delivery::resources
