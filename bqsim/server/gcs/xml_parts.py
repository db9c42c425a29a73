"""Multipart uploads of the XML API: parts in any order, then an object of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bqsim.objects import ObjectStore
from bqsim.objects.checksums import Sums
from bqsim.objects.files import read_json, write_json
from bqsim.objects.store import OWN
from bqsim.objects.uris import Uri
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import MAX_BODY_BYTES
from bqsim.server.rest.spool import Spool

from .conditions import check_of
from .errors import StorageError
from .request import Ask, Raw, off_loop
from .resources import time_text
from .uploads import Wanted, header_hashes, xml_made
from .xml_text import XML_HEADERS, element, elements_of

# Page "XML API multipart uploads".
MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}\Z")
_BLOCK = 1024 * 1024


def _all(store: ObjectStore) -> Path:
    return store.folder / OWN / "parts"


def begin(store: ObjectStore, upload_id: str, wanted: Wanted) -> None:
    """Begin an upload."""
    write_json(_all(store) / upload_id / "upload.json", wanted.spec())


def _found(ask: Ask) -> tuple[Path, Wanted]:
    """The folder of an upload and the object it is for. Raises 404."""
    upload_id = ask.query.get("uploadId", "")
    folder = _all(ask.store) / upload_id
    known = read_json(folder / "upload.json") if _ID.match(upload_id) else None
    if known is None or (known["bucket"], known["name"]) != (ask.path["bucket"], ask.path["object"]):
        text = "The requested upload was not found."
        raise StorageError(404, "notFound", text, code="NoSuchUpload", text=text)
    return folder, Wanted(**known)


def _part_number(ask: Ask) -> int:
    text = ask.query.get("partNumber", "")
    if not text.isdigit() or not text.isascii() or not 1 <= int(text[:6]) <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise StorageError(400, "invalid", message, code="InvalidArgument", text=message)
    return int(text)


async def put(ask: Ask) -> Reply:
    """Take a part; the last one that comes under a number counts."""
    folder, _ = _found(ask)
    number = _part_number(ask)
    spool = Spool(ask.store.scratch())
    try:
        async for piece in ask.http.pieces():
            spool.write(piece)
        path = spool.take()
        hashes = await off_loop(lambda: _sums(path))
        for kind, value in header_hashes(ask.headers).items():
            if hashes[kind] != value:
                text = "The checksum that you specified did not match what the server received."
                raise StorageError(400, "invalid", text, code="BadDigest", text=text)
        if not folder.is_dir():
            _found(ask)
        path.replace(folder / f"{number:05d}.data")
        info = {"etag": f'"{hashes["md5"]}"', "size": spool.size, "time_us": ask.core.clock.now_us()}
        write_json(folder / f"{number:05d}.json", info)
    finally:
        spool.discard()
    shown = ",".join(f"{kind}={hashes[kind]}" for kind in ("crc32c", "md5"))
    headers = {"ETag": str(info["etag"]), "X-Goog-Hash": shown, "Content-Type": "text/html; charset=UTF-8"}
    return Raw(None, 200, headers=headers)


def _sums(path: Path) -> dict[str, str]:
    with path.open("rb") as stream:
        return Sums().of(stream).hashes()


async def complete(ask: Ask) -> Reply:
    """Make the object of the parts that the body names."""
    folder, wanted = _found(ask)
    given = elements_of(await ask.http.read(MAX_BODY_BYTES))
    numbers = [text for tag, text in given if tag == "PartNumber"]
    etags = [text for tag, text in given if tag == "ETag"]
    if not numbers or len(numbers) != len(etags) or not all(n.isascii() and n.isdigit() for n in numbers):
        text = "The XML you provided was not well-formed or did not validate against our published schema."
        raise StorageError(400, "invalid", text, code="MalformedXML", text=text)
    order = [int(n[:9]) for n in numbers]
    if order != sorted(set(order)):
        text = "The parts must be listed in ascending order of their numbers."
        raise StorageError(400, "invalid", text, code="InvalidPartOrder", text=text)

    def work() -> Reply:
        paths = [_part(folder, number, etag) for number, etag in zip(order, etags, strict=True)]
        if any(path.stat().st_size < MIN_PART_BYTES for path in paths[:-1]):
            text = "Your proposed upload is smaller than the minimum allowed object size."
            raise StorageError(400, "invalid", text, code="EntityTooSmall", text=text)
        path = ask.store.scratch()
        sums = Sums()
        with path.open("wb") as out:
            for part in paths:
                with part.open("rb") as stream:
                    while block := stream.read(_BLOCK):
                        sums.update(block)
                        out.write(block)
        uri = str(Uri(wanted.bucket, wanted.name))
        check = check_of(wanted.conditions)
        hashes = {"crc32c": sums.crc32c}
        made = ask.store.adopt(
            uri, path, wanted.attributes, check=check, hashes=hashes, components=len(paths)
        )
        shutil.rmtree(folder, ignore_errors=True)
        reply = xml_made(ask, made)
        assert isinstance(reply, Raw)
        inside = {
            "Location": f"{ask.base}/{wanted.bucket}/{wanted.name}",
            "Bucket": wanted.bucket,
            "Key": wanted.name,
            "ETag": reply.headers["ETag"],
        }
        reply.headers = {**reply.headers, **XML_HEADERS}
        reply.data = element("CompleteMultipartUploadResult", inside)
        return reply

    return await off_loop(work)


def _part(folder: Path, number: int, etag: str) -> Path:
    known = read_json(folder / f"{number:05d}.json")
    if known is None or known["etag"].strip('"') != etag.strip('"'):
        text = (
            "One or more of the specified parts could not be found. The part might not have been uploaded, or"
            " the specified entity tag might not have matched the part's entity tag."
        )
        raise StorageError(400, "invalid", text, code="InvalidPart", text=text)
    return folder / f"{number:05d}.data"


async def abort(ask: Ask) -> Reply:
    """Forget an upload and its parts."""
    folder, _ = _found(ask)
    await off_loop(lambda: shutil.rmtree(folder, ignore_errors=True))
    return Raw(None, 204)


async def parts(ask: Ask) -> Reply:
    """``ListPartsResult``."""
    folder, wanted = _found(ask)
    inside: list[tuple[str, object]] = [
        ("Bucket", wanted.bucket), ("Key", wanted.name), ("UploadId", ask.query["uploadId"]),
        ("IsTruncated", "false"),
    ]  # fmt: skip
    for path in sorted(folder.glob("[0-9]*.json")):
        known = read_json(path)
        if known is not None:
            part = {
                "PartNumber": int(path.stem),
                "LastModified": time_text(known["time_us"]),
                "ETag": known["etag"],
                "Size": known["size"],
            }
            inside.append(("Part", part))
    return Raw(None, 200, headers=XML_HEADERS, data=element("ListPartsResult", inside))


async def uploads(ask: Ask) -> Reply:
    """``ListMultipartUploadsResult``."""
    bucket = ask.path["bucket"]
    inside: list[tuple[str, object]] = [("Bucket", bucket), ("IsTruncated", "false")]
    for path in sorted(_all(ask.store).glob("*/upload.json")):
        known = read_json(path)
        if known is not None and known["bucket"] == bucket:
            inside.append(("Upload", {"Key": known["name"], "UploadId": path.parent.name}))
    return Raw(None, 200, headers=XML_HEADERS, data=element("ListMultipartUploadsResult", inside))
