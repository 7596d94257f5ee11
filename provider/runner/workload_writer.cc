#include "provider/runner/workload_writer.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/managed_fields.h"
#include "provider/kubernetes/object.h"

namespace delivery::runner {
namespace {

using kubernetes::Api;
using kubernetes::ApplyOptions;
using kubernetes::ApplyResult;
using kubernetes::FieldConflict;
using kubernetes::FieldPath;

// Nullopt when the refusal is anything else than a conflict over fields.
std::optional<std::vector<FieldConflict>> ConflictsOf(const absl::Status& status,
                                                      const Json& live) {
  const std::optional<kubernetes::ApiError> error = kubernetes::GetApiError(status);
  if (!error.has_value() || error->http_status != 409 || error->causes.empty()) {
    return std::nullopt;
  }
  std::vector<FieldConflict> conflicts;
  for (const kubernetes::ApiError::Cause& cause : error->causes) {
    auto conflict = kubernetes::ParseConflict(cause.field, cause.message, live);
    if (!conflict.has_value()) return std::nullopt;
    conflicts.push_back(*std::move(conflict));
  }
  return conflicts;
}

bool IsAgreed(const FieldConflict& conflict, const WorkloadWrite& write) {
  if (write.take_over_legacy && IsLegacyManager(conflict.manager)) return true;
  return std::any_of(write.agreed.begin(), write.agreed.end(), [&](const FieldPath& field) {
    return field.Covers(conflict.path) || conflict.path.Covers(field);
  });
}

std::string DescribeConflict(const FieldConflict& conflict) {
  const std::string when =
      conflict.written.has_value()
          ? absl::StrCat(
                ", last written ",
                absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *conflict.written, absl::UTCTimeZone()))
          : "";
  return absl::StrCat("  ", conflict.path.ToString(), ": manager \"", conflict.manager, "\"", when);
}

absl::Status ConflictError(const kubernetes::ObjectRef& ref,
                           const std::vector<FieldConflict>& conflicts) {
  std::string message = absl::StrCat(ref.ToString(),
                                     " has fields that another field manager owns and sets "
                                     "differently:\n");
  for (const FieldConflict& conflict : conflicts) {
    absl::StrAppend(&message, DescribeConflict(conflict), "\n");
  }
  absl::StrAppend(&message,
                  "Remove the fields from the manifest if the other manager "
                  "shall keep them, or set force_conflicts = true to take them.");
  return absl::AbortedError(message);
}

absl::StatusOr<ApplyResult> ApplyOnce(Api& api, const WorkloadWrite& write, WriteMode mode,
                                      const std::stop_token& stop) {
  ApplyOptions options;
  options.dry_run = mode == WriteMode::kDryRun;
  options.force = write.force;
  absl::StatusOr<ApplyResult> result = api.Apply(write.manifest, options, stop);
  if (result.ok() || !absl::IsAborted(result.status())) return result;

  const kubernetes::ObjectRef ref = kubernetes::RefOf(write.manifest);
  const absl::StatusOr<Json> found = api.Get(ref, stop);
  // Made and deleted by somebody in the same moment: the conflict is to be tried again.
  if (absl::IsNotFound(found.status())) return result;
  DELIVERY_RETURN_IF_ERROR(found.status());
  const Json& live = *found;
  const auto conflicts = ConflictsOf(result.status(), live);
  if (!conflicts.has_value()) return result;
  std::vector<FieldConflict> foreign;
  for (const FieldConflict& conflict : *conflicts) {
    if (!IsAgreed(conflict, write)) foreign.push_back(conflict);
  }
  if (!foreign.empty()) return ConflictError(ref, foreign);
  Json guarded = write.manifest;
  guarded["metadata"]["resourceVersion"] = kubernetes::ResourceVersionOf(live);
  options.force = true;
  return api.Apply(guarded, options, stop);
}

}  // namespace

bool IsLegacyManager(const std::string& manager) {
  static constexpr std::string_view kLegacy[] = {"kubectl-client-side-apply", "kubectl",
                                                 "HashiCorp", "Terraform", "helm"};
  return std::find(std::begin(kLegacy), std::end(kLegacy), manager) != std::end(kLegacy);
}

std::vector<std::string> LegacyManagersOf(const Json& live) {
  std::set<std::string> managers;
  for (const kubernetes::FieldOwner& owner : kubernetes::ManagersOf(live)) {
    if (IsLegacyManager(owner.manager)) managers.insert(owner.manager);
  }
  return {managers.begin(), managers.end()};
}

absl::StatusOr<ApplyResult> WriteWorkload(Api& api, const WorkloadWrite& write, WriteMode mode,
                                          const std::stop_token& stop) {
  // The object may change between the look and the guarded write: look again a few times.
  constexpr int kAttempts = 4;
  absl::StatusOr<ApplyResult> result = ApplyOnce(api, write, mode, stop);
  for (int attempt = 1; attempt < kAttempts && absl::IsAborted(result.status()) &&
                        kubernetes::GetApiError(result.status()).has_value();
       ++attempt) {
    result = ApplyOnce(api, write, mode, stop);
  }
  return result;
}

absl::Status EndCoOwnership(Api& api, const kubernetes::ObjectRef& ref,
                            const std::stop_token& stop) {
  // Controllers write the status meanwhile: look again a few times.
  constexpr int kAttempts = 4;
  absl::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    DELIVERY_ASSIGN_OR_RETURN(const Json live, api.Get(ref, stop));
    const std::optional<Json> managed =
        kubernetes::WithoutCoOwners(live, kubernetes::kFieldManager, IsLegacyManager);
    if (!managed.has_value()) return absl::OkStatus();
    const Json operations =
        Json::array({{{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", *managed}},
                     {{"op", "replace"},
                      {"path", "/metadata/resourceVersion"},
                      {"value", kubernetes::ResourceVersionOf(live)}}});
    status = api.JsonPatch(ref, operations, {}, stop).status();
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

}  // namespace delivery::runner
