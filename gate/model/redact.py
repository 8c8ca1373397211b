"""No secret leaves: credentials in addresses are taken out before anything is stored, shown or sent."""

from __future__ import annotations

import re

# Repetitions before the part that tells are bounded: on a line of a megabyte, `*` there takes minutes.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{0,40}://)(?P<user>[^\s/@'\"<>]*@)+")
_SECRET_QUERY = re.compile(
    r"(?i)(?P<key>[?&;](?:sig|signature|token|access_token|password|passwd|pwd|secret|api_?key|code|"
    r"x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature)=)[^&\s'\"#]+"
)
_SECRET_OPTION = re.compile(
    r"(?i)(?P<key>(?:password|passwd|secret|token|api_?key)\w{0,40}\s{0,20}[=:]\s{0,20})(?P<quote>['\"]?)[^\s'\"]+"
)
_BEARER = re.compile(r"(?i)(?P<key>\b(?:bearer|basic)\s{1,20})[A-Za-z0-9._~+/=-]{8,}")

HIDDEN = "***"


def redact(text: str) -> str:
    """Return the text with user info, signatures, tokens and passwords replaced by `***`."""
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _SECRET_QUERY.sub(rf"\g<key>{HIDDEN}", text)
    text = _SECRET_OPTION.sub(rf"\g<key>\g<quote>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<key>{HIDDEN}", text)


def redact_url(url: str) -> str:
    """Return the address without user info; query secrets hidden."""
    url = _USERINFO.sub(r"\g<scheme>", url)
    return _SECRET_QUERY.sub(rf"\g<key>{HIDDEN}", url)
