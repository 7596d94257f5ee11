#include "provider/kubernetes/watch.h"

#include "provider/kubernetes/rest_api_fixture.h"

namespace delivery::kubernetes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Json ListOf(const std::vector<std::string>& names, const std::string& version,
            const std::string& next = "") {
  Json items = Json::array();
  for (const std::string& name : names) {
    items.push_back({{"metadata", {{"namespace", "shop"}, {"name", name}}}});
  }
  return {{"metadata", {{"resourceVersion", version}, {"continue", next}}}, {"items", items}};
}

std::string Event(const std::string& type, const Json& object) {
  return DumpJson({{"type", type}, {"object", object}}) + "\n";
}

class WatchTest : public RestApiFixture {
 protected:
  void Begin() {
    ListOptions options;
    options.namespace_name = "shop";
    options.label_selector = "app=web";
    watch_ = api_->Watch("v1", "Pod", options, signal_);
  }
  // Until `condition`, waking at each notification; false after 10 s.
  bool Eventually(const std::function<bool()>& condition) {
    const absl::Time deadline = Clock::Real().Now() + absl::Seconds(10);
    while (true) {
      const uint64_t seen = signal_.version();
      if (condition()) return true;
      if (Clock::Real().Now() >= deadline) return false;
      signal_.Wait(seen, deadline, std::stop_token());
    }
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Json& object : watch_->Objects()) names.push_back(RefOf(object).name);
    return names;
  }
  bool EventuallyNames(const std::vector<std::string>& names) {
    return Eventually([&] { return Names() == names; });
  }
  std::shared_ptr<http::OpenExchange> OpenWatch(size_t index) {
    auto open = transport_->WaitForOpen(index);
    if (open != nullptr) open->Headers(200);
    return open;
  }

  ChangeSignal signal_;
  std::unique_ptr<ObjectWatch> watch_;
};

TEST_F(WatchTest, ListsThenFollowsEvents) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  Begin();
  ASSERT_TRUE(Eventually([&] { return watch_->synced(); }));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_EQ(watch_->Objects()[0]["kind"], "Pod");
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(Path(0), "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb&limit=500");
  EXPECT_THAT(Path(1), AllOf(HasSubstr("watch=true&allowWatchBookmarks=true&resourceVersion=10"),
                             HasSubstr("labelSelector=app%3Dweb"), HasSubstr("timeoutSeconds=")));
  EXPECT_EQ(transport_->requests()[1].timeout, absl::InfiniteDuration());

  open->Data(Event("ADDED", Named("v1", "Pod", "b", "11")));
  EXPECT_TRUE(EventuallyNames({"a", "b"}));
  Json changed = Named("v1", "Pod", "b", "12");
  changed["status"]["phase"] = "Running";
  const std::string line = Event("MODIFIED", changed);
  open->Data(line.substr(0, 20));
  open->Data(line.substr(20) + Event("DELETED", Named("v1", "Pod", "a", "13")));
  EXPECT_TRUE(EventuallyNames({"b"}));
  EXPECT_EQ(watch_->Objects()[0]["status"]["phase"], "Running");
  EXPECT_TRUE(watch_->status().ok());
}

TEST_F(WatchTest, ListsInPages) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10", "next"));
  transport_->ThenAnswer(200, ListOf({"b"}, "10"));
  transport_->ThenOpen();
  Begin();
  ASSERT_NE(OpenWatch(0), nullptr);
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_THAT(Path(1), HasSubstr("continue=next"));
}

TEST_F(WatchTest, ResumesAtTheLastVersionAfterACut) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  transport_->ThenOpen();
  transport_->ThenOpen();
  Begin();
  auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  open->Data(Event("ADDED", Named("v1", "Pod", "b", "11")));
  open->Data(Event("BOOKMARK", {{"metadata", {{"resourceVersion", "20"}}}}));
  open->Done(absl::UnavailableError("connection was lost"));
  open = OpenWatch(1);
  ASSERT_NE(open, nullptr);
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=20"));
  EXPECT_TRUE(watch_->status().ok());
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  open->Data(Event("DELETED", Named("v1", "Pod", "b", "21")));
  open->Done(absl::OkStatus());  // the server's time limit
  ASSERT_NE(OpenWatch(2), nullptr);
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=21"));
}

TEST_F(WatchTest, ListsAgainAfterAGoneEvent) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  transport_->ThenAnswer(200, ListOf({"c"}, "30"));
  transport_->ThenOpen();
  Begin();
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  open->Data(Event("ERROR", StatusObject(410, "Expired", "too old resource version")));
  EXPECT_TRUE(open->done());
  EXPECT_TRUE(EventuallyNames({"c"}));
  ASSERT_NE(OpenWatch(1), nullptr);
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=30"));
  EXPECT_TRUE(watch_->status().ok());
}

TEST_F(WatchTest, ListsAgainAfterAGoneAnswer) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenAnswer(410, StatusObject(410, "Gone", "too old"));
  transport_->ThenAnswer(200, ListOf({"c"}, "30"));
  transport_->ThenOpen();
  Begin();
  EXPECT_TRUE(EventuallyNames({"c"}));
}

TEST_F(WatchTest, ListsAgainAfterAnEventThatCannotBeRead) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  transport_->ThenAnswer(200, ListOf({"c"}, "30"));
  transport_->ThenOpen();
  Begin();
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  open->Data("{\"type\":\"ADDED\",\"obj\n");
  EXPECT_TRUE(EventuallyNames({"c"}));
}

TEST_F(WatchTest, KeepsTryingAndTellsWhatIsWrongMeanwhile) {
  transport_->ThenFail(absl::UnavailableError("connection refused"));
  transport_->ThenAnswer(404, StatusObject(404, "NotFound", "not installed"));
  transport_->ThenAnswer(500, StatusObject(500, "InternalError", "oops"));
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  Begin();
  EXPECT_TRUE(Eventually([&] { return absl::IsUnavailable(watch_->status()); }));
  EXPECT_FALSE(watch_->synced());
  EXPECT_TRUE(Eventually([&] { return watch_->synced(); }));
  EXPECT_TRUE(watch_->status().ok());
}

TEST_F(WatchTest, KeepsTheObjectsWhileTheServerIsAway) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  transport_->ThenFail(absl::UnavailableError("connection refused"));
  transport_->ThenOpen();
  Begin();
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  open->Done(absl::UnavailableError("connection was lost"));
  EXPECT_TRUE(Eventually([&] { return !watch_->status().ok(); }));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_TRUE(watch_->synced());
  ASSERT_NE(OpenWatch(1), nullptr);
  EXPECT_TRUE(Eventually([&] { return watch_->status().ok(); }));
}

TEST_F(WatchTest, RefusalsAreFinal) {
  transport_->ThenAnswer(403, StatusObject(403, "Forbidden", "cannot list pods"));
  Begin();
  EXPECT_TRUE(Eventually([&] { return absl::IsPermissionDenied(watch_->status()); }));
  Clock::Real().Sleep(absl::Milliseconds(300), std::stop_token());
  EXPECT_THAT(transport_->requests(), SizeIs(1));
}

TEST_F(WatchTest, UnauthorizedRefreshesTheCredentialsBeforeItIsReported) {
  credentials_->generations = 2;
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenAnswer(401, StatusObject(401, "Unauthorized", "Unauthorized"));
  transport_->ThenOpen();
  Begin();
  ASSERT_NE(OpenWatch(0), nullptr);
  EXPECT_EQ(Header(2, "Authorization"), "Bearer token-2");
  EXPECT_TRUE(watch_->status().ok());
}

TEST_F(WatchTest, UnauthorizedIsFinalWithoutNewerCredentials) {
  transport_->ThenAnswer(401, StatusObject(401, "Unauthorized", "Unauthorized"));
  Begin();
  EXPECT_TRUE(Eventually([&] { return absl::IsUnauthenticated(watch_->status()); }));
}

TEST_F(WatchTest, DestructionEndsTheExchange) {
  transport_->ThenAnswer(200, ListOf({}, "10"));
  transport_->ThenOpen();
  Begin();
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  watch_.reset();
  EXPECT_TRUE(open->done());
  open->Data(Event("ADDED", Named("v1", "Pod", "late", "11")));  // finds nobody
}

TEST_F(WatchTest, OutlivesTheApi) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  transport_->ThenOpen();
  Begin();
  const auto open = OpenWatch(0);
  ASSERT_NE(open, nullptr);
  api_.reset();
  open->Data(Event("ADDED", Named("v1", "Pod", "b", "11")));
  EXPECT_TRUE(EventuallyNames({"a", "b"}));
}

TEST_F(WatchTest, EndsOfEachWatchAtOnceAreSpaced) {
  transport_->ThenAnswer(200, ListOf({"a"}, "10"));
  for (int i = 0; i < 50; ++i) transport_->ThenText(200, "");
  Begin();
  Clock::Real().Sleep(absl::Milliseconds(700), std::stop_token());
  EXPECT_LT(transport_->requests().size(), 6u);
}

TEST(ChangeSignalTest, WaitEndsByChangeDeadlineOrStop) {
  ChangeSignal signal;
  ChangeSignal same = signal;
  EXPECT_EQ(signal.Wait(0, absl::InfinitePast(), std::stop_token()), 0u);
  std::jthread notifier([&same] { same.Notify(); });
  EXPECT_EQ(signal.Wait(0, absl::InfiniteFuture(), std::stop_token()), 1u);
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(signal.Wait(1, absl::InfiniteFuture(), stop.get_token()), 1u);
}

}  // namespace
}  // namespace delivery::kubernetes
