#include "provider/kubernetes/drift.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace delivery::kubernetes {
namespace {

constexpr std::string_view kRestartedAt = "kubectl.kubernetes.io/restartedAt";
constexpr std::array<std::string_view, 8> kServerMetadata = {
    "managedFields",     "uid",      "resourceVersion",   "generation",
    "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"};

// Fields whose changes are never drift.
bool IsServersOwn(const FieldPath& at) {
  const auto& steps = at.steps();
  if (at == FieldPath() / "status") return true;
  if (at.LastMember() == kRestartedAt) return true;
  if (steps.size() != 2 || at.Parent() != FieldPath() / "metadata") return false;
  return std::find(kServerMetadata.begin(), kServerMetadata.end(), at.LastMember()) !=
         kServerMetadata.end();
}

class DriftFinder {
 public:
  DriftFinder(const Json& live, const DriftOptions& options) : live_(live), options_(options) {}

  // `live` is null (the pointer) or JSON null when the field is absent.
  void Compare(const FieldPath& at, const Json& recorded, const Json* live) {
    if (recorded.is_null() || IsServersOwn(at)) return;
    if (live == nullptr || live->is_null()) return Add(at, &recorded, nullptr);
    if (recorded.is_object() && live->is_object() && !IsAtomicMap(at)) {
      for (const auto& [key, value] : recorded.items()) Compare(at / key, value, Find(*live, key));
      return;
    }
    if (recorded.is_array() && live->is_array()) {
      if (const ListKeys* keys = UsableListKeys(at, recorded)) {
        return CompareLists(at, recorded, *live, *keys);
      }
    }
    if (!SemanticallyEqual(at, recorded, *live)) Add(at, &recorded, live);
  }

  // Finds what the manifest names, was not recorded, and is live with another value.
  void CompareUnrecorded(const FieldPath& at, const Json& manifest, const Json* recorded,
                         const Json* live) {
    if (live == nullptr || live->is_null() || manifest.is_null() || IsServersOwn(at)) return;
    if (manifest.is_object() && live->is_object() && !IsAtomicMap(at)) {
      for (const auto& [key, value] : manifest.items()) {
        const Json* member = recorded == nullptr ? nullptr : Find(*recorded, key);
        CompareUnrecorded(at / key, value, member, Find(*live, key));
      }
      return;
    }
    const ListKeys* keys = UsableListKeys(at, manifest);
    if (keys != nullptr && live->is_array() && !manifest.empty()) {
      return CompareUnrecordedLists(at, manifest, recorded, *live, *keys);
    }
    const bool was_absent = recorded == nullptr || recorded->is_null();
    if (was_absent && !SemanticallyEqual(at, manifest, *live)) Add(at, nullptr, live);
  }

  std::vector<FieldChange> TakeChanges() { return std::move(changes_); }

 private:
  void CompareLists(const FieldPath& at, const Json& recorded, const Json& live,
                    const ListKeys& keys) {
    for (const Json& element : recorded) {
      const FieldPath::Element identity = *ElementOf(element, keys);
      Compare(at.Plus(identity), element, FindElement(live, identity, &keys));
    }
  }

  void CompareUnrecordedLists(const FieldPath& at, const Json& manifest, const Json* recorded,
                              const Json& live, const ListKeys& keys) {
    for (const Json& element : manifest) {
      const FieldPath::Element identity = *ElementOf(element, keys);
      const Json* old_element =
          recorded == nullptr ? nullptr : FindElement(*recorded, identity, &keys);
      CompareUnrecorded(at.Plus(identity), element, old_element,
                        FindElement(live, identity, &keys));
    }
  }

  void Add(const FieldPath& at, const Json* recorded, const Json* live) {
    FieldChange change;
    change.path = at;
    if (recorded != nullptr) change.recorded = *recorded;
    if (live != nullptr) {
      change.live = *live;
      SetAuthor(change);
    }
    changes_.push_back(std::move(change));
  }

  void SetAuthor(FieldChange& change) const {
    const std::vector<FieldOwner> owners = OwnersOf(live_, change.path);
    if (owners.empty()) return;
    const auto other = std::find_if(owners.begin(), owners.end(), [this](const FieldOwner& owner) {
      return owner.manager != options_.field_manager;
    });
    const FieldOwner& author = other == owners.end() ? owners.front() : *other;
    change.manager = author.manager;
    change.written = author.written;
  }

  const Json& live_;
  const DriftOptions& options_;
  std::vector<FieldChange> changes_;
};

Json* FindConcrete(Json& root, const ConcreteSteps& steps, size_t count) {
  Json* node = &root;
  for (size_t i = 0; i < count; ++i) {
    const auto* name = std::get_if<std::string>(&steps[i]);
    node = name != nullptr ? &(*node)[*name] : &(*node)[std::get<size_t>(steps[i])];
  }
  return node;
}

void EraseChild(Json& parent, const std::variant<std::string, size_t>& step) {
  if (const auto* name = std::get_if<std::string>(&step)) {
    parent.erase(*name);
  } else {
    parent.erase(std::get<size_t>(step));
  }
}

void AddMember(Json& manifest, const FieldChange& change) {
  const std::string name(change.path.LastMember());
  const auto parent = ConcretePath(manifest, change.path.Parent());
  if (name.empty() || !parent || !change.live) return;
  Json* object = FindConcrete(manifest, *parent, parent->size());
  if (object->is_object()) (*object)[name] = *change.live;
}

void ApplyChange(Json& manifest, const FieldChange& change) {
  const auto steps = ConcretePath(manifest, change.path);
  if (!steps) return AddMember(manifest, change);
  if (change.live) {
    *FindConcrete(manifest, *steps, steps->size()) = *change.live;
  } else if (!steps->empty()) {
    EraseChild(*FindConcrete(manifest, *steps, steps->size() - 1), steps->back());
  }
}

// The ignored fields by key, as the recorded object (or the manifest) orders its lists.
std::vector<FieldPath> IgnoredFields(const Json& recorded, const DriftOptions& options) {
  const Json& ordered = options.manifest != nullptr ? *options.manifest : recorded;
  std::vector<FieldPath> ignored;
  for (const FieldPath& path : options.ignore_fields) {
    ignored.push_back(CanonicalPath(ordered, path));
  }
  return ignored;
}

}  // namespace

std::vector<FieldChange> FindDrift(const Json& recorded, const Json& live,
                                   const DriftOptions& options) {
  const std::vector<FieldPath> ignored = IgnoredFields(recorded, options);
  const Json recorded_rest = WithoutFields(recorded, ignored);
  const Json live_rest = WithoutFields(live, ignored);
  DriftFinder finder(live, options);
  finder.Compare(FieldPath(), recorded_rest, &live_rest);
  if (options.manifest != nullptr) {
    const Json manifest_rest = WithoutFields(*options.manifest, ignored);
    finder.CompareUnrecorded(FieldPath(), manifest_rest, &recorded_rest, &live_rest);
  }
  return finder.TakeChanges();
}

Json ApplyChangesToManifest(const Json& manifest, const std::vector<FieldChange>& changes) {
  Json changed = manifest;
  for (const FieldChange& change : changes) ApplyChange(changed, change);
  return changed;
}

}  // namespace delivery::kubernetes
