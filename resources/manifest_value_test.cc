#include "resources/manifest_value.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::resources {
namespace {

using kubernetes::FieldChange;
using kubernetes::FieldPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using value::Type;
using value::Value;

Value Text(std::string text) { return Value::String(std::move(text)); }
Value Int(int64_t number) { return Value::Number(number); }
Json Parsed(const char* text) { return Json::parse(text); }

std::vector<std::string> Texts(const std::vector<FieldPath>& paths) {
  std::vector<std::string> texts;
  for (const FieldPath& path : paths) texts.push_back(path.ToString());
  return texts;
}

// ---- ToPartialJson

TEST(ToPartialJsonTest, NullMembersAreLeftOutAtEveryDepth) {
  const Value manifest = Value::Object(
      {{"status", Value()},
       {"spec", Value::Object({{"replicas", Value::Null(Type::Number())}, {"paused", Int(1)}})},
       {"list", Value::Tuple({Value::Object({{"a", Value()}, {"b", Int(2)}})})}});
  EXPECT_EQ(ToPartialJson(manifest).json, Parsed(R"({"spec": {"paused": 1}, "list": [{"b": 2}]})"));
}

TEST(ToPartialJsonTest, NullElementsKeepTheirPlace) {
  EXPECT_EQ(ToPartialJson(Value::Tuple({Value(), Text("b")})).json, Parsed(R"([null, "b"])"));
}

TEST(ToPartialJsonTest, ScalarsKeepTheirKind) {
  const Value manifest = Value::Object({{"whole", Int(3)},
                                        {"large", Int(9007199254740993)},
                                        {"fraction", Value::Number(value::Number(0.5))},
                                        {"digits", Text("3")},
                                        {"truth", Value::Bool(false)},
                                        {"word", Text("true")}});
  const Json json = ToPartialJson(manifest).json;
  EXPECT_TRUE(json["whole"].is_number_integer());
  EXPECT_EQ(DumpJson(json),
            R"({"digits":"3","fraction":0.5,"large":9007199254740993,"truth":false,"whole":3,)"
            R"("word":"true"})");
}

TEST(ToPartialJsonTest, CollectionsAndStructuresLookTheSame) {
  const Value structures =
      Value::Object({{"m", Value::Object({{"k", Text("v")}})}, {"l", Value::Tuple({Text("x")})}});
  const Value collections =
      Value::Object({{"m", Value::MakeMap(Type::String(), {{"k", Text("v")}})},
                     {"l", Value::MakeList(Type::String(), {Text("x")})}});
  EXPECT_EQ(ToPartialJson(structures).json, ToPartialJson(collections).json);
}

TEST(ToPartialJsonTest, UnknownMembersAreLeftOutAndListed) {
  const Value container =
      Value::Object({{"name", Text("web")}, {"image", Value::Unknown(Type::String())}});
  const Value manifest =
      Value::Object({{"kind", Text("Deployment")},
                     {"metadata", Value::Unknown(Type::Dynamic())},
                     {"spec", Value::Object({{"containers", Value::Tuple({Int(0), container})}})}});
  const PartialManifest partial = ToPartialJson(manifest);
  EXPECT_EQ(partial.json,
            Parsed(R"({"kind": "Deployment", "spec": {"containers": [0, {"name": "web"}]}})"));
  EXPECT_THAT(Texts(partial.unknown), ElementsAre("metadata", "spec.containers[1].image"));
}

TEST(ToPartialJsonTest, UnknownElementsKeepTheirPlace) {
  const Value manifest = Value::Object(
      {{"args", Value::Tuple({Text("a"), Value::Unknown(Type::String()), Text("c")})}});
  const PartialManifest partial = ToPartialJson(manifest);
  EXPECT_EQ(partial.json, Parsed(R"({"args": ["a", null, "c"]})"));
  EXPECT_THAT(Texts(partial.unknown), ElementsAre("args[1]"));
}

TEST(ToPartialJsonTest, NothingIsKnownOfAnUnknownManifest) {
  const PartialManifest partial = ToPartialJson(Value::Unknown(Type::Dynamic()));
  EXPECT_TRUE(partial.json.is_null());
  EXPECT_THAT(Texts(partial.unknown), ElementsAre(""));
}

TEST(ToPartialJsonTest, AKnownManifestHasNothingUnknown) {
  EXPECT_THAT(ToPartialJson(Value::Object({{"a", Value()}})).unknown, IsEmpty());
}

// ---- WithLiveValues

FieldChange Change(const char* path, std::optional<Json> live) {
  FieldChange change;
  change.path = FieldPath::Parse(path).value();
  change.live = std::move(live);
  return change;
}

struct EditCase {
  std::string name;
  std::vector<FieldChange> changes;
  const char* result;
};
void PrintTo(const EditCase& test, std::ostream* out) { *out << test.name; }

class LiveFieldTest : public ::testing::TestWithParam<EditCase> {};

constexpr char kManifest[] = R"({"replicas": 3, "labels": {"app": "web"},
  "containers": [{"name": "web", "image": "web:1", "args": ["a", "b"]},
                 {"name": "side", "image": "side:1"}]})";

TEST_P(LiveFieldTest, OnlyTheChangedFieldDiffers) {
  const Value manifest = value::FromPlainJson(Parsed(kManifest));
  Json expected = Parsed(kManifest);
  expected.merge_patch(Parsed(GetParam().result));
  EXPECT_EQ(WithLiveValues(manifest, GetParam().changes), value::FromPlainJson(expected));
}

INSTANTIATE_TEST_SUITE_P(
    , LiveFieldTest,
    ::testing::Values(
        EditCase{"NothingChanged", {}, "{}"},
        EditCase{"AScalar", {Change("replicas", 5)}, R"({"replicas": 5})"},
        EditCase{"AnotherType", {Change("replicas", "many")}, R"({"replicas": "many"})"},
        EditCase{"AStructure",
                 {Change("labels", Json{{"a", 1}})},
                 R"({"labels": {"app": null, "a": 1}})"},
        EditCase{
            "ARemovedMember", {Change("labels.app", std::nullopt)}, R"({"labels": {"app": null}})"},
        EditCase{"AnElementByKey",
                 {Change("containers[name=side].image", "side:2")},
                 R"({"containers": [{"name": "web", "image": "web:1", "args": ["a", "b"]},
                                    {"name": "side", "image": "side:2"}]})"},
        EditCase{"AnElementByPosition",
                 {Change("containers[name=web].args[1]", "z")},
                 R"({"containers": [{"name": "web", "image": "web:1", "args": ["a", "z"]},
                                    {"name": "side", "image": "side:1"}]})"},
        EditCase{"ARemovedElement",
                 {Change("containers[name=web]", std::nullopt)},
                 R"({"containers": [{"name": "side", "image": "side:1"}]})"},
        EditCase{"ARemovalBeforeAChange",
                 {Change("containers[name=web]", std::nullopt),
                  Change("containers[name=side].image", "side:2")},
                 R"({"containers": [{"name": "side", "image": "side:2"}]})"},
        EditCase{"NoPlaceInTheManifest",
                 {Change("paused", true), Change("containers[name=gone].image", "x")},
                 "{}"}),
    [](const auto& test) { return test.param.name; });

TEST(WithLiveValuesTest, MembersThatAreNullStayAsTheyWere) {
  const Value manifest = Value::Object(
      {{"list", Value::Tuple({Value(), Int(1), Int(2)})}, {"none", Value::Null(Type::String())}});
  const Value edited = WithLiveValues(manifest, {Change("list[1]", 9)});
  EXPECT_EQ(edited, manifest.With("list", Value::Tuple({Value(), Int(9), Int(2)})));
}

TEST(WithLiveValuesTest, AMapTakesAValueOfAnotherType) {
  const Value manifest =
      Value::Object({{"m", Value::MakeMap(Type::String(), {{"a", Text("x")}, {"b", Text("y")}})}});
  const Value edited = WithLiveValues(manifest, {Change("m.a", 1)});
  EXPECT_EQ(edited.Get("m"), Value::Object({{"a", Int(1)}, {"b", Text("y")}}));
}

// ---- IdentityOf

TEST(IdentityOfTest, SaysWhatCannotChangeInPlace) {
  const Json manifest = Parsed(R"({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}}})");
  const WorkloadIdentity identity = IdentityOf(manifest, "default");
  EXPECT_EQ(identity, (WorkloadIdentity{"apps", "Deployment", "shop", "web",
                                        Parsed(R"({"matchLabels": {"app": "web"}})")}));
}

TEST(IdentityOfTest, AVersionIsNotPartOfIt) {
  Json other = Parsed(R"({"apiVersion": "apps/v1beta1", "kind": "Deployment"})");
  const WorkloadIdentity before = IdentityOf(other, "");
  other["apiVersion"] = "apps/v1";
  EXPECT_EQ(IdentityOf(other, ""), before);
  other["apiVersion"] = "extensions/v1";
  EXPECT_NE(IdentityOf(other, ""), before);
}

struct NamespaceCase {
  const char* metadata;
  const char* expected;
};
class IdentityNamespaceTest : public ::testing::TestWithParam<NamespaceCase> {};

TEST_P(IdentityNamespaceTest, AMissingNamespaceIsTheOtherOne) {
  const Json manifest = {{"metadata", Parsed(GetParam().metadata)}};
  EXPECT_EQ(IdentityOf(manifest, "team").namespace_name, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(, IdentityNamespaceTest,
                         ::testing::Values(NamespaceCase{R"({"namespace": "shop"})", "shop"},
                                           NamespaceCase{R"({"namespace": ""})", "team"},
                                           NamespaceCase{R"({})", "team"}));

TEST(IdentityOfTest, TheCoreGroupIsEmpty) {
  EXPECT_EQ(IdentityOf({{"apiVersion", "v1"}}, "").group, "");
}

// ---- DesiredWorkload

Json Workload() {
  return Parsed(
      R"({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {
    "initContainers": [{"name": "migrate", "image": "migrate:1"}],
    "containers": [{"name": "web", "image": "web:1"}, {"name": "bare"}]}}}})");
}

TEST(DesiredWorkloadTest, HasItsNamespaceAndTheGivenImages) {
  const auto desired = DesiredWorkload(
      Workload(), "shop", {{"web", "web:2"}, {"migrate", "migrate:2"}, {"bare", "bare:1"}});
  ASSERT_TRUE(desired.ok()) << desired.status();
  Json expected = Workload();
  expected["metadata"]["namespace"] = "shop";
  Json& pod = expected["spec"]["template"]["spec"];
  pod["initContainers"][0]["image"] = "migrate:2";
  pod["containers"][0]["image"] = "web:2";
  pod["containers"][1]["image"] = "bare:1";
  EXPECT_EQ(*desired, expected);
}

TEST(DesiredWorkloadTest, AnImageOfAnUnknownContainerIsRefused) {
  const auto desired = DesiredWorkload(Workload(), "shop", {{"wbe", "web:2"}});
  EXPECT_TRUE(absl::IsInvalidArgument(desired.status())) << desired.status();
  EXPECT_THAT(std::string(desired.status().message()), HasSubstr("wbe"));
}

TEST(DesiredWorkloadTest, OnlyObjectsAreAccepted) {
  for (const char* text : {R"("text")", R"([{}])", R"(null)", R"({"metadata": "web"})"}) {
    const auto desired = DesiredWorkload(Parsed(text), "shop", {});
    EXPECT_TRUE(absl::IsInvalidArgument(desired.status())) << text << ": " << desired.status();
  }
}

}  // namespace
}  // namespace delivery::resources
