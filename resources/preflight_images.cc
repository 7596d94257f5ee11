#include "resources/preflight_images.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/object.h"
#include "provider/oci/image.h"
#include "provider/oci/platform.h"
#include "provider/oci/reference.h"

namespace delivery::resources {
namespace {

using Verdict = ImageLook::Verdict;

// A registry that needs longer than that is not worth the wait: the nodes ask it anyway.
constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr char kArchLabel[] = "kubernetes.io/arch";
constexpr char kOsLabel[] = "kubernetes.io/os";

std::vector<std::string> PullSecretNames(const Json& workload) {
  std::vector<std::string> names;
  const Json& pod = GetObject(kubernetes::PodTemplate(workload), "spec");
  for (const Json& reference : GetArray(pod, "imagePullSecrets")) {
    const std::string name = GetString(reference, "name");
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

// Those that exist and may be read.
std::vector<oci::PullSecret> ReadPullSecrets(kubernetes::Api& api,
                                             const std::vector<std::string>& names,
                                             const std::string& namespace_name,
                                             const std::stop_token& stop) {
  std::vector<oci::PullSecret> secrets;
  for (const std::string& name : names) {
    const absl::StatusOr<Json> secret = api.Get({"v1", "Secret", namespace_name, name}, stop);
    if (!secret.ok()) continue;
    for (const char* key : {".dockerconfigjson", ".dockercfg"}) {
      const std::string encoded = GetString(GetObject(*secret, "data"), key);
      std::string text;
      if (encoded.empty() || !absl::Base64Unescape(encoded, &text)) continue;
      secrets.push_back({absl::StrCat("Secret ", namespace_name, "/", name), std::move(text),
                         std::string_view(key) == ".dockercfg"});
    }
  }
  return secrets;
}

bool IsNeverPulled(const Json& workload, const std::string& container) {
  const Json& pod = GetObject(kubernetes::PodTemplate(workload), "spec");
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& one : GetArray(pod, list)) {
      if (GetString(one, "name") == container) return GetString(one, "imagePullPolicy") == "Never";
    }
  }
  return false;
}

class Look {
 public:
  Look(const Connection& connection, const Json& workload, const std::string& namespace_name,
       const std::stop_token& stop)
      : connection_(connection),
        workload_(workload),
        namespace_(namespace_name),
        secrets_(PullSecretNames(workload)),
        stop_(stop) {}

  // Nullopt: none that is known.
  std::optional<ImageProblem> ProblemOf(const std::string& container, const std::string& image) {
    const absl::StatusOr<oci::Reference> reference = oci::ParseReference(image);
    if (!reference.ok()) return std::nullopt;  // the rehearsal or the kubelet says it better
    const ImageLook look = LookUp(oci::WithDefaultTag(*reference));
    switch (look.verdict) {
      case Verdict::kAbsent:
        return ImageProblem{container, image, look.why_not, true};
      case Verdict::kRefused:
        return ImageProblem{
            container, image,
            absl::StrCat("with the credentials of the provider and the imagePullSecrets of "
                         "the pods, ",
                         look.why_not),
            false};
      case Verdict::kUnknown:
        return std::nullopt;
      case Verdict::kThere:
        break;
    }
    if (look.platforms.empty()) return std::nullopt;
    const std::optional<std::string> platform = PlatformProblem(look.platforms);
    if (!platform.has_value()) return std::nullopt;
    return ImageProblem{container, image, *platform, true};
  }

 private:
  ImageLook LookUp(const oci::Reference& reference) {
    PreflightMemory& memory = *connection_.preflight_memory;
    const absl::Time now = connection_.registries->clock().Now();
    const std::string credentials =
        secrets_.empty() ? "" : absl::StrCat(namespace_, "/", absl::StrJoin(secrets_, ","));
    const std::string key = absl::StrCat(reference.Text(), "\n", credentials);
    const std::string host = absl::StrCat("registry ", reference.registry, "\n", credentials);
    for (const std::string& known : {key, host}) {
      if (auto look = memory.FindImage(known, now); look.has_value()) return *std::move(look);
    }
    ImageLook look;
    const absl::StatusOr<oci::Image> image = Ask(reference, now + kPatience);
    if (image.ok()) {
      look = {Verdict::kThere, "", image->platforms};
    } else if (absl::IsNotFound(image.status())) {
      look = {Verdict::kAbsent, std::string(image.status().message()), {}};
    } else if (!secrets_.empty() && (absl::IsUnauthenticated(image.status()) ||
                                     absl::IsPermissionDenied(image.status()))) {
      look = {Verdict::kRefused, std::string(image.status().message()), {}};
    }
    const bool silent =
        absl::IsUnavailable(image.status()) || absl::IsDeadlineExceeded(image.status());
    memory.RememberImage(silent ? host : key, look, now);
    return look;
  }

  absl::StatusOr<oci::Image> Ask(const oci::Reference& reference, absl::Time deadline) {
    if (!client_.ok()) {
      client_ = connection_.registries->ConnectWith(
          ReadPullSecrets(*connection_.api, secrets_, namespace_, stop_));
    }
    if (!client_.ok()) return client_.status();
    return oci::DescribeImage(**client_, reference, std::nullopt, deadline, stop_);
  }

  std::optional<std::string> PlatformProblem(const std::vector<std::string>& offered) {
    const std::string made_for = absl::StrCat("it is made for ", absl::StrJoin(offered, ", "));
    const Json& selector =
        GetObject(GetObject(kubernetes::PodTemplate(workload_), "spec"), "nodeSelector");
    const std::string arch = GetString(selector, kArchLabel);
    if (!arch.empty()) {
      const std::string wanted = absl::StrCat(GetString(selector, kOsLabel, "linux"), "/", arch);
      if (MayRunOn(wanted, offered)) return std::nullopt;
      return absl::StrCat(made_for, "; nodeSelector wants ", wanted);
    }
    if (HasNodeFor(offered)) return std::nullopt;
    const std::set<std::string> nodes = NodePlatforms();
    if (nodes.empty()) return std::nullopt;  // none yet, or not ours to know
    return absl::StrCat(made_for, "; the nodes of the cluster are ", absl::StrJoin(nodes, ", "));
  }

  static bool MayRunOn(const std::string& wanted, const std::vector<std::string>& offered) {
    return std::any_of(offered.begin(), offered.end(), [&](const std::string& one) {
      // A node's labels do not tell the variant.
      return one == wanted || absl::StartsWith(one, wanted + "/");
    });
  }

  // True also when it cannot be told.
  bool HasNodeFor(const std::vector<std::string>& offered) {
    return std::any_of(offered.begin(), offered.end(), [&](const std::string& one) {
      const absl::StatusOr<oci::Platform> platform = oci::ParsePlatform(one);
      if (!platform.ok()) return true;
      return connection_.preflight_memory
          ->HasNode(*connection_.api,
                    absl::StrCat(kOsLabel, "=", platform->os, ",", kArchLabel, "=",
                                 platform->architecture),
                    connection_.registries->clock().Now(), stop_)
          .value_or(true);
    });
  }

  // Of some nodes, for the message.
  std::set<std::string> NodePlatforms() {
    kubernetes::ListOptions options;
    options.at_most = 20;
    std::set<std::string> platforms;
    const absl::StatusOr<kubernetes::ObjectList> nodes =
        connection_.api->List("v1", "Node", options, stop_);
    if (!nodes.ok()) return platforms;
    for (const Json& node : nodes->items) {
      const Json& labels = GetObject(GetObject(node, "metadata"), "labels");
      platforms.insert(
          absl::StrCat(GetString(labels, kOsLabel), "/", GetString(labels, kArchLabel)));
    }
    return platforms;
  }

  const Connection& connection_;
  const Json& workload_;
  const std::string namespace_;
  const std::vector<std::string> secrets_;
  const std::stop_token& stop_;
  absl::StatusOr<std::shared_ptr<oci::Client>> client_ = absl::UnknownError("not asked for yet");
};

}  // namespace

std::vector<ImageProblem> FindImageProblems(const Connection& connection, const Json& workload,
                                            const Json& live, const std::string& namespace_name,
                                            const std::stop_token& stop) {
  std::vector<ImageProblem> problems;
  if (connection.registries == nullptr || connection.registries->IsUnknown()) return problems;
  const kubernetes::StringMap running =
      live.is_object() ? kubernetes::ImagesOf(live) : kubernetes::StringMap();
  Look look(connection, workload, namespace_name, stop);
  for (const auto& [container, image] : kubernetes::ImagesOf(workload)) {
    const auto runs = running.find(container);
    if (runs != running.end() && runs->second == image) continue;
    if (IsNeverPulled(workload, container)) continue;
    if (auto problem = look.ProblemOf(container, image); problem.has_value()) {
      problems.push_back(*std::move(problem));
    }
  }
  return problems;
}

}  // namespace delivery::resources
