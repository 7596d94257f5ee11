#include "provider/checks/http_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/checks/bounded_stop.h"
#include "provider/checks/exchange.h"
#include "provider/checks/outcome.h"
#include "provider/checks/printable.h"
#include "provider/checks/url.h"
#include "re2/re2.h"

namespace delivery::checks {
namespace {

using kubernetes::ProxyRequest;

constexpr absl::Duration kTryTimeout = absl::Seconds(10);
// So that the request's own time-out, which says more, comes first.
constexpr absl::Duration kMargin = absl::Milliseconds(200);
constexpr absl::Duration kUntilAnswered = absl::Seconds(1);
constexpr absl::Duration kUntilRight = absl::Seconds(2);
constexpr int kWrongAnswers = 3;  // the first and two more
constexpr size_t kMostBody = size_t{1024} * 1024;
// The API's client gives back either the whole answer or nothing of it: more is read than looked
// at, so that the status and the beginning of a long answer are known.
constexpr size_t kMostProxiedBody = 16 * kMostBody;
constexpr size_t kLongestQuote = 200;
constexpr size_t kLongestProblem = 500;

RE2::Options RegexOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

// What came of one try.
struct Try {
  enum class Kind {
    kRight,
    kWrong,     // an answer that contradicts the expectation
    kNone,      // no answer; there may be one later
    kHopeless,  // no answer, and there will be none
  };
  Kind kind = Kind::kRight;
  std::string why;
};

bool IsHopeless(const absl::Status& status) {
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) return true;
  // A pod that has just lost its address is refused with 400, which passes.
  return absl::IsInvalidArgument(status) && !kubernetes::GetApiError(status).has_value();
}

// The server's own words, without what we were doing.
std::string WordsOf(const absl::Status& status) {
  // The wait was cut off at the check's deadline.
  if (absl::IsCancelled(status)) return "no answer in time";
  const auto error = kubernetes::GetApiError(status);
  if (error.has_value() && !error->message.empty()) return error->message;
  return std::string(status.message());
}

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", Printable(text, kLongestQuote), "\"");
}

class HttpRun {
 public:
  HttpRun(const CheckContext& context, const Check& check, const HttpCheck& http,
          const std::stop_token& stop)
      : context_(context),
        http_(http),
        stop_(stop),
        timeout_(check.timeout),
        deadline_(context.clock.Now() + check.timeout),
        bounded_(stop, check.timeout + kMargin) {}

  CheckResult Run();

 private:
  Try TryOnce();
  Try TryProxy();
  Try TryUrl(const Url& url);
  Try Judge(const Answer& answer) const;
  // What the body lacks; nullopt when it is as expected.
  std::optional<std::string> FindFault(const Answer& answer) const;
  absl::Duration TimeForTry() const {
    return std::clamp(deadline_ - context_.clock.Now(), absl::Milliseconds(1), kTryTimeout);
  }
  std::string_view Original() const {
    return http_.target == HttpCheck::Target::kUrl ? http_.url : http_.path;
  }
  std::string Problem(const absl::Status& status) const {
    return Printable(shown_.Hide(WordsOf(status), Original()), kLongestProblem);
  }
  std::string Within() const { return absl::FormatDuration(timeout_); }

  const CheckContext& context_;
  const HttpCheck& http_;
  const std::stop_token& stop_;
  const absl::Duration timeout_;
  const absl::Time deadline_;
  const BoundedStop bounded_;  // for requests whose own time-out does not bound them
  std::unique_ptr<const RE2> regex_;
  Shown shown_;
  std::string target_;  // who is asked, for messages
};

CheckResult HttpRun::Run() {
  if (!http_.expect_body_regex.empty()) {
    regex_ = std::make_unique<const RE2>(http_.expect_body_regex, RegexOptions());
  }
  int wrong = 0;
  for (;;) {
    const Try tried = TryOnce();
    if (tried.kind == Try::Kind::kRight) return Passed();
    if (stop_.stop_requested()) return Cancelled();
    if (tried.kind == Try::Kind::kHopeless) return Failed(tried.why);
    const bool answered = tried.kind == Try::Kind::kWrong;
    if (answered && ++wrong == kWrongAnswers) {
      return Failed(absl::StrCat(tried.why, "\nIt was asked ", kWrongAnswers, " times."));
    }
    const std::optional<absl::Time> next =
        NextTry(context_.clock.Now(), answered ? kUntilRight : kUntilAnswered, deadline_);
    if (!next.has_value()) {
      if (answered) return Failed(tried.why);
      return Failed(absl::StrCat("no answer within ", Within(), ": ", tried.why));
    }
    if (!context_.clock.SleepUntil(*next, stop_)) return Cancelled();
  }
}

Try HttpRun::TryOnce() {
  if (http_.target != HttpCheck::Target::kUrl) return TryProxy();
  const absl::StatusOr<Url> url = ParseUrl(http_.url);
  if (!url.ok()) return {Try::Kind::kHopeless, std::string(url.status().message())};
  return TryUrl(*url);
}

Try HttpRun::TryProxy() {
  shown_ = ShowPath(http_.path);
  ProxyRequest request;
  request.namespace_name = context_.workload.namespace_name;
  request.port = http_.port;
  request.scheme = http_.scheme;
  request.path = http_.path;
  request.timeout = TimeForTry();
  request.max_response_bytes = kMostProxiedBody;
  if (http_.target == HttpCheck::Target::kService) {
    request.target = ProxyRequest::Target::kService;
    request.name = http_.service;
  } else {
    absl::StatusOr<std::string> pod = context_.pick_pod(http_.side, bounded_.token());
    if (!pod.ok()) {
      const std::string why = Problem(pod.status());
      if (IsHopeless(pod.status())) {
        return {Try::Kind::kHopeless, absl::StrCat("the ready pods are not known: ", why)};
      }
      return {Try::Kind::kNone, absl::StrCat("there is no ready pod to ask (", why, ")")};
    }
    request.name = *std::move(pod);
  }
  target_ = absl::StrCat("GET ", shown_.text, " of ",
                         http_.target == HttpCheck::Target::kService ? "service " : "pod ",
                         request.namespace_name, "/", request.name, ", port ", http_.port);

  absl::StatusOr<http::Response> response = context_.api.Proxy(request, bounded_.token());
  if (response.ok()) {
    Answer answer;
    answer.status = response->status;
    answer.location = http::FindHeader(response->headers, "Location").value_or("");
    answer.longer = response->body.size() > kMostBody;
    answer.body = std::move(response->body);
    if (answer.longer) answer.body.resize(kMostBody);
    return Judge(answer);
  }
  const absl::Status& status = response.status();
  const bool refused = kubernetes::GetApiError(status).has_value();
  if (absl::IsResourceExhausted(status) && !refused) {
    return {Try::Kind::kWrong, absl::StrCat(target_, ": the answer is longer than ",
                                            kMostProxiedBody / kMostBody, " MiB")};
  }
  return {IsHopeless(status) ? Try::Kind::kHopeless : Try::Kind::kNone,
          absl::StrCat(target_, ": ", Problem(status))};
}

Try HttpRun::TryUrl(const Url& url) {
  shown_ = url.shown;
  target_ = absl::StrCat("GET ", shown_.text);
  http::Request request;
  request.timeout = TimeForTry();
  absl::StatusOr<Answer> answer =
      Exchange(*context_.transport, url, std::move(request), kMostBody, bounded_.token());
  if (answer.ok()) return Judge(*answer);
  const absl::Status& status = answer.status();
  const std::string why = absl::StrCat(target_, ": ", Problem(status));
  // A certificate that is not trusted is an answer, of a kind.
  if (absl::IsUnauthenticated(status)) return {Try::Kind::kWrong, why};
  return {absl::IsInvalidArgument(status) ? Try::Kind::kHopeless : Try::Kind::kNone, why};
}

Try HttpRun::Judge(const Answer& answer) const {
  const std::vector<int>& expected = http_.expect_status;
  if (std::find(expected.begin(), expected.end(), answer.status) == expected.end()) {
    return {Try::Kind::kWrong,
            absl::StrCat(target_, ": answered with status ", answer.status, RedirectNote(answer),
                         "; expected ", absl::StrJoin(expected, " or "),
                         Excerpt(answer, shown_, Original()))};
  }
  const std::optional<std::string> fault = FindFault(answer);
  if (!fault.has_value()) return {};
  return {Try::Kind::kWrong,
          absl::StrCat(target_, ": answered with status ", answer.status, " as expected, but ",
                       *fault, Excerpt(answer, shown_, Original()))};
}

std::optional<std::string> HttpRun::FindFault(const Answer& answer) const {
  std::string expected;
  if (!http_.expect_body.empty() && !absl::StrContains(answer.body, http_.expect_body)) {
    expected = Quoted(http_.expect_body);
  } else if (regex_ != nullptr && !RE2::PartialMatch(answer.body, *regex_)) {
    expected = absl::StrCat("a match of ", Quoted(http_.expect_body_regex));
  } else {
    return std::nullopt;
  }
  if (!answer.longer) return absl::StrCat("the body does not contain ", expected);
  return absl::StrCat("the first MiB of the body, which is longer than 1 MiB, does not contain ",
                      expected);
}

}  // namespace

absl::Status Validate(const HttpCheck& http) {
  const auto invalid = [](const std::string& why) { return absl::InvalidArgumentError(why); };
  if (http.target == HttpCheck::Target::kUrl) {
    DELIVERY_RETURN_IF_ERROR(ParseUrl(http.url).status());
  } else {
    if (http.target == HttpCheck::Target::kService && http.service.empty()) {
      return invalid("service is empty");
    }
    if (http.port < 1 || http.port > 65535) {
      return invalid(absl::StrCat("port must be between 1 and 65535, not ", http.port));
    }
    if (http.scheme != "http" && http.scheme != "https") {
      return invalid("scheme must be http or https");
    }
    DELIVERY_RETURN_IF_ERROR(ValidatePath(http.path));
  }
  if (http.expect_status.empty()) return invalid("expect_status is empty");
  for (const int status : http.expect_status) {
    if (status >= 100 && status <= 599) continue;
    return invalid(absl::StrCat("expect_status: ", status, " is not an HTTP status"));
  }
  const RE2 regex(http.expect_body_regex, RegexOptions());
  if (regex.ok()) return absl::OkStatus();
  return invalid(absl::StrCat("expect_body_regex is not a regular expression (RE2): ",
                              Printable(regex.error(), kLongestQuote)));
}

CheckResult RunHttpCheck(const CheckContext& context, const Check& check, const HttpCheck& http,
                         const std::stop_token& stop) {
  return HttpRun(context, check, http, stop).Run();
}

}  // namespace delivery::checks
