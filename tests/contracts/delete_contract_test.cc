// Deleting: preconditions, cascade, finalizers.
#include "tests/contracts/contract_fixture.h"

namespace delivery::testing {
namespace {

using kubernetes::Propagation;
using ::testing::HasSubstr;

Json OwnedBy(Json object, const Json& owner) {
  object["metadata"]["ownerReferences"] = Json::array({Json{{"apiVersion", owner["apiVersion"]},
                                                            {"kind", owner["kind"]},
                                                            {"name", owner["metadata"]["name"]},
                                                            {"uid", owner["metadata"]["uid"]}}});
  return object;
}

TEST_F(KubeApiContract, DeletedObjectsAreGone) {
  Created(ConfigMap("a"));
  EXPECT_TRUE(api().Delete(Ref("ConfigMap", "a"), {}, no_stop()).ok());
  EXPECT_TRUE(IsGone(Ref("ConfigMap", "a")));
  const absl::Status again = api().Delete(Ref("ConfigMap", "a"), {}, no_stop());
  EXPECT_TRUE(absl::IsNotFound(again)) << again;
}

TEST_F(KubeApiContract, DeleteChecksTheUid) {
  const Json created = Created(ConfigMap("a"));
  const absl::Status status = api().Delete(
      Ref("ConfigMap", "a"), {.uid = "00000000-0000-0000-0000-000000000000"}, no_stop());
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto error = kubernetes::GetApiError(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason, "Conflict");
  EXPECT_THAT(error->message, HasSubstr("UID in the precondition"));
  const absl::Status right =
      api().Delete(Ref("ConfigMap", "a"), {.uid = created["metadata"]["uid"]}, no_stop());
  EXPECT_TRUE(right.ok()) << right;
}

TEST_F(KubeApiContract, DeleteChecksTheVersion) {
  const Json created = Created(ConfigMap("a", {{"n", "1"}}));
  const auto changed =
      api().MergePatch(Ref("ConfigMap", "a"), {{"data", {{"n", "2"}}}}, {}, no_stop());
  ASSERT_TRUE(changed.ok()) << changed.status();
  const absl::Status stale =
      api().Delete(Ref("ConfigMap", "a"), {.resource_version = VersionOf(created)}, no_stop());
  EXPECT_TRUE(absl::IsAborted(stale)) << stale;
  const absl::Status right =
      api().Delete(Ref("ConfigMap", "a"), {.resource_version = VersionOf(*changed)}, no_stop());
  EXPECT_TRUE(right.ok()) << right;
}

class CascadeContract : public KubeApiContract {
 protected:
  void CreateOwnerAndDependent() {
    const Json owner = Created(ConfigMap("owner"));
    Created(OwnedBy(ConfigMap("dependent"), owner));
  }
  absl::Status DeleteOwner(Propagation propagation) {
    return api().Delete(Ref("ConfigMap", "owner"), {.propagation = propagation}, no_stop());
  }
};

TEST_F(CascadeContract, BackgroundDeletionTakesDependents) {
  CreateOwnerAndDependent();
  ASSERT_TRUE(DeleteOwner(Propagation::kBackground).ok());
  EXPECT_TRUE(IsGone(Ref("ConfigMap", "owner")));
  EXPECT_TRUE(Eventually([&] { return IsGone(Ref("ConfigMap", "dependent")); }));
}

TEST_F(CascadeContract, ForegroundDeletionEndsWithTheOwner) {
  CreateOwnerAndDependent();
  ASSERT_TRUE(DeleteOwner(Propagation::kForeground).ok());
  EXPECT_TRUE(Eventually([&] { return IsGone(Ref("ConfigMap", "owner")); }));
  EXPECT_TRUE(Eventually([&] { return IsGone(Ref("ConfigMap", "dependent")); }));
}

TEST_F(CascadeContract, OrphaningLetsDependentsGo) {
  CreateOwnerAndDependent();
  ASSERT_TRUE(DeleteOwner(Propagation::kOrphan).ok());
  EXPECT_TRUE(Eventually([&] { return IsGone(Ref("ConfigMap", "owner")); }));
  const Json dependent = Read(Ref("ConfigMap", "dependent"));
  EXPECT_FALSE(GetObject(dependent, "metadata").contains("ownerReferences"));
}

TEST_F(KubeApiContract, FinalizersHoldADeletion) {
  Json object = ConfigMap("a");
  object["metadata"]["finalizers"] = {"example.com/hold"};
  Created(object);
  EXPECT_TRUE(api().Delete(Ref("ConfigMap", "a"), {}, no_stop()).ok());
  EXPECT_NE(GetString(Read(Ref("ConfigMap", "a"))["metadata"], "deletionTimestamp"), "");
  const auto released = api().MergePatch(Ref("ConfigMap", "a"),
                                         {{"metadata", {{"finalizers", nullptr}}}}, {}, no_stop());
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_TRUE(IsGone(Ref("ConfigMap", "a")));
}

}  // namespace
}  // namespace delivery::testing
