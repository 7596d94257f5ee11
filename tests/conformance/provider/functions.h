// Functions and the data source of the conformance tests' provider.
#ifndef DELIVERY_TESTS_CONFORMANCE_PROVIDER_FUNCTIONS_H_
#define DELIVERY_TESTS_CONFORMANCE_PROVIDER_FUNCTIONS_H_

#include <memory>

#include "provider/plugin/resource.h"

namespace delivery::conformance {

// echo(anything): its argument.
std::unique_ptr<plugin::Function> MakeEcho();
// count(first, rest...): how many arguments there are; null ones are allowed.
std::unique_ptr<plugin::Function> MakeCount();
// refuse(text, number): an error about its second argument.
std::unique_ptr<plugin::Function> MakeRefuse();

// data.conformance_echo: `output` is `input`.
std::unique_ptr<plugin::DataSource> MakeEchoData();

}  // namespace delivery::conformance

#endif  // DELIVERY_TESTS_CONFORMANCE_PROVIDER_FUNCTIONS_H_
