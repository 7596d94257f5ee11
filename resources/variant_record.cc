#include "resources/variant_record.h"

#include <utility>

#include "absl/status/status.h"
#include "provider/base/status_macros.h"
#include "provider/kubernetes/object.h"

namespace delivery::resources {
namespace {

constexpr int64_t kVersion = 1;

Json EncodeNaming(const runner::CanaryNaming& naming) {
  return {{"stable", naming.stable},
          {"deployment", naming.deployment},
          {"service", naming.service},
          {"label_key", naming.label_key},
          {"stable_value", naming.stable_value},
          {"canary_value", naming.canary_value}};
}

runner::CanaryNaming DecodeNaming(const Json& json) {
  runner::CanaryNaming naming;
  naming.stable = GetString(json, "stable");
  naming.deployment = GetString(json, "deployment");
  naming.service = GetString(json, "service");
  naming.label_key = GetString(json, "label_key");
  naming.stable_value = GetString(json, "stable_value");
  naming.canary_value = GetString(json, "canary_value");
  return naming;
}

}  // namespace

absl::StatusOr<VariantRecord> VariantRecord::Parse(const std::string& text) {
  VariantRecord record;
  if (text.empty()) return record;
  const absl::StatusOr<Json> json = ParseJson(text);
  if (!json.ok() || GetInt(*json, "version") != kVersion) {
    return absl::DataLossError(
        "the private state of this resource is damaged, or of a newer version of the provider; "
        "remove it from the state (state rm) and import it again");
  }
  record.workload = GetObject(*json, "workload");
  record.naming = DecodeNaming(GetObject(*json, "naming"));
  if (const Json* run = Find(*json, "run")) {
    DELIVERY_ASSIGN_OR_RETURN(record.run, engine::DecodeState(*run));
  }
  record.source_template = GetString(*json, "source_template");
  record.variant_template = GetString(*json, "variant_template");
  record.samples = DecodeVariantSamples(GetObject(*json, "samples"));
  record.trouble = GetString(*json, "trouble");
  record.workload_is_gone = GetBool(*json, "workload_is_gone");
  return record;
}

std::string VariantRecord::Serialize() const {
  Json json = {{"version", kVersion},
               {"workload", workload.is_object() ? workload : Json::object()},
               {"naming", EncodeNaming(naming)},
               {"source_template", source_template},
               {"variant_template", variant_template},
               {"samples", EncodeVariantSamples(samples)},
               {"trouble", trouble},
               {"workload_is_gone", workload_is_gone}};
  if (run.has_value()) json["run"] = engine::EncodeState(*run);
  return DumpJson(json);
}

Json WorkloadOutline(const Json& live) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata",
           {{"name", kubernetes::NameOf(live)},
            {"namespace", kubernetes::NamespaceOf(live)},
            {"uid", kubernetes::UidOf(live)}}},
          {"spec",
           {{"selector", GetObject(kubernetes::Spec(live), "selector")},
            {"template", {{"metadata", {{"labels", kubernetes::TemplateLabelsOf(live)}}}}}}}};
}

}  // namespace delivery::resources
