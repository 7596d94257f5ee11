// Refresh of a resource with a variant: whether it still serves as it was made, whether it is
// stale, and what is measured of both sides.
#ifndef DELIVERY_RESOURCES_VARIANT_REFRESH_H_
#define DELIVERY_RESOURCES_VARIANT_REFRESH_H_

#include <stop_token>

#include "provider/value/diagnostics.h"
#include "resources/variant_apply.h"

namespace delivery::resources {

// Brings record and results up to date with the cluster. Does not judge whether its time is over.
void RefreshVariant(const VariantJob& job, VariantRecord& record, VariantResults& results,
                    const std::stop_token& stop, Diagnostics& diagnostics);

// The report of what was measured so far.
VariantReports ReportOf(const VariantArguments& arguments, const VariantRecord& record);

// The time at which requests began to go to it; nullopt while that is not known.
std::optional<absl::Time> StartOf(const VariantResults& results);
std::string InstantText(absl::Time time);

// Asks each metric once, for a plan.
void RehearseVariantMetrics(const VariantJob& job, const std::stop_token& stop,
                            Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_REFRESH_H_
