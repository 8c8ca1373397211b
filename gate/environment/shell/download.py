"""`curl`, `wget`, `http`, `lynx`, `ftp` and the like: every address that is fetched."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.options import Grammar, grammar, parse_options
from gate.environment.places import unresolved
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_CURL = grammar(
    "-o/--output -d/--data --data-raw --data-binary --data-urlencode -H/--header -x/--proxy -u/--user -A/--user-agent "
    "-e/--referer -b/--cookie -c/--cookie-jar -X/--request -F/--form -T/--upload-file -m/--max-time --connect-timeout "
    "--retry --retry-delay --retry-max-time -w/--write-out --cacert --capath -E/--cert --key --output-dir -r/--range "
    "--limit-rate --resolve -K/--config -C/--continue-at -D/--dump-header --proto --proto-default --proto-redir "
    "--tls-max --ciphers --max-redirs --max-filesize --speed-limit --speed-time -Y -y -z/--time-cond --stderr "
    "--interface --netrc-file --oauth2-bearer --json --url --variable --create-file-mode --etag-save --etag-compare "
    "--noproxy --socks5 -P -Q/--quote -t -U --unix-socket --dns-servers --pubkey --pass --hostpubmd5 --trace"
)
_WGET = grammar(
    "-O/--output-document -P/--directory-prefix -o/--output-file -a/--append-output -i/--input-file -t/--tries "
    "-T/--timeout -w/--wait -Q/--quota -U/--user-agent -e/--execute -l/--level -A/--accept -R/--reject -D/--domains "
    "-B/--base -I -X --header --user --password --post-data --post-file --method --body-data --ca-certificate "
    "--certificate --private-key --referer --limit-rate --waitretry --dns-timeout --connect-timeout --read-timeout "
    "--load-cookies --save-cookies --progress --retry-on-http-error --http-user --http-password --cut-dirs "
    "--secure-protocol"
)
_ARIA = grammar("-d/--dir -o/--out -x -s -k -j -i --header --checksum -m -c -t")
_HTTPIE = grammar(
    "-o/--output -a/--auth -A/--auth-type --session --timeout --proxy --verify --cert --cert-key -p/--print "
    "-s/--style --pretty --raw --max-redirects --default-scheme --ssl --ciphers --path-as-is-to"
)
_GRAMMARS: dict[str, Grammar] = {
    "curl": _CURL,
    "wget": _WGET,
    "wget2": _WGET,
    "aria2c": _ARIA,
    "axel": grammar("-o -n -s -H -U"),
    **dict.fromkeys(("http", "https", "xh", "xhs"), _HTTPIE),
    "ftp": grammar("-o/--output -P -s -r -q -T -u"),
    "sftp": grammar("-b -B -c -D -F -i -J -l -o -P -R -S -s -X"),
    "lftp": grammar("-f -u -p -e/--script -c/--script --script"),
    **dict.fromkeys(("lynx", "links", "elinks", "w3m"), grammar("-cfg -lss -useragent -width -auth -o -T -I -O")),
}
_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS"})
_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?::\d+)?(?:/\S*)?")
_LISTED = re.compile(r"[a-z][a-z\d+.-]{0,20}://[^\s\"']+", re.IGNORECASE)
_LISTS = {"curl": ("--config",), "wget": ("--input-file",), "aria2c": ("-i",)}
"""Options whose file says what to fetch."""

_SCHEME = re.compile(r"(?:https?|ftps?|sftp|scp|s3|gs|file)://", re.IGNORECASE)


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call: all operands that are addresses, with or without a scheme, and files that list addresses."""
    parsed = parse_options(words[1:], _GRAMMARS[name])
    saved = [*parsed.all("--output"), *parsed.all("--output-document"), *parsed.all("--out")]
    session.stage.fetched.update(posixpath.basename(word.text) for word in saved)
    given = [word for word in (*parsed.all("--url"), *parsed.operands) if word.text not in _METHODS]
    # These tools take nothing but addresses: where none has the look of one, each is (`nexus:8081/x`, `10.0.0.5/x`).
    for word in [one for one in given if _is_address(one.text)] or given:
        _fetched(word.text.strip().strip("'\""), word.line, session)
    for word in parsed.all("--script"):
        # What a script of `lftp` fetches stands behind its verbs: the addresses in it, or all of it.
        for address in re.findall(r"[a-z]+://[^\s\"';]+", word.text) or ([] if given else [word.text]):
            _fetched(address, word.line, session)
    for option in _LISTS.get(name, ()):
        for word in parsed.all(option):
            _listed(word, session)


def _is_address(text: str) -> bool:
    address = text.strip().strip("'\"")
    return bool(_SCHEME.match(address) or _HOST.fullmatch(address)) or unresolved(address)


def _fetched(address: str, line: int, session: Session) -> None:
    session.fetched.append(address)
    session.stage.fetched.add(posixpath.basename(address.partition("?")[0]))
    session.add(Found(kind=Kind.URL, name=address, line=line))


def _listed(word: Word, session: Session) -> None:
    text = session.open(word.text, word.line)
    if text is None:
        session.missing(word)
        return
    inside = replace(session, text=text)
    for number, line in enumerate(text.content.splitlines(), 1):
        for address in _LISTED.findall(line):
            _fetched(address, number, inside)
