#include "resources/restart.h"

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "openssl/sha.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {
namespace {

std::string Sha256(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string ContentHash(const Json& object) {
  return Sha256(DumpJson(
      {{"data", GetObject(object, "data")}, {"binaryData", GetObject(object, "binaryData")}}));
}

absl::Status LookAt(kubernetes::Api& api, const kubernetes::ObjectRef& ref,
                    const std::stop_token& stop, ContentLook& look) {
  const absl::StatusOr<Json> object = api.Get(ref, stop);
  if (absl::IsNotFound(object.status())) {
    look.missing.push_back(ref);
    return absl::OkStatus();
  }
  DELIVERY_RETURN_IF_ERROR(object.status());
  look.hashes.emplace(ContentKey(ref), ContentHash(*object));
  return absl::OkStatus();
}

}  // namespace

const schema::Spec<RestartOn>& RestartOn::Declaration() {
  static const auto* const spec = [] {
    auto* s = new schema::Spec<RestartOn>(
        "Objects in the workload's namespace whose changed content restarts the pods. A refresh "
        "stores a hash of each content; the plan says which changed, never the data.");
    s->Field("config_maps", &RestartOn::config_maps).Optional().Doc("Names of ConfigMaps.");
    s->Field("secrets", &RestartOn::secrets).Optional().Doc("Names of Secrets.");
    return s;
  }();
  return *spec;
}

std::string ContentKey(const kubernetes::ObjectRef& ref) {
  return absl::StrCat(ref.kind, " ", ref.name);
}

absl::StatusOr<ContentLook> LookAtContents(kubernetes::Api& api, const std::string& namespace_name,
                                           const schema::Attr<RestartOn>& restart_on,
                                           const std::stop_token& stop) {
  ContentLook look;
  if (!restart_on.is_known()) return look;
  for (const std::string& name : KnownStrings(restart_on->config_maps)) {
    DELIVERY_RETURN_IF_ERROR(LookAt(api, {"v1", "ConfigMap", namespace_name, name}, stop, look));
  }
  for (const std::string& name : KnownStrings(restart_on->secrets)) {
    DELIVERY_RETURN_IF_ERROR(LookAt(api, {"v1", "Secret", namespace_name, name}, stop, look));
  }
  return look;
}

std::vector<std::string> ChangedContents(const ContentHashes& released, const ContentHashes& now) {
  std::vector<std::string> changed;
  for (const auto& [name, hash] : now) {
    const auto before = released.find(name);
    if (before != released.end() && before->second != hash) changed.push_back(name);
  }
  return changed;
}

std::string RestartMark(const std::string& trigger, const ContentHashes& contents) {
  constexpr size_t kLength = 16;
  return Sha256(DumpJson({{"trigger", trigger}, {"contents", contents}})).substr(0, kLength);
}

std::string RestartMarkOf(const Json& workload) {
  const Json& metadata = GetObject(kubernetes::PodTemplate(workload), "metadata");
  return GetString(GetObject(metadata, "annotations"), kRestartAnnotation);
}

void SetRestartMark(Json& workload, const std::string& mark) {
  if (mark.empty()) return;
  workload["spec"]["template"]["metadata"]["annotations"][kRestartAnnotation] = mark;
}

Json WithoutRestartMark(Json workload) {
  if (RestartMarkOf(workload).empty()) return workload;
  Json& metadata = workload["spec"]["template"]["metadata"];
  metadata["annotations"].erase(kRestartAnnotation);
  if (metadata["annotations"].empty()) metadata.erase("annotations");
  return workload;
}

}  // namespace delivery::resources
