#include "resources/blue_green_plan.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/object.h"
#include "provider/runner/slot_objects.h"
#include "resources/blue_green_setup.h"
#include "resources/workload_change.h"
#include "resources/workload_plan.h"

namespace delivery::resources {
namespace {

using Lines = std::vector<std::string>;
using value::Path;

std::string ImagesText(const WorkloadArguments& arguments) {
  return absl::StrJoin(EffectiveImages(arguments), ", ", absl::PairFormatter(" = "));
}

// The arguments that made the version which serves.
WorkloadArguments ServingArguments(const BlueGreenPlanInput& input) {
  WorkloadArguments serving = input.prior->arguments;
  if (input.record.written.has_value()) {
    serving.manifest = input.record.written->manifest;
    serving.images = input.record.written->images;
  }
  return serving;
}

class BlueGreenPlanText {
 public:
  explicit BlueGreenPlanText(const BlueGreenPlanInput& input)
      : input_(input),
        asked_(*input.job.blue_green),
        slots_(input.record.slots.value_or(SlotRecord())),
        name_(kubernetes::NameOf(input.declared)),
        first_(input.prior == nullptr || slots_.active.empty() ||
               (!input.record.good.has_value() && !input.record.imported)),
        same_run_(!input.record.open_identity.empty() &&
                  input.record.open_identity == TemplateIdentity(input.declared)),
        target_(first_ && !slots_.active.empty() ? slots_.active
                                                 : routing::OtherSlot(slots_.active)) {}

  Lines Take() {
    if (RollsBack()) {
      lines_.push_back(absl::StrCat("roll back the open release of Deployment ", name_,
                                    AbortReason().empty() ? "" : ": ", AbortReason()));
      lines_.push_back(absl::StrCat("send all traffic to ", Slot(slots_.active), " in one write"));
      lines_.push_back(absl::StrCat("scale ", Slot(target_), " to zero"));
      lines_.push_back("a failed release is an error: apply ends with it");
      return std::move(lines_);
    }
    lines_.push_back(FirstLine());
    DescribeVersion();
    if (!first_) {
      lines_.push_back(absl::StrCat("verify that all traffic goes to ", Slot(slots_.active)));
    }
    if (same_run_ && input_.record.pending.has_value() && input_.record.written.has_value() &&
        DiffersOutsideTemplate(input_.record.written->workload, input_.declared)) {
      lines_.push_back(absl::StrCat(Slot(slots_.active),
                                    ", which serves, gets at once what changes outside the pod "
                                    "template"));
    }
    if (Returns()) {
      lines_.push_back(
          absl::StrCat(Slot(target_), " still runs this version: nothing is rolled out"));
    } else if (!same_run_ || input_.prior_phase != phase::kHeld) {
      DescribePreparation();
    }
    const bool waits = !asked_.approved && !first_ && !Returns();
    if (waits) {
      lines_.push_back(
          "stop before the switch and wait for approval (approve = false): apply ends with the "
          "phase Held");
    } else {
      DescribeSwitch();
    }
    lines_.push_back(absl::StrCat(
        "at the latest +",
        absl::FormatDuration(first_ && input_.prior == nullptr
                                 ? CreateTimeout(input_.planned.arguments, input_.job.besides)
                                 : UpdateTimeout(input_.planned.arguments, input_.job.besides)),
        " (timeouts)"));
    lines_.push_back(OnFailure());
    return std::move(lines_);
  }

 private:
  std::string Slot(const std::string& slot) const { return runner::SlotName(name_, slot); }

  std::string AbortReason() const {
    return same_run_ && input_.record.pending.has_value() ? input_.record.pending->abort_reason
                                                          : "";
  }
  bool RollsBack() const {
    const bool interrupted =
        same_run_ && input_.prior_phase == phase::kInterrupted && !first_ &&
        OnInterruptOf(input_.planned.arguments) == engine::OnInterrupt::kRollback;
    return interrupted || !AbortReason().empty();
  }
  bool Returns() const {
    return slots_.kept_ready && slots_.kept_identity == TemplateIdentity(input_.declared);
  }

  std::string FirstLine() const {
    if (first_) {
      return absl::StrCat("create Deployment ", Slot(target_), " (slot ", target_,
                          "): ", ImagesText(input_.planned.arguments));
    }
    if (Returns()) {
      return absl::StrCat("switch Deployment ", name_, " back to slot ", target_, ": ",
                          ImagesText(input_.planned.arguments));
    }
    const std::string release = absl::StrCat("release Deployment ", name_, " blue-green: slot ",
                                             slots_.active, " -> ", target_);
    const bool open = input_.prior_phase == phase::kHeld || !input_.record.open_identity.empty();
    if (!open) return release;
    if (!same_run_) return absl::StrCat("take back the release that is open, then ", release);
    if (input_.prior_phase == phase::kInterrupted) {
      return absl::StrCat("resume the interrupted release of Deployment ", name_, ": slot ",
                          slots_.active, " -> ", target_);
    }
    return absl::StrCat("go on with the held release of Deployment ", name_, ": slot ",
                        slots_.active, " -> ", target_);
  }

  void DescribeVersion() {
    if (input_.prior == nullptr) return;
    const WorkloadArguments serving = ServingArguments(input_);
    ReleasePlanInput changes;
    changes.arguments = &input_.planned.arguments;
    changes.prior = &serving;
    changes.record = &input_.record;
    DescribeChanges(changes, lines_);
    changes.prior = &input_.prior->arguments;
    DescribeRestart(changes, lines_);
  }

  void DescribePreparation() {
    const bool small = asked_.preview_replicas.has_value() && !first_;
    lines_.push_back(absl::StrCat(
        "start ", Slot(target_), " with ",
        small ? absl::StrCat(*asked_.preview_replicas, " pods") : std::string("full size"),
        ", without traffic, and wait until its pods are ready"));
    if (!asked_.preview_service.empty()) {
      lines_.push_back(absl::StrCat("Service ", asked_.preview_service, " selects slot ", target_,
                                    " meanwhile"));
    }
    Append(DescribeChecks(asked_.before_promotion));
  }

  void DescribeSwitch() {
    if (!first_ && !Returns()) {
      lines_.push_back(absl::StrCat("scale ", Slot(target_),
                                    " to full size and wait until it is "
                                    "ready"));
    }
    routing::SwitchTarget by = SwitchOf(asked_, kubernetes::NamespaceOf(input_.declared), "");
    lines_.push_back(absl::StrCat("switch all traffic to slot ", target_, " in one write, by ",
                                  routing::SwitchText(by)));
    Append(DescribeChecks(asked_.after_promotion));
    for (std::string& line : DescribeAnalysis(input_.planned.analysis, "")) {
      lines_.push_back(std::move(line));
    }
    const absl::Duration observed = AnalysisDuration(input_.planned.analysis);
    if (observed > absl::ZeroDuration()) {
      lines_.push_back(absl::StrCat("observe for ", absl::FormatDuration(observed),
                                    "; a failure switches back at once"));
    }
    if (first_) return;
    lines_.push_back(asked_.keep_previous
                         ? absl::StrCat("keep ", Slot(slots_.active), " at full size for ",
                                        absl::FormatDuration(KeepPrevious(input_.planned)),
                                        " (earliest end +", absl::FormatDuration(observed), ")")
                         : absl::StrCat("scale ", Slot(slots_.active), " to zero (earliest end +",
                                        absl::FormatDuration(observed), ")"));
  }

  std::string OnFailure() const {
    const bool keeps = input_.job.on_failure == engine::OnFailure::kKeep;
    if (first_) return keeps ? "on failure: leave it as it is" : "on failure: remove what was made";
    return absl::StrCat("on failure: all traffic to ", Slot(slots_.active), " (",
                        ImagesText(ServingArguments(input_)), "), ", keeps ? "leave " : "scale ",
                        Slot(target_), keeps ? " as it is" : " to zero");
  }

  void Append(Lines lines) {
    for (std::string& line : lines) lines_.push_back(std::move(line));
  }

  const BlueGreenPlanInput& input_;
  const BlueGreenJob& asked_;
  const SlotRecord slots_;
  const std::string name_;
  const bool first_;
  const bool same_run_;  // the run that is open is of this version
  const std::string target_;
  Lines lines_;
};

// What changes nothing of the pods.
Lines DescribeInPlace(const BlueGreenPlanInput& input) {
  const SlotRecord slots = input.record.slots.value_or(SlotRecord());
  const std::string name = kubernetes::NameOf(input.declared);
  ReleasePlanInput plan;
  plan.arguments = &input.planned.arguments;
  plan.prior = &input.prior->arguments;
  plan.record = &input.record;
  plan.prior_phase = input.prior_phase;
  plan.on_failure = input.job.on_failure;
  plan.besides = input.job.besides;
  plan.analysis = DescribeAnalysis(input.planned.analysis, "");
  Lines lines = {absl::StrCat("verify that all traffic goes to ",
                              runner::SlotName(name, slots.active), ", and repair it if not")};
  Lines changes;
  DescribeChanges(plan, changes);
  const bool retires_only = slots.expired && changes.empty() && input.record.drifted.empty();
  if (!retires_only) {
    Lines rollout = DescribeRollout(plan);
    // It is the slot that is written.
    lines.push_back(absl::StrCat(rollout.front(), " (slot ", slots.active, ")"));
    lines.insert(lines.end(), rollout.begin() + 1, rollout.end());
  }
  if (slots.expired) {
    lines.push_back(absl::StrCat("scale ", runner::SlotName(name, routing::OtherSlot(slots.active)),
                                 " to zero: keep_previous is over"));
  }
  return lines;
}

}  // namespace

void JudgeOpenBlueGreen(const BlueGreenRelease& planned, const BlueGreenRelease& prior,
                        const std::string& phase, const ReleaseRecord& record,
                        Diagnostics& diagnostics) {
  if (phase != phase::kHeld && record.open_identity.empty()) return;
  const value::Value wanted = schema::EncodeAttr(planned.preview_service);
  if (!wanted.IsWhollyKnown() || wanted == schema::EncodeAttr(prior.preview_service)) return;
  diagnostics.Error(
      Path::Of("preview_service"), "preview_service cannot change while a release is open",
      "It selects the new slot at the moment. Let the release end first: set approve = true, or "
      "images and manifest back to the version that serves. Then change preview_service.");
}

std::vector<std::string> DescribeBlueGreenRelease(const BlueGreenPlanInput& input) {
  if (ReleasesBySwitch(input.job, input.declared, input.record.open_identity)) {
    return BlueGreenPlanText(input).Take();
  }
  return DescribeInPlace(input);
}

}  // namespace delivery::resources
