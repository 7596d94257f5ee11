"""Requests to the cluster's API server."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Optional

from . import credentials
from .layout import Layout


def call_api(layout: Layout, method: str, path: str, body: Optional[object] = None,
             content_type: str = "application/json", seconds: float = 5) -> tuple[int, dict]:
    """One request as admin; returns the HTTP status (0: not reachable) and the object. Bytes are sent as they are."""
    context = ssl.create_default_context(cafile=f"{layout.pki}/ca.crt")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        layout.url("apiserver") + path, method=method, data=data,
        headers={"Authorization": f"Bearer {credentials.admin_token(layout)}", "Content-Type": content_type,
                 "Accept": "application/json"})
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        return error.code, json.loads(text) if text.startswith("{") else {"message": text[:500]}
    except OSError:
        return 0, {}
