"""An admission webhook of ours, which the API server asks about the objects of one namespace."""

import base64
import http.server
import itertools
import json
import time

from environment import image
from kubernetes_cluster import eventually, kubectl
from local_tls import TlsServer, authority
from stack import deployment, with_field

_GROUPS = {"deployments": "apps", "pods": ""}
_PROBE = "admission-probe"


class AdmissionWebhook:
    """Registered while a `with` lasts.

    With `patch`, a function from an object to JSON patch operations, it is a mutating webhook, else a validating one,
    which refuses with the words `refusal`, or nothing. `judges` tells of a request whether it is about that at all: the
    others are let through. `seconds` is how long it thinks. Further arguments are members of its registration."""

    _numbers = itertools.count(1)

    def __init__(self, namespace, resource, *, patch=None, refusal=None, judges=lambda request: True, seconds=0,
                 operations=("CREATE", "UPDATE"), **registration):
        self.requests = []  # as the API server sent them, but for our own probes
        self.status = 200  # of its answers; with another one it is out of order
        self._namespace = namespace
        self._resource = resource
        self._patch = patch
        self._refusal = refusal
        self._judges = judges
        self._seconds = seconds
        self._operations = list(operations)
        self._registration = {"sideEffects": "None", **registration}
        self._name = "%s-%d" % (namespace.name, next(self._numbers))
        self._probed = 0

    def __enter__(self):
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = json.dumps(webhook._answer(json.loads(body)["request"])).encode()
                self.send_response(webhook.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = TlsServer(Handler)
        self._server.start()
        kubectl("create", "-f", "-", stdin=json.dumps(self._configuration()))
        eventually(self._is_asked, "the API server asks the webhook")
        return self

    def __exit__(self, *_):
        kubectl("delete", self._kind(), self._name)
        # The server stays until nobody asks it: the API server would refuse what it cannot ask about.
        eventually(lambda: not self._is_asked(), "the API server has forgotten the webhook")
        self._server.stop()

    def _kind(self):
        return "ValidatingWebhookConfiguration" if self._patch is None else "MutatingWebhookConfiguration"

    def _configuration(self):
        rule = {"apiGroups": [_GROUPS[self._resource]], "apiVersions": ["v1"], "resources": [self._resource],
                "operations": sorted({"CREATE", *self._operations})}
        webhook = {"name": "judge.delivery.test", "admissionReviewVersions": ["v1"], "rules": [rule],
                   "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace.name}},
                   "clientConfig": {"url": self._server.url + "/review", "caBundle": authority()},
                   **self._registration}
        return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": self._kind(),
                "metadata": {"name": self._name}, "webhooks": [webhook]}

    def _is_asked(self):
        """Whether the API server asks about an object that is not really made."""
        before = self._probed
        manifest = with_field(deployment(_PROBE, self._namespace.name), "spec.template.spec.containers.0.image",
                              image("1.0.0"))
        if self._resource == "pods":
            manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _PROBE},
                        "spec": manifest["spec"]["template"]["spec"]}
        self._namespace.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
        return self._probed > before

    def _answer(self, request):
        response = {"uid": request["uid"], "allowed": True}
        judged = request.get("name") != _PROBE  # pods may have none yet
        if judged:
            self.requests.append(request)
            judged = request["operation"] in self._operations and self._judges(request)
        else:
            self._probed += 1
        if judged:
            time.sleep(self._seconds)
            response.update(self._judgement(request["object"]))
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}

    def _judgement(self, subject):
        if self._patch is not None:
            patch = json.dumps(self._patch(subject)).encode()
            return {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}
        if self._refusal is not None:
            return {"allowed": False, "status": {"code": 403, "message": self._refusal}}
        return {}
