// What an analysis block looks like.
#include <cmath>
#include <string>

#include "provider/schema/rules.h"
#include "resources/analysis_block.h"

namespace delivery::resources {
namespace {

using schema::Spec;
using value::Number;

constexpr int64_t kMostTolerated = 1'000'000;

bool IsFiniteNumber(const Number& number) { return std::isfinite(number.AsDouble()); }

bool IsPositive(const Number& number) { return IsFiniteNumber(number) && number.AsDouble() > 0; }

bool IsConfidence(const Number& number) {
  return number.AsDouble() >= 0.5 && number.AsDouble() < 1;
}

bool LongerThanNothing(const std::string& text) {
  return schema::ParseGoDuration(text).value_or(absl::Seconds(1)) > absl::ZeroDuration();
}

}  // namespace

const Spec<MetricServiceBlock>& MetricServiceBlock::Declaration() {
  using S = MetricServiceBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<S>(
        "A Service that is asked through the API server's proxy, for a Prometheus that only the "
        "cluster reaches. It needs the right to get `services/proxy`.");
    s->Field("namespace", &S::namespace_name)
        .Optional()
        .Doc("Its namespace; the workload's unless given.");
    s->Field("name", &S::name).Required().Doc("Its name.");
    s->Field("port", &S::port).Required().Between(1, 65535).Doc("Its port.");
    s->Field("scheme", &S::scheme)
        .Optional()
        .OneOf({"http", "https"})
        .Doc("How its pods are asked; `http` unless given.");
    return s;
  }();
  return *spec;
}

const Spec<MetricPrometheusBlock>& MetricPrometheusBlock::Declaration() {
  using P = MetricPrometheusBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<P>(
        "An instant query, asked of the provider's `prometheus` unless it names another server.");
    s->Field("query", &P::query)
        .Required()
        .Must("a query", [](const std::string& text) { return !text.empty(); })
        .Doc(
            "PromQL that gives one number. Placeholders: `{{namespace}}`, `{{name}}`, "
            "`{{workload}}` (the Deployment that is measured), `{{canary}}`, `{{stable}}`, "
            "`{{service}}`, `{{workload_service}}` (the measured side's own), `{{interval}}` and "
            "`{{pods}}` (a regular expression that matches exactly the measured side's pods: "
            "`pod=~\"{{pods}}\"`).");
    s->Field("url", &P::url)
        .Optional()
        .Doc("Base of another server, which gets none of the provider's credentials.");
    s->Block("service", &P::service);
    return s;
  }();
  return *spec;
}

const Spec<MetricHttpBlock>& MetricHttpBlock::Declaration() {
  using H = MetricHttpBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<H>("A GET that is answered with JSON. Redirects are not followed.");
    s->Field("url", &H::url)
        .Required()
        .Doc("Where; the placeholders of queries are replaced, percent-encoded.");
    s->Field("json_path", &H::json_path)
        .Optional()
        .Doc("Where the number is in the answer: `$.data[0].value`; `$` unless given.");
    return s;
  }();
  return *spec;
}

const Spec<CompareBlock>& CompareBlock::Declaration() {
  using C = CompareBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<C>(
        "Whether the canary's values differ from stable's by more than chance, over all "
        "measurements of the release. Decides from ten values a side on. The values must not "
        "overlap: a query looks back no further than `interval` (`[{{interval}}]`).");
    s->Field("test", &C::test)
        .Optional()
        .OneOf({"mann_whitney"})
        .Doc("`mann_whitney` (default): a rank test, exact for small samples.");
    s->Field("direction", &C::direction)
        .Optional()
        .OneOf({"increase", "decrease", "either"})
        .Doc("What is worse: `increase` (default), `decrease` or `either`.");
    s->Field("confidence", &C::confidence)
        .Optional()
        .Must("at least 0.5 and below 1", IsConfidence)
        .Doc("How sure a measurement must be to fail; `0.98` unless given.");
    return s;
  }();
  return *spec;
}

const Spec<MetricBlock>& MetricBlock::Declaration() {
  using M = MetricBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<M>(
        "A number that must be right while the release goes on. It has one source and at least one "
        "condition; every condition must hold.");
    s->Field("name", &M::name)
        .Required()
        .Must("a name", [](const std::string& text) { return !text.empty(); })
        .Doc("Name, for messages.");
    s->Field("min", &M::min)
        .Optional()
        .Must("a finite number", IsFiniteNumber)
        .Doc("The least value that passes.");
    s->Field("max", &M::max)
        .Optional()
        .Must("a finite number", IsFiniteNumber)
        .Doc("The greatest value that passes.");
    s->Field("max_ratio_to_stable", &M::max_ratio_to_stable)
        .Optional()
        .Must("above 0", IsPositive)
        .Doc("How many times stable's value the canary's may be.");
    s->Block("compare", &M::compare);
    s->Block("prometheus", &M::prometheus);
    s->Block("http", &M::http);
    s->Field("kubernetes", &M::kubernetes)
        .Optional()
        .OneOf({"restarts", "unready_pods"})
        .Doc(
            "What Kubernetes says of the pods: `restarts` (of their containers) or "
            "`unready_pods`.");
    s->Field("preset", &M::preset)
        .Optional()
        .OneOf({"request_success_rate", "request_duration_p99"})
        .Doc(
            "A query that fits what routes the traffic (`nginx_ingress`, `istio`, `traefik`): "
            "`request_success_rate` (percent without 5xx) or `request_duration_p99` "
            "(milliseconds). `release_plan` shows it.");
    return s;
  }();
  return *spec;
}

const Spec<AnalysisBlock>& AnalysisBlock::Declaration() {
  using A = AnalysisBlock;
  static const auto* const spec = [] {
    auto* s = new Spec<A>("What is measured while the release goes on, and what fails it.");
    s->Field("interval", &A::interval)
        .Optional()
        .GoDuration()
        .Must("longer than nothing", LongerThanNothing)
        .Doc("Time between two measurements; `30s` unless given.");
    s->Field("initial_delay", &A::initial_delay)
        .Optional()
        .GoDuration()
        .Doc("Time before the first measurement of a step; none unless given.");
    s->Field("duration", &A::duration)
        .Optional()
        .GoDuration()
        .Doc("How long to measure after the last step, or after the rollout; not unless given.");
    s->Field("failure_limit", &A::failure_limit)
        .Optional()
        .Between(0, kMostTolerated)
        .Doc("Failed measurements of a metric that are tolerated; 0 unless given.");
    s->Field("consecutive_error_limit", &A::consecutive_error_limit)
        .Optional()
        .Between(0, kMostTolerated)
        .Doc("Times in a row that a source may fail to answer; 4 unless given.");
    s->Field("inconclusive_limit", &A::inconclusive_limit)
        .Optional()
        .Between(0, kMostTolerated)
        .Doc("Measurements without a result (no sample, NaN) that are tolerated; 3 unless given.");
    s->BlockList("metric", &A::metric);
    return s;
  }();
  return *spec;
}

}  // namespace delivery::resources
