#include "tests/conformance/probe/misbehave.h"

#include <csignal>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"

namespace delivery::conformance {

void Misbehave(const std::string& way, const std::string& secret, plugin::ApplyResponse& response) {
  if (way == "state") {
    response.diagnostics.Error({}, "Failed half-way", "What exists is in the state.");
  } else if (way == "nothing") {
    response.state = value::Value::Null(response.state.type());
    response.diagnostics.Error({}, "Failed at once", "Nothing was made.");
  } else if (way == "secret") {
    response.diagnostics.Error({}, "Leak", absl::StrCat("The secret is <", secret, ">."));
  } else if (way == "utf8") {
    response.diagnostics.Error({}, "Bad text \xff", "Before \xc3\x28 after.");
  } else if (way == "throw") {
    throw std::runtime_error("thrown by a resource");
  } else if (way == "segv") {
    std::raise(SIGSEGV);
  } else if (way == "terminate") {
    std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
  }
}

}  // namespace delivery::conformance
