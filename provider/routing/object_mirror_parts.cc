// Where copies of requests go in routers whose object mirrors as a whole.
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/routing/backends.h"
#include "provider/routing/service_refs.h"

namespace delivery::routing {
namespace {

using kubernetes::FieldPath;

absl::Status Refuse(const kubernetes::ObjectRef& ref, const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("Requests cannot be mirrored: ", ref.ToString(), ": ", why, "."));
}

// ---- Traefik: a TraefikService of the kind mirroring

// One that is weighted, with the workload's Service alone, becomes one that mirrors it; one that
// mirrors nowhere gets where to.
class TraefikMirrorPart : public RoutePart {
 public:
  TraefikMirrorPart(const TrafficTarget& target, const TraefikBackend& backend)
      : RoutePart({kVersion},
                  {kVersion, "TraefikService", target.namespace_name, backend.traefik_service}),
        target_(target),
        service_(backend.service) {}

  FieldPath Field() const override { return FieldPath() / "spec"; }

  absl::StatusOr<Json> Record(const Json& live) const override {
    const Json& spec = kubernetes::Spec(live);
    if (const Json* mirroring = Find(spec, kMirroring)) {
      if (!IsTraefikServiceRef(*mirroring, service_, target_.namespace_name)) {
        return Refuse(ref(), absl::StrCat("it mirrors the requests of another service than ",
                                          service_, "; correct traffic"));
      }
      if (!GetArray(*mirroring, kMirrors).empty()) {
        return Refuse(ref(), "it mirrors its requests already; remove that mirror first");
      }
      return Json{{kMirroring, true}, {kMirrors, mirroring->contains(kMirrors)}};
    }
    const Json& services = GetArray(GetObject(spec, kWeighted), "services");
    const bool only =
        services.size() == 1 && IsTraefikServiceRef(services[0], service_, target_.namespace_name);
    if (!only) {
      return Refuse(ref(), absl::StrCat("it is neither of the kind mirroring nor weighted with ",
                                        service_, " as its only service; leave that one alone"));
    }
    return Json{{kWeighted, spec[kWeighted]}};
  }

  absl::Status Write(const Json&, const Split& split, ObjectEdit& edit) const override {
    if (split.mirror == 0) {
      SilenceCopies(edit);
      return absl::OkStatus();
    }
    const Json& spec = kubernetes::Spec(edit.object());
    if (!spec.contains(kMirroring)) {
      // As it is now: somebody may have changed what is not ours.
      DELIVERY_RETURN_IF_ERROR(Record(edit.object()).status());
      Json mirroring = GetArray(GetObject(spec, kWeighted), "services")[0];
      mirroring.erase("weight");
      mirroring[kMirrors] = Json::array({MirrorFrom(mirroring, split.mirror)});
      edit.Remove("/spec/weighted");
      edit.Set("/spec/mirroring", mirroring);
      return absl::OkStatus();
    }
    const Json& mirroring = spec[kMirroring];
    if (!IsTraefikServiceRef(mirroring, service_, target_.namespace_name)) {
      return Refuse(ref(), absl::StrCat("it no longer leads to ", service_));
    }
    const Json mirrors = GetArray(mirroring, kMirrors);
    for (size_t i = 0; i < mirrors.size(); ++i) {
      if (!IsOurs(mirrors[i])) continue;
      edit.Set(absl::StrCat(ElementAt(kMirrorsAt, i), "/percent"), split.mirror);
      return absl::OkStatus();
    }
    Json all = mirrors;
    all.push_back(MirrorFrom(mirroring, split.mirror));
    edit.Set(kMirrorsAt, all);
    return absl::OkStatus();
  }

  void Undo(const Json& recorded, ObjectEdit& edit) const override {
    const Json mirroring = GetObject(kubernetes::Spec(edit.object()), kMirroring);
    const Json mirrors = GetArray(mirroring, kMirrors);
    Json others = Json::array();
    for (const Json& one : mirrors) {
      if (!IsOurs(one)) others.push_back(one);
    }
    // Also where somebody took the run's own mirror out of it.
    const bool made_by_us = recorded.contains(kWeighted) && others.empty() &&
                            mirroring.is_object() && !mirroring.empty() &&
                            !kubernetes::Spec(edit.object()).contains(kWeighted);
    if (!made_by_us && others.size() == mirrors.size()) return;
    if (made_by_us) {
      edit.Remove("/spec/mirroring");
      edit.Set("/spec/weighted", recorded[kWeighted]);
    } else if (others.empty() && !GetBool(recorded, kMirrors)) {
      edit.Remove(kMirrorsAt);
    } else {
      edit.Set(kMirrorsAt, others);
    }
  }

  PartState Read(const Json& live) const override {
    PartState state;
    for (const Json& one : GetArray(GetObject(kubernetes::Spec(live), kMirroring), kMirrors)) {
      if (!IsOurs(one)) continue;
      state.at_rest = false;
      state.split.mirror = static_cast<int>(GetInt(one, "percent"));
    }
    return state;
  }

  std::string Deviation(const Json& live, const Split& expected) const override {
    const int mirror = Read(live).split.mirror;
    if (mirror == expected.mirror) return "";
    return absl::StrCat(ref().ToString(), " mirrors ", mirror, " % of its requests to the ",
                        target_.noun, ", not ", expected.mirror, " %");
  }

 private:
  static constexpr char kVersion[] = "traefik.io/v1alpha1";
  static constexpr char kWeighted[] = "weighted";
  static constexpr char kMirroring[] = "mirroring";
  static constexpr char kMirrors[] = "mirrors";
  static constexpr char kMirrorsAt[] = "/spec/mirroring/mirrors";

  bool IsOurs(const Json& one) const {
    return IsTraefikServiceRef(one, target_.canary_service, target_.namespace_name);
  }
  // Reached as the workload's own Service is.
  Json MirrorFrom(Json stable, int percent) const {
    for (const char* of_mirroring : {"mirrors", "mirrorBody", "maxBodySize", "weight"}) {
      stable.erase(of_mirroring);
    }
    stable["name"] = target_.canary_service;
    stable["percent"] = percent;
    return stable;
  }
  void SilenceCopies(ObjectEdit& edit) const {
    const Json mirrors = GetArray(GetObject(kubernetes::Spec(edit.object()), kMirroring), kMirrors);
    for (size_t i = 0; i < mirrors.size(); ++i) {
      if (IsOurs(mirrors[i])) edit.Set(absl::StrCat(ElementAt(kMirrorsAt, i), "/percent"), 0);
    }
  }

  const TrafficTarget target_;
  const std::string service_;
};

// ---- ingress-nginx: an annotation of the Ingress, which copies every request of it

class IngressMirrorPart : public RoutePart {
 public:
  IngressMirrorPart(const TrafficTarget& target, const NginxIngressBackend& backend)
      : RoutePart({kVersion}, {kVersion, "Ingress", target.namespace_name, backend.ingress}),
        target_(target),
        service_(backend.service) {}

  FieldPath Field() const override {
    return FieldPath() / "metadata" / "annotations" / kMirrorTarget;
  }

  absl::StatusOr<Json> Record(const Json& live) const override {
    if (kubernetes::AnnotationOf(live, kMirrorTarget).has_value()) {
      return Refuse(ref(), absl::StrCat("it has the annotation ", kMirrorTarget,
                                        " already; remove that mirror first"));
    }
    DELIVERY_RETURN_IF_ERROR(TargetOf(live).status());
    return Json{{kAnnotations, kubernetes::Metadata(live).contains(kAnnotations)}};
  }

  absl::Status Write(const Json& recorded, const Split& split, ObjectEdit& edit) const override {
    if (split.mirror == 0) {
      Undo(recorded, edit);
      return absl::OkStatus();
    }
    DELIVERY_ASSIGN_OR_RETURN(const std::string wanted, TargetOf(edit.object()));
    const std::optional<std::string> now = kubernetes::AnnotationOf(edit.object(), kMirrorTarget);
    if (now.has_value() && *now != wanted) {
      return Refuse(ref(), absl::StrCat("its annotation ", kMirrorTarget,
                                        " is somebody else's by now; remove it"));
    }
    if (!kubernetes::Metadata(edit.object()).contains(kAnnotations)) {
      edit.Set("/metadata/annotations", Json::object());
    }
    edit.Set(AnnotationAt(), wanted);
    return absl::OkStatus();
  }

  void Undo(const Json& recorded, ObjectEdit& edit) const override {
    if (!IsOurs(edit.object())) return;
    const bool alone = kubernetes::AnnotationsOf(edit.object()).size() == 1;
    edit.Remove(alone && !GetBool(recorded, kAnnotations) ? "/metadata/annotations"
                                                          : AnnotationAt());
  }

  PartState Read(const Json& live) const override {
    const bool ours = IsOurs(live);
    return {.split = {.mirror = ours ? 100 : 0}, .at_rest = !ours};
  }

  std::string Deviation(const Json& live, const Split& expected) const override {
    if (Read(live).split.mirror == expected.mirror) return "";
    return absl::StrCat(ref().ToString(),
                        expected.mirror > 0 ? " does not send copies of requests to the "
                                            : " sends copies of requests to the ",
                        target_.noun);
  }

 private:
  static constexpr char kVersion[] = "networking.k8s.io/v1";
  static constexpr char kAnnotations[] = "annotations";
  static constexpr char kMirrorTarget[] = "nginx.ingress.kubernetes.io/mirror-target";

  static std::string AnnotationAt() {
    return absl::StrCat("/metadata/annotations/", PointerStep(kMirrorTarget));
  }
  std::string Host() const {
    return absl::StrCat("http://", target_.canary_service, ".", target_.namespace_name, ".svc");
  }
  bool IsOurs(const Json& ingress) const {
    const std::string now = kubernetes::AnnotationOf(ingress, kMirrorTarget).value_or("");
    return now.rfind(Host() + ":", 0) == 0;
  }

  static std::vector<Json> BackendsOf(const Json& ingress) {
    std::vector<Json> backends;
    const Json& spec = kubernetes::Spec(ingress);
    if (const Json* one = Find(spec, "defaultBackend")) backends.push_back(*one);
    for (const Json& rule : GetArray(spec, "rules")) {
      for (const Json& path : GetArray(GetObject(rule, "http"), "paths")) {
        backends.push_back(GetObject(path, "backend"));
      }
    }
    return backends;
  }

  // Where copies go: nginx takes a number for the port.
  absl::StatusOr<std::string> TargetOf(const Json& ingress) const {
    int64_t port = 0;
    for (const Json& backend : BackendsOf(ingress)) {
      const Json& service = GetObject(backend, "service");
      if (GetString(service, "name") != service_) {
        return Refuse(ref(), absl::StrCat("one of its paths leads elsewhere than to Service ",
                                          service_, ", and ", kMirrorTarget,
                                          " copies the requests of all paths; give the Service an "
                                          "Ingress of its own"));
      }
      const std::string name = GetString(GetObject(service, "port"), "name");
      const auto named = target_.service_ports.find(name);
      const int64_t number = named != target_.service_ports.end()
                                 ? named->second
                                 : GetInt(GetObject(service, "port"), "number");
      if (port != 0 && port != number) {
        return Refuse(ref(), absl::StrCat("its paths lead to several ports of Service ", service_,
                                          ", and a mirror has one; give each an Ingress of its "
                                          "own"));
      }
      port = number;
    }
    if (port == 0) {
      return Refuse(ref(), absl::StrCat("none of its paths routes to a port of Service ", service_,
                                        "; correct ingress or service"));
    }
    return absl::StrCat(Host(), ":", port, "$request_uri");
  }

  const TrafficTarget target_;
  const std::string service_;
};

}  // namespace

std::unique_ptr<RoutePart> MakeTraefikMirrorPart(const TrafficTarget& target) {
  return std::make_unique<TraefikMirrorPart>(target, std::get<TraefikBackend>(target.backend));
}

std::unique_ptr<RoutePart> MakeIngressMirrorPart(const TrafficTarget& target) {
  return std::make_unique<IngressMirrorPart>(target, std::get<NginxIngressBackend>(target.backend));
}

}  // namespace delivery::routing
