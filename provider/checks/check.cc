#include "provider/checks/check.h"

#include "provider/checks/http_check.h"
#include "provider/checks/job_check.h"
#include "provider/checks/outcome.h"
#include "provider/checks/printable.h"
#include "provider/checks/webhook_check.h"

namespace delivery::checks {

absl::Status ValidateCheck(const Check& check) {
  if (check.name.empty()) return absl::InvalidArgumentError("name is empty");
  // It goes into a header and into messages.
  if (Printable(check.name, check.name.size()) != check.name) {
    return absl::InvalidArgumentError("name contains characters that cannot be printed");
  }
  if (check.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("timeout must be positive");
  }
  return std::visit([](const auto& what) { return Validate(what); }, check.what);
}

CheckResult RunCheck(const CheckContext& context, const Check& check, const std::stop_token& stop) {
  if (stop.stop_requested()) return Cancelled();
  if (const absl::Status usable = ValidateCheck(check); !usable.ok()) {
    return Failed(std::string(usable.message()));
  }
  if (const auto* http = std::get_if<HttpCheck>(&check.what)) {
    return RunHttpCheck(context, check, *http, stop);
  }
  if (const auto* job = std::get_if<JobCheck>(&check.what)) {
    return RunJobCheck(context, check, *job, stop);
  }
  return RunWebhookCheck(context, check, std::get<WebhookCheck>(check.what), stop);
}

}  // namespace delivery::checks
