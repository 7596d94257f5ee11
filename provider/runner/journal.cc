#include "provider/runner/journal.h"

#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/delivery/plan.h"
#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

constexpr size_t kLongestName = 253;
constexpr size_t kLargestJournal = 256 * 1024;

kubernetes::ObjectRef JournalRef(const kubernetes::ObjectRef& workload, std::string_view suffix) {
  return {"v1", "ConfigMap", workload.namespace_name, RunObjectName(workload, suffix)};
}

// Tells the writes of this process from those of another one that resumed the same run.
std::string NewWriter() {
  std::random_device random;
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

// With an owner the garbage collector removes the journal together with the workload: not while
// that is what the run does, since its end is still to be seen and stored.
bool MayBelongToWorkload(engine::Step step) {
  return step != engine::Step::kRemove && step != engine::Step::kAwaitRemoved &&
         step != engine::Step::kRemoveSlot && step != engine::Step::kAwaitSlotGone;
}

Json JournalObject(const kubernetes::ObjectRef& workload, std::string_view suffix,
                   const std::string& resource_type, const kubernetes::ObjectRef& owner,
                   const std::string& owner_uid, const std::string& writer,
                   const engine::State& state) {
  const kubernetes::ObjectRef ref = JournalRef(workload, suffix);
  Json metadata = {{"name", ref.name},
                   {"namespace", ref.namespace_name},
                   {"labels", {{"app.kubernetes.io/managed-by", "terraform-provider-delivery"}}}};
  if (!owner_uid.empty() && MayBelongToWorkload(state.step)) {
    metadata["ownerReferences"] = Json::array({{{"apiVersion", owner.api_version},
                                                {"kind", owner.kind},
                                                {"name", owner.name},
                                                {"uid", owner_uid}}});
  }
  return {
      {"apiVersion", ref.api_version},
      {"kind", ref.kind},
      {"metadata", std::move(metadata)},
      {"data",
       {{"resource_type", resource_type},
        {"workload", absl::StrCat(workload.kind, "/", workload.namespace_name, "/", workload.name)},
        {"writer", writer},
        {"state", DumpJson(engine::EncodeState(state))}}}};
}

// Without the older half of what was measured; false when there is nothing left to give up.
bool Shorten(engine::State& state) {
  bool shortened = false;
  for (auto& [metric, tally] : state.tallies) {
    for (std::vector<double>* values : {&tally.canary_values, &tally.stable_values}) {
      const auto half = static_cast<std::ptrdiff_t>((values->size() + 1) / 2);
      shortened = shortened || half > 0;
      values->erase(values->begin(), values->begin() + half);
    }
  }
  return shortened;
}

}  // namespace

std::string RunObjectName(const kubernetes::ObjectRef& workload, std::string_view suffix) {
  std::string name = absl::StrCat("delivery-", absl::AsciiStrToLower(workload.kind), "-",
                                  workload.name, std::string(suffix));
  if (name.size() <= kLongestName) return name;
  const std::string hash = engine::RunIdentity(name).substr(3, 10);
  name.resize(kLongestName - hash.size() - 1);
  // A label of a DNS name does not begin with a hyphen.
  while (name.back() == '.') name.pop_back();
  return absl::StrCat(name, "-", hash);
}

absl::StatusOr<std::optional<JournalEntry>> LoadJournal(kubernetes::Api& api,
                                                        const kubernetes::ObjectRef& workload,
                                                        const std::stop_token& stop,
                                                        std::string_view suffix) {
  const kubernetes::ObjectRef ref = JournalRef(workload, suffix);
  absl::StatusOr<Json> object = api.Get(ref, stop);
  if (absl::IsNotFound(object.status())) return std::nullopt;
  DELIVERY_RETURN_IF_ERROR(object.status());
  const Json& data = GetObject(*object, "data");
  absl::StatusOr<Json> json = ParseJson(GetString(data, "state"));
  absl::StatusOr<engine::State> state = engine::DecodeState(json.ok() ? *std::move(json) : Json());
  if (!state.ok()) {
    return absl::Status(
        state.status().code(),
        absl::StrCat("The journal of an earlier release, ConfigMap ", ref.namespace_name, "/",
                     ref.name, ", cannot be read: ", std::string(state.status().message()),
                     ". Use the version of the provider that wrote it, or, when the workload is as "
                     "it should be, delete that ConfigMap and apply again."));
  }
  return JournalEntry{*std::move(state), GetString(data, "resource_type"),
                      GetString(GetObject(*object, "metadata"), "resourceVersion")};
}

Journal::Journal(kubernetes::Api& api, kubernetes::ObjectRef workload, std::string resource_type,
                 std::string resource_version, std::stop_token stop, std::string suffix)
    : api_(api),
      workload_(std::move(workload)),
      suffix_(std::move(suffix)),
      resource_type_(std::move(resource_type)),
      writer_(NewWriter()),
      resource_version_(std::move(resource_version)),
      stop_(std::move(stop)) {}

absl::StatusOr<Json> Journal::Encode(engine::State state) const {
  while (true) {
    Json object =
        JournalObject(workload_, suffix_, resource_type_, owner_, owner_uid_, writer_, state);
    const size_t size = DumpJson(object).size();
    if (size <= kLargestJournal) return object;
    if (Shorten(state)) continue;
    return absl::ResourceExhaustedError(absl::StrCat(
        "the journal of the release would have ", size,
        " bytes, more than 256 KiB: ", state.tallies.size(), " metrics, ",
        DumpJson(state.slots.has_value() ? state.slots->route_record : state.canary.route_record)
            .size(),
        " bytes of the route. Measure fewer metrics, or give the route fewer rules."));
  }
}

absl::Status Journal::Save(const engine::State& state) {
  DELIVERY_ASSIGN_OR_RETURN(Json object, Encode(state));
  absl::StatusOr<Json> written;
  if (resource_version_.empty()) {
    written = Create(object);
  } else {
    object["metadata"]["resourceVersion"] = resource_version_;
    written = api_.Replace(object, {}, stop_);
    if (absl::IsAborted(written.status())) written = OwnWriteOr(object, written.status());
    if (absl::IsNotFound(written.status()) && WentWithItsOwner()) written = MadeAnew(state);
  }
  if (absl::IsAlreadyExists(written.status())) {
    return absl::AbortedError("another apply of this workload started at the same moment");
  }
  DELIVERY_RETURN_IF_ERROR(written.status()) << "while writing the journal of the release";
  resource_version_ = GetString(GetObject(*written, "metadata"), "resourceVersion");
  return absl::OkStatus();
}

// When the answer to a write is lost, its repetition conflicts with the write itself.
absl::StatusOr<Json> Journal::OwnWriteOr(const Json& object, const absl::Status& conflict) {
  absl::StatusOr<Json> stored = api_.Get(JournalRef(workload_, suffix_), stop_);
  if (stored.ok() && GetObject(*stored, "data") == GetObject(object, "data")) return stored;
  return conflict;
}

// Tried twice, since an answer may be lost and what a first release leaves must not be a journal of
// something that never began.
absl::StatusOr<Json> Journal::Create(const Json& object) {
  absl::StatusOr<Json> created = api_.Create(object, {}, stop_);
  if (absl::IsUnavailable(created.status())) created = api_.Create(object, {}, stop_);
  if (absl::IsAlreadyExists(created.status())) created = OwnWriteOr(object, created.status());
  return created;
}

// Somebody deleted the workload, and the garbage collector the journal: no other apply did.
bool Journal::WentWithItsOwner() {
  if (owner_uid_.empty()) return false;
  const absl::StatusOr<Json> owner = api_.Get(owner_, stop_);
  return owner.ok() ? kubernetes::UidOf(*owner) != owner_uid_ : absl::IsNotFound(owner.status());
}

// The run goes on, and has to end in order.
absl::StatusOr<Json> Journal::MadeAnew(const engine::State& state) {
  owner_uid_.clear();
  DELIVERY_ASSIGN_OR_RETURN(const Json object, Encode(state));
  return Create(object);
}

absl::Status Journal::Clear() {
  if (resource_version_.empty()) return absl::OkStatus();
  kubernetes::DeleteOptions options;
  options.resource_version = resource_version_;
  const absl::Status deleted = api_.Delete(JournalRef(workload_, suffix_), options, stop_);
  if (deleted.ok() || absl::IsNotFound(deleted)) {
    resource_version_.clear();
    return absl::OkStatus();
  }
  DELIVERY_RETURN_IF_ERROR(deleted) << "while removing the journal of the release";
  return absl::OkStatus();
}

}  // namespace delivery::runner
