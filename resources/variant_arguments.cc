#include "resources/variant_arguments.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/delivery/plan.h"
#include "provider/kubernetes/object.h"
#include "provider/schema/rules.h"
#include "resources/workload_refresh.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

constexpr absl::Duration kProgressDeadline = absl::Minutes(10);
constexpr absl::Duration kDelete = absl::Minutes(10);

absl::Duration DurationOr(const Attr<std::string>& text, absl::Duration otherwise) {
  if (!text.is_known()) return otherwise;
  return schema::ParseGoDuration(text.value()).value_or(otherwise);
}

void ValidateName(const Attr<std::string>& name, const Path& path, Diagnostics& diagnostics) {
  if (!name.is_known() || !name.value().empty()) return;
  diagnostics.Error(path, absl::StrCat("Invalid value for ", path.ToString()),
                    "A name must not be empty.");
}

bool IsConfidence(const value::Number& number) {
  return number.AsDouble() >= 0.5 && number.AsDouble() < 1;
}

bool LongerThanNothing(const std::string& text) {
  return schema::ParseGoDuration(text).value_or(absl::Seconds(1)) > absl::ZeroDuration();
}

std::string ContainerNames(const Json& workload) {
  std::vector<std::string> names;
  for (const auto& [name, image] : kubernetes::ImagesOf(workload)) names.push_back(name);
  return absl::StrJoin(names, ", ");
}

// The list of the workload's containers or init containers that has this one.
Json* FindContainer(Json& workload, const std::string& name) {
  Json& pod = workload["spec"]["template"]["spec"];
  for (const char* list : {"containers", "initContainers"}) {
    if (GetArray(pod, list).empty()) continue;
    for (Json& container : pod[list]) {
      if (GetString(container, "name") == name) return &container;
    }
  }
  return nullptr;
}

void SetVariables(Json& container, const std::map<std::string, std::string>& variables) {
  Json env = GetArray(container, "env");
  for (const auto& [name, value] : variables) {
    Json* known = nullptr;
    for (Json& one : env) {
      if (GetString(one, "name") == name) known = &one;
    }
    const Json wanted = {{"name", name}, {"value", value}};
    if (known != nullptr) {
      *known = wanted;
    } else {
      env.push_back(wanted);
    }
  }
  if (!env.empty()) container["env"] = std::move(env);
}

}  // namespace

const Spec<VariantWorkloadBlock>& VariantWorkloadBlock::Declaration() {
  using W = VariantWorkloadBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<W>("Variant A: an existing Deployment, which is never written.");
    s->Field("namespace", &W::namespace_name)
        .Required()
        .Doc("Its namespace. Another one makes everything anew.");
    s->Field("name", &W::name).Required().Doc("Its name. Another one makes everything anew.");
    return s;
  }();
  return *spec;
}

const Spec<VariantArguments>& VariantArguments::Declaration() {
  using V = VariantArguments;
  static const auto* const spec = [] {
    auto* s = new Spec<V>("");
    s->Block("workload", &V::workload).Required();
    s->Field("images", &V::images)
        .Optional()
        .Doc("Images of the variant by container or init container; the workload's otherwise.");
    s->Field("env", &V::env)
        .Optional()
        .Doc(
            "Variables of the variant by container: `{ web = { BUTTON = \"green\" } }`. They are "
            "added to the workload's, or take the place of those with the same name.");
    s->Field("replicas", &V::replicas).Default(1).Between(1, 100'000).Doc("Pods of the variant.");
    s->Field("variant_labels", &V::variant_labels)
        .Optional()
        .Doc("Labels of the variant's pods, instead of what would distinguish them.");
    s->Block("traffic", &V::traffic).Required();
    s->BlockList("metric", &V::metric);
    s->Field("interval", &V::interval)
        .Default("30s")
        .GoDuration()
        .Must("longer than nothing", LongerThanNothing)
        .Doc(
            "Time between two values of a metric, and `{{interval}}` in its query: values must not "
            "overlap.");
    s->Field("confidence", &V::confidence)
        .Optional()
        .Must("at least 0.5 and below 1", IsConfidence)
        .Doc("Of intervals and verdicts; `0.95` unless given.");
    s->Field("min_samples", &V::min_samples)
        .Optional()
        .Between(2, 1'000'000'000)
        .Doc(
            "Values (or trials) that each side must have before a verdict; 10 values or 100 trials "
            "unless given.");
    s->Field("progress_deadline", &V::progress_deadline)
        .Optional()
        .GoDuration()
        .Doc("How long the variant may take without progress; `10m` unless given.");
    s->Field("schedule_timeout", &V::schedule_timeout)
        .Optional()
        .GoDuration()
        .Doc("How long its pods may be unschedulable; `30s` unless given.");
    s->Block("timeouts", &V::timeouts);
    return s;
  }();
  return *spec;
}

const Spec<VariantResults>& VariantResults::Declaration() {
  using R = VariantResults;
  static const auto* const spec = [] {
    auto* s = new Spec<R>("");
    s->Field("id", &R::id).Computed(schema::OnChange::kKeepPrior).Doc("namespace/name.");
    s->Field("variant", &R::variant).Computed().Doc("The variant's Deployment.");
    s->Field("serving", &R::serving).Computed().Doc("Whether requests go to the variant.");
    s->Field("stale", &R::stale)
        .Computed()
        .Doc(
            "Whether the workload's pod template has changed since the variant was made from it, "
            "at the last refresh; the next plan makes the variant anew.");
    s->Field("started_at", &R::started_at)
        .Computed()
        .Doc("Since when requests go to this variant.");
    s->Field("status", &R::status).Computed().Doc("Verdict on the last apply.");
    s->Field("report", &R::report)
        .Computed()
        .Doc("What was measured up to the last refresh, one entry for each metric.");
    s->Field("release_plan", &R::release_plan).Computed().Doc("What an apply does, in its order.");
    return s;
  }();
  return *spec;
}

void ValidateVariant(const VariantArguments& config, const Attr<MatchBlock>& match,
                     Diagnostics& diagnostics) {
  if (config.workload.is_known()) {
    const Path path = Path::Of("workload");
    ValidateName(config.workload->namespace_name, path.Attr("namespace"), diagnostics);
    ValidateName(config.workload->name, path.Attr("name"), diagnostics);
  }
  if (config.images.is_known()) {
    for (const auto& [container, image] : config.images.value()) {
      if (!image.is_known() || !image.value().empty()) continue;
      diagnostics.Error(Path::Of("images").At(container), "An image without a name",
                        "Give an image, or leave the container out.");
    }
  }
  const Path traffic = Path::Of("traffic");
  if (config.traffic.is_known() && !config.traffic->replicas.is_null()) {
    diagnostics.Error(
        traffic.Attr("replicas"), "Nothing routes requests",
        "With replicas the Service selects the variant's pods, and nobody decides which requests "
        "they get. Use gateway_api, istio, nginx_ingress or traefik.");
  } else {
    ValidateTraffic(config.traffic, match, diagnostics);
  }
  const absl::StatusOr<routing::Backend> backend = ToBackend(config.traffic);
  ValidateVariantMetrics(
      config.metric, backend.ok() ? std::optional(routing::BackendName(*backend)) : std::nullopt,
      diagnostics);
}

EnvironmentMap KnownEnvironments(const Attr<Environments>& env) {
  EnvironmentMap known;
  if (!env.is_known()) return known;
  for (const auto& [container, variables] : env.value()) {
    known[container] = KnownImages(variables);
  }
  return known;
}

absl::Duration VariantProgressDeadline(const VariantArguments& arguments) {
  return DurationOr(arguments.progress_deadline, kProgressDeadline);
}

absl::Duration VariantTimeout(const VariantArguments& arguments, bool creates) {
  const absl::Duration otherwise = 2 * VariantProgressDeadline(arguments);
  if (!arguments.timeouts.is_known()) return otherwise;
  return DurationOr(creates ? arguments.timeouts->create : arguments.timeouts->update, otherwise);
}

absl::Duration VariantDeleteTimeout(const VariantArguments& arguments) {
  return arguments.timeouts.is_known() ? DurationOr(arguments.timeouts->delete_, kDelete) : kDelete;
}

absl::StatusOr<Json> VariantManifest(const Json& live, const VariantArguments& arguments) {
  Json workload = WithoutServerFields(live);
  const absl::Status images = kubernetes::SetImages(workload, KnownImages(arguments.images));
  if (!images.ok()) return images;
  for (const auto& [container, variables] : KnownEnvironments(arguments.env)) {
    Json* found = FindContainer(workload, container);
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "env names container \"", container, "\", which ", kubernetes::RefOf(live).ToString(),
          " does not have; its containers are: ", ContainerNames(live), "."));
    }
    SetVariables(*found, variables);
  }
  return workload;
}

std::string TemplateFingerprint(const Json& workload) {
  Json pods = kubernetes::PodTemplate(workload);
  if (pods.contains("metadata") && pods["metadata"].contains("annotations")) {
    pods["metadata"]["annotations"].erase("kubectl.kubernetes.io/restartedAt");
    if (pods["metadata"]["annotations"].empty()) pods["metadata"].erase("annotations");
  }
  return engine::RunIdentity(DumpJson(pods));
}

}  // namespace delivery::resources
