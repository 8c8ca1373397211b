"""Sigstore's verifier for Node.js, from npm: it reads what the gate signs with nothing of the gate's."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.cache import cache_folder, locked
from servers.processes import ServerError, run

PACKAGES = ("@sigstore/verify@3.1.1", "@sigstore/bundle@4.0.0")
_NAME = "sigstore-verify-3.1.1"

_SCRIPT = """
const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');
const { bundle, key } = JSON.parse(require('fs').readFileSync(0));
const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const known = (hint) => ({ publicKey: require('crypto').createPublicKey(key), validFor: () => true });
const options = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
try {
  new Verifier(toTrustMaterial(none, known), options).verify(toSignedEntity(bundleFromJSON(bundle)));
  console.log(JSON.stringify({ verified: true }));
} catch (error) {
  console.log(JSON.stringify({ verified: false, code: error.code || error.name, message: error.message }));
}
"""


def sigstore_verifier() -> Path:
    """Return the folder with the verifier, installed from npm once a machine.

    Raises:
        ServerError: npm is not here, or does not get it.
    """
    folder = cache_folder() / _NAME
    with locked(_NAME):
        if not (folder / "node_modules" / "@sigstore" / "bundle" / "package.json").exists():
            if shutil.which("npm") is None:
                message = "npm is not on this machine; Sigstore's verifier comes from it"
                raise ServerError(message)
            making = folder.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            (making / "package.json").write_text("{}")
            words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
            run([*words, "--prefix", str(making), *PACKAGES])
            shutil.rmtree(folder, ignore_errors=True)
            making.rename(folder)
    return folder


def sigstore_verifies(folder: Path, envelope: bytes, public_key: str) -> dict[str, Any]:
    """Have it verify a DSSE envelope, as a bundle that names a key, with the key (PEM); return what it says."""
    read = json.loads(envelope)
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": read["signatures"][0]["keyid"]}, "tlogEntries": []},
        "dsseEnvelope": read,
    }
    words = [
        "node",
        "-e",
        f"process.chdir({json.dumps(str(folder))});module.paths.unshift(process.cwd()+'/node_modules');",
    ]
    words[-1] += _SCRIPT
    said: dict[str, Any] = json.loads(run(words, data=json.dumps({"bundle": bundle, "key": public_key}).encode()))
    return said
