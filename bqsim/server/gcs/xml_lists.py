"""Lists of objects in the XML API, in both versions."""

from __future__ import annotations

from .buckets import decode_token, encode_token, page_size
from .listing import Selection, find_page
from .request import Ask
from .resources import STANDARD, hashes_of, time_text, xml_etag
from .xml_text import element


def objects_xml(ask: Ask, bucket: str) -> bytes:
    """``ListBucketResult``."""
    query = ask.query
    second = query.get("list-type") == "2"
    token = query.get("continuation-token", "")
    if second:
        after = decode_token(token) if token else query.get("start-after", "")
    else:
        after = query.get("marker", "")
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    size = page_size(ask, "max-keys")
    page = find_page(ask, bucket, Selection(prefix, delimiter, after=after), size)
    inside: list[tuple[str, object]] = [("Name", bucket), ("Prefix", prefix)]
    if delimiter:
        inside.append(("Delimiter", delimiter))
    inside.append(("MaxKeys", size))
    if second:
        inside.append(("KeyCount", len(page.items) + len(page.prefixes)))
    else:
        inside.append(("Marker", after))
    inside.append(("IsTruncated", "false" if page.last is None else "true"))
    if page.last is not None:
        name, value = (
            ("NextContinuationToken", encode_token(page.last)) if second else ("NextMarker", page.last)
        )
        inside.append((name, value))
    for info in page.items:
        contents = {
            "Key": info.name,
            "Generation": info.generation,
            "MetaGeneration": info.metageneration,
            "LastModified": time_text(info.updated_us),
            "ETag": f'"{xml_etag(hashes_of(ask.store, info), info)}"',
            "Size": info.size,
            "StorageClass": info.attributes.get("storageClass", STANDARD),
        }
        inside.append(("Contents", contents))
    inside += [("CommonPrefixes", {"Prefix": name}) for name in page.prefixes]
    return element("ListBucketResult", inside)
