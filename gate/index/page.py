"""Turn a page of the simple API, JSON or HTML, into a project (PEP 503, 592, 658, 691, 700, 714, 792)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from packaging.utils import canonicalize_name

from gate.errors import UpstreamError
from gate.http.address import show
from gate.http.answer import parse_json
from gate.index.facts import is_hex_sha256
from gate.index.project import IndexFile, Project

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage, ProjectPage

    from gate.http.answer import Answer

JSON = "application/vnd.pypi.simple.v1+json"
_HTML = ("application/vnd.pypi.simple.v1+html", "text/html")
_READ = ("filename", "url", "hashes", "requires-python", "core-metadata", "yanked", "size", "upload-time")
_STATUS_CHARACTERS = 80


def read_page(answer: Answer, name: str) -> Project:
    """Read the project page that an index answered.

    Args:
        answer: whole, with status 200.
        name: the normalised name that was asked for.

    Raises:
        UpstreamError: `index_unreadable`, `index_version`, `index_other_project`, `index_empty_page`,
            `index_downgrade`: the page is not an answer to what was asked.
    """
    media_type, _, parameters = answer.headers.get("Content-Type", "text/html").partition(";")
    if media_type.strip().lower() == JSON:
        return _json(answer, name)
    if media_type.strip().lower() in _HTML:
        return _html(answer, name, parameters)
    raise _unreadable(answer, f"it is `{media_type[:80]}`")


def _json(answer: Answer, name: str) -> Project:
    # pypi-simple takes most of a second to import: only a look-up pays for it.
    from pypi_simple import SUPPORTED_REPOSITORY_VERSION, ProjectPage  # noqa: PLC0415

    data = parse_json(answer.body, answer.url)
    if not isinstance(data, dict) or not isinstance(data.get("meta"), dict) or not isinstance(data.get("files"), list):
        raise _unreadable(answer, "`meta` or `files` is missing")
    version = str(data["meta"].get("api-version", ""))
    if version.partition(".")[0] != "1":
        message = f"`{show(answer.url)}` speaks version `{version[:20]}` of the simple API"
        raise UpstreamError(message, hint="the gate reads version 1", code="index_version", url=show(answer.url))
    # Only what is used is parsed, so that a later minor version or a new status can't make the page unreadable.
    known = {
        "meta": {"api-version": SUPPORTED_REPOSITORY_VERSION},
        "name": data.get("name"),
        "files": [_file(answer, file) for file in data["files"]],
    }
    try:
        page = ProjectPage.from_json_data(known)
    except ValueError as error:
        raise _unreadable(answer, str(error)[:300]) from error
    if canonicalize_name(page.project) != name:
        message = f"`{show(answer.url)}` is the page of another project: `{page.project[:80]}`"
        raise UpstreamError(message, code="index_other_project", url=show(answer.url))
    status = data.get("project-status")
    said = status if isinstance(status, dict) else {}
    return _project(answer, page, name, status=str(said.get("status", "")), reason=str(said.get("reason") or ""))


def _file(answer: Answer, file: object) -> dict[str, object]:
    if not isinstance(file, dict):
        raise _unreadable(answer, "one of `files` is no object")
    known = {key: file[key] for key in _READ if file.get(key) is not None}
    # PEP 714: the key's first name, which older mirrors still write.
    if "core-metadata" not in known and file.get("dist-info-metadata") is not None:
        known["core-metadata"] = file["dist-info-metadata"]
    url = known.get("url")
    # Joining costs more than all the rest of a file, and most addresses are whole.
    if isinstance(url, str) and not url.startswith(("https://", "http://")):
        try:
            known["url"] = urljoin(answer.url, url)
        except ValueError as error:
            raise _unreadable(answer, f"`{url[:80]}` is no address") from error
    return known


def _html(answer: Answer, name: str, parameters: str) -> Project:
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError  # noqa: PLC0415

    charset = parameters.strip().lower().removeprefix("charset=").strip('"') or None
    try:
        page = ProjectPage.from_html(name, answer.body, answer.url, charset)
    except UnsupportedRepoVersionError as error:
        raise UpstreamError(str(error), code="index_version", url=show(answer.url)) from error
    except (ValueError, LookupError, RecursionError) as error:
        raise _unreadable(answer, str(error)[:300]) from error
    if not page.packages:
        # A page for people, such as a login form, has no files either.
        message = f"`{show(answer.url)}` is a page without files"
        raise UpstreamError(message, hint="check the index's address", code="index_empty_page", url=show(answer.url))
    return _project(answer, page, name, status=str(page.status or ""), reason=page.status_reason or "")


def _project(answer: Answer, page: ProjectPage, name: str, *, status: str, reason: str) -> Project:
    files = tuple(_index_file(package) for package in page.packages)
    if answer.url.startswith("https:") and any(not file.url.startswith("https:") for file in files):
        message = f"`{show(answer.url)}` names files that can't be read over https"
        raise UpstreamError(message, code="index_downgrade", url=show(answer.url))
    return Project(
        name=name, files=files, status=status[:_STATUS_CHARACTERS], status_reason=reason[:_STATUS_CHARACTERS]
    )


def _index_file(package: DistributionPackage) -> IndexFile:
    sha256 = package.digests.get("sha256", "")
    metadata = (package.metadata_digests or {}).get("sha256", "")
    return IndexFile(
        filename=package.filename,
        url=package.url,
        version=package.version or "",
        is_wheel=package.package_type == "wheel",
        sha256=f"sha256:{sha256}" if is_hex_sha256(sha256) else "",
        size=package.size,
        upload_time=package.upload_time,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        requires_python=package.requires_python or "",
        has_metadata=package.has_metadata,
        metadata_sha256=metadata if is_hex_sha256(metadata) else "",
    )


def _unreadable(answer: Answer, why: str) -> UpstreamError:
    message = f"`{show(answer.url)}` is no page of the simple API: {why}"
    return UpstreamError(message, hint="check the index's address", code="index_unreadable", url=show(answer.url))
