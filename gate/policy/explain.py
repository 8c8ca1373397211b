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
    "registered_environment": Explanation(
        reason="{name} is registered in a workspace, and its name does not say what is in it",
        way_out="hand in the file from which it was registered",
    ),
    "url_in_spec": Explanation(
        reason="{name} is taken from an address inside its own match spec", way_out="name the package and its channel"
    ),
    "code": Explanation(
        reason="{name} runs code given on the command line, and what it fetches can't be told",
        way_out="install what it needs by name in a step of its own",
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
    "base_modified": Explanation(
        reason="{name} {version} came with the base image and was changed on top of it",
        way_out="leave what the base image brings as it is, or remove the package from the base",
    ),
    "direct_url_unreadable": Explanation(
        reason="{name} {version} says that it was not installed from an index, in a record that can't be read",
        way_out=_REBUILD,
    ),
    "legacy_install": Explanation(
        reason="{name} {version} was installed in a form that records no files (egg, or an editable install)",
        way_out="install it as a wheel and rebuild",
    ),
    "no_metadata": Explanation(
        reason="{name} {version} has no metadata in the image", way_out=f"{_REBUILD} without deleting metadata"
    ),
    "no_record": Explanation(
        reason="{name} {version} has no record of its files in the image",
        way_out=f"{_REBUILD} without deleting its RECORD",
    ),
    "no_wheel": Explanation(
        reason="{name} {version} is on PyPI only as a source distribution, and what it builds to can't be told",
        way_out=f"install a version with a wheel, or {_EXCEPTION} with the wheel that you built",
    ),
    "no_index": Explanation(
        reason="policy lists no index of which {name} {version} could be",
        way_out="list PyPI in `allowlist/safelist.yaml`, or " + _EXCEPTION,
    ),
    "no_prover": Explanation(
        reason="{name} {version} is of a kind whose origin the gate can't prove", way_out=_EXCEPTION
    ),
    "too_many_candidates": Explanation(
        reason="{name} {version} has more wheels on PyPI than may be compared",
        way_out="keep the `WHEEL` file of the package in the image, so that its tags tell which wheel it is",
    ),
    "channel_differs": Explanation(
        reason="{name} {version} names one channel and was taken from another address ({origins})",
        way_out=f"take it from conda-forge and rebuild, or {_EXCEPTION}",
    ),
    "grant_bytes_equal": Explanation(
        reason="{name} {version} has the bytes of a grant that does not hold here and now",
        way_out="see what the rule `grants` says of it; file a new request",
    ),
    "interpreter": Explanation(
        reason="{name}: an interpreter whose source nobody names", way_out="name it in the conda file's dependencies"
    ),
    "extra_files": Explanation(
        reason="{name} {version} has files in the image that its wheel does not have",
        way_out=f"{_REBUILD} without adding files to it",
    ),
    "unreadable": Explanation(
        reason="the files of {name} {version} in the image can't be read as a package's", way_out=_REBUILD
    ),
    "bound_exceeded": Explanation(
        reason="looking up {name} {version} would cost more than the configuration's bounds allow",
        way_out="let the operator raise the bound that the evidence names",
    ),
    "vendored": Explanation(reason="{name} {version} lies inside another package", way_out=_REBUILD),
    "reserved_name": Explanation(
        reason="{name} is a private name and was not asked of a public index", way_out=f"{_EXCEPTION} with its wheel"
    ),
    "unreachable": Explanation(
        reason="the origin of {name} {version} could not be looked up: its index or channel did not answer",
        way_out="evaluate again when the index or channel can be reached",
    ),
    "other_channel": Explanation(
        reason="{name} {version} was installed from the channel {origins}, which policy does not list",
        way_out=f"take it from conda-forge and rebuild, or {_EXCEPTION}",
    ),
    "sha256_differs": Explanation(
        reason="{name} {version} is not the file that its channel publishes under that name, version and build",
        way_out=f"{_REBUILD} from the channel itself; clear conda's package cache first",
    ),
    "conda_files_differ": Explanation(
        reason="files of {name} {version} in the image differ from those of its conda package",
        way_out=f"{_REBUILD} without changing or deleting installed files",
    ),
    "conda_extra_files": Explanation(
        reason="the record of {name} {version} in the image names files that its conda package does not have",
        way_out=f"{_REBUILD} without adding files to it",
    ),
    "no_such_package": Explanation(
        reason="{name} {version} is in the image, and its channel has no such build",
        way_out="install a build that the channel has; one that was withdrawn there is none to keep",
    ),
    "other_format": Explanation(
        reason="{name} {version} was installed from a `.tar.bz2`, and its channel shows the `.conda` of it alone",
        way_out=f"{_REBUILD} with a current conda, mamba or pixi, which take the `.conda`",
    ),
    "no_python": Explanation(
        reason="{name} {version} is a Python package in an environment without a Python, so its files can't be placed",
        way_out=_REBUILD,
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
        reason="what is known of the origin of {name} {version} is less than policy asks for",
        way_out=f"{_REBUILD} from wheels; or let the security team lower `proof` in `allowlist/policy.yaml`",
    ),
}

_FALLBACK = Explanation(reason="{subject}: {code}", way_out=_EXCEPTION)
_FIELD = re.compile(r"\{(\w+)\}")
_ADDED = frozenset({"because"})
"""Parameters that add to a sentence which is whole without them: an origin's own words, if it has any."""


def explain(codes: Mapping[str, Explanation], code: str, params: Mapping[str, str]) -> Explanation:
    """Fill in the words for a code; one that nobody explained still yields a sentence and a way out."""
    known = codes.get(code, _FALLBACK)
    values = {"code": code, "subject": params.get("name", "this"), **params}

    def fill(template: str) -> str:
        return _FIELD.sub(lambda match: _value(values, match[1]), template)

    return Explanation(reason=fill(known.reason), way_out=fill(known.way_out))


def _value(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "")
    return value if value or name in _ADDED else "unknown"
