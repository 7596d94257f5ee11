// The objects of the fake API server and the history of their changes.
#ifndef DELIVERY_TESTS_SUPPORT_FAKE_KUBE_STORE_H_
#define DELIVERY_TESTS_SUPPORT_FAKE_KUBE_STORE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "provider/base/clock.h"
#include "provider/base/json.h"

namespace delivery::testing {

// A kind that the server serves.
struct ResourceType {
  std::string group;  // empty for the core group
  std::string version;
  std::string kind;
  std::string plural;
  bool namespaced = true;
  bool has_status = true;  // a status subresource, so that other writes leave the status alone

  std::string ApiVersion() const;
  std::string Qualified() const;  // "deployments.apps", "pods": as in messages
  friend bool operator==(const ResourceType&, const ResourceType&) = default;
};

struct ObjectKey {
  std::string type;  // ResourceType::Qualified
  std::string namespace_name;
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

struct StoreEvent {
  std::string verb;  // "ADDED", "MODIFIED", "DELETED"
  std::string type;  // ResourceType::Qualified
  int64_t version = 0;
  Json object;
  Json previous;  // null for ADDED
};

enum class Cascade { kBackground, kForeground, kOrphan };

// Not thread-safe; the fake API server guards it. References are valid until the next change.
class FakeKubeStore {
 public:
  explicit FakeKubeStore(Clock& clock);

  // Types. The usual built-in ones are there from the start.
  void AddType(ResourceType type);
  const std::deque<ResourceType>& types() const { return types_; }
  const ResourceType* FindType(std::string_view group, std::string_view version,
                               std::string_view plural) const;
  const ResourceType* FindTypeOfKind(std::string_view api_version, std::string_view kind) const;

  // Objects.
  ObjectKey KeyOf(const ResourceType& type, const Json& object) const;
  const Json* Find(const ObjectKey& key) const;
  // Sorted by namespace and name; every namespace when `namespace_name` is empty.
  std::vector<const Json*> List(const ResourceType& type, std::string_view namespace_name) const;
  bool HasNamespace(const std::string& name) const;

  // What a new object becomes: uid, creationTimestamp, generation, name, defaults.
  Json PrepareNew(const ResourceType& type, Json object);
  // What `object` becomes as the successor of `live`: identity kept, generation counted up when the
  // spec changed, defaults.
  Json PrepareSuccessor(const ResourceType& type, const Json& live, Json object) const;
  // Stores a prepared object under the next resourceVersion; does nothing when it equals what is
  // there. An object that waits for deletion and has lost its last finalizer is removed. Returns
  // the object as stored.
  Json Commit(const ResourceType& type, Json object);
  // Deletes an object, or marks it when finalizers hold it. Dependents are deleted or let go in the
  // same step. Returns the last state.
  Json Delete(const ResourceType& type, const ObjectKey& key, Cascade cascade);

  // History.
  int64_t version() const { return version_; }
  const std::deque<StoreEvent>& history() const { return history_; }
  // Versions up to this are forgotten: watches and pages from there have expired.
  int64_t compacted() const { return compacted_; }
  void Compact() { compacted_ = version_; }

  std::string Timestamp() const;

 private:
  void Record(std::string verb, const ResourceType& type, Json object, Json previous);
  void Remove(const ResourceType& type, const ObjectKey& key);
  void ReleaseDependents(const std::string& owner_uid, Cascade cascade);
  void EmptyNamespace(const std::string& name);
  const ResourceType& TypeOf(const ObjectKey& key) const;

  Clock& clock_;
  std::deque<ResourceType> types_;  // pointers to its elements stay valid
  std::map<ObjectKey, Json> objects_;
  std::deque<StoreEvent> history_;
  int64_t version_ = 1000;
  int64_t compacted_ = 0;
  int64_t next_uid_ = 1;
};

}  // namespace delivery::testing

#endif  // DELIVERY_TESTS_SUPPORT_FAKE_KUBE_STORE_H_
