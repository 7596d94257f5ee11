// The check that asks a webhook for its consent.
#ifndef DELIVERY_CHECKS_WEBHOOK_CHECK_H_
#define DELIVERY_CHECKS_WEBHOOK_CHECK_H_

#include <stop_token>

#include "absl/status/status.h"
#include "provider/checks/check.h"

namespace delivery::checks {

absl::Status Validate(const WebhookCheck& webhook);

// `check` is valid and holds `webhook`.
CheckResult RunWebhookCheck(const CheckContext& context, const Check& check,
                            const WebhookCheck& webhook, const std::stop_token& stop);

}  // namespace delivery::checks

#endif  // DELIVERY_CHECKS_WEBHOOK_CHECK_H_
