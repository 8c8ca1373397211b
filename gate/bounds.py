"""The bounds of every read of the outside world. Hitting one is a result with a code, never a crash.

Each group is handed to the code that reads; `gate.config` fills it from the environment (`GATE_BOUND_…`).
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionBounds:
    """What reading environment definitions may cost.

    Attributes:
        file_bytes: largest definition file.
        line_bytes: longest line.
        files: most files that one definition may pull in, nested.
        depth: deepest nesting of includes and of YAML or JSON.
        nodes: most YAML nodes, aliases expanded.
        references: most references of one definition.
    """

    file_bytes: int = 16 * MIB
    line_bytes: int = 1 * MIB
    files: int = 200
    depth: int = 50
    nodes: int = 500_000
    references: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBounds:
    """What reading one image may cost.

    Attributes:
        manifest_bytes: largest manifest or config.
        children: most entries of one image index; every image among them is read whole.
        layers: most layers.
        layer_bytes: most decompressed bytes of one layer.
        ratio: most decompressed bytes for each compressed one, past the first 10 MiB.
        files: most entries over all layers.
        metadata_bytes: largest metadata file that is kept in memory.
        kept_bytes: most bytes of metadata files kept over the whole image.
        name_bytes: longest path.
        components: most components of one image.
        depth: most parts of one path.
        rows: most rows of all lists of files (`RECORD`, conda records, dpkg lists) that are held against the image.
        archive_bytes: largest archive that a local engine may hand over.
        manifests: most manifests that are looked at in one repository.
        tags: most tags that are looked at in one repository.
        referrers: most manifests that may be attached to one image and to what is attached to it.
        sbom_bytes: largest bill of materials that is attached to what is released.
        cached_bytes: largest result of reading one layer that is kept.
        cache_bytes: most bytes of such results that are kept in one database; the oldest go first.
        remembered_files: most files of images that a service keeps in memory as it last read them.
        import_seconds: longest time that a registry may take to bring an image by itself.
    """

    manifest_bytes: int = 4 * MIB
    children: int = 64
    layers: int = 500
    layer_bytes: int = 64 * GIB
    ratio: int = 1000
    files: int = 4_000_000
    metadata_bytes: int = 32 * MIB
    kept_bytes: int = 1 * GIB
    name_bytes: int = 4 * KIB
    components: int = 200_000
    depth: int = 256
    rows: int = 4_000_000
    archive_bytes: int = 64 * GIB
    manifests: int = 10_000
    tags: int = 10_000
    referrers: int = 100
    sbom_bytes: int = 16 * MIB
    cached_bytes: int = 64 * MIB
    cache_bytes: int = 4 * GIB
    remembered_files: int = 250_000
    import_seconds: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBounds:
    """What one exchange with a server may cost. Times are seconds.

    Attributes:
        connect: time to connect.
        read: longest silence between two bytes.
        total: longest time for one small answer, retries included.
        stream: longest time for the body of one streamed answer, and for one that is sent from a file.
        answer_bytes: largest answer that is read into memory.
        redirects: most redirects followed.
        attempts: most tries of one idempotent request.
        wait: longest single wait that a server may ask for (`Retry-After`).
        vault_bytes: largest answer of the Key Vault that signs verdicts.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 120.0
    stream: float = 3600.0
    answer_bytes: int = 64 * MIB
    redirects: int = 5
    attempts: int = 4
    wait: float = 20.0
    vault_bytes: int = 64 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBounds:
    """What reading reference data and recorded answers may cost.

    Attributes:
        file_bytes: largest file, as it lies on disk.
        unpacked_bytes: most decompressed bytes of one file.
        record_bytes: largest single record.
        records: most records of one file.
    """

    file_bytes: int = 512 * MIB
    unpacked_bytes: int = 4 * GIB
    record_bytes: int = 16 * MIB
    records: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelBounds:
    """What reading wheels as data, and comparing them, may cost.

    Attributes:
        tail_bytes: how much of a remote wheel's end is asked for first.
        whole_bytes: a remote wheel up to this size is read whole, so that its own digest can be checked.
        fallback_bytes: a remote wheel up to this size is read whole where the server knows no ranges.
        directory_bytes: largest central directory.
        members: most files in one wheel.
        metadata_bytes: largest file below `.dist-info`, inflated.
        inflated_bytes: most bytes that all files of one wheel may inflate to.
        page_bytes: largest project page of an index.
        candidates: most wheels of one version that are asked for and compared with one component.
        cache_bytes: most bytes of facts of wheels that are kept in memory.
    """

    tail_bytes: int = 64 * KIB
    whole_bytes: int = 256 * KIB
    fallback_bytes: int = 32 * MIB
    directory_bytes: int = 32 * MIB
    members: int = 200_000
    metadata_bytes: int = 32 * MIB
    inflated_bytes: int = 32 * GIB
    page_bytes: int = 64 * MIB
    candidates: int = 8
    cache_bytes: int = 256 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBounds:
    """What approving files for private storage may cost.

    Attributes:
        file_bytes: largest file that is stored.
        files: most files of one approval.
    """

    file_bytes: int = 4 * GIB
    files: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBounds:
    """What one request to the service may cost. Times are seconds.

    Attributes:
        body_bytes: largest body that is not an upload.
        body_seconds: longest time for such a body to arrive.
        upload_bytes: largest form with files.
        upload_seconds: longest time for such a form to arrive.
        token_bytes: longest token of a caller.
        keys_bytes: largest set of keys that tokens are signed with.
        keys: most keys of one set.
        keys_seconds: how long a set of keys counts; half of that time on it is fetched anew.
        keys_pause: shortest time between two fetches of one set, whatever tokens name.
        keys_wait: longest time for one fetch.
    """

    body_bytes: int = 64 * MIB
    body_seconds: float = 60.0
    upload_bytes: int = 8 * GIB
    upload_seconds: float = 3600.0
    token_bytes: int = 16 * KIB
    keys_bytes: int = 1 * MIB
    keys: int = 100
    keys_seconds: float = 86_400.0
    keys_pause: float = 60.0
    keys_wait: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveBounds:
    """What resolving one closed set may cost. Times are seconds.

    Attributes:
        seconds: longest run of one resolver.
        output_bytes: most bytes that a resolver may print.
        packages: most packages of one closed set.
        pages: most project pages that one resolution may ask an index for.
        pages_bytes: most bytes of all pages together.
        page_bytes: largest project page.
        tunnel_bytes: most bytes that the resolver may read of package files, for their metadata.
        connections: most exchanges with an index at once.
        worker_bytes: most address space of the conda worker.
    """

    seconds: float = 300.0
    output_bytes: int = 16 * MIB
    packages: int = 5_000
    pages: int = 10_000
    pages_bytes: int = 2 * GIB
    page_bytes: int = 64 * MIB
    tunnel_bytes: int = 2 * GIB
    connections: int = 10
    worker_bytes: int = 8 * GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenderBounds:
    """What asking Azure for Defender's answers may cost. Times are seconds.

    Attributes:
        page_rows: rows asked for at once; Resource Graph gives no more than 1000.
        rows: most rows about one digest; beyond them the answer counts as unusable, not as cut off.
        pages: most pages of one answer.
        page_bytes: largest page.
        wait: longest wait for a used-up quota.
        batch: most digests that one question about waiting images names.
        referrers: most artifacts attached to one digest that are looked at.
        artifact_bytes: largest findings artifact, signature or handed-in scan result.
    """

    page_rows: int = 1000
    rows: int = 100_000
    pages: int = 1_000
    page_bytes: int = 32 * MIB
    wait: float = 60.0
    batch: int = 250
    referrers: int = 100
    artifact_bytes: int = 16 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaBounds:
    """What asking conda channels, and reading conda packages as data, may cost. Times are seconds.

    Attributes:
        seconds: longest time to look records up in one channel.
        output_bytes: most bytes of such an answer.
        worker_bytes: most address space of the process that reads a channel's repodata.
        names: most packages that one channel is asked for at once.
        info_bytes: largest file that describes a package, unpacked.
        whole_bytes: a package up to this size is read whole, so that its own digest can be checked.
        package_bytes: largest package that is read whole, where the prefix is written into its files.
        unpacked_bytes: most bytes that one package may unpack to.
        file_bytes: largest file into which a prefix is written.
        paths: most paths of one package.
    """

    seconds: float = 300.0
    output_bytes: int = 64 * MIB
    worker_bytes: int = 8 * GIB
    names: int = 5_000
    info_bytes: int = 64 * MIB
    whole_bytes: int = 256 * KIB
    package_bytes: int = 1 * GIB
    unpacked_bytes: int = 16 * GIB
    file_bytes: int = 128 * MIB
    paths: int = 500_000
