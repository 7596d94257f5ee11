#include "resources/preflight_memory.h"

#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/delivery/plan.h"

namespace delivery::resources {
namespace {

constexpr absl::Duration kRefusalKept = absl::Minutes(1);
constexpr absl::Duration kQuotasKept = absl::Seconds(30);
constexpr absl::Duration kNodesKept = absl::Minutes(1);
constexpr absl::Duration kImagesKept = absl::Minutes(1);
// Longer, and what decides (quota, webhooks, other managers) may well have changed.
constexpr absl::Duration kRehearsalKept = absl::Seconds(10);

// A digest, for a plan of a thousand manifests rehearses them all.
std::string DigestOf(const runner::WorkloadWrite& write) {
  Json agreed = Json::array();
  for (const kubernetes::FieldPath& field : write.agreed) agreed.push_back(field.ToString());
  return engine::RunIdentity(DumpJson({{"manifest", write.manifest},
                                       {"force", write.force},
                                       {"agreed", std::move(agreed)},
                                       {"take_over_legacy", write.take_over_legacy}}));
}

}  // namespace

absl::StatusOr<bool> PreflightMemory::IsAllowed(kubernetes::Api& api,
                                                const kubernetes::AccessQuery& query,
                                                absl::Time now, const std::stop_token& stop) {
  const std::string key = absl::StrJoin({query.namespace_name, query.verb, query.group,
                                         query.resource, query.subresource, query.name},
                                        "\n");
  const auto ask = [&]() -> absl::StatusOr<bool> {
    DELIVERY_ASSIGN_OR_RETURN(const kubernetes::AccessAnswer answer, api.ReviewAccess(query, stop));
    return answer.allowed;
  };
  return access_.Get(key, now, stop, ask, [](const bool& allowed) {
    return allowed ? absl::InfiniteDuration() : kRefusalKept;
  });
}

absl::StatusOr<std::vector<Json>> PreflightMemory::Quotas(kubernetes::Api& api,
                                                          const std::string& namespace_name,
                                                          absl::Time now,
                                                          const std::stop_token& stop) {
  const auto ask = [&]() -> absl::StatusOr<std::vector<Json>> {
    kubernetes::ListOptions options;
    options.namespace_name = namespace_name;
    DELIVERY_ASSIGN_OR_RETURN(kubernetes::ObjectList list,
                              api.List("v1", "ResourceQuota", options, stop));
    return std::move(list.items);
  };
  return quotas_.Get(namespace_name, now, stop, ask,
                     [](const std::vector<Json>&) { return kQuotasKept; });
}

absl::StatusOr<bool> PreflightMemory::HasNode(kubernetes::Api& api, const std::string& labels,
                                              absl::Time now, const std::stop_token& stop) {
  const auto ask = [&]() -> absl::StatusOr<bool> {
    kubernetes::ListOptions options;
    options.label_selector = labels;
    options.at_most = 1;
    DELIVERY_ASSIGN_OR_RETURN(const kubernetes::ObjectList list,
                              api.List("v1", "Node", options, stop));
    return !list.items.empty();
  };
  return nodes_.Get(labels, now, stop, ask, [](const bool&) { return kNodesKept; });
}

void PreflightMemory::RememberImage(const std::string& key, const ImageLook& look, absl::Time now) {
  // What is absent may be pushed at any moment, and a Secret made.
  if (look.verdict == ImageLook::Verdict::kAbsent) return;
  if (look.verdict == ImageLook::Verdict::kRefused) return;
  const std::lock_guard lock(mutex_);
  images_[key] = {look, now};
}

std::optional<ImageLook> PreflightMemory::FindImage(const std::string& key, absl::Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = images_.find(key);
  if (found == images_.end() || now - found->second.second >= kImagesKept) return std::nullopt;
  return found->second.first;
}

void PreflightMemory::RememberRehearsal(const runner::WorkloadWrite& write, absl::Time now) {
  std::string digest = DigestOf(write);
  const std::lock_guard lock(mutex_);
  rehearsed_[std::move(digest)] = now;
}

bool PreflightMemory::TakeRehearsal(const runner::WorkloadWrite& write, absl::Time now) {
  const std::string digest = DigestOf(write);
  const std::lock_guard lock(mutex_);
  const auto found = rehearsed_.find(digest);
  if (found == rehearsed_.end()) return false;
  const bool recent = now - found->second < kRehearsalKept;
  rehearsed_.erase(found);
  return recent;
}

}  // namespace delivery::resources
