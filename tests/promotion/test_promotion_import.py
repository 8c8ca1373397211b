"""Azure brings an image by itself: never believed, never in the way, never more than the digest that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from acr_world.client import AUDIENCE, QUICK, Tokens, http_of
from acr_world.facade import AcrFacade, acr_facade
from azure_world.sim_import import ImportWorld, import_server
from registry.contract_images import Sample, image, index, push
from servers.registry import RegistryServer, registry_server
from servers.waiting import Sleeper

from gate.bounds import ImageBounds
from gate.errors import ConflictError, NotFoundError, TimeoutUpstreamError, UnauthorizedUpstreamError, UsageError
from gate.findings.defender.sdk import bounded_transport
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.registry.acr import AcrRegistry
from gate.registry.acr_import import AcrImport
from gate.registry.acr_tokens import EntraCredentials
from gate.registry.importing import importer_of
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.certificates import Certificate

    from gate.promotion.receipt import PromotionReceipt

APP = index(image("import-amd64"), image("import-arm64"))
GROUP = "/subscriptions/5a5a5a5a-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerRegistry"
STAGING_ID, RELEASE_ID = f"{GROUP}/registries/staging", f"{GROUP}/registries/release"


@dataclass(kw_only=True)
class Two:
    """Two Azure registries, Resource Manager beside them, and the production client of all three."""

    staging: AcrFacade
    release: AcrFacade
    world: ImportWorld
    store: AcrRegistry
    plain: AcrRegistry
    importer: AcrImport
    sleeper: Sleeper

    def staged(self, own: str, sample: Sample = APP) -> tuple[ImageRef, Places]:
        place = ImageRef(transport=Transport.REGISTRY, repository=f"{self.staging.host}/{own}/app")
        pairs = [(f"{self.staging.host}/{own}", f"{self.release.host}/{own}")]
        return push(self.plain, place, sample, "1"), Places.of(pairs)

    def promoted(self, source: ImageRef, places: Places) -> PromotionReceipt:
        plan = prepare_promotion(source, places, source_store=self.store, target_store=self.store)
        return promote(plan, self.store, self.store, workers=2)

    def sent(self) -> list[str]:
        """Return the blobs that went up through here."""
        return [line for line in self.release.state.requests if line.startswith("PUT") and "/blobs/uploads/" in line]

    def whole(self, source: ImageRef, places: Places, sample: Sample = APP) -> bool:
        """Say whether the release has everything, in the same bytes, under its tag."""
        release = places.release_of(source)
        parts = (sample, *sample.children)
        served = [self.plain.manifest(release.at(part.digest)) == part.manifest for part in parts]
        blobs = [self.plain.has_blob(release, blob.digest) for part in parts for blob in part.blobs]
        return all([*served, *blobs, self.plain.resolve(release.model_copy(update={"digest": None})) == sample.digest])


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("second")) as server:
        yield server


@pytest.fixture
def two(
    acr: AcrFacade, registry: RegistryServer, second: RegistryServer, tls_certificate: Certificate
) -> Iterator[Two]:
    world = ImportWorld(registries={STAGING_ID: registry.host, RELEASE_ID: second.host})
    with acr_facade(second, tls_certificate) as release, import_server(tls_certificate, world):
        token = acr.state.sign_in()
        release.state.entra.add(token)
        world.tokens.add(token)
        client, tokens, sleeper, hosts = http_of(release), Tokens(token=token), Sleeper(), [acr.host, release.host]
        importer = AcrImport(
            client,
            lambda: tokens,
            {acr.host: STAGING_ID, release.host: RELEASE_ID},
            arm=world.address,
            seconds=60,
            sleep=sleeper,
            clock=lambda: sum(sleeper.waits),
        )

        def made(importer: AcrImport | None) -> AcrRegistry:
            return AcrRegistry(
                RemoteRegistry(client, EntraCredentials(client, lambda: tokens, hosts, audience=AUDIENCE)),
                lambda: tokens,
                hosts,
                audience=AUDIENCE,
                transport=lambda: bounded_transport(QUICK),
                http=QUICK,
                bounds=ImageBounds(),
                importer=importer,
            )

        yield Two(
            staging=acr,
            release=release,
            world=world,
            store=made(importer),
            plain=made(None),
            importer=importer,
            sleeper=sleeper,
        )


def test_azure_brings_an_index_and_no_blob_goes_through_here(two: Two) -> None:
    source, places = two.staged("whole")
    receipt = two.promoted(source, places)
    assert (receipt.imported, receipt.digest, receipt.locked) == ("done", APP.digest, True)
    assert {move.how for move in receipt.blobs} == {"imported"}
    assert two.sent() == []
    assert two.whole(source, places)
    [asked] = two.world.asked
    assert asked == {
        "source": {"resourceId": STAGING_ID, "sourceImage": f"whole/app@{APP.digest}"},
        "untaggedTargetRepositories": ["whole/app"],
        "mode": "NoForce",
    }
    assert [answer.what for answer in receipt.read_back].count("manifest") == 3


@pytest.mark.parametrize("named", ["Azure-AsyncOperation", "Location"])
def test_an_import_is_waited_for_under_either_header_and_as_long_as_azure_asks(two: Two, named: str) -> None:
    two.world.named, two.world.looks = named, 3
    source, places = two.staged(f"wait-{named.lower()}")
    assert two.promoted(source, places).imported == "done"
    assert len(two.sleeper.waits) == 3
    assert all(wait >= 1 for wait in two.sleeper.waits)
    assert two.sent() == []


@pytest.mark.parametrize("last", [b"", b"[]", b'{"id": "1"}'])
def test_an_end_without_a_word_is_an_end_and_proves_nothing(two: Two, last: bytes) -> None:
    two.world.named, two.world.last, two.world.lies = "Location", last, True
    source, places = two.staged(f"silent-{len(last)}")
    receipt = two.promoted(source, places)
    assert receipt.imported == "done"
    assert {move.how for move in receipt.blobs} == {"uploaded"}
    assert two.whole(source, places)


@pytest.mark.parametrize("lie", ["lies", "partial", "unlisted"])
def test_an_import_that_only_says_that_it_succeeded_is_made_good_through_here(two: Two, lie: str) -> None:
    setattr(two.world, lie, True)
    source, places = two.staged(f"lie-{lie}")
    receipt = two.promoted(source, places)
    assert receipt.imported == "done"
    assert two.whole(source, places)
    uploaded = {move.descriptor.digest for move in receipt.blobs if move.how == "uploaded"}
    configs = {next(iter(child.blobs)).digest for child in APP.children}
    blobs = {blob.digest for child in APP.children for blob in child.blobs}
    assert uploaded == {"lies": blobs, "partial": configs, "unlisted": set[str]()}[lie]
    assert len(two.sent()) == len(uploaded)


def test_an_import_that_loses_what_it_brought_after_the_last_look_is_no_promotion(two: Two) -> None:
    source, places = two.staged("loses")
    config = next(iter(APP.children[0].blobs)).digest
    two.release.state.fail(rf"HEAD /v2/loses/app/blobs/{config}", 404, body=b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
    two.release.state.fail(rf"HEAD /v2/loses/app/blobs/{config}", 404, body=b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
    with pytest.raises(NotFoundError) as refused:
        two.promoted(source, places)
    assert (refused.value.error_code, refused.value.facts["digest"]) == ("blob_absent", config)
    release = places.release_of(source)
    assert not two.store.locks(release).fixed


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ({"status": 403}, "import_forbidden"),
        ({"status": 401, "code": "InvalidAuthenticationToken"}, "import_forbidden"),
        ({"status": 409, "code": "Conflict"}, "import_conflict"),
        ({"status": 429, "code": "TooManyRequests"}, "upstream_throttled"),
        ({"status": 500, "code": "InternalServerError"}, "upstream_failed"),
        ({"hangs": True}, "import_unfinished"),
        ({"ends": "Failed"}, "import_failed"),
        ({"ends": "Canceled"}, "import_failed"),
        ({"operation": "https://elsewhere.example.org/operations/1"}, "import_foreign"),
        ({"operation": ""}, "import_foreign"),
        ({"operation": "https://["}, "import_foreign"),
        ({"operation": "ftp://elsewhere.example.org/1"}, "import_foreign"),
        ({"status": 409, "page": b"<html>conflict</html>"}, "import_conflict"),
        ({"named": "Location", "last": b"<html>sign in</html>"}, "upstream_not_json"),
        ({"registries": {}}, "import_registry_unknown"),
    ],
)
def test_whatever_stands_in_the_way_of_an_import_the_image_goes_through_here(
    two: Two, switch: dict[str, object], code: str
) -> None:
    for name, value in switch.items():
        setattr(two.world, name, value)
    source, places = two.staged(f"way-{code.replace('_', '-')}-{len(str(switch))}")
    receipt = two.promoted(source, places)
    assert receipt.imported == code
    assert "imported" not in {move.how for move in receipt.blobs}
    assert two.whole(source, places)
    assert all("elsewhere" not in line for line in two.world.lines)


def test_an_import_that_is_throttled_for_a_moment_is_asked_for_again(two: Two) -> None:
    two.world.status, two.world.code, two.world.times = 429, "TooManyRequests", 1
    source, places = two.staged("moment")
    assert two.promoted(source, places).imported == "done"
    assert two.sent() == []


def test_a_release_tag_that_is_taken_is_never_moved_by_an_import(two: Two) -> None:
    source, places = two.staged("taken")
    release = places.release_of(source).model_copy(update={"digest": None})
    plan = prepare_promotion(source, places, source_store=two.store, target_store=two.store)
    push(two.plain, release.model_copy(update={"tag": ""}), image("import-thief"), "1")
    with pytest.raises(ConflictError) as refused:
        promote(plan, two.store, two.store)
    assert refused.value.error_code == "tag_taken"
    assert two.plain.resolve(release) == image("import-thief").digest
    assert two.world.asked == []


def test_a_promotion_that_was_done_asks_for_no_import(two: Two) -> None:
    source, places = two.staged("done")
    plan = prepare_promotion(source, places, source_store=two.store, target_store=two.store)
    promote(plan, two.store, two.store)
    before = len(two.world.asked)
    again = promote(plan, two.store, two.store)
    assert again.already_there
    assert again.imported == ""
    assert len(two.world.asked) == before


def test_what_is_set_up_for_two_registries_is_for_these_two_alone(two: Two) -> None:
    def place(host: str) -> ImageRef:
        return ImageRef(transport=Transport.REGISTRY, repository=f"{host}/app")

    here, there, other = place(two.staging.host), place(two.release.host), place("other.example.org")
    assert importer_of(two.store, here, there) is two.store
    assert importer_of(two.store, there, here) is two.store
    for pair in ((here, here), (here, other), (other, there)):
        assert importer_of(two.store, *pair) is None
    folder = ImageRef(transport=Transport.OCI_LAYOUT, repository="/app")
    assert importer_of(two.store, folder, there) is None
    assert importer_of(two.plain, here, there) is None
    with pytest.raises(UsageError) as refused:
        two.plain.import_image(here, there)
    assert refused.value.error_code == "import_unset"


def test_only_a_digest_is_imported_and_a_refusal_names_the_role(two: Two) -> None:
    source, places = two.staged("named")
    target = places.release_of(source)
    with pytest.raises(UsageError) as unpinned:
        two.importer.bring(source.model_copy(update={"digest": None}), target)
    assert unpinned.value.error_code == "digest_needed"
    two.world.status = 403
    with pytest.raises(UnauthorizedUpstreamError) as refused:
        two.importer.bring(source, target)
    assert "Container Registry Data Importer and Data Reader" in refused.value.hint
    two.world.status, two.world.hangs = 0, True
    with pytest.raises(TimeoutUpstreamError):
        two.importer.bring(source, target)
    assert two.world.lines.count("GET /operations/1") > 1
