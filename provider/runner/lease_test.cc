#include "provider/runner/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/runner_fixture.h"

namespace delivery::runner {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::KubeFault;
using ::testing::Not;

std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

class LeaseTest : public RunnerFixture {
 protected:
  absl::StatusOr<std::unique_ptr<Lease>> Acquire() {
    return Lease::Acquire(api(), Web(), clock_, stop_.get_token(), NoStop());
  }
  std::string Holder() const { return GetString(Live(LeaseRef())["spec"], "holderIdentity"); }
  absl::Time Renewed() {
    const auto view = ViewLease(api(), Web(), NoStop());
    return view.ok() && view->has_value() ? (*view)->renewed : absl::InfinitePast();
  }

  // The Lease of another apply, by that one's clock.
  void PutLease(const std::string& holder, absl::Time acquired, absl::Time renewed) {
    kube_->Put({{"apiVersion", LeaseRef().api_version},
                {"kind", "Lease"},
                {"metadata", {{"name", LeaseRef().name}, {"namespace", "shop"}}},
                {"spec",
                 {{"holderIdentity", holder},
                  {"leaseDurationSeconds", 15},
                  {"acquireTime", MicroTime(acquired)},
                  {"renewTime", MicroTime(renewed)}}}},
               "other-apply");
  }
  void ChangeSpec(const std::string& member, const std::string& value) {
    kube_->Change(
        LeaseRef(), [&](Json& lease) { lease["spec"][member] = value; }, "other-apply");
  }
  // Time for one renewal passes. It had begun to wait: otherwise it would wait from then on.
  void AdvanceToRenewal() {
    ASSERT_TRUE(Eventually([&] { return clock_.sleepers() == 1; }));
    clock_.Advance(kLeaseRenewal);
  }

  // Runs `change` when the Lease has been looked at `looks` times.
  void OnLook(int looks, std::function<void()> change) {
    process_.line->OnRequest([this, looks, change](const http::Request& request) {
      if (request.method == "GET" && ++looks_ == looks) change();
    });
  }

  std::stop_source stop_;
  int looks_ = 0;
};

TEST_F(LeaseTest, FreeLeaseIsTakenAtOnceAndGivenBack) {
  const absl::Time before = clock_.Now();
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_EQ(clock_.Now(), before);
    const Json spec = Live(LeaseRef())["spec"];
    EXPECT_EQ(spec["leaseDurationSeconds"], 15);
    EXPECT_EQ(spec["acquireTime"], MicroTime(before));
    EXPECT_EQ(spec["renewTime"], MicroTime(before));
    EXPECT_FALSE(Holder().empty());
    EXPECT_FALSE((*lease)->lost().stop_requested());
  }
  EXPECT_TRUE(Live(LeaseRef()).is_null());
  EXPECT_THAT(Writes(), ElementsAre("POST leases", "DELETE leases/delivery-deployment-web"));
}

TEST_F(LeaseTest, IsOursWhenTheAnswerToItsCreationIsLost) {
  kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "POST", .path_part = "leases"});
  const absl::Time before = clock_.Now();
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_EQ(clock_.Now(), before) << "nobody else is waited for";
  }
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(LeaseTest, EachAcquisitionHasAHolderOfItsOwn) {
  std::string first;
  {
    const auto lease = Acquire();
    first = Holder();
  }
  const auto lease = Acquire();
  EXPECT_NE(Holder(), first);
}

TEST_F(LeaseTest, IsRenewedEveryFiveSeconds) {
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  const std::string holder = Holder();
  for (int i = 0; i < 3; ++i) {
    AdvanceToRenewal();
    ASSERT_TRUE(Eventually([&] { return Renewed() == clock_.Now(); })) << i;
  }
  EXPECT_EQ(Holder(), holder);
  EXPECT_FALSE((*lease)->lost().stop_requested());
}

TEST_F(LeaseTest, IsNotRenewedBeforeItsTime) {
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  ASSERT_TRUE(Eventually([&] { return clock_.sleepers() == 1; }));
  clock_.Advance(kLeaseRenewal - absl::Seconds(1));
  // What was sent before this request has been served.
  EXPECT_LT(Renewed(), clock_.Now());
  EXPECT_THAT(Writes(), ElementsAre("POST leases"));
}

TEST_F(LeaseTest, HolderThatRenewsKeepsTheOtherApplyOut) {
  PutLease("laptop_77_0badcafe", clock_.Now() - absl::Minutes(3), clock_.Now());
  OnLook(4, [this] { ChangeSpec("renewTime", MicroTime(clock_.Now())); });
  const absl::Time before = clock_.Now();
  const auto lease = Acquire();
  EXPECT_TRUE(absl::IsAborted(lease.status())) << lease.status();
  EXPECT_THAT(std::string(lease.status().message()),
              AllOf(HasSubstr("Lease shop/delivery-deployment-web"),
                    HasSubstr("held by laptop_77_0badcafe since 3m3s"),
                    HasSubstr("Wait for it to end, then apply again")));
  EXPECT_LE(clock_.Now() - before, kLeaseDuration);
  EXPECT_EQ(Holder(), "laptop_77_0badcafe");
}

TEST_F(LeaseTest, HolderThatDoesNotRenewIsReplacedAfterOneLeaseTime) {
  PutLease("dead", clock_.Now() - absl::Minutes(3), clock_.Now());
  const absl::Time before = clock_.Now();
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_EQ(clock_.Now() - before, kLeaseDuration);
    EXPECT_NE(Holder(), "dead");
    const auto view = ViewLease(api(), Web(), NoStop());
    ASSERT_TRUE(view.ok() && view->has_value());
    EXPECT_EQ((*view)->acquired, clock_.Now());
    EXPECT_EQ((*view)->renewed, clock_.Now());
  }
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

// Whether it renews is what counts, not what time its machine believes it is.
TEST_F(LeaseTest, ClockOfTheHolderDoesNotMatter) {
  for (const absl::Duration skew : {absl::Hours(-10), absl::Hours(10)}) {
    PutLease("dead", clock_.Now() + skew, clock_.Now() + skew);
    const absl::Time before = clock_.Now();
    const auto taken = Acquire();
    EXPECT_TRUE(taken.ok()) << taken.status();
    EXPECT_EQ(clock_.Now() - before, kLeaseDuration);
  }
  for (const absl::Duration skew : {absl::Hours(-10), absl::Hours(10)}) {
    PutLease("alive", clock_.Now() + skew, clock_.Now() + skew);
    looks_ = 0;
    OnLook(3, [&] { ChangeSpec("renewTime", MicroTime(clock_.Now() + skew)); });
    EXPECT_TRUE(absl::IsAborted(Acquire().status()));
    kube_->Remove(LeaseRef());
  }
}

TEST_F(LeaseTest, AgeThatCannotBeKnownIsNotMadeUp) {
  struct Case {
    const char* name;
    std::string acquired;
  };
  for (const Case& test : {Case{"later than now", MicroTime(clock_.Now() + absl::Hours(1))},
                           Case{"malformed", "yesterday"}, Case{"missing", ""}}) {
    SCOPED_TRACE(test.name);
    PutLease("alive", clock_.Now(), clock_.Now());
    ChangeSpec("acquireTime", test.acquired);
    looks_ = 0;
    OnLook(3, [&] { ChangeSpec("renewTime", MicroTime(clock_.Now())); });
    const absl::Status held = Acquire().status();
    EXPECT_THAT(std::string(held.message()),
                AllOf(HasSubstr("is held by alive and being renewed"), Not(HasSubstr("since"))));
  }
}

TEST_F(LeaseTest, LeaseThatIsGivenBackMeanwhileIsTaken) {
  PutLease("finishing", clock_.Now(), clock_.Now());
  const absl::Time before = clock_.Now();
  OnLook(3, [this] { kube_->Remove(LeaseRef()); });
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_LT(clock_.Now() - before, absl::Seconds(5));
}

TEST_F(LeaseTest, OfTwoThatTakeADeadHoldersLeaseOneWaits) {
  PutLease("dead", clock_.Now(), clock_.Now());
  bool overtaken = false;
  int renewals = 0;
  process_.line->OnRequest([&](const http::Request& request) {
    if (request.method == "PUT" && !std::exchange(overtaken, true)) {
      ChangeSpec("holderIdentity", "faster");
    } else if (overtaken && request.method == "GET" && ++renewals == 3) {
      ChangeSpec("renewTime", MicroTime(clock_.Now()));
    }
  });
  const auto lease = Acquire();
  EXPECT_TRUE(absl::IsAborted(lease.status())) << lease.status();
  EXPECT_THAT(std::string(lease.status().message()), HasSubstr("held by faster"));
  EXPECT_EQ(Holder(), "faster");
}

TEST_F(LeaseTest, StopEndsTheWaitForAHolder) {
  PutLease("dead", clock_.Now(), clock_.Now());
  OnLook(3, [this] { stop_.request_stop(); });
  const auto lease = Acquire();
  EXPECT_TRUE(absl::IsCancelled(lease.status())) << lease.status();
  EXPECT_EQ(Holder(), "dead");
}

TEST_F(LeaseTest, LeaseThatMayNotBeTakenIsAnError) {
  kube_->Deny({.verb = "create", .resource = "leases"});
  const auto lease = Acquire();
  EXPECT_TRUE(absl::IsPermissionDenied(lease.status())) << lease.status();
  EXPECT_THAT(std::string(lease.status().message()), HasSubstr("while taking the Lease"));
}

TEST_F(LeaseTest, IsLostWhenSomebodyElseTookIt) {
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    ChangeSpec("holderIdentity", "usurper");
    AdvanceToRenewal();
    EXPECT_TRUE(Eventually([&] { return (*lease)->lost().stop_requested(); }));
  }
  // What is not ours is not given back.
  EXPECT_EQ(Holder(), "usurper");
}

TEST_F(LeaseTest, IsNotTakenFromSomebodyElseAtTheEnd) {
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    // Since the last renewal, so that it has not been noticed.
    ChangeSpec("holderIdentity", "usurper");
  }
  EXPECT_EQ(Holder(), "usurper");
}

TEST_F(LeaseTest, IsLostWhenItWasDeleted) {
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  kube_->Remove(LeaseRef());
  AdvanceToRenewal();
  EXPECT_TRUE(Eventually([&] { return (*lease)->lost().stop_requested(); }));
}

// Labels that a policy controller adds, say: the holder is still the holder.
TEST_F(LeaseTest, IsKeptWhenSomebodyElseTouchesIt) {
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    const auto touch = [](Json& object) { object["metadata"]["labels"]["team"] = "shop"; };
    kube_->Change(LeaseRef(), touch, "policy");
    AdvanceToRenewal();
    EXPECT_TRUE(Eventually([&] { return Renewed() == clock_.Now(); }));
    EXPECT_FALSE((*lease)->lost().stop_requested());
    const auto touch_again = [](Json& object) { object["metadata"]["labels"]["team"] = "web"; };
    kube_->Change(LeaseRef(), touch_again, "policy");
  }
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(LeaseTest, IsKeptWhenTheAnswerToARenewalIsLost) {
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    kube_->AddFault({.kind = KubeFault::Kind::kCutAfter, .method = "PUT"});
    for (int i = 0; i < 2; ++i) {
      AdvanceToRenewal();
      ASSERT_TRUE(Eventually([&] { return Renewed() == clock_.Now(); }));
    }
    EXPECT_FALSE((*lease)->lost().stop_requested());
  }
  EXPECT_TRUE(Live(LeaseRef()).is_null());
}

TEST_F(LeaseTest, OutlivesAShortOutageAndIsLostInALongOne) {
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1'000'000});
  // Not renewed for 5, 10 and 15 s.
  for (int i = 0; i < 3; ++i) AdvanceToRenewal();
  ASSERT_TRUE(Eventually([&] { return clock_.sleepers() == 1; }));
  EXPECT_FALSE((*lease)->lost().stop_requested());
  AdvanceToRenewal();
  EXPECT_TRUE(Eventually([&] { return (*lease)->lost().stop_requested(); }));
}

TEST_F(LeaseTest, NobodyWaitsForAServerThatDoesNotTakeItBack) {
  {
    const auto lease = Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    kube_->AddFault({.kind = KubeFault::Kind::kUnconnected, .times = 1'000'000});
  }
  EXPECT_FALSE(Live(LeaseRef()).is_null());
}

TEST_F(LeaseTest, ViewOfNoLeaseIsNothing) {
  const auto view = ViewLease(api(), Web(), NoStop());
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_FALSE(view->has_value());
}

TEST_F(LeaseTest, ViewTellsWhoHoldsItSinceWhen) {
  const absl::Time acquired = absl::FromUnixMicros(1'700'000'000'123'456);
  PutLease("laptop_77", acquired, acquired + absl::Seconds(5));
  const auto view = ViewLease(api(), Web(), NoStop());
  ASSERT_TRUE(view.ok() && view->has_value()) << view.status();
  EXPECT_EQ((*view)->holder, "laptop_77");
  EXPECT_EQ((*view)->acquired, acquired);
  EXPECT_EQ((*view)->renewed, acquired + absl::Seconds(5));
}

TEST_F(LeaseTest, ViewThatIsForbiddenIsAnError) {
  kube_->Deny({.verb = "get", .resource = "leases"});
  EXPECT_TRUE(absl::IsPermissionDenied(ViewLease(api(), Web(), NoStop()).status()));
}

}  // namespace
}  // namespace delivery::runner
