// The rules by which the hosts check a provider's answers, as pure functions, so that a violation
// is found here and with its place. Hosts report one as "Provider produced inconsistent result".
// Source: Terraform's internal/plans/objchange; docs/protocol.md, "Consistency".
//
// Texts of violations never contain values: they may be secret.
#ifndef DELIVERY_PLUGIN_PLAN_CHECK_H_
#define DELIVERY_PLUGIN_PLAN_CHECK_H_

#include <string>
#include <vector>

#include "provider/plugin/to_wire.h"
#include "provider/schema/schema.h"
#include "provider/value/path.h"
#include "provider/value/value.h"

namespace delivery::plugin {

struct Violation {
  value::Path path;
  std::string rule;  // what is the case and must not be
};

// A plan: follows the schema; is null exactly when the configuration is; has every configured
// value, or in its place the prior one; has nothing where nothing is configured, unless computed;
// has the configured blocks, no more and no fewer. `requires_replace` names places that exist.
std::vector<Violation> CheckPlanned(const schema::Schema& schema, const value::Value& config,
                                    const value::Value& prior, const value::Value& planned,
                                    const std::vector<value::Path>& requires_replace);

// The result of an apply without errors: follows the schema, has nothing unknown, and everything
// that the plan knew as the plan had it.
std::vector<Violation> CheckApplied(const schema::Schema& schema, const value::Value& planned,
                                    const value::Value& new_state);

// A state that was read: follows the schema and has nothing unknown; null is allowed.
std::vector<Violation> CheckRead(const schema::Schema& schema, const value::Value& state);

// Each violation as an error.
void AddViolations(const std::vector<Violation>& violations, WireDiagnostics& wire);

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_PLAN_CHECK_H_
