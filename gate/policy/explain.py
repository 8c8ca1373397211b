"""What the codes of dispositions mean and the way out of each: the one place where they become words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gate.policy.rule import Explanation

_EXCEPTION = "file an exception request for it (`gate exception request`)"
_REBUILD = "install it from PyPI or conda-forge and rebuild"

DISPOSITIONS: Mapping[str, Explanation] = {
    # Declared or observed at a place that is not safelisted.
    "origin_python_index": Explanation(
        reason="{name} comes from the index {origins}, which is not safelisted",
        way_out=f"take it from PyPI, or {_EXCEPTION}",
    ),
    "origin_conda_channel": Explanation(
        reason="{name} comes from the channel {origins}, which is not safelisted",
        way_out=f"take it from conda-forge, or {_EXCEPTION}",
    ),
    "channel_licence": Explanation(
        reason="{name} comes from Anaconda's `defaults` ({origins}), whose licence terms exclude it",
        way_out="list `conda-forge` and `nodefaults` as the only channels and rebuild",
    ),
    "origin_image_registry": Explanation(
        reason="the image {name} comes from {origins}, which is not safelisted",
        way_out="build on an image of the Microsoft Artifact Registry, or " + _EXCEPTION,
    ),
    "origin_base_image": Explanation(
        reason="{name} belongs to the base {origins}, which policy does not list",
        way_out="build on a listed base image",
    ),
    "origin_os_archive": Explanation(
        reason="the OS package {name} was installed on top of the base image",
        way_out="take it from conda-forge, build on a base image that has it, or " + _EXCEPTION,
    ),
    "origin_url": Explanation(
        reason="{name} was taken from the address {origins}",
        way_out=f"take it from PyPI or conda-forge, or {_EXCEPTION}",
    ),
    "origin_vcs": Explanation(
        reason="{name} was built from the source repository {origins}",
        way_out=f"take a released version from PyPI or conda-forge, or {_EXCEPTION} with a wheel built from it",
    ),
    "origin_path": Explanation(
        reason="{name} is a local file or folder ({origins})",
        way_out=f"publish it as a wheel and {_EXCEPTION} with that wheel",
    ),
    "origin_unknown": Explanation(reason="{name} comes from nobody knows where", way_out=_EXCEPTION),
    "mixed_origins": Explanation(
        reason="{name} may come from any of {origins}, and not all are safelisted (dependency confusion)",
        way_out="remove the extra index or channel, or bind it to the names that live there",
    ),
    # Declared, and its origin can't be told.
    "no_origin": Explanation(
        reason="{name}: no place is named from which it comes", way_out="name its index or channel"
    ),
    "template": Explanation(reason="{name}: an unrendered template", way_out="hand in the rendered file"),
    "unresolved_variable": Explanation(
        reason="{name}: a variable that the file does not define", way_out="give the variable a default in the file"
    ),
    "missing_file": Explanation(
        reason="{name}: the file is not there", way_out="hand in the file beside the definition"
    ),
    # Observed in the image.
    "direct_url": Explanation(
        reason="{name} {version} was installed from {origins}, not from an index",
        way_out=f"install a released version from PyPI or conda-forge, or {_EXCEPTION} with its wheel",
    ),
    "no_such_project": Explanation(
        reason="{name} {version} is in the image, and PyPI has no project of that name",
        way_out=f"{_EXCEPTION} with its wheel",
    ),
    "no_such_file": Explanation(
        reason="{name} {version} is in the image, and PyPI has no wheel of that version that it could be",
        way_out=f"install a version that PyPI publishes as a wheel, or {_EXCEPTION} with your wheel",
    ),
    "metadata_differs": Explanation(
        reason="{name} {version} is in the image with other metadata than PyPI publishes under that version",
        way_out=f"{_REBUILD}; if the bytes are meant to differ, give them a version of their own and {_EXCEPTION}",
    ),
    "record_differs": Explanation(
        reason="files of {name} {version} in the image differ from those that PyPI publishes",
        way_out=f"{_REBUILD} without changing installed files",
    ),
    "modified": Explanation(
        reason="files of {name} {version} were changed after installation", way_out=f"{_REBUILD} without changing them"
    ),
    "extra_files": Explanation(
        reason="{name} {version} has files in the image that its wheel does not have",
        way_out=f"{_REBUILD} without adding files to it",
    ),
    "reserved_name": Explanation(
        reason="{name} is a private name and was not asked of a public index", way_out=f"{_EXCEPTION} with its wheel"
    ),
    "unreachable": Explanation(
        reason="the origin of {name} {version} could not be looked up: the index did not answer",
        way_out="evaluate again when the index can be reached",
    ),
    "no_channel": Explanation(reason="{name} {version} does not say from which channel it is", way_out=_REBUILD),
    "os_package": Explanation(
        reason="the OS package {name} {version} was installed on top of the base image (layer {layer})",
        way_out="take it from conda-forge, build on a base image that has it, or " + _EXCEPTION,
    ),
    "owner_missing": Explanation(
        reason="{name} {version} says that another package owns it, and that package is not there", way_out=_REBUILD
    ),
    "prover_failed": Explanation(
        reason="the look-up of {name} {version} failed for a reason nobody foresaw",
        way_out="evaluate again; if it stays, report it",
    ),
    "not_proved": Explanation(
        reason="nobody looked up where {name} {version} comes from", way_out="report this: the gate skipped a step"
    ),
    "proof_too_weak": Explanation(
        reason="the origin of {name} {version} is only {level}, and policy asks for more",
        way_out=f"{_REBUILD} from wheels",
    ),
}

_FALLBACK = Explanation(reason="{subject}: {code}", way_out=_EXCEPTION)
_FIELD = re.compile(r"\{(\w+)\}")


def explain(codes: Mapping[str, Explanation], code: str, params: Mapping[str, str]) -> Explanation:
    """Fill in the words for a code; one that nobody explained still yields a sentence and a way out."""
    known = codes.get(code, _FALLBACK)
    values = {"code": code, "subject": params.get("name", "this"), **params}

    def fill(template: str) -> str:
        return _FIELD.sub(lambda match: values.get(match.group(1)) or "unknown", template)

    return Explanation(reason=fill(known.reason), way_out=fill(known.way_out))
