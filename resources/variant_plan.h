// What a reader of a plan is told of a variant.
#ifndef DELIVERY_RESOURCES_VARIANT_PLAN_H_
#define DELIVERY_RESOURCES_VARIANT_PLAN_H_

#include <stop_token>
#include <string>
#include <vector>

#include "provider/value/diagnostics.h"
#include "resources/variant_apply.h"

namespace delivery::resources {

// Why something is done to a variant that is there already.
enum class VariantChange { kCreate, kChange, kRenew, kEnd };
// From configuration alone; `arguments` are wholly known.
std::vector<std::string> DescribeVariant(const VariantWish& wish, const VariantArguments& arguments,
                                         VariantChange change);

// What apply would trip on, as far as the cluster tells now. `existed`: the workload was there at
// an earlier apply; its absence then is a warning whatever preflight says.
void RehearseVariant(const VariantJob& job, bool existed, bool open, const std::stop_token& stop,
                     Diagnostics& diagnostics);

// Whether two sets of arguments ask for the same variant: metrics and times decide nothing about
// it.
bool AsksForSameVariant(const VariantArguments& one, const VariantArguments& other);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_VARIANT_PLAN_H_
