#include "resources/canary_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/kubernetes/object.h"
#include "provider/oci/reference.h"
#include "resources/canary_setup.h"
#include "resources/workload_plan.h"

namespace delivery::resources {
namespace {

using Lines = std::vector<std::string>;
using value::Path;

std::string Text(absl::Duration duration) { return absl::FormatDuration(duration); }

std::string Pods(int count, const char* kind) {
  return absl::StrCat(count, " ", kind, count == 1 ? " pod" : " pods");
}

// What tells two images of one repository apart.
std::string ShortImage(const std::string& image, const std::string& other) {
  const absl::StatusOr<oci::Reference> one = oci::ParseReference(image);
  const absl::StatusOr<oci::Reference> two = oci::ParseReference(other);
  if (!one.ok() || !two.ok() || one->CanonicalName() != two->CanonicalName()) return image;
  if (!one->tag.empty() && one->tag != two->tag) return one->tag;
  return one->digest.empty() ? image : one->digest;
}

// "web 1.3.9 -> 1.4.0".
std::string VersionsText(const kubernetes::StringMap& before, const kubernetes::StringMap& after) {
  std::vector<std::string> parts;
  for (const auto& [name, image] : after) {
    const auto old = before.find(name);
    if (old == before.end() || old->second == image) continue;
    parts.push_back(absl::StrCat(name, " ", ShortImage(old->second, image), " -> ",
                                 ShortImage(image, old->second)));
  }
  return parts.empty() ? "the same images" : absl::StrJoin(parts, ", ");
}

// The arguments that made the version which stable runs.
WorkloadArguments StableArguments(const CanaryPlanInput& input) {
  WorkloadArguments stable = input.prior->arguments;
  if (input.record.written.has_value()) {
    stable.manifest = input.record.written->manifest;
    stable.images = input.record.written->images;
  }
  return stable;
}

class CanaryPlanText {
 public:
  explicit CanaryPlanText(const CanaryPlanInput& input)
      : input_(input),
        canary_(*input.job.canary),
        what_(absl::StrCat("Deployment ", kubernetes::NameOf(input.declared))),
        stable_(StableArguments(input)),
        same_run_(!input.record.open_identity.empty() &&
                  input.record.open_identity == TemplateIdentity(input.declared)) {}

  Lines Take() {
    if (RollsBack()) {
      DescribeTakingBack();
      return std::move(lines_);
    }
    lines_.push_back(FirstLine());
    DescribeVersion();
    lines_.push_back(
        routing::BackendName(canary_.backend) == "replicas"
            ? DescribeTraffic(canary_.backend, canary_.match)
            : absl::StrCat("shift traffic ", DescribeTraffic(canary_.backend, canary_.match)));
    DescribeSteps();
    for (std::string& line : DescribeAnalysis(input_.planned.analysis, input_.job.backend)) {
      lines_.push_back(std::move(line));
    }
    if (const std::optional<std::string> stop = StopLine()) {
      lines_.push_back(*stop);
    } else {
      DescribePromotion();
    }
    DescribeTimes();
    DescribeOnFailure();
    return std::move(lines_);
  }

 private:
  const std::vector<engine::CanaryStep>& steps() const { return canary_.plan.steps; }

  bool AfterFailedMeasurement() const {
    return same_run_ && input_.record.pending.has_value() &&
           !input_.record.pending->abort_reason.empty();
  }
  bool RollsBack() const {
    const bool interrupted =
        same_run_ && input_.prior_phase == phase::kInterrupted &&
        OnInterruptOf(input_.planned.arguments) == engine::OnInterrupt::kRollback;
    return interrupted || AfterFailedMeasurement();
  }

  void DescribeTakingBack() {
    lines_.push_back(AfterFailedMeasurement()
                         ? absl::StrCat("roll back the canary of ", what_, ": ",
                                        input_.record.pending->abort_reason)
                         : absl::StrCat("roll back the interrupted release of ", what_));
    lines_.push_back("return the traffic to stable, put the route back as it was");
    lines_.push_back(absl::StrCat("remove the canary after ", Text(canary_.plan.scale_down_delay)));
    lines_.push_back("a failed release is an error: apply ends with it");
  }

  std::string FirstLine() const {
    const std::string versions =
        VersionsText(EffectiveImages(stable_), EffectiveImages(input_.planned.arguments));
    const std::string release = absl::StrCat("release ", what_, " by canary: ", versions);
    if (!HasOpenCanary(input_.prior_phase, input_.record)) return release;
    if (!same_run_) {
      return absl::StrCat("take back the canary that is open, then ", release);
    }
    if (input_.prior_phase == phase::kInterrupted) {
      return absl::StrCat("resume the interrupted release of ", what_, " by canary: ", versions);
    }
    if (input_.prior_phase == phase::kFailed) {
      return absl::StrCat("measure step ", std::max(1, Position()), " of the failed release of ",
                          what_, " again: ", versions);
    }
    return Position() < static_cast<int>(steps().size())
               ? absl::StrCat("go on with the held release of ", what_, " from step ",
                              FirstStep() + 1, ": ", versions)
               : absl::StrCat("go on with the held release of ", what_,
                              " to its promotion: ", versions);
  }

  void DescribeVersion() {
    ReleasePlanInput changes;
    changes.arguments = &input_.planned.arguments;
    changes.prior = &stable_;
    changes.record = &input_.record;
    DescribeChanges(changes, lines_);
    changes.prior = &input_.prior->arguments;
    DescribeRestart(changes, lines_);
  }

  // Steps that an open run has done; its present one counts.
  int Position() const {
    return same_run_ && input_.record.pending.has_value() ? input_.record.pending->step : 0;
  }
  // The index of the first step that this apply does.
  int FirstStep() const {
    if (!same_run_ || !input_.record.pending.has_value()) return 0;
    const int weight = input_.record.pending->weight;
    const bool again = input_.prior_phase == phase::kFailed;
    const auto next = std::find_if(steps().begin(), steps().end(), [&](const auto& step) {
      return again ? step.weight >= weight : step.weight > weight;
    });
    return static_cast<int>(next - steps().begin());
  }
  // The first step beyond what is approved.
  int EndOfApproved() const {
    if (!canary_.plan.approve_up_to.has_value()) return static_cast<int>(steps().size());
    const auto beyond = std::find_if(steps().begin(), steps().end(), [&](const auto& step) {
      return step.weight > *canary_.plan.approve_up_to;
    });
    return static_cast<int>(beyond - steps().begin());
  }

  std::string SizeText(const engine::CanaryStep& step) const {
    if (step.replicas.has_value()) return Pods(*step.replicas, "canary");
    const Json* replicas = Find(kubernetes::Spec(input_.declared), "replicas");
    const bool share = std::holds_alternative<routing::ReplicasBackend>(canary_.backend);
    if (replicas != nullptr && replicas->is_number_integer()) {
      return Pods(engine::CanaryReplicas(step.weight, replicas->get<int>(), share), "canary");
    }
    return share ? "canary pods by the number of stable ones"
                 : absl::StrCat("canary pods for ", step.weight, " % of the live size");
  }

  void DescribeSteps() {
    if (Position() == 0) {
      lines_.push_back(absl::StrCat("start the canary as Deployment ",
                                    CanaryNameOf(kubernetes::NameOf(input_.declared)),
                                    " and wait until its pods are ready"));
      Append(DescribeChecks(canary_.checks.before_traffic));
    }
    for (int i = FirstStep(); i < EndOfApproved(); ++i) {
      const engine::CanaryStep& step = steps()[static_cast<size_t>(i)];
      lines_.push_back(absl::StrCat("step ", i + 1, ": ", step.weight, " % for ", Text(step.hold),
                                    ", ", SizeText(step), " (earliest +", Text(earliest_), ")"));
      const auto checks = canary_.checks.of_steps.find(i);
      if (checks != canary_.checks.of_steps.end()) Append(DescribeChecks(checks->second));
      earliest_ += step.hold;
      if (i + 1 == static_cast<int>(steps().size())) {
        earliest_ += AnalysisDuration(input_.planned.analysis);
      }
    }
  }

  std::optional<std::string> StopLine() const {
    if (!canary_.plan.approve_up_to.has_value()) return std::nullopt;
    const int last = EndOfApproved() - 1;
    const std::string where =
        last < 0 ? std::string("before any traffic")
                 : absl::StrCat("at ", steps()[static_cast<size_t>(last)].weight, " %");
    return absl::StrCat("stop ", where,
                        " and wait for approval (approve_up_to = ", *canary_.plan.approve_up_to,
                        "): apply ends with the phase Held, and the canary goes on serving");
  }

  void DescribePromotion() {
    Append(DescribeChecks(canary_.checks.before_promotion));
    lines_.push_back(absl::StrCat("promote: roll ", what_,
                                  " out to the new version while the canary carries its share "
                                  "(earliest +",
                                  Text(earliest_), ")"));
    lines_.push_back("return the traffic to stable, put the route back as it was");
    Append(DescribeChecks(canary_.checks.after_promotion));
    lines_.push_back(absl::StrCat("remove the canary after ", Text(canary_.plan.scale_down_delay)));
    earliest_ += canary_.plan.scale_down_delay;
  }

  void DescribeTimes() {
    lines_.push_back(absl::StrCat("earliest end +", Text(earliest_), ", at the latest +",
                                  Text(UpdateTimeout(input_.planned.arguments, input_.job.besides)),
                                  " (timeouts.update)"));
  }

  void DescribeOnFailure() {
    lines_.push_back(
        input_.job.on_failure == engine::OnFailure::kHold
            ? std::string("on failure: stay at the weight; the next apply measures that step again")
            : absl::StrCat(
                  "on failure: return the traffic to stable (",
                  absl::StrJoin(EffectiveImages(stable_), ", ", absl::PairFormatter(" = ")),
                  ") and remove the canary"));
  }

  void Append(Lines lines) {
    for (std::string& line : lines) lines_.push_back(std::move(line));
  }

  const CanaryPlanInput& input_;
  const CanaryJob& canary_;
  const std::string what_;
  const WorkloadArguments stable_;
  const bool same_run_;  // the run that is open is of this version
  absl::Duration earliest_;
  Lines lines_;
};

Lines DescribeInPlace(const CanaryPlanInput& input) {
  ReleasePlanInput plan;
  plan.arguments = &input.planned.arguments;
  plan.prior = input.prior == nullptr ? nullptr : &input.prior->arguments;
  plan.record = &input.record;
  plan.prior_phase = input.prior_phase;
  plan.on_failure = input.job.on_failure;
  plan.besides = input.job.besides;
  plan.analysis = DescribeAnalysis(input.planned.analysis, input.job.backend);
  Lines lines;
  if (input.prior == nullptr) {
    lines.push_back(
        "a first release is a plain rollout: there is no version yet that a canary could be "
        "compared with");
  } else if (HasOpenCanary(input.prior_phase, input.record)) {
    lines.push_back("take back the canary that is open: traffic, route, Deployment");
  }
  Lines rollout = DescribeRollout(plan);
  // What it does comes first.
  lines.insert(lines.begin(), rollout.front());
  lines.insert(lines.end(), rollout.begin() + 1, rollout.end());
  return lines;
}

}  // namespace

bool GoesOn(const CanaryRelease& planned, const ReleaseRecord& record) {
  if (!record.pending.has_value()) return false;
  if (planned.approve_up_to.is_unknown() || planned.approved.is_unknown()) return true;
  const std::optional<int> up_to = ApprovedUpTo(planned);
  if (!up_to.has_value()) return true;
  if (!planned.step.is_known()) return false;
  const int weight = record.pending->weight;
  return std::any_of(planned.step->begin(), planned.step->end(), [&](const StepBlock& step) {
    const int64_t next = step.weight.value_or(0);
    return next > weight && next <= *up_to;
  });
}

bool HasOpenCanary(const std::string& phase, const ReleaseRecord& record) {
  if (phase == phase::kHeld) return true;
  const bool unfinished =
      phase == phase::kFailed || phase == phase::kInterrupted || phase == phase::kProgressing;
  return unfinished && !record.open_identity.empty();
}

void JudgeOpenCanary(const CanaryRelease& planned, const CanaryRelease& prior,
                     const std::string& phase, const ReleaseRecord& record,
                     Diagnostics& diagnostics) {
  // After a move there was none that this resource has begun.
  if (!HasOpenCanary(phase, record) || !prior.traffic.is_known()) return;
  const auto refuse = [&](const char* argument) {
    diagnostics.Error(
        Path::Of(argument), absl::StrCat(argument, " cannot change while a canary is open"),
        absl::StrCat("The traffic of the open release (", phase, ") goes by what ", argument,
                     " was when it began. Let it end first: lift approve_up_to, or set images and "
                     "manifest back to the version that stable runs. Then change ",
                     argument, "."));
  };
  const auto judge = [&](const char* argument, const value::Value& wanted,
                         const value::Value& had) {
    if (wanted.IsWhollyKnown() && !(wanted == had)) refuse(argument);
  };
  judge("traffic", schema::EncodeAttr(planned.traffic), schema::EncodeAttr(prior.traffic));
  judge("match", schema::EncodeAttr(planned.match), schema::EncodeAttr(prior.match));
  judge("canary_labels", schema::EncodeAttr(planned.canary_labels),
        schema::EncodeAttr(prior.canary_labels));
}

std::vector<std::string> DescribeCanaryRelease(const CanaryPlanInput& input) {
  const bool by_canary = input.prior != nullptr &&
                         ReleasesByCanary(input.job, input.declared, input.record.open_identity);
  return by_canary ? CanaryPlanText(input).Take() : DescribeInPlace(input);
}

}  // namespace delivery::resources
