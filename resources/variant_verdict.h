// What an apply of a variant has come to, for the user and for the state.
#ifndef DELIVERY_RESOURCES_VARIANT_VERDICT_H_
#define DELIVERY_RESOURCES_VARIANT_VERDICT_H_

#include <string>

#include "absl/status/statusor.h"
#include "provider/runner/release.h"
#include "provider/value/diagnostics.h"
#include "resources/variant_apply.h"
#include "resources/variant_record.h"

namespace delivery::resources {

struct VariantEnd {
  const std::string& noun;
  bool creates;
  const absl::StatusOr<runner::ReleaseResult>& result;
};
// An error where it did not come to what was planned; a create that was interrupted warns, since an
// error would taint what the next apply goes on with.
void ExplainVariant(const VariantEnd& end, Diagnostics& diagnostics);

// Whether a create has left something that the state must know of.
bool LeavesVariant(const runner::ReleaseResult& result);

struct VariantResultsInput {
  VariantWish wish;
  const VariantArguments& arguments;
  const runner::ReleaseResult& result;
  bool another = false;  // a new run, whose time begins now
  absl::Time now;
};
void SetVariantResults(const VariantResultsInput& input, const VariantRecord& record,
                       VariantResults& results);

// Of a variant that serves and that an import found.
void SetImportedResults(const VariantJob& job, const engine::State& run, VariantResults& results);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_VERDICT_H_
