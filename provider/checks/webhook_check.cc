#include "provider/checks/webhook_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/checks/exchange.h"
#include "provider/checks/outcome.h"
#include "provider/checks/printable.h"
#include "provider/checks/url.h"

namespace delivery::checks {
namespace {

constexpr absl::Duration kTryTimeout = absl::Seconds(30);
constexpr size_t kMostBody = size_t{64} * 1024;
constexpr size_t kLongestProblem = 500;

http::Request MakeRequest(const CheckContext& context, const Check& check) {
  http::Request request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"},
                     {"Idempotency-Key", absl::StrCat(context.run_id, "/", check.name)}};
  request.body = DumpJson({{"check", check.name},
                           {"run_id", context.run_id},
                           {"phase", context.phase},
                           {"namespace", context.workload.namespace_name},
                           {"name", context.workload.name},
                           {"kind", context.workload.kind},
                           {"images", Json(context.images)}});
  return request;
}

// What came of one try; nullopt: it passes.
std::optional<std::string> Refusal(const absl::StatusOr<Answer>& answer, const Url& url,
                                   const std::string& original) {
  if (!answer.ok()) {
    const std::string_view message(answer.status().message().data(),
                                   answer.status().message().size());
    return Printable(url.shown.Hide(message, original), kLongestProblem);
  }
  if (answer->status >= 200 && answer->status <= 299) return std::nullopt;
  return absl::StrCat("it answered with status ", answer->status, RedirectNote(*answer),
                      Excerpt(*answer, url.shown, original));
}

}  // namespace

absl::Status Validate(const WebhookCheck& webhook) {
  if (webhook.poll <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("poll must be positive");
  }
  return ParseUrl(webhook.url).status();
}

CheckResult RunWebhookCheck(const CheckContext& context, const Check& check,
                            const WebhookCheck& webhook, const std::stop_token& stop) {
  const absl::StatusOr<Url> url = ParseUrl(webhook.url);
  if (!url.ok()) return Failed(std::string(url.status().message()));
  const absl::Time deadline = context.clock.Now() + check.timeout;
  for (int tries = 1;; ++tries) {
    http::Request request = MakeRequest(context, check);
    request.timeout =
        std::clamp(deadline - context.clock.Now(), absl::Milliseconds(1), kTryTimeout);
    const absl::StatusOr<Answer> answer =
        Exchange(*context.transport, *url, std::move(request), kMostBody, stop);
    const std::optional<std::string> refusal = Refusal(answer, *url, webhook.url);
    if (!refusal.has_value()) return Passed();
    if (stop.stop_requested()) return Cancelled();
    const std::optional<absl::Time> next = NextTry(context.clock.Now(), webhook.poll, deadline);
    if (!next.has_value()) {
      return Failed(absl::StrCat("POST ", url->shown.text, " was not answered with a 2xx within ",
                                 absl::FormatDuration(check.timeout), " (asked ", tries,
                                 tries == 1 ? " time" : " times", "). The last time: ", *refusal));
    }
    if (!context.clock.SleepUntil(*next, stop)) return Cancelled();
  }
}

}  // namespace delivery::checks
