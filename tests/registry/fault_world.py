"""One small image on a scripted registry, and whoever has a credential for everybody: what the fault tests share."""

from __future__ import annotations

import json

from servers.images import small_image

from gate.bounds import HttpBounds
from gate.registry.auth import Credential

IMAGE = small_image(b"layer" * 100)
LAYER, DATA = IMAGE.layer
MANIFEST = IMAGE.manifest
BY_TAG, BY_DIGEST = "/v2/app/manifests/1", f"/v2/app/manifests/{MANIFEST.digest}"
BLOB = f"/v2/app/blobs/{LAYER.digest}"
UPLOADS = "/v2/app/blobs/uploads/"
FAST = HttpBounds(read=0.2, total=5.0, attempts=2)


class Anybody:
    """Knows a credential for every host."""

    def credential(self, host: str) -> Credential | None:
        return Credential(user=host, password="hunter2")  # noqa: S106 - made up


def errors(code: str) -> bytes:
    """Return what a registry says when it refuses."""
    return json.dumps({"errors": [{"code": code, "message": "no"}]}).encode()
