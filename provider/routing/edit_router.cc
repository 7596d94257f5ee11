#include "provider/routing/edit_router.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/mirror_support.h"
#include "provider/routing/ownership.h"

namespace delivery::routing {
namespace {

constexpr char kObjects[] = "objects";
constexpr char kUid[] = "uid";
constexpr char kRecorded[] = "recorded";
constexpr char kManagedFields[] = "managedFields";
constexpr char kFingerprint[] = "fingerprint";  // of the field that a run writes

class EditRouter : public TrafficRouter {
 public:
  EditRouter(kubernetes::Api& api, RouteParts parts, int mirror) : api_(api), mirror_(mirror) {
    for (auto& part : parts) parts_.push_back({.part = std::move(part)});
  }

  absl::StatusOr<Json> Record(const std::stop_token& stop) override;
  absl::Status Set(const Json& record, const Split& split, const std::stop_token& stop) override;
  absl::Status Restore(const Json& record, const std::stop_token& stop) override;
  absl::StatusOr<std::vector<std::string>> RestoreLost(const std::stop_token& stop) override;
  absl::StatusOr<RouteState> Inspect(const Json& record, const Split& expected,
                                     const std::stop_token& stop) override;
  RouteState Look(const Json& record, const Split& expected) override;
  std::vector<kubernetes::ObjectWatch*> Watch(kubernetes::ChangeSignal signal) override;

 private:
  // One object, with what this process knows of it.
  struct Watched {
    std::unique_ptr<RoutePart> part;
    std::string api_version = {};  // empty: not asked for yet
    Json last_seen = {};           // the newest answer to us; null before the first
    // The entries of managedFields when somebody else wrote the field last; null: not seen.
    Json owners = {};
    std::unique_ptr<kubernetes::ObjectWatch> watch = nullptr;
  };

  kubernetes::ObjectRef RefOf(Watched& one, const std::stop_token& stop);
  // What Record said of the object.
  static const Json& EntryOf(const Json& record, size_t index);
  absl::Status SetOne(Watched& one, const Json& entry, const Split& split,
                      const std::stop_token& stop);
  absl::Status CheckForeign(const Watched& one, const Json& entry, const Json& live,
                            const Split& split) const;
  absl::Status RestoreOne(Watched& one, const Json& entry, const std::stop_token& stop);
  absl::Status GiveOwnershipBack(Watched& one, const Json& entry, const std::stop_token& stop);
  static void NoteOwners(Watched& one, const Json& live);
  static std::optional<Json> OwnersBefore(const Watched& one, const Json& entry, const Json& live);
  void LookAt(Watched& one, const Json& entry, const Split& expected, RouteState& state);

  absl::Status RehearseMirror(const Watched& one, const kubernetes::ObjectRef& ref,
                              const Json& live, const Json& recorded, const std::stop_token& stop);

  kubernetes::Api& api_;
  const int mirror_;  // percent; 0: nothing is mirrored
  std::vector<Watched> parts_;
  std::optional<Split> last_set_;  // by this process
};

// The first version that the server serves; the first of all when it cannot be asked, whose error
// the next request then shows.
kubernetes::ObjectRef EditRouter::RefOf(Watched& one, const std::stop_token& stop) {
  kubernetes::ObjectRef ref = one.part->ref();
  const std::vector<std::string>& versions = one.part->api_versions();
  if (one.api_version.empty() && versions.size() == 1) one.api_version = versions.front();
  for (const std::string& version : versions) {
    if (!one.api_version.empty()) break;
    const auto served = api_.Discover(version, ref.kind, stop);
    if (served.ok()) one.api_version = version;
    if (!served.ok() && !absl::IsNotFound(served.status())) break;
  }
  if (!one.api_version.empty()) ref.api_version = one.api_version;
  return ref;
}

const Json& EditRouter::EntryOf(const Json& record, size_t index) {
  static const auto* const none = new Json(Json::object());
  const Json& objects = GetArray(record, kObjects);
  return index < objects.size() ? objects[index] : *none;
}

absl::StatusOr<Json> EditRouter::Record(const std::stop_token& stop) {
  Json objects = Json::array();
  for (Watched& one : parts_) {
    const kubernetes::ObjectRef ref = RefOf(one, stop);
    absl::StatusOr<Json> live = api_.Get(ref, stop);
    if (absl::IsNotFound(live.status())) {
      return absl::NotFoundError(absl::StrCat("Traffic cannot be shifted: ", ref.ToString(),
                                              " does not exist, or the cluster has no ", ref.kind,
                                              ". ", std::string(live.status().message())));
    }
    if (!live.ok()) return live.status();
    DELIVERY_ASSIGN_OR_RETURN(Json recorded, one.part->Record(*live));
    if (mirror_ > 0) {
      DELIVERY_RETURN_IF_ERROR(RehearseMirror(one, ref, *live, recorded, stop));
    }
    objects.push_back({{"kind", ref.kind},
                       {"name", ref.name},
                       {kUid, kubernetes::UidOf(*live)},
                       {kRecorded, std::move(recorded)},
                       {kFingerprint, FingerprintOf(*live, one.part->Field())},
                       {kManagedFields, EntriesToSave(*live)}});
    one.last_seen = *std::move(live);
  }
  return Json{{kObjects, std::move(objects)}};
}

// Copies that a router does not make harm requests, and an older definition of the object drops the
// percentage: both show before anything is written.
absl::Status EditRouter::RehearseMirror(const Watched& one, const kubernetes::ObjectRef& ref,
                                        const Json& live, const Json& recorded,
                                        const std::stop_token& stop) {
  DELIVERY_RETURN_IF_ERROR(CheckMirrorSupport(api_, live, mirror_, stop));
  ObjectEdit edit(live);
  const Split wanted{.mirror = mirror_};
  DELIVERY_RETURN_IF_ERROR(one.part->Write(recorded, wanted, edit));
  const absl::StatusOr<Json> answer = api_.JsonPatch(
      ref, edit.Operations(), {.field_manager = kTrafficManager, .dry_run = true}, stop);
  // The patch itself finds out what a look may not, and somebody who writes at the same time.
  const bool unclear = absl::IsPermissionDenied(answer.status()) ||
                       absl::IsAborted(answer.status()) || absl::IsUnavailable(answer.status());
  if (unclear) return absl::OkStatus();
  if (!answer.ok()) return answer.status();
  const std::string deviation = one.part->Deviation(*answer, wanted);
  if (deviation.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "Requests cannot be mirrored: the API server would store something else: ", deviation,
      mirror_ < 100 ? ". Its definition of the object has no percentage: set percent = 100, or "
                      "install a newer one."
                    : "."));
}

absl::Status EditRouter::Set(const Json& record, const Split& split, const std::stop_token& stop) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    DELIVERY_RETURN_IF_ERROR(SetOne(parts_[i], EntryOf(record, i), split, stop));
  }
  last_set_ = split;
  return absl::OkStatus();
}

// More traffic is not given to an object that somebody else takes away from us.
absl::Status EditRouter::CheckForeign(const Watched& one, const Json& entry, const Json& live,
                                      const Split& split) const {
  if (split == Split{}) return absl::OkStatus();
  const std::string name = one.part->ref().ToString();
  if (kubernetes::UidOf(live) != GetString(entry, kUid)) {
    return absl::NotFoundError(
        absl::StrCat(name, " was deleted during the run; another one is there now."));
  }
  if (!last_set_.has_value() || IsWrittenByUs(live, one.part->Field())) return absl::OkStatus();
  const std::string deviation = one.part->Deviation(live, *last_set_);
  if (deviation.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "Traffic is not shifted: ", ByWhom(deviation, ForeignManager(live, one.part->Field())), "."));
}

absl::Status EditRouter::SetOne(Watched& one, const Json& entry, const Split& split,
                                const std::stop_token& stop) {
  const kubernetes::ObjectRef ref = RefOf(one, stop);
  const auto change = [&](const Json& live) -> absl::StatusOr<ObjectEdit> {
    DELIVERY_RETURN_IF_ERROR(CheckForeign(one, entry, live, split));
    NoteOwners(one, live);
    ObjectEdit edit(live);
    DELIVERY_RETURN_IF_ERROR(one.part->Write(GetObject(entry, kRecorded), split, edit));
    return edit;
  };
  absl::StatusOr<Json> written = EditObject(api_, ref, change, stop);
  if (absl::IsNotFound(written.status())) {
    if (split == Split{}) return absl::OkStatus();  // nothing routes to the canary
    return absl::NotFoundError(absl::StrCat("Traffic cannot be shifted: ", ref.ToString(),
                                            " is gone. ", std::string(written.status().message())));
  }
  if (!written.ok()) return written.status();
  one.last_seen = *std::move(written);
  // The answer is the object as it is stored, after defaults and admission.
  const std::string deviation = one.part->Deviation(one.last_seen, split);
  if (!deviation.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Traffic was not shifted: the API server stored something else: ", deviation, "."));
  }
  return absl::OkStatus();
}

absl::Status EditRouter::Restore(const Json& record, const std::stop_token& stop) {
  for (size_t i = parts_.size(); i-- > 0;) {
    DELIVERY_RETURN_IF_ERROR(RestoreOne(parts_[i], EntryOf(record, i), stop));
  }
  last_set_ = Split{};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> EditRouter::RestoreLost(const std::stop_token& stop) {
  std::vector<std::string> restored;
  for (size_t i = parts_.size(); i-- > 0;) {
    Watched& one = parts_[i];
    const kubernetes::ObjectRef ref = RefOf(one, stop);
    const absl::StatusOr<Json> live = api_.Get(ref, stop);
    if (absl::IsNotFound(live.status())) continue;
    if (!live.ok()) return live.status();
    if (one.part->Read(*live).at_rest || !IsWrittenByUs(*live, one.part->Field())) continue;
    DELIVERY_RETURN_IF_ERROR(RestoreOne(one, EntryOf({}, i), stop));
    restored.push_back(ref.ToString());
  }
  return restored;
}

absl::Status EditRouter::RestoreOne(Watched& one, const Json& entry, const std::stop_token& stop) {
  const kubernetes::ObjectRef ref = RefOf(one, stop);
  const auto change = [&](const Json& live) -> absl::StatusOr<ObjectEdit> {
    NoteOwners(one, live);
    ObjectEdit edit(live);
    one.part->Undo(GetObject(entry, kRecorded), edit);
    return edit;
  };
  absl::StatusOr<Json> restored = EditObject(api_, ref, change, stop);
  if (absl::IsNotFound(restored.status())) return absl::OkStatus();
  if (!restored.ok()) return restored.status();
  one.last_seen = *std::move(restored);
  if (!one.part->Read(one.last_seen).at_rest) {
    return absl::FailedPreconditionError(
        absl::StrCat(ref.ToString(), " still refers to the canary after that was removed."));
  }
  return GiveOwnershipBack(one, entry, stop);
}

void EditRouter::NoteOwners(Watched& one, const Json& live) {
  if (!IsWrittenByUs(live, one.part->Field())) one.owners = EntriesToSave(live);
}

// Those to whom the field goes back. Nullopt when somebody changed it under another process of
// this run: nobody knows any more who, and without an owner the next apply would overwrite that
// silently, so that it stays ours and conflicts.
std::optional<Json> EditRouter::OwnersBefore(const Watched& one, const Json& entry,
                                             const Json& live) {
  if (!one.owners.is_null()) return one.owners;
  const bool same = kubernetes::UidOf(live) == GetString(entry, kUid) &&
                    FingerprintOf(live, one.part->Field()) == GetString(entry, kFingerprint);
  if (!same) return std::nullopt;
  return GetArray(entry, kManagedFields);
}

absl::Status EditRouter::GiveOwnershipBack(Watched& one, const Json& entry,
                                           const std::stop_token& stop) {
  const kubernetes::ObjectRef ref = RefOf(one, stop);
  const auto change = [&](const Json& live) -> absl::StatusOr<ObjectEdit> {
    ObjectEdit edit(live);
    const std::optional<Json> owners = OwnersBefore(one, entry, live);
    const auto entries = owners.has_value() ? GiveBack(live, *owners) : std::nullopt;
    if (entries.has_value()) edit.Set("/metadata/managedFields", *entries);
    return edit;
  };
  absl::StatusOr<Json> given = EditObject(api_, ref, change, stop);
  if (absl::IsNotFound(given.status())) return absl::OkStatus();
  if (given.ok()) one.last_seen = *std::move(given);
  return given.status();
}

absl::StatusOr<RouteState> EditRouter::Inspect(const Json& record, const Split& expected,
                                               const std::stop_token& stop) {
  RouteState state;
  for (size_t i = 0; i < parts_.size(); ++i) {
    absl::StatusOr<Json> live = api_.Get(RefOf(parts_[i], stop), stop);
    if (absl::IsNotFound(live.status())) {
      state.at_rest = true;
      state.foreign = absl::StrCat(parts_[i].part->ref().ToString(), " was deleted");
      return state;
    }
    if (!live.ok()) return live.status();
    parts_[i].last_seen = *std::move(live);
    LookAt(parts_[i], EntryOf(record, i), expected, state);
    const std::string deviation = parts_[i].part->Deviation(parts_[i].last_seen, expected);
    // No process is between its journal and its write now: what is not there was taken away.
    if (!deviation.empty() && !state.foreign.has_value()) {
      state.foreign =
          ByWhom(deviation, ForeignManager(parts_[i].last_seen, parts_[i].part->Field()));
    }
  }
  return state;
}

RouteState EditRouter::Look(const Json& record, const Split& expected) {
  RouteState state;
  for (size_t i = 0; i < parts_.size(); ++i) {
    LookAt(parts_[i], EntryOf(record, i), expected, state);
  }
  return state;
}

void EditRouter::LookAt(Watched& one, const Json& entry, const Split& expected, RouteState& state) {
  const Seen seen = SeenBy(one.watch.get());
  if (!seen.listed && one.last_seen.is_null()) return;  // nothing is known yet
  const std::string name = one.part->ref().ToString();
  const auto say = [&](std::string what) {
    if (!state.foreign.has_value()) state.foreign = std::move(what);
  };
  if (seen.listed && seen.object.is_null()) return say(absl::StrCat(name, " was deleted"));
  // A watch may be behind our own writes.
  if (seen.listed && IsNewer(seen.object, one.last_seen)) one.last_seen = seen.object;
  const Json& live = one.last_seen;
  const PartState now = one.part->Read(live);
  state.split.weight = std::max(state.split.weight, now.split.weight);
  state.split.match = state.split.match || now.split.match;
  state.split.mirror = std::max(state.split.mirror, now.split.mirror);
  state.at_rest = state.at_rest && now.at_rest;
  if (kubernetes::UidOf(live) != GetString(entry, kUid)) {
    return say(absl::StrCat(name, " was deleted; another one is there now"));
  }
  const std::string deviation = one.part->Deviation(live, expected);
  if (deviation.empty()) return;
  // Not written yet: by the process before us, which did not come to it, or by us.
  if (IsWrittenByUs(live, one.part->Field())) return;
  say(ByWhom(deviation, ForeignManager(live, one.part->Field())));
}

std::vector<kubernetes::ObjectWatch*> EditRouter::Watch(kubernetes::ChangeSignal signal) {
  std::vector<kubernetes::ObjectWatch*> watches;
  for (Watched& one : parts_) {
    const kubernetes::ObjectRef ref = RefOf(one, {});
    one.watch = WatchOne(api_, ref, signal);
    watches.push_back(one.watch.get());
  }
  return watches;
}

}  // namespace

std::unique_ptr<TrafficRouter> MakeEditRouter(kubernetes::Api& api, RouteParts parts, int mirror) {
  return std::make_unique<EditRouter>(api, std::move(parts), mirror);
}

}  // namespace delivery::routing
