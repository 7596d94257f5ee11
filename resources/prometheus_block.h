// The provider's `prometheus` block: where metrics are asked unless they say otherwise.
#ifndef DELIVERY_RESOURCES_PROMETHEUS_BLOCK_H_
#define DELIVERY_RESOURCES_PROMETHEUS_BLOCK_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "provider/http/transport.h"
#include "provider/metrics/metric_source.h"
#include "provider/schema/spec.h"
#include "provider/value/diagnostics.h"

namespace delivery::resources {

// The provider's block: the default metric source.
struct PrometheusBlock {
  schema::Attr<std::string> url;
  schema::Attr<std::string> username;
  schema::Attr<std::string> password;      // sensitive
  schema::Attr<std::string> bearer_token;  // sensitive
  schema::Attr<std::string> ca_certificate;
  schema::Attr<bool> insecure;
  schema::Attr<std::map<std::string, schema::Attr<std::string>>> headers;  // sensitive
  static const schema::Spec<PrometheusBlock>& Declaration();
};
void ValidatePrometheusBlock(const schema::Attr<PrometheusBlock>& block, const value::Path& path,
                             Diagnostics& diagnostics);
// Of a wholly known block; registers its secrets for redaction. Nullopt when there is none.
std::optional<metrics::PrometheusServer> ToPrometheusServer(
    const schema::Attr<PrometheusBlock>& block);

// Transports for metric servers, one for each way in which a server is trusted, made when it is
// first needed. Thread-safe.
metrics::TransportOf MetricTransports(
    std::function<std::shared_ptr<http::Transport>(const http::TransportOptions&)> make);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_PROMETHEUS_BLOCK_H_
