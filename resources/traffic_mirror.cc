// delivery_traffic_mirror: a variant of a workload gets copies of its requests, whose answers
// nobody sees.
#include <memory>
#include <string>

#include "resources/catalog.h"
#include "resources/variant_resource.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

struct TrafficMirror {
  VariantArguments arguments;
  Attr<int64_t> percent;
  VariantResults results;

  static const Spec<TrafficMirror>& Declaration() {
    static const auto* const spec = [] {
      auto* s = new Spec<TrafficMirror>(
          "Sends copies of a Deployment's requests to a variant of it and discards the answers: "
          "the "
          "variant is made from the live pod template with other images or variables, and each "
          "refresh measures both. The Deployment itself is never written, and nothing is left when "
          "the resource is destroyed. Requests that change something are copied, too: the variant "
          "must not write where the workload does.");
      s->Embed(&TrafficMirror::arguments);
      s->Field("percent", &TrafficMirror::percent)
          .Default(100)
          .Between(1, 100)
          .Doc("Percent of the requests that are copied; `nginx_ingress` copies all.");
      s->Embed(&TrafficMirror::results);
      return s;
    }();
    return *spec;
  }
};

class TrafficMirrorResource final : public VariantResource<TrafficMirror> {
 public:
  explicit TrafficMirrorResource(const Cluster& cluster)
      : VariantResource("delivery_traffic_mirror", cluster) {}

 protected:
  void ValidateConfig(const TrafficMirror& config, Diagnostics& diagnostics) const override {
    ValidateVariant(config.arguments, {}, diagnostics);
    const absl::StatusOr<routing::Backend> backend = ToBackend(config.arguments.traffic);
    const bool by_replicas =
        backend.ok() && std::holds_alternative<routing::ReplicasBackend>(*backend);
    if (!backend.ok() || by_replicas || config.percent.is_unknown()) return;
    const absl::Status possible =
        routing::ValidateMirror(*backend, static_cast<int>(config.percent.value_or(100)));
    if (!possible.ok()) {
      diagnostics.Error(Path::Of("percent"), "This mirror is not possible",
                        std::string(possible.message()));
    }
  }

  VariantWish WishOf(const TrafficMirror& model) const override {
    VariantWish wish;
    wish.resource_type = "delivery_traffic_mirror";
    wish.words = {.noun = "mirror",
                  .suffix = "-mirror",
                  .track = "mirror",
                  .labels_argument = "variant_labels"};
    wish.mirror = static_cast<int>(model.percent.value_or(100));
    return wish;
  }

  bool AsksForMore(const TrafficMirror& planned, const TrafficMirror& prior) const override {
    return !(planned.percent == prior.percent);
  }
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeTrafficMirror(const Cluster& cluster) {
  return std::make_unique<TrafficMirrorResource>(cluster);
}

}  // namespace delivery::resources
