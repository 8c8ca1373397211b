"""The physical limit: read every layer from the registry, gunzip it, hash both sides, and do nothing else.

Run it: `python -m bench_world.limit HOST/PATH@DIGEST THREADS`. One thread is a plain reader; with as many as there are
cores, layers are read side by side.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from isal import igzip_lib

_CHUNK = 1024 * 1024
_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def main(reference: str, threads: int) -> None:
    """Read the image."""
    host, _, rest = reference.partition("/")
    path, _, digest = rest.partition("@")
    manifest: dict[str, Any] = json.loads(_get(host, f"/v2/{path}/manifests/{digest}").read())

    def read(layer: dict[str, Any]) -> None:
        found = _hashes(_get(host, f"/v2/{path}/blobs/{layer['digest']}"))
        if f"sha256:{found}" != layer["digest"]:
            message = f"layer {layer['digest']} has other bytes"
            raise SystemExit(message)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, manifest["layers"]))


def _get(host: str, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host)
    connection.request("GET", path, headers={"Accept": _ACCEPT})
    return connection.getresponse()


def _hashes(response: http.client.HTTPResponse) -> str:
    packed, unpacked = hashlib.sha256(), hashlib.sha256()
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    while size := response.readinto(buffer):
        packed.update(view[:size])
        piece = member.decompress(view[:size], 4 * _CHUNK)
        while piece:
            unpacked.update(piece)
            piece = b"" if member.needs_input or member.eof else member.decompress(b"", 4 * _CHUNK)
    unpacked.hexdigest()
    return packed.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
