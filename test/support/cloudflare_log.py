"""Opens a log of Cloudflare's SSH proxy as ssh-log-cli does, sharing no code with ours: HPKE of RFC 9180 on Debian's
python3-cryptography. Arguments: the log, a file with the private key in base64. Prints JSON."""

import base64
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def extract(salt, suite, label, key):
    mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite + label + key)
    return mac.finalize()


def expand(key, suite, label, info, size):
    labelled = struct.pack(">H", size) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), size, labelled).derive(key)


def receiver(private_key, encapsulated):
    key = X25519PrivateKey.from_private_bytes(private_key)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    shared = key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem = b"KEM" + struct.pack(">H", 0x20)
    secret = expand(extract(b"", kem, b"eae_prk", shared), kem, b"shared_secret", encapsulated + public, 32)
    suite = b"HPKE" + struct.pack(">HHH", 0x20, 1, 3)
    context = b"\0" + extract(b"", suite, b"psk_id_hash", b"") + extract(b"", suite, b"info_hash", b"")
    secret = extract(secret, suite, b"secret", b"")
    return expand(secret, suite, b"key", context, 32), expand(secret, suite, b"base_nonce", context, 12)


def blocks(stream, key, base_nonce):
    cipher, sequence = ChaCha20Poly1305(key), 0
    while head := stream.read(4):
        nonce = (int.from_bytes(base_nonce, "big") ^ sequence).to_bytes(12, "big")
        yield cipher.decrypt(nonce, stream.read(struct.unpack(">I", head)[0]), None)
        sequence += 1


def packets(plaintext):
    while plaintext:
        (size,) = struct.unpack(">I", plaintext[:4])
        source, code, time_us = struct.unpack(">BIQ", plaintext[4:17])
        yield [source, code, time_us, plaintext[17 : 4 + size].decode()]
        plaintext = plaintext[4 + size :]


with open(sys.argv[1], "rb") as log, open(sys.argv[2], encoding="ascii") as key_file:
    meta = json.loads(base64.b64decode(log.read(struct.unpack(">I", log.read(4))[0]), validate=True))
    context = receiver(base64.b64decode(key_file.read()), bytes.fromhex(meta.pop("encapsulated_key")))
    print(json.dumps({"meta": meta, "packets": list(packets(b"".join(blocks(log, *context))))}))
