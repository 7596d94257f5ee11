// Watching: what changes is seen, in order, whatever happens to the connection.
#include <algorithm>

#include "provider/base/clock.h"
#include "tests/contracts/contract_fixture.h"

namespace delivery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchContract : public KubeApiContract {
 protected:
  void StartWatch() {
    watch_ = api().Watch("v1", "ConfigMap",
                         {.namespace_name = space(), .label_selector = "watched=yes"}, signal_);
    ASSERT_TRUE(Eventually([&] { return watch_->synced(); })) << watch_->status();
  }

  void CreateWatched(const std::string& name, const std::string& value) {
    Json object = ConfigMap(name, {{"n", value}});
    object["metadata"]["labels"]["watched"] = "yes";
    Created(object);
  }

  std::vector<std::string> Seen() const {
    std::vector<std::string> seen;
    for (const Json& object : watch_->Objects()) {
      seen.push_back(GetString(object["metadata"], "name") + "=" + GetString(object["data"], "n"));
    }
    return seen;
  }

  // Waits by the signal alone, as the provider does.
  bool WaitFor(const std::vector<std::string>& expected) {
    const absl::Time deadline = Clock::Real().Now() + absl::Seconds(30);
    for (;;) {
      const uint64_t version = signal_.version();
      if (Seen() == expected) return true;
      if (Clock::Real().Now() > deadline) return false;
      signal_.Wait(version, deadline, no_stop());
    }
  }

  kubernetes::ChangeSignal signal_;
  std::unique_ptr<kubernetes::ObjectWatch> watch_;
};

TEST_F(WatchContract, ObjectsThatExistAreThereWhenSynced) {
  CreateWatched("a", "1");
  StartWatch();
  EXPECT_THAT(Seen(), ElementsAre("a=1"));
  EXPECT_EQ(watch_->Objects()[0]["kind"], "ConfigMap");
  EXPECT_TRUE(watch_->status().ok());
}

TEST_F(WatchContract, AdditionsChangesAndDeletionsAreSeen) {
  StartWatch();
  EXPECT_THAT(Seen(), IsEmpty());
  CreateWatched("a", "1");
  EXPECT_TRUE(WaitFor({"a=1"}));
  CreateWatched("b", "1");
  EXPECT_TRUE(WaitFor({"a=1", "b=1"}));
  ASSERT_TRUE(
      api().MergePatch(Ref("ConfigMap", "a"), {{"data", {{"n", "2"}}}}, {}, no_stop()).ok());
  EXPECT_TRUE(WaitFor({"a=2", "b=1"}));
  ASSERT_TRUE(api().Delete(Ref("ConfigMap", "a"), {}, no_stop()).ok());
  EXPECT_TRUE(WaitFor({"b=1"}));
}

TEST_F(WatchContract, ObjectsEnterAndLeaveTheSelection) {
  CreateWatched("a", "1");
  Created(ConfigMap("b", {{"n", "1"}}));
  StartWatch();
  const auto label = [&](const std::string& name, const Json& value) {
    return api()
        .MergePatch(Ref("ConfigMap", name), {{"metadata", {{"labels", {{"watched", value}}}}}}, {},
                    no_stop())
        .status();
  };
  ASSERT_TRUE(label("b", "yes").ok());
  EXPECT_TRUE(WaitFor({"a=1", "b=1"}));
  ASSERT_TRUE(label("a", nullptr).ok());
  EXPECT_TRUE(WaitFor({"b=1"}));
}

TEST_F(WatchContract, GoesOnAfterADisturbance) {
  CreateWatched("a", "1");
  CreateWatched("b", "1");
  StartWatch();
  cluster().DisturbWatches();
  CreateWatched("c", "1");
  ASSERT_TRUE(api().Delete(Ref("ConfigMap", "a"), {}, no_stop()).ok());
  EXPECT_TRUE(WaitFor({"b=1", "c=1"}));
  EXPECT_TRUE(Eventually([&] { return watch_->status().ok(); })) << watch_->status();
}

TEST_F(WatchContract, EndsQuicklyWhenDestroyed) {
  StartWatch();
  const absl::Time before = Clock::Real().Now();
  watch_.reset();
  EXPECT_LT(Clock::Real().Now() - before, absl::Seconds(1));
}

TEST_F(WatchContract, UnknownKindIsAFinalError) {
  watch_ = api().Watch("no.such.group/v1", "Thing", {.namespace_name = space()}, signal_);
  EXPECT_TRUE(Eventually([&] { return !watch_->status().ok(); }));
  EXPECT_FALSE(watch_->synced());
}

}  // namespace
}  // namespace delivery::testing
