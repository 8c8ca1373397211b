"""The storage hands out the bytes that were approved or nothing, and changes nothing that stands."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from gate.bounds import MIB, StorageBounds
from gate.errors import BoundError, GateError, InputError, IntegrityError, NotFoundError, StoreError
from gate.exceptions.folders import size_of, unlink
from gate.exceptions.storage import FolderStorage

if TYPE_CHECKING:
    from gate.model.exception import GrantedFile

NAME = "acme_forecast-1.2.0-py3-none-any.whl"
DATA = b"".join(hashlib.sha256(bytes([n % 251])).digest() for n in range(80_000))
"""Two and a half reads of the storage's own size."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def storage(folder: Path) -> FolderStorage:
    return FolderStorage(folder)


def put(storage: FolderStorage, data: bytes = DATA, name: str = NAME) -> GrantedFile:
    return storage.put(io.BytesIO(data), name)


def place(folder: Path, kept: GrantedFile) -> Path:
    hexadecimal = kept.sha256.removeprefix("sha256:")
    return folder / "sha256" / hexadecimal[:2] / hexadecimal / kept.filename


def drain(file: BinaryIO, received: bytearray) -> None:
    while chunk := file.read(4096):
        received += chunk


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_put_comes_back_under_its_digest(storage: FolderStorage, folder: Path) -> None:
    kept = put(storage)
    assert kept.sha256 == f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    assert (kept.filename, kept.size) == (NAME, len(DATA))
    assert storage.has(kept.sha256)
    assert storage.list() == (kept,)
    with storage.open(kept.sha256) as file:
        assert file.read() == DATA
    assert everything(folder) == {str(place(folder, kept).relative_to(folder)): DATA}


def test_an_empty_storage_has_nothing_and_is_not_made_by_looking(storage: FolderStorage, folder: Path) -> None:
    digest = f"sha256:{'0' * 64}"
    assert not storage.has(digest)
    assert storage.list() == ()
    with pytest.raises(NotFoundError):
        storage.open(digest)
    assert not folder.exists()


@pytest.mark.parametrize("digest", ["", "sha256:..", "sha256:" + "A" * 64, "../" * 20, "sha256:../../../etc/passwd"])
def test_what_is_no_digest_leads_nowhere(storage: FolderStorage, digest: str) -> None:
    put(storage)
    assert not storage.has(digest)
    with pytest.raises(NotFoundError):
        storage.open(digest)


def test_only_the_owner_can_read_it(storage: FolderStorage, folder: Path) -> None:
    kept = put(storage)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")] if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE(place(folder, kept).stat().st_mode) == 0o600


def test_the_same_file_again_changes_nothing(storage: FolderStorage, folder: Path) -> None:
    before = place(folder, put(storage)).stat()
    kept = put(storage)
    assert place(folder, kept).stat().st_ino == before.st_ino
    assert place(folder, kept).stat().st_mtime_ns == before.st_mtime_ns
    assert len(everything(folder)) == 1


def test_the_same_bytes_may_have_two_names(storage: FolderStorage) -> None:
    kept, other = put(storage), put(storage, name="other-1-py3-none-any.whl")
    assert set(storage.list()) == {kept, other}
    with storage.open(kept.sha256) as file:
        assert file.read() == DATA


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", ".part-1", "a\nb", "a\0b", "x" * 201, "é"]
)
def test_a_file_name_stays_in_its_folder(storage: FolderStorage, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        put(storage, name=name)
    assert error.value.error_code == "file_name"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_leaves_nothing(folder: Path) -> None:
    storage = FolderStorage(folder, StorageBounds(file_bytes=len(DATA) - 1))
    with pytest.raises(BoundError) as error:
        put(storage)
    assert error.value.error_code == "file_too_large"
    assert everything(folder) == {}
    assert FolderStorage(folder, StorageBounds(file_bytes=len(DATA))).put(io.BytesIO(DATA), NAME).size == len(DATA)


def test_an_upload_that_breaks_off_leaves_nothing(storage: FolderStorage, folder: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                message = "the sender went away"
                raise OSError(message)
            return super().read(size)

    with pytest.raises(StoreError):
        storage.put(Broken(DATA), NAME)
    assert everything(folder) == {}


@pytest.mark.parametrize("at", [0, MIB, len(DATA) - 1])
def test_altered_bytes_are_never_handed_out_whole(storage: FolderStorage, folder: Path, at: int) -> None:
    kept = put(storage)
    altered = bytearray(DATA)
    altered[at] ^= 1
    place(folder, kept).write_bytes(altered)
    with pytest.raises(IntegrityError) as error, storage.open(kept.sha256) as file:
        file.read()
    assert error.value.error_code == "stored_file_altered"
    received = bytearray()
    with pytest.raises(IntegrityError), storage.open(kept.sha256) as file:
        drain(file, received)
    assert len(received) < len(DATA)


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x", b"other"])
def test_lost_or_added_bytes_are_found(storage: FolderStorage, folder: Path, data: bytes) -> None:
    kept = put(storage)
    place(folder, kept).write_bytes(data)
    with pytest.raises(IntegrityError), storage.open(kept.sha256) as file:
        file.read()


def test_a_seek_into_altered_bytes_is_refused(storage: FolderStorage, folder: Path) -> None:
    kept = put(storage)
    place(folder, kept).write_bytes(b"x" + DATA[1:])
    with storage.open(kept.sha256) as file, pytest.raises(IntegrityError):
        file.seek(-22, os.SEEK_END)


def test_a_file_can_be_read_from_anywhere(storage: FolderStorage) -> None:
    with storage.open(put(storage).sha256) as file:
        assert file.read(10) == DATA[:10]
        assert file.seek(-22, os.SEEK_END) == len(DATA) - 22
        assert file.read() == DATA[-22:]
        assert file.read() == b""
        assert file.seek(5) == 5
        assert file.read(7) == DATA[5:12]
        assert file.seek(3, os.SEEK_CUR) == 15
        assert file.tell() == 15
        assert file.read(0) == b""
        assert file.seek(len(DATA) + 9) == len(DATA) + 9
        assert file.read() == b""


def test_reading_nothing_first_proves_nothing_and_breaks_nothing(storage: FolderStorage) -> None:
    with storage.open(put(storage).sha256) as file:
        assert file.raw.readinto(bytearray()) == 0  # type: ignore[attr-defined] # a BufferedReader has it
        assert file.read() == DATA


def test_an_empty_file_has_a_digest_too(storage: FolderStorage) -> None:
    with storage.open(put(storage, b"").sha256) as file:
        assert file.read() == b""


def test_an_altered_file_is_not_mended_by_putting_it_again(storage: FolderStorage, folder: Path) -> None:
    # What happened there has to be found out; overwriting would hide it.
    kept = put(storage)
    place(folder, kept).write_bytes(b"altered")
    with pytest.raises(IntegrityError):
        put(storage)
    assert set(everything(folder).values()) == {b"altered"}


def test_a_link_in_place_of_a_file_is_not_followed(storage: FolderStorage, folder: Path, tmp_path: Path) -> None:
    kept = put(storage)
    elsewhere = tmp_path / "elsewhere"
    place(folder, kept).rename(elsewhere)
    place(folder, kept).symlink_to(elsewhere)
    for attempt in (lambda: storage.open(kept.sha256), lambda: put(storage), storage.list):
        with pytest.raises(StoreError):
            attempt()
    assert elsewhere.read_bytes() == DATA


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_link_in_place_of_a_folder_is_not_followed(
    storage: FolderStorage, folder: Path, tmp_path: Path, level: int
) -> None:
    kept = put(storage)
    victim = place(folder, kept).parents[level - 1]
    victim.rename(tmp_path / "elsewhere")
    victim.symlink_to(tmp_path / "elsewhere")
    before = everything(tmp_path / "elsewhere")
    for attempt in (
        lambda: storage.open(kept.sha256),
        lambda: storage.has(kept.sha256),
        lambda: put(storage, name="new-1-py3-none-any.whl"),
        storage.list,
    ):
        with pytest.raises(StoreError):
            attempt()
    assert everything(tmp_path / "elsewhere") == before


def test_a_pipe_in_place_of_a_file_does_not_hang(storage: FolderStorage, folder: Path) -> None:
    kept = put(storage)
    place(folder, kept).unlink()
    os.mkfifo(place(folder, kept))
    for attempt in (lambda: storage.open(kept.sha256), storage.list):
        with pytest.raises(StoreError) as error:
            attempt()
        assert error.value.error_code == "storage_odd"


@pytest.mark.parametrize("name", ["sha256/ab/cd", "sha256/ab/" + "f" * 64])
def test_a_folder_that_the_gate_did_not_make_is_named(storage: FolderStorage, folder: Path, name: str) -> None:
    put(storage)
    (folder / name).mkdir(parents=True)
    with pytest.raises(StoreError) as error:
        storage.list()
    assert error.value.error_code == "storage_odd"


def test_a_file_in_place_of_the_folder_is_an_error_and_no_traceback(folder: Path) -> None:
    folder.write_bytes(b"")
    storage = FolderStorage(folder)
    for attempt in (lambda: put(storage), storage.list):
        with pytest.raises(GateError) as error:
            attempt()
        assert (error.value.error_code, error.value.exit_code) == ("storage_failed", 12)


def test_what_a_crash_left_half_written_is_not_listed(storage: FolderStorage, folder: Path) -> None:
    kept = put(storage)
    (folder / "sha256" / ".part-0011").write_bytes(b"half")
    assert storage.list() == (kept,)


def test_many_at_once_keep_one_file(storage: FolderStorage, folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda _: put(storage), range(16)))
    assert len(kept) == 1
    assert list(everything(folder).values()) == [DATA]


def test_what_is_gone_already_is_removed(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        unlink(descriptor, "never-written")
    finally:
        os.close(descriptor)


def test_a_size_is_only_told_of_regular_files(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(StoreError):
            size_of(descriptor, "folder")
    finally:
        os.close(descriptor)
