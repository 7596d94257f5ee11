#include "resources/release_record.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "resources/workload_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using value::Type;
using value::Value;

WorkloadVersion Version(const std::string& image) {
  return {value::FromPlainJson(WebManifest(image)), ToImages({{"web", image}}), WebManifest(image)};
}

ReleaseRecord FullRecord() {
  ReleaseRecord record;
  record.written = Version("web:2");
  record.good = Version("web:1");
  record.recorded = WebManifest("web:2");
  record.generation = 7;
  record.drifted = {"spec.replicas", "spec.template.spec.containers[name=web].image"};
  record.imported = true;
  record.legacy_managers = {"helm", "kubectl"};
  record.contents = {{"ConfigMap settings", "new"}, {"Secret keys", "same"}};
  record.released_contents = {{"ConfigMap settings", "old"}, {"Secret keys", "same"}};
  record.failed = FailedRelease{"v1:template", "2026-02-03T04:05:06Z", "it broke", "try-2"};
  return record;
}

ReleaseRecord RoundTrip(const ReleaseRecord& record) {
  const absl::StatusOr<ReleaseRecord> read = ReleaseRecord::Parse(record.Serialize());
  EXPECT_TRUE(read.ok()) << read.status();
  return read.value_or(ReleaseRecord());
}

TEST(ReleaseRecordTest, NoTextIsAnEmptyRecord) {
  const auto record = ReleaseRecord::Parse("");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_FALSE(record->written.has_value());
  EXPECT_FALSE(record->good.has_value());
  EXPECT_FALSE(record->imported);
}

TEST(ReleaseRecordTest, AVersionThatWaitsSurvivesStorage) {
  ReleaseRecord record = FullRecord();
  record.pending = PendingVersion{Version("web:3"), 25, 2, {{"Secret keys", "old"}}, "again", "no"};
  const ReleaseRecord read = RoundTrip(record);
  ASSERT_TRUE(read.pending.has_value());
  EXPECT_EQ(read.pending->version, Version("web:3"));
  EXPECT_EQ(read.pending->weight, 25);
  EXPECT_EQ(read.pending->step, 2);
  EXPECT_EQ(read.pending->stable_contents, record.pending->stable_contents);
  EXPECT_EQ(read.pending->stable_trigger, "again");
  EXPECT_EQ(read.pending->abort_reason, "no");
  record.pending->stable_trigger.reset();
  EXPECT_EQ(RoundTrip(record).pending->stable_trigger, std::nullopt);
  record.pending.reset();
  EXPECT_FALSE(RoundTrip(record).pending.has_value());
}

TEST(ReleaseRecordTest, EverythingSurvivesStorage) {
  const ReleaseRecord record = RoundTrip(FullRecord());
  EXPECT_EQ(record.written, Version("web:2"));
  EXPECT_EQ(record.good, Version("web:1"));
  EXPECT_EQ(record.recorded, WebManifest("web:2"));
  EXPECT_EQ(record.generation, 7);
  EXPECT_THAT(record.drifted,
              ElementsAre("spec.replicas", "spec.template.spec.containers[name=web].image"));
  EXPECT_TRUE(record.imported);
  EXPECT_THAT(record.legacy_managers, ElementsAre("helm", "kubectl"));
  EXPECT_EQ(record.contents, FullRecord().contents);
  EXPECT_EQ(record.released_contents, FullRecord().released_contents);
  ASSERT_TRUE(record.failed.has_value());
  EXPECT_EQ(record.failed->template_identity, "v1:template");
  EXPECT_EQ(record.failed->at, "2026-02-03T04:05:06Z");
  EXPECT_EQ(record.failed->reason, "it broke");
  EXPECT_EQ(record.failed->retry_token, "try-2");
}

TEST(ReleaseRecordTest, StoredTextIsStable) {
  const std::string text = FullRecord().Serialize();
  EXPECT_EQ(RoundTrip(FullRecord()).Serialize(), text);
}

TEST(ReleaseRecordTest, AbsentVersionsStayAbsent) {
  ReleaseRecord written_only = FullRecord();
  written_only.good.reset();
  EXPECT_EQ(RoundTrip(written_only).written, Version("web:2"));
  EXPECT_FALSE(RoundTrip(written_only).good.has_value());

  ReleaseRecord good_only = FullRecord();
  good_only.written.reset();
  EXPECT_FALSE(RoundTrip(good_only).written.has_value());
  EXPECT_EQ(RoundTrip(good_only).good, Version("web:1"));
}

// The usual case, and private state is stored with every snapshot of the state.
TEST(ReleaseRecordTest, AVersionThatIsWrittenAndGoodIsStoredOnce) {
  ReleaseRecord record = FullRecord();
  const size_t two_versions = record.Serialize().size();
  record.good = record.written;
  EXPECT_LT(record.Serialize().size() + WebManifest().dump().size(), two_versions);
  EXPECT_EQ(RoundTrip(record).good, Version("web:2"));
}

// A plan compares the stored manifest with the configuration's: a changed type would be a change.
TEST(ReleaseRecordTest, ManifestKeepsItsTypes) {
  const Value manifest = Value::Object(
      {{"null", Value()},
       {"typed_null", Value::Null(Type::String())},
       {"fraction", Value::Number(value::Number::FromDecimal("0.1").value())},
       {"large",
        Value::Number(value::Number::FromDecimal("123456789012345678901234567890").value())},
       {"digits", Value::String("1")},
       {"map", Value::MakeMap(Type::Number(), {{"a", Value::Number(1)}})},
       {"list", Value::MakeList(Type::Bool(), {Value::Bool(true)})},
       {"tuple", Value::Tuple({Value::Number(1), Value::String("x"), Value()})},
       {"empty", Value::Object({})}});
  ReleaseRecord record;
  record.written = WorkloadVersion{manifest, {}, Json::object()};
  EXPECT_EQ(RoundTrip(record).written->manifest, manifest);
}

TEST(ReleaseRecordTest, NoImagesAreNotEmptyImages) {
  ReleaseRecord record;
  record.written = WorkloadVersion{value::FromPlainJson(WebManifest()), {}, WebManifest()};
  EXPECT_TRUE(RoundTrip(record).written->images.is_null());
  record.written->images = Images();
  EXPECT_EQ(RoundTrip(record).written->images, schema::Attr<Images>(Images()));
}

TEST(ReleaseRecordTest, WhatIsGoneStaysGone) {
  ReleaseRecord record = FullRecord();
  record.drifted.clear();
  record.legacy_managers.clear();
  record.contents.clear();
  record.released_contents.clear();
  record.failed.reset();
  record = RoundTrip(record);
  EXPECT_THAT(record.drifted, IsEmpty());
  EXPECT_THAT(record.legacy_managers, IsEmpty());
  EXPECT_THAT(record.contents, IsEmpty());
  EXPECT_THAT(record.released_contents, IsEmpty());
  EXPECT_FALSE(record.failed.has_value());
}

struct DamageCase {
  std::string name;
  std::string text;
};
void PrintTo(const DamageCase& test, std::ostream* out) { *out << test.name; }

std::string WithMember(const std::string& pointer, const Json& member) {
  Json json = Json::parse(FullRecord().Serialize());
  json[Json::json_pointer(pointer)] = member;
  return json.dump();
}
std::string WithoutMember(const std::string& version, const std::string& member) {
  Json json = Json::parse(FullRecord().Serialize());
  json[version].erase(member);
  return json.dump();
}

class DamagedRecordTest : public ::testing::TestWithParam<DamageCase> {};

TEST_P(DamagedRecordTest, IsAnErrorWithARemedy) {
  const auto record = ReleaseRecord::Parse(GetParam().text);
  ASSERT_TRUE(absl::IsDataLoss(record.status())) << record.status();
  EXPECT_THAT(std::string(record.status().message()), HasSubstr("import the workload anew"));
  // It may hold what the user keeps secret.
  EXPECT_THAT(std::string(record.status().message()), Not(HasSubstr("web:")));
}

INSTANTIATE_TEST_SUITE_P(
    , DamagedRecordTest,
    ::testing::Values(DamageCase{"NoJson", "web:1"},
                      DamageCase{"CutOff", FullRecord().Serialize().substr(0, 200)},
                      DamageCase{"Null", "null"}, DamageCase{"AList", "[]"},
                      DamageCase{"NoVersion", "{}"},
                      DamageCase{"ANewerVersion", WithMember("/version", 2)},
                      DamageCase{"AVersionOfAnotherType", WithMember("/version", "1")},
                      DamageCase{"WrittenIsText", WithMember("/written", "web:1")},
                      DamageCase{"NoManifest", WithoutMember("written", "manifest")},
                      DamageCase{"NoWorkload", WithoutMember("written", "workload")},
                      DamageCase{"ManifestIsNoValue",
                                 WithMember("/written/manifest", "{\"web:1\"")},
                      DamageCase{"WorkloadIsAList", WithMember("/written/workload", Json::array())},
                      DamageCase{"ImagesAreText", WithMember("/written/images", "web:1")},
                      DamageCase{"AnImageIsANumber", WithMember("/written/images/web", 1)},
                      DamageCase{"GoodVersionIsDamaged", WithoutMember("good", "workload")}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::resources
