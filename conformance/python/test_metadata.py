"""What everybody may read: the OpenID document and the signing certificates."""

import base64
import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from expect import base64url


def test_openid(here):
    document = here.attestation().get_open_id_metadata()
    assert document["issuer"] == here.endpoint
    assert document["jwks_uri"] == here.endpoint + "/certs"
    assert document["response_types_supported"] == ["token", "none"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert "x-ms-sgx-mrenclave" in document["claims_supported"]


def key_ids(certificate):
    """The two IDs of a key: tokens name the hash of the key, reports that of the certificate."""
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        base64.b64encode(hashlib.sha256(pem + b"\0").digest()).decode(),
        base64url(hashlib.sha1(certificate.public_bytes(Encoding.DER)).digest()),
    }


def test_signers(here):
    signers = here.attestation().get_signing_certificates()
    assert signers
    published, wanted = set(), set()
    for signer in signers:
        leaf = load_pem_x509_certificate(signer.certificates[0].encode())
        assert leaf.subject.rfc4514_string() == "CN=" + here.endpoint
        leaf.verify_directly_issued_by(leaf)
        assert signer.key_id in key_ids(leaf)
        published.add(signer.key_id)
        wanted |= key_ids(leaf)
    # Each key under both, and nothing twice.
    assert published == wanted
    assert len(signers) == len(wanted)
