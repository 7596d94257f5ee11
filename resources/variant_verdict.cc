#include "resources/variant_verdict.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "resources/variant_refresh.h"

namespace delivery::resources {
namespace {

using engine::Outcome;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

std::string MessageOf(const VariantResultsInput& input) {
  const std::string& noun = input.wish.words.noun;
  switch (input.result.outcome) {
    case Outcome::kServing:
      return absl::StrCat("the ", noun, " serves");
    case Outcome::kSucceeded:
      return absl::StrCat("the ", noun, " was taken out of the route and deleted");
    case Outcome::kInterrupted:
      return absl::StrCat("interrupted at step \"", engine::StepName(input.result.step),
                          "\"; the next apply goes on");
    default:
      return input.result.reason;
  }
}

const char* PhaseOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kServing:
    case Outcome::kSucceeded:
      return phase::kSucceeded;
    case Outcome::kInterrupted:
      return phase::kInterrupted;
    default:
      return phase::kFailed;
  }
}

}  // namespace

void ExplainVariant(const VariantEnd& end, Diagnostics& diagnostics) {
  if (!end.result.ok() || end.result->outcome == Outcome::kRefused) {
    diagnostics.Error({}, absl::StrCat("The ", end.noun, " could not begin"),
                      absl::StrCat(end.result.ok() ? end.result->reason : Text(end.result.status()),
                                   " Nothing was changed."));
    return;
  }
  const runner::ReleaseResult& result = *end.result;
  if (!result.progress_status.ok()) {
    diagnostics.Warning({}, "Progress was not written", Text(result.progress_status));
  }
  if (result.outcome == Outcome::kServing || result.outcome == Outcome::kSucceeded) {
    if (result.store_status.ok()) return;
    diagnostics.Warning({}, "The journal could not be stored", Text(result.store_status));
    return;
  }
  if (result.outcome == Outcome::kInterrupted) {
    const std::string detail =
        absl::StrCat("It stopped at step \"", engine::StepName(result.step), "\"",
                     result.reason.empty() ? "" : absl::StrCat(": ", result.reason),
                     result.store_status.ok() ? "" : absl::StrCat(": ", Text(result.store_status)),
                     ". The workload goes on serving; the next apply goes on from there.");
    if (end.creates) {
      diagnostics.Warning({}, absl::StrCat("The ", end.noun, " was interrupted"), detail);
    } else {
      diagnostics.Error({}, absl::StrCat("The ", end.noun, " was interrupted"), detail);
    }
    return;
  }
  diagnostics.Error(
      {}, absl::StrCat("The ", end.noun, " failed"),
      absl::StrCat(result.reason, result.outcome == Outcome::kRolledBack
                                      ? absl::StrCat("\n\nThe ", end.noun,
                                                     " was taken back: nothing is left of it, and "
                                                     "the workload gets all requests.")
                                      : ""));
}

bool LeavesVariant(const runner::ReleaseResult& result) {
  return result.outcome != Outcome::kRolledBack && result.outcome != Outcome::kRefused;
}

void SetVariantResults(const VariantResultsInput& input, const VariantRecord& record,
                       VariantResults& results) {
  const kubernetes::ObjectRef ref = WorkloadOf(input.arguments);
  results.id = absl::StrCat(ref.namespace_name, "/", ref.name);
  results.variant = absl::StrCat(ref.name, input.wish.words.suffix);
  const bool serves = input.result.outcome == Outcome::kServing;
  results.serving = serves;
  results.stale = false;
  if (serves && input.another) {
    results.started_at = InstantText(input.now);
  } else if (!results.started_at.is_known()) {
    results.started_at = std::string();
  }
  ReleaseStatus status;
  status.phase = std::string(PhaseOf(input.result.outcome));
  status.message = MessageOf(input);
  status.started_at = InstantText(input.result.started_at);
  status.finished_at = input.result.outcome == Outcome::kInterrupted ? "" : InstantText(input.now);
  results.status = std::move(status);
  results.report = ReportOf(input.arguments, record);
}

void SetImportedResults(const VariantJob& job, const engine::State& run, VariantResults& results) {
  const kubernetes::ObjectRef ref = WorkloadOf(job.arguments);
  results.id = absl::StrCat(ref.namespace_name, "/", ref.name);
  results.variant = VariantRef(job).name;
  results.serving = true;
  results.stale = false;
  results.started_at = InstantText(run.started_at);
  ReleaseStatus status;
  status.phase = std::string(phase::kSucceeded);
  status.message = std::string("imported");
  status.started_at = InstantText(run.started_at);
  status.finished_at = InstantText(run.started_at);
  results.status = std::move(status);
  results.report = VariantReports(std::vector<schema::Attr<VariantReport>>());
  results.release_plan = std::vector<schema::Attr<std::string>>();
}

}  // namespace delivery::resources
