"""What everybody may read: the OpenID document and the signing certificates."""

import base64

from cryptography.x509 import load_pem_x509_certificate


def test_openid(here):
    document = here.attestation().get_open_id_metadata()
    assert document["issuer"] == here.endpoint
    assert document["jwks_uri"] == here.endpoint + "/certs"
    assert document["response_types_supported"] == ["token", "none"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert "x-ms-sgx-mrenclave" in document["claims_supported"]


def test_signers(here):
    signers = here.attestation().get_signing_certificates()
    assert signers
    for signer in signers:
        assert base64.b64decode(signer.key_id, validate=True)
        leaf = load_pem_x509_certificate(signer.certificates[0].encode())
        assert leaf.subject.rfc4514_string() == "CN=" + here.endpoint
        leaf.verify_directly_issued_by(leaf)
