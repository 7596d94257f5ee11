#include "tests/support/fake_kube_fields.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace delivery::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const Json kLeaf = Json::object();

Json Container(const std::string& name, Json more = Json::object()) {
  more["name"] = name;
  return more;
}

Json PodSpec(Json containers) { return {{"spec", {{"containers", std::move(containers)}}}}; }

TEST(FakeKubeFieldsTest, IdentityAndServersFieldsAreNobodys) {
  const Json object = {{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", {{"name", "a"}, {"uid", "1"}, {"resourceVersion", "2"}}},
                       {"status", {{"x", 1}}}};
  EXPECT_TRUE(FieldsEmpty(FieldsOf(object)));
}

TEST(FakeKubeFieldsTest, ElementsAreKeyedAndTheirProtocolDefaults) {
  const Json ports = Json::array({Json{{"containerPort", 80}}});
  const Json fields = FieldsOf(PodSpec(Json::array({Container("a", {{"ports", ports}})})));
  const Json& container = fields["f:spec"]["f:containers"][R"(k:{"name":"a"})"];
  EXPECT_TRUE(container.contains("."));
  EXPECT_TRUE(container["f:ports"].contains(R"(k:{"containerPort":80,"protocol":"TCP"})"));
}

TEST(FakeKubeFieldsTest, SelectorsAndPlainListsAreAtomic) {
  const Json object = {{"spec", {{"selector", {{"app", "a"}}}, {"args", {"x", "y"}}}}};
  EXPECT_EQ(FieldsOf(object), Json({{"f:spec", {{"f:selector", kLeaf}, {"f:args", kLeaf}}}}));
}

TEST(FakeKubeFieldsTest, FinalizersAreASet) {
  const Json object = {{"metadata", {{"finalizers", {"a/b"}}}}};
  EXPECT_EQ(FieldsOf(object), Json({{"f:metadata", {{"f:finalizers", {{R"(v:"a/b")", kLeaf}}}}}}));
}

TEST(FakeKubeFieldsTest, ChangesAreWhatIsNewOrDifferent) {
  const Json before = {{"data", {{"same", "1"}, {"other", "1"}, {"gone", "1"}}}};
  const Json after = {{"data", {{"same", "1"}, {"other", "2"}, {"new", "1"}}}};
  EXPECT_EQ(ChangedFields(before, after),
            Json({{"f:data", {{"f:other", kLeaf}, {"f:new", kLeaf}}}}));
  EXPECT_TRUE(FieldsEmpty(ChangedFields(before, before)));
}

TEST(FakeKubeFieldsTest, UnionAndDifferenceAreThoseOfSets) {
  const Json a = {{"f:data", {{"f:x", kLeaf}, {"f:y", kLeaf}}}};
  const Json b = {{"f:data", {{"f:y", kLeaf}, {"f:z", kLeaf}}}};
  EXPECT_EQ(FieldsUnion(a, b),
            Json({{"f:data", {{"f:x", kLeaf}, {"f:y", kLeaf}, {"f:z", kLeaf}}}}));
  EXPECT_EQ(FieldsDifference(a, b), Json({{"f:data", {{"f:x", kLeaf}}}}));
  EXPECT_TRUE(FieldsEmpty(FieldsDifference(a, a)));
  EXPECT_EQ(FieldsUnion(a, kLeaf), a);
  EXPECT_EQ(FieldsUnion(kLeaf, a), a);
}

TEST(FakeKubeFieldsTest, DifferingFieldsArePrintedAsTheServerDoes) {
  const Json ours = PodSpec(Json::array({Container("web", {{"image", "a"}})}));
  const Json theirs = PodSpec(Json::array({Container("web", {{"image", "b"}})}));
  const auto found = FindDiffering(FieldsOf(ours), ours, FieldsOf(theirs), theirs);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].path, R"(.spec.containers[name="web"].image)");
  EXPECT_THAT(FindDiffering(FieldsOf(ours), ours, FieldsOf(ours), ours), IsEmpty());
}

TEST(FakeKubeFieldsTest, MergeKeepsWhatOnlyLiveHasAndAppendsNewElements) {
  const Json live = PodSpec(Json::array({Container("a", {{"image", "1"}, {"tty", true}})}));
  const Json applied = PodSpec(Json::array({Container("b"), Container("a", {{"image", "2"}})}));
  EXPECT_EQ(
      MergeApplied(live, applied),
      PodSpec(Json::array({Container("a", {{"image", "2"}, {"tty", true}}), Container("b")})));
}

TEST(FakeKubeFieldsTest, RemovingTakesElementsAndEmptiedMaps) {
  const Json object = {{"metadata", {{"labels", {{"a", "1"}}}}},
                       {"spec", {{"containers", Json::array({Container("a"), Container("b")})}}}};
  const Json fields = {{"f:metadata", {{"f:labels", {{"f:a", kLeaf}}}}},
                       {"f:spec", {{"f:containers", {{R"(k:{"name":"b"})", {{".", kLeaf}}}}}}}};
  EXPECT_EQ(RemoveFields(object, fields), PodSpec(Json::array({Container("a")})));
}

}  // namespace
}  // namespace delivery::testing
