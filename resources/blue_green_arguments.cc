#include "resources/blue_green_arguments.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"
#include "provider/schema/rules.h"
#include "re2/re2.h"
#include "resources/approval.h"
#include "resources/manifest_value.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

constexpr size_t kLongestName = 253;

// Only a Deployment has slots.
std::vector<std::string> AllowedKinds(const BlueGreenRelease& config, Diagnostics& diagnostics) {
  if (!config.arguments.manifest.is_known()) return {"Deployment"};
  const std::string kind =
      kubernetes::KindOf(ToPartialJson(config.arguments.manifest.value()).json);
  if (kind != "StatefulSet" && kind != "DaemonSet") return {"Deployment"};
  diagnostics.Error(
      Path::Of("manifest"), absl::StrCat("A ", kind, " cannot be released blue-green"),
      kind == "StatefulSet"
          ? "Two slots would have different volumes and names. Use delivery_rollout, which can "
            "hold the highest ordinals with spec.updateStrategy.rollingUpdate.partition, or a "
            "Deployment."
          : "A node runs one pod of it. Use delivery_rollout with "
            "spec.updateStrategy.rollingUpdate.maxUnavailable, or a Deployment.");
  return {"Deployment", "StatefulSet", "DaemonSet"};
}

void ValidateSwitch(const BlueGreenRelease& config, Diagnostics& diagnostics) {
  if (!config.switch_by.is_known()) return;
  const SwitchBlock& block = config.switch_by.value();
  const int given = (block.selector.is_null() ? 0 : 1) + (block.ingress.is_null() ? 0 : 1) +
                    (block.gateway_api.is_null() ? 0 : 1);
  if (given == 1) return;
  diagnostics.Error(Path::Of("switch"),
                    given == 0 ? "switch names nothing that switches"
                               : "switch names more than one thing that switches",
                    "Give exactly one of selector {}, ingress { name } and gateway_api { route }.");
}

// The slots' label must tell them apart, and only them.
void ValidateSlotLabel(const BlueGreenRelease& config, Diagnostics& diagnostics) {
  if (config.slot_label.is_unknown()) return;
  const std::string label = config.slot_label.value_or("slot");
  static const auto* const name =
      new RE2("(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?");
  if (!RE2::FullMatch(label, *name)) {
    diagnostics.Error(Path::Of("slot_label"), "Invalid label",
                      absl::StrCat("\"", label, "\" is not the key of a label."));
    return;
  }
  if (!config.arguments.manifest.is_known()) return;
  const Json manifest = ToPartialJson(config.arguments.manifest.value()).json;
  const Json& selector = GetObject(kubernetes::Spec(manifest), "selector");
  const bool in_template = kubernetes::TemplateLabelsOf(manifest).contains(label);
  const bool in_selector = Find(GetObject(selector, "matchLabels"), label) != nullptr;
  if (!in_template && !in_selector) return;
  diagnostics.Error(
      Path::Of("slot_label"), "The label of the slots is used already",
      absl::StrCat("The manifest has the label \"", label, "\" in its ",
                   in_template ? "pod template (spec.template.metadata.labels)"
                               : "selector (spec.selector.matchLabels)",
                   ", and the slots are told apart by it. Take it out of the manifest, or choose "
                   "another slot_label."));
}

void ValidateNames(const BlueGreenRelease& config, Diagnostics& diagnostics) {
  if (config.service.is_known() && config.preview_service.is_known() &&
      config.service.value() == config.preview_service.value()) {
    diagnostics.Error(Path::Of("preview_service"), "preview_service is the active Service",
                      "The preview would take the users' requests. Name another Service; one that "
                      "does not exist is made while a release runs.");
  }
  if (!config.arguments.manifest.is_known()) return;
  const std::string name =
      kubernetes::NameOf(ToPartialJson(config.arguments.manifest.value()).json);
  const size_t longest = name.size() + std::string("-green").size();
  if (longest <= kLongestName) return;
  diagnostics.Error(
      Path::Of("manifest"), "The name of a slot would be too long",
      absl::StrCat("\"", name, "-green\" would have ", longest,
                   " characters; Kubernetes allows 253. Give the Deployment a shorter "
                   "name."));
}

void DeclareSlots(Spec<BlueGreenRelease>& s) {
  using B = BlueGreenRelease;
  s.Field("service", &B::service)
      .Required()
      .Doc("The Service that users' requests go through. It must select the workload's pods only.");
  s.Block("switch", &B::switch_by).Required();
  s.Field("slot_label", &B::slot_label)
      .Default("slot")
      .Doc(
          "The label by which the pods of the two slots differ (`blue`, `green`). It must not be "
          "used otherwise.");
  s.Field("preview_service", &B::preview_service)
      .Optional()
      .Doc(
          "A Service that selects the idle slot while a release runs, and is put back afterwards. "
          "One that does not exist is made for that time.");
  s.Field("preview_replicas", &B::preview_replicas)
      .Optional()
      .Between(1, 10000)
      .Doc(
          "Size of the idle slot for its checks; it gets full size before the switch. Full size "
          "unless given.");
  s.Field("approve", &B::approve)
      .Default(true)
      .Doc(
          "`false`: stop before the switch and return with the phase `Held`; `true` goes on. A "
          "first release and the return to a slot that is kept do not wait.");
  s.Field("approved", &B::approved)
      .Optional()
      .Doc(
          "Container name => image. `approve = false` does not hold a release whose images are all "
          "approved here: the same text, or the same digest.");
  s.Field("keep_previous", &B::keep_previous)
      .Default("30m")
      .GoDuration()
      .Doc(
          "How long the slot that served before stays at full size, ready to be switched back to. "
          "The first apply after that time scales it to zero; `0s`: the release itself does.");
}

}  // namespace

const Spec<SelectorSwitchBlock>& SelectorSwitchBlock::Declaration() {
  static const auto* const spec = new Spec<SelectorSwitchBlock>(
      "The Service's selector gets the label of the slot that serves.");
  return *spec;
}

const Spec<IngressSwitchBlock>& IngressSwitchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<IngressSwitchBlock>(
        "Backends of an Ingress that are `service` become `<service>-blue` or `<service>-green`, "
        "Services that the release makes.");
    s->Field("name", &IngressSwitchBlock::name).Required().Doc("Name of the Ingress.");
    return s;
  }();
  return *spec;
}

const Spec<GatewaySwitchBlock>& GatewaySwitchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<GatewaySwitchBlock>(
        "Backends of an HTTPRoute that are `service` become `<service>-blue` or "
        "`<service>-green`, Services that the release makes.");
    s->Field("route", &GatewaySwitchBlock::route).Required().Doc("Name of the HTTPRoute.");
    return s;
  }();
  return *spec;
}

const Spec<SwitchBlock>& SwitchBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s =
        new Spec<SwitchBlock>("What is switched between the slots, in one write: exactly one.");
    s->Block("selector", &SwitchBlock::selector);
    s->Block("ingress", &SwitchBlock::ingress);
    s->Block("gateway_api", &SwitchBlock::gateway_api);
    return s;
  }();
  return *spec;
}

const Spec<BlueGreenRelease>& BlueGreenRelease::Declaration() {
  using B = BlueGreenRelease;
  static const auto* const spec = [] {
    auto* s = new Spec<B>(
        "Releases a Kubernetes Deployment blue-green: the new version starts in the slot that does "
        "not serve, is checked, and gets all the traffic in one write; the old slot stays for a "
        "while, so that going back is one write too. No controller is installed in the cluster.");
    s->Embed(&B::arguments);
    DeclareSlots(*s);
    s->Field("on_failure", &B::on_failure)
        .Default("rollback")
        .OneOf({"rollback", "keep"})
        .Doc(
            "What happens to a release that failed: the traffic goes back and the new slot is "
            "scaled to zero (a first release is removed), or the traffic goes back and the new "
            "slot "
            "is left to be looked at (a first release is left as it is).");
    s->Field("retry", &B::retry)
        .Default("on_change")
        .OneOf({"always", "on_change"})
        .Doc(
            "`on_change`: a pod template that was rolled back is not tried again; the plan "
            "warns, and apply refuses before any write.");
    s->Block("analysis", &B::analysis);
    s->Embed(&B::results);
    s->Field("active_slot", &B::active_slot).Computed().Doc("The slot that serves.");
    s->Field("idle_slot", &B::idle_slot).Computed().Doc("The other one.");
    s->Field("previous_expired", &B::previous_expired)
        .Computed()
        .Doc(
            "Whether the slot that served before was kept for `keep_previous` and is to be scaled "
            "to zero by the next apply.");
    s->Field("status", &B::status).Computed().Doc("Verdict on the last release.");
    s->Field("analysis_report", &B::analysis_report)
        .Computed()
        .Doc("What was measured after the last switch, per metric.");
    return s;
  }();
  return *spec;
}

void ValidateBlueGreenRelease(const BlueGreenRelease& config, Diagnostics& diagnostics) {
  const std::vector<std::string> kinds = AllowedKinds(config, diagnostics);
  ValidateWorkloadArguments(config.arguments, kinds, diagnostics);
  ValidateSwitch(config, diagnostics);
  ValidateSlotLabel(config, diagnostics);
  ValidateNames(config, diagnostics);
  ValidateCheckBlocks(
      config.arguments.check,
      {{"after_promotion", "before_traffic", "before_promotion"}, {"canary", "stable"}},
      diagnostics);
  ValidateApproved(config.approved, config.arguments, diagnostics);
  ValidateAnalysis(config.analysis, {.backend = "", .compares = false}, diagnostics);
}

bool IsWhollyKnown(const BlueGreenRelease& model) {
  BlueGreenRelease told = model;
  // What is said of a release does not depend on these.
  told.arguments.retry_token = Attr<std::string>();
  told.arguments.schedule_timeout = Attr<std::string>();
  told.retry = Attr<std::string>();
  told.results = WorkloadResults();
  told.active_slot = told.idle_slot = Attr<std::string>();
  told.previous_expired = Attr<bool>();
  told.status = Attr<ReleaseStatus>();
  told.analysis_report = AnalysisReport();
  return BlueGreenRelease::Declaration().Encode(told).IsWhollyKnown();
}

bool IsApproved(const BlueGreenRelease& model) {
  return model.approve.value_or(true) || ApprovesImages(model.approved, model.arguments);
}

absl::StatusOr<BlueGreenJob> ToBlueGreenJob(const BlueGreenRelease& model) {
  BlueGreenJob job;
  if (!model.switch_by.is_known() || !model.service.is_known()) {
    return absl::FailedPreconditionError("service and switch are not known");
  }
  const SwitchBlock& block = model.switch_by.value();
  job.by = routing::SelectorSwitch{};
  if (block.ingress.is_known()) {
    job.by = routing::IngressSwitch{block.ingress->name.value_or("")};
  } else if (block.gateway_api.is_known()) {
    job.by = routing::GatewaySwitch{block.gateway_api->route.value_or("")};
  }
  job.service = model.service.value();
  job.slot_label = model.slot_label.value_or("slot");
  job.preview_service = model.preview_service.value_or("");
  if (model.preview_replicas.is_known()) {
    job.preview_replicas = static_cast<int>(model.preview_replicas.value());
  }
  job.approved = IsApproved(model);
  job.keep_previous = KeepPrevious(model) > absl::ZeroDuration();
  DELIVERY_ASSIGN_OR_RETURN(const std::vector<checks::Check> all, ToChecks(model.arguments.check));
  for (size_t i = 0; i < all.size(); ++i) {
    const CheckBlock& check = model.arguments.check.value()[i];
    const std::string at = check.at.value_or("after_promotion");
    if (at == "after_promotion") {
      job.after_promotion.push_back(all[i]);
    } else {
      job.before_promotion.push_back(AskingCanary(all[i], check));
    }
  }
  return job;
}

absl::Duration KeepPrevious(const BlueGreenRelease& model) {
  if (!model.keep_previous.is_known()) return absl::Minutes(30);
  return schema::ParseGoDuration(model.keep_previous.value()).value_or(absl::Minutes(30));
}

}  // namespace delivery::resources
