import tracemalloc

from reconciler.model import document


def test_encoded_documents_keep_no_room_beside_their_bytes() -> None:
    """orjson 3.13 works in 4 KiB and returns all of it: 10,000 manifests of 300 bytes weighed 40 MiB."""
    value = {"b": "x" * 300, "a": 1}
    tracemalloc.start()
    try:
        kept = [document.encode(value) for _ in range(100)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept[0].startswith(b'{"a":1,"b":"')
    assert held < 100 * 1000
