// The Kubernetes API over HTTP.
#ifndef DELIVERY_KUBERNETES_REST_API_H_
#define DELIVERY_KUBERNETES_REST_API_H_

#include <memory>

#include "provider/base/clock.h"
#include "provider/kubernetes/api.h"
#include "provider/kubernetes/credentials.h"
#include "provider/kubernetes/rest_client.h"

namespace delivery::kubernetes {

// Does not connect; the first request does. `make_transport` is http::MakeCurlTransport, or a
// fake's. `clock` must outlive the client.
std::shared_ptr<Api> MakeRestApi(ClusterConfig config,
                                 std::shared_ptr<CredentialSource> credentials,
                                 TransportFactory make_transport, Clock& clock);

}  // namespace delivery::kubernetes

#endif  // DELIVERY_KUBERNETES_REST_API_H_
