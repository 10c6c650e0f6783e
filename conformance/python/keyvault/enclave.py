"""An enclave that wants a key: it holds one of its own, is attested, and opens what is released to it.

None of this is azattest's code but for the quote, which the simulated platform makes:
the cryptography is that of the package of this name, and the response is read here.
"""

import base64
import hashlib
import ipaddress
import json
import pathlib
import subprocess
import tempfile
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding
from cryptography.x509 import verification

# The hash of RSA-OAEP and of its mask, by the names of Key Vault.
HASHES = {
    "CKM_RSA_AES_KEY_WRAP": hashes.SHA1,
    "RSA_AES_KEY_WRAP_256": hashes.SHA256,
    "RSA_AES_KEY_WRAP_384": hashes.SHA384,
}
# What is taken if nothing is asked for.
DEFAULT = "CKM_RSA_AES_KEY_WRAP"

MEASUREMENT = "a1" * 32
OTHER_MEASUREMENT = "b2" * 32


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n):
    return n.to_bytes((n.bit_length() + 7) // 8, "big")


def policy(authority, mrenclave=MEASUREMENT):
    """A release policy for the enclaves of a measurement, as its author would write it."""
    conditions = [{"claim": "x-ms-attestation-type", "equals": "sgx"}, {"claim": "x-ms-sgx-mrenclave", "equals": mrenclave}]
    return json.dumps({"version": "1.0.0", "anyOf": [{"authority": authority, "allOf": conditions}]}, indent=1).encode()


class Platform:
    """A machine that runs enclaves; simulated."""

    def __init__(self, command):
        self._command = command

    def enclave(self, **options):
        return Enclave(self._quote, **options)

    def _quote(self, data, mrenclave, flags):
        with tempfile.TemporaryDirectory() as folder:
            bound, quote = pathlib.Path(folder, "data"), pathlib.Path(folder, "quote")
            bound.write_bytes(data)
            line = [*self._command, "--runtime-data", bound, "--mrenclave", mrenclave, *flags, "--out", quote]
            subprocess.run(line, check=True, capture_output=True, timeout=60)
            return quote.read_bytes()


class Enclave:
    def __init__(self, quote, mrenclave=MEASUREMENT, jwk=None, flags=()):
        self.private = rsa.generate_private_key(65537, 2048)
        public = self.private.public_key().public_numbers()
        self.jwk = {
            "kid": "enclave", "kty": "RSA", "key_ops": ["encrypt", "wrapKey"],
            "n": encoded(number(public.n)), "e": encoded(number(public.e)),
        } | (jwk or {})
        self.runtime_data = json.dumps({"keys": [self.jwk]}).encode()
        self.quote = quote(self.runtime_data, mrenclave, flags)
        # The platform is simulated, and does bind what it is told to bind.
        assert hashlib.sha256(self.runtime_data).digest() in self.quote

    def opened(self, wrapped, algorithm):
        """The released key: PKCS #11's CKM_RSA_AES_KEY_WRAP, with a choice of hash."""
        size, hash_of = self.private.key_size // 8, HASHES[algorithm]
        oaep = padding.OAEP(mgf=padding.MGF1(hash_of()), algorithm=hash_of(), label=None)
        return aes_key_unwrap_with_padding(self.private.decrypt(wrapped[:size], oaep), wrapped[size:])


class Released:
    """The response of a vault, whose signature held and which repeats what was asked."""

    def __init__(self, world, vault, jws, *, key, algorithm=DEFAULT, nonce=None, version=None, api_version="2025-07-01"):
        protected, payload, signature = jws.split(".")
        header = json.loads(decoded(protected))
        assert header["alg"] == world.algorithm
        leaf = self._signer(header, world.signing_ca, vault)
        self._verify(leaf.public_key(), header["alg"], f"{protected}.{payload}".encode(), decoded(signature))
        said = json.loads(decoded(payload))
        asked = f"{vault}/keys/{key.name}" + (f"/{version}" if version else "")
        assert said["request"] == {"api-version": api_version, "enc": algorithm, "kid": asked} | ({"nonce": nonce} if nonce else {})
        self.key = said["response"]["key"]
        self.attributes = self.key["attributes"]
        self.policy = decoded(self.key["release_policy"]["data"])
        self.jwk = self.key["key"]
        # The same key as the one that its reader sees.
        assert (self.jwk["kid"], self.jwk["kty"]) == (key.id, key.key_type)
        for member in ("n", "e", "x", "y"):
            assert self.jwk.get(member) == (encoded(getattr(key.key, member)) if getattr(key.key, member) else None)
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & self.jwk.keys()
        wrapped = json.loads(decoded(self.jwk["key_hsm"]))
        assert wrapped["schema_version"] == "1.0"
        assert wrapped["header"] == {"alg": "dir", "enc": algorithm, "kid": "enclave"}
        self.wrapped = decoded(wrapped["ciphertext"])

    @staticmethod
    def _signer(header, ca, vault):
        """The certificate that signed: of the vault's host, by somebody trusted for it."""
        chain = [x509.load_der_x509_certificate(base64.b64decode(each, validate=True)) for each in header["x5c"]]
        leaf = chain[0]
        assert decoded(header["x5t#S256"]) == leaf.fingerprint(hashes.SHA256())
        host = urllib.parse.urlsplit(vault).hostname
        try:
            name = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        roots = verification.Store([x509.load_pem_x509_certificate(ca)])
        verification.PolicyBuilder().store(roots).build_server_verifier(name).verify(leaf, chain[1:])
        return leaf

    @staticmethod
    def _verify(public, algorithm, signed, signature):
        if algorithm == "RS256":
            public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return
        assert algorithm == "ES256" and public.curve.name == "secp256r1" and len(signature) == 64
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        public.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
