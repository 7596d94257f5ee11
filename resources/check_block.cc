#include "resources/check_block.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/checks/job_yaml.h"
#include "provider/schema/rules.h"

namespace delivery::resources {
namespace {

using schema::Spec;
using value::Path;

constexpr absl::Duration kTimeout = absl::Minutes(1);
constexpr absl::Duration kPoll = absl::Seconds(10);

absl::Duration DurationOr(const schema::Attr<std::string>& text, absl::Duration otherwise) {
  if (!text.is_known()) return otherwise;
  return schema::ParseGoDuration(text.value()).value_or(otherwise);
}

// Whether anything that decides what the block means is unknown.
bool IsWhollyKnown(const CheckBlock& block) {
  return CheckBlock::Declaration().Encode(block).IsWhollyKnown();
}

absl::StatusOr<checks::Check> ToCheck(const CheckBlock& block) {
  checks::Check check;
  check.name = block.name.value_or("");
  check.timeout = DurationOr(block.timeout, kTimeout);
  if (block.http.is_known()) {
    const HttpCheckBlock& from = block.http.value();
    checks::HttpCheck http;
    http.service = from.service.value_or("");
    http.url = from.url.value_or("");
    http.target = !http.url.empty()       ? checks::HttpCheck::Target::kUrl
                  : !http.service.empty() ? checks::HttpCheck::Target::kService
                                          : checks::HttpCheck::Target::kPod;
    http.side =
        from.target.value_or("stable") == "canary" ? checks::Side::kCanary : checks::Side::kStable;
    http.port = static_cast<int>(from.port.value_or(0));
    http.scheme = from.scheme.value_or("http");
    http.path = from.path.value_or("/");
    if (from.expect_status.is_known()) {
      http.expect_status.clear();
      for (const auto& status : from.expect_status.value()) {
        http.expect_status.push_back(static_cast<int>(status.value_or(0)));
      }
    }
    http.expect_body = from.expect_body.value_or("");
    http.expect_body_regex = from.expect_body_regex.value_or("");
    check.what = std::move(http);
  } else if (block.job.is_known()) {
    checks::JobCheck job;
    DELIVERY_ASSIGN_OR_RETURN(job.job, checks::ParseJobYaml(block.job->yaml.value_or("")));
    check.what = std::move(job);
  } else if (block.webhook.is_known()) {
    check.what = checks::WebhookCheck{block.webhook->url.value_or(""),
                                      DurationOr(block.webhook->poll, kPoll)};
  } else {
    return absl::InvalidArgumentError("a check has no kind");
  }
  DELIVERY_RETURN_IF_ERROR(checks::ValidateCheck(check));
  return check;
}

void ValidateKind(const CheckBlock& block, const Path& path, Diagnostics& diagnostics) {
  const int kinds = (block.http.is_null() ? 0 : 1) + (block.job.is_null() ? 0 : 1) +
                    (block.webhook.is_null() ? 0 : 1);
  if (kinds == 1) return;
  diagnostics.Error(path, kinds == 0 ? "A check without a kind" : "A check of two kinds",
                    "A check has exactly one of the blocks http, job and webhook.");
}

void ValidateOneOf(const schema::Attr<std::string>& value, const std::vector<std::string>& allowed,
                   const Path& path, Diagnostics& diagnostics) {
  if (!value.is_known()) return;
  if (std::find(allowed.begin(), allowed.end(), value.value()) != allowed.end()) return;
  diagnostics.Error(path, absl::StrCat("Invalid value for ", path.ToString()),
                    absl::StrCat("\"", value.value(), "\" is not possible here. Possible: ",
                                 absl::StrJoin(allowed, ", "), "."));
}

void ValidateTarget(const HttpCheckBlock& http, const CheckPlaces& places, const Path& path,
                    Diagnostics& diagnostics) {
  const int targets = (http.target.is_null() ? 0 : 1) + (http.service.is_null() ? 0 : 1) +
                      (http.url.is_null() ? 0 : 1);
  if (targets > 1) {
    diagnostics.Error(path, "A check of two targets",
                      "Give one of target (a ready pod), service and url.");
  }
  ValidateOneOf(http.target, places.targets, path.Attr("target"), diagnostics);
}

}  // namespace

const Spec<HttpCheckBlock>& HttpCheckBlock::Declaration() {
  using H = HttpCheckBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<H>(
        "A GET that must be answered as expected. It is asked again until there is an answer; an "
        "answer that contradicts the expectation is asked for twice more. Redirects are not "
        "followed.");
    s->Field("target", &H::target)
        .Optional()
        .Doc(
            "Asks a ready pod of this side through the API server's proxy: `stable`, or `canary`, "
            "the new version of a canary or blue-green release (there: the idle slot). Unless "
            "given, the side that the moment is about: `canary` before the promotion, otherwise "
            "`stable`.");
    s->Field("service", &H::service)
        .Optional()
        .Doc("Asks this Service in the workload's namespace through the API server's proxy.");
    s->Field("url", &H::url)
        .Optional()
        .Doc("Asks this URL from where the provider runs, without the cluster's credentials.");
    s->Field("port", &H::port).Optional().Between(1, 65535).Doc("Port of the pod or Service.");
    s->Field("scheme", &H::scheme)
        .Optional()
        .OneOf({"http", "https"})
        .Doc("Of the pod or Service; `http` unless given.");
    s->Field("path", &H::path).Optional().Doc("Path with query; `/` unless given.");
    s->Field("expect_status", &H::expect_status)
        .Optional()
        .Doc("Statuses that pass; `[200]` unless given.");
    s->Field("expect_body", &H::expect_body).Optional().Doc("Text that the body must contain.");
    s->Field("expect_body_regex", &H::expect_body_regex)
        .Optional()
        .Doc("RE2 regular expression that must match somewhere in the body.");
    return s;
  }();
  return *spec;
}

const Spec<JobCheckBlock>& JobCheckBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<JobCheckBlock>(
        "A Kubernetes Job that must complete. It is made in the workload's namespace and removed "
        "at the end; the error of a failed one has the end of its log.");
    s->Field("yaml", &JobCheckBlock::yaml)
        .Required()
        .Doc("The Job, for example `file(\"smoke.yaml\")`.");
    return s;
  }();
  return *spec;
}

const Spec<WebhookCheckBlock>& WebhookCheckBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<WebhookCheckBlock>(
        "A POST with the release's id, phase and images as JSON. A 2xx passes; anything else is "
        "asked again until the time is over.");
    s->Field("url", &WebhookCheckBlock::url).Required().Doc("Where to.");
    s->Field("poll", &WebhookCheckBlock::poll)
        .Optional()
        .GoDuration()
        .Doc("Time between two requests; `10s` unless given.");
    return s;
  }();
  return *spec;
}

const Spec<CheckBlock>& CheckBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<CheckBlock>(
        "Something that the new version must pass; a release whose check fails has failed.");
    s->Field("name", &CheckBlock::name).Required().Doc("Name, for messages.");
    s->Field("at", &CheckBlock::at)
        .Optional()
        .Doc(
            "When it runs: `after_promotion` (default), once the new version runs; in a canary "
            "release also `before_traffic` and `before_promotion`, in a blue-green release "
            "`before_promotion`, before the switch. Left out for a check that steps name.");
    s->Block("http", &CheckBlock::http);
    s->Block("job", &CheckBlock::job);
    s->Block("webhook", &CheckBlock::webhook);
    s->Field("timeout", &CheckBlock::timeout)
        .Optional()
        .GoDuration()
        .Doc("How long it may take; `1m` unless given.");
    return s;
  }();
  return *spec;
}

void ValidateCheckBlocks(const CheckBlocks& blocks, const CheckPlaces& places,
                         Diagnostics& diagnostics) {
  if (!blocks.is_known()) return;
  std::set<std::string> names;
  for (size_t i = 0; i < blocks->size(); ++i) {
    const CheckBlock& block = blocks.value()[i];
    const Path path = Path::Of("check").At(static_cast<int64_t>(i));
    const std::string name = block.name.value_or("");
    if (!name.empty() && !names.insert(name).second) {
      diagnostics.Error(path.Attr("name"), "A name used twice",
                        absl::StrCat("Another check is named \"", name, "\", too."));
    }
    Diagnostics own;
    ValidateKind(block, path, own);
    ValidateOneOf(block.at, places.at, path.Attr("at"), own);
    if (block.http.is_known()) {
      ValidateTarget(block.http.value(), places, path.Attr("http"), own);
    }
    if (!own.HasErrors() && IsWhollyKnown(block)) {
      const absl::StatusOr<checks::Check> check = ToCheck(block);
      if (!check.ok()) {
        own.Error(path, absl::StrCat("Invalid check ", name),
                  std::string(check.status().message()));
      }
    }
    diagnostics.Append(own);
  }
}

absl::StatusOr<std::vector<checks::Check>> ToChecks(const CheckBlocks& blocks) {
  std::vector<checks::Check> checks;
  if (!blocks.is_known()) return checks;
  for (const CheckBlock& block : blocks.value()) {
    DELIVERY_ASSIGN_OR_RETURN(checks::Check check, ToCheck(block));
    checks.push_back(std::move(check));
  }
  return checks;
}

checks::Check AskingCanary(checks::Check check, const CheckBlock& block) {
  auto* http = std::get_if<checks::HttpCheck>(&check.what);
  if (http != nullptr && block.http->target.is_null()) http->side = checks::Side::kCanary;
  return check;
}

absl::Duration TimeForChecks(const CheckBlocks& blocks) {
  absl::Duration sum;
  if (!blocks.is_known()) return sum;
  for (const CheckBlock& block : blocks.value()) sum += DurationOr(block.timeout, kTimeout);
  return sum;
}

absl::StatusOr<std::vector<kubernetes::ObjectRef>> MissingServices(
    kubernetes::Api& api, const std::string& namespace_name,
    const std::vector<checks::Check>& checks, const std::stop_token& stop) {
  std::set<std::string> names;
  for (const checks::Check& check : checks) {
    const auto* http = std::get_if<checks::HttpCheck>(&check.what);
    if (http != nullptr && http->target == checks::HttpCheck::Target::kService) {
      names.insert(http->service);
    }
  }
  std::vector<kubernetes::ObjectRef> missing;
  for (const std::string& name : names) {
    const kubernetes::ObjectRef ref{"v1", "Service", namespace_name, name};
    const absl::StatusOr<Json> service = api.Get(ref, stop);
    if (absl::IsNotFound(service.status())) {
      missing.push_back(ref);
    } else if (!service.ok() && !absl::IsPermissionDenied(service.status())) {
      return service.status();
    }
  }
  return missing;
}

std::vector<std::string> DescribeChecks(const std::vector<checks::Check>& checks) {
  std::vector<std::string> lines;
  for (const checks::Check& check : checks) {
    std::string what;
    if (const auto* http = std::get_if<checks::HttpCheck>(&check.what)) {
      const std::string on = absl::StrCat(", port ", http->port);
      switch (http->target) {
        case checks::HttpCheck::Target::kPod:
          what = absl::StrCat("GET ", http->path, " of a ready pod",
                              http->side == checks::Side::kCanary ? " of the canary" : "", on);
          break;
        case checks::HttpCheck::Target::kService:
          what = absl::StrCat("GET ", http->path, " of Service ", http->service, on);
          break;
        case checks::HttpCheck::Target::kUrl:
          what = "GET a URL";
          break;
      }
      absl::StrAppend(&what, ", expect ", absl::StrJoin(http->expect_status, " or "));
    } else if (std::holds_alternative<checks::JobCheck>(check.what)) {
      what = "a Job that must complete";
    } else {
      what = "a webhook that must agree";
    }
    lines.push_back(absl::StrCat("check ", check.name, ": ", what, " (at most ",
                                 absl::FormatDuration(check.timeout), ")"));
  }
  return lines;
}

}  // namespace delivery::resources
