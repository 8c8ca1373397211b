"""The page on signing lists every way in which a vault does not sign, and no other."""

from __future__ import annotations

import re

from docs.consoles import ROOT

PAGE = (ROOT / "docs" / "signing.md").read_text()


def test_every_code_of_a_vault_that_does_not_sign_has_a_way_out_and_no_other_has() -> None:
    code = "".join((ROOT / "gate" / "promotion" / name).read_text() for name in ("vault.py", "vault_signer.py"))
    raised = set(re.findall(r'"(vault_[a-z_]+)"', code))
    told = set(re.findall(r"^\| `(vault_[a-z_]+)` \|", PAGE, re.MULTILINE))
    assert raised == told
    assert len(told) > 5


def test_the_role_that_the_page_names_is_the_one_that_a_refusal_names() -> None:
    assert "**Key Vault Crypto User**" in PAGE
    assert '"Key Vault Crypto User"' in (ROOT / "gate" / "promotion" / "vault.py").read_text()
