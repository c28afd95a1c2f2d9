"""A certificate for 127.0.0.1 and localhost, made with the standard library alone: no key lies in the repository and
no `openssl` is needed. For tests only: nothing here is hardened against anybody."""

import base64
import hashlib
import pathlib
import secrets

SHA256_RSA = "2a864886f70d01010b"
RSA = "2a864886f70d010101"
COMMON_NAME, BASIC_CONSTRAINTS, ALTERNATIVE_NAMES = "550403", "551d13", "551d11"
SMALL_PRIMES = tuple(n for n in range(3, 2_000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


def write(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A fresh self-signed certificate, which is its own authority, and its key: the paths of the two PEM files."""
    exponent = 65_537
    p, q = _prime(exponent), _prime(exponent)
    n, d = p * q, pow(exponent, -1, (p - 1) * (q - 1))
    numbers = (0, n, exponent, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    certificate, key = folder / "ca.pem", folder / "server.key"
    certificate.write_text(_pem("CERTIFICATE", _certificate(n, exponent, d)))
    key.write_text(_pem("RSA PRIVATE KEY", _sequence(*(_integer(number) for number in numbers))))
    return certificate, key


def _certificate(n: int, exponent: int, d: int) -> bytes:
    algorithm = _sequence(_oid(SHA256_RSA), _der(0x05))
    called = f"reconciler test {secrets.token_hex(4)}".encode()  # authorities are told apart by their names
    name = _sequence(_der(0x31, _sequence(_oid(COMMON_NAME), _der(0x0C, called))))
    valid = _sequence(_der(0x17, b"200101000000Z"), _der(0x17, b"491231235959Z"))
    public = _sequence(_sequence(_oid(RSA), _der(0x05)), _der(0x03, b"\0" + _sequence(_integer(n), _integer(exponent))))
    hosts = _sequence(_der(0x82, b"localhost"), _der(0x87, bytes((127, 0, 0, 1))))
    extensions = _sequence(
        _sequence(_oid(BASIC_CONSTRAINTS), _der(0x01, b"\xff"), _der(0x04, _sequence(_der(0x01, b"\xff")))),
        _sequence(_oid(ALTERNATIVE_NAMES), _der(0x04, hosts)),
    )
    body = _sequence(
        _der(0xA0, _integer(2)),
        _integer(secrets.randbits(63)),
        algorithm,
        name,
        valid,
        name,
        public,
        _der(0xA3, extensions),
    )
    return _sequence(body, algorithm, _der(0x03, b"\0" + _signature(body, n=n, d=d)))


def _signature(body: bytes, *, n: int, d: int) -> bytes:
    """PKCS #1 v1.5 with SHA-256."""
    size = (n.bit_length() + 7) // 8
    digest = _sequence(_sequence(_oid("608648016503040201"), _der(0x05)), _der(0x04, hashlib.sha256(body).digest()))
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    return pow(int.from_bytes(padded, "big"), d, n).to_bytes(size, "big")


def _prime(exponent: int) -> int:
    while True:
        candidate = secrets.randbits(1024) | (3 << 1022) | 1
        likely = all(candidate % small for small in SMALL_PRIMES) and (candidate - 1) % exponent
        if likely and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5)):
            return candidate


def _der(tag: int, content: bytes = b"") -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(raw))) + raw + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _oid(encoded: str) -> bytes:
    return _der(0x06, bytes.fromhex(encoded))


def _pem(label: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"
