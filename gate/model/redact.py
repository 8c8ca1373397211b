"""No secret leaves: credentials in addresses are taken out before anything is stored, shown or sent."""

from __future__ import annotations

import re

# Repetitions before the part that tells are bounded: on a line of a megabyte, `*` there takes minutes.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{0,40}://)(?P<user>[^\s/@'\"<>]*@)+")
_BARE_USERINFO = re.compile(r"(?<![\w@.%+~-])[\w.%+~-]{1,64}:[^\s:/@'\"<>]{1,256}@(?=[\w\[])(?!sha\d+:)")
"""User and password of an address that has no scheme, or a broken one; `name:tag@sha256:…` is an image."""
_SECRET_QUERY = re.compile(
    r"(?i)(?P<key>[?&;#][\w.-]{0,40}?(?:sig|token|passw|pwd|secret|key|auth|sas|credential|session|code)[\w.-]{0,40}=)[^&\s'\"#]+"
)
_TOKEN_PATH = re.compile(r"(?P<key>://[^\s'\"]{1,300}?/t/)[^/\s'\"]+(?=/)")
"""The token that conda has in the path of a channel's address."""
_SECRET_ARGUMENT = re.compile(
    r"(?i)(?P<key>(?<![\w-])--?[\w-]{0,40}?(?:password|passwd|token|secret|api-?key)\s{1,20})(?P<quote>['\"]?)[^\s'\"-][^\s'\"]*"
)
_USER_ARGUMENT = re.compile(r"(?P<key>(?<![\w-])(?:-u|--user)[ =]?['\"]?[\w.@+-]{1,64}:)[^\s'\"]+")
_SECRET_OPTION = re.compile(
    r"(?i)(?P<key>(?:password|passwd|secret|token|api_?key)\w{0,40}\s{0,20}[=:]\s{0,20})(?P<quote>['\"]?)[^\s'\"]+"
)
_BEARER = re.compile(r"(?i)(?P<key>\b(?:bearer|basic)\s{1,20})[A-Za-z0-9._~+/=-]{8,}")

HIDDEN = "***"


def redact(text: str) -> str:
    """Return the text with user info, signatures, tokens and passwords replaced by `***`."""
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _BARE_USERINFO.sub(f"{HIDDEN}@", text)
    text = _SECRET_QUERY.sub(rf"\g<key>{HIDDEN}", text)
    text = _TOKEN_PATH.sub(rf"\g<key>{HIDDEN}", text)
    text = _USER_ARGUMENT.sub(rf"\g<key>{HIDDEN}", text)
    text = _SECRET_ARGUMENT.sub(rf"\g<key>\g<quote>{HIDDEN}", text)
    text = _SECRET_OPTION.sub(rf"\g<key>\g<quote>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<key>{HIDDEN}", text)


def redact_url(url: str) -> str:
    """Return the address without user info; query secrets hidden."""
    url = _BARE_USERINFO.sub("", _USERINFO.sub(r"\g<scheme>", url))
    return _SECRET_QUERY.sub(rf"\g<key>{HIDDEN}", url)
