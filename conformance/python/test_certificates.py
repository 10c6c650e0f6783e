"""The certificates of those who may sign for an Isolated instance."""

import hashlib

import pytest
from azure.security.attestation import AttestationType, CertificateModification
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from expect import PERMIT, refusal, same_certificate


def thumbprint(pem):
    return hashlib.sha1(load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).hexdigest().upper()


def is_listed(here, *pairs):
    """Expects that just these certificates are listed, in whatever order."""
    chains, token = here.administration().get_policy_management_certificates()
    assert token.issuer == here.endpoint
    assert all(len(chain) == 1 for chain in chains)
    assert sorted(thumbprint(chain[0]) for chain in chains) == sorted(thumbprint(p.certificate) for p in pairs)


@pytest.fixture
def candidate(here):
    """A pair whose certificate is not on the list when the test ends, whatever it did."""
    pair = here.world.keys["candidate"]
    yield pair
    here.administration().remove_policy_management_certificate(pair.certificate, **here.signing.signing)
    is_listed(here, here.signing)


def test_list(here):
    if here.mode == "isolated":
        is_listed(here, here.signing)
        chains, _ = here.administration().get_policy_management_certificates()
        assert same_certificate(chains[0][0], here.signing.certificate)
    else:
        is_listed(here)


@pytest.mark.modes("isolated")
def test_add_and_remove(here, candidate):
    admin, signing = here.administration(), here.signing.signing
    for _ in range(2):  # the second time it is there already
        result, token = admin.add_policy_management_certificate(candidate.certificate, **signing)
        assert token.issuer == here.endpoint
        assert result.certificate_resolution == CertificateModification.IS_PRESENT
        assert result.certificate_thumbprint == thumbprint(candidate.certificate)
        is_listed(here, here.signing, candidate)
    for _ in range(2):  # the second time it is gone already
        result, _ = admin.remove_policy_management_certificate(candidate.certificate, **signing)
        assert result.certificate_resolution == CertificateModification.IS_ABSENT
        assert result.certificate_thumbprint == thumbprint(candidate.certificate)
        is_listed(here, here.signing)


@pytest.mark.modes("isolated")
def test_added_key_signs(here, candidate):
    admin, kind = here.administration(), AttestationType.SGX_ENCLAVE
    refusal("InvalidParameter", admin.set_policy, kind, PERMIT, **candidate.signing)
    admin.add_policy_management_certificate(candidate.certificate, **here.signing.signing)
    admin.set_policy(kind, PERMIT, **candidate.signing)
    assert admin.get_policy(kind)[0] == PERMIT
    admin.reset_policy(kind, **candidate.signing)
    # It may even take itself off the list, and is nobody from then on.
    admin.remove_policy_management_certificate(candidate.certificate, **candidate.signing)
    refusal("InvalidParameter", admin.set_policy, kind, PERMIT, **candidate.signing)


@pytest.mark.modes("isolated")
def test_add_by_stranger_refused(here):
    admin, stranger = here.administration(), here.world.keys["stranger"]
    add, remove = admin.add_policy_management_certificate, admin.remove_policy_management_certificate
    refusal("InvalidParameter", add, stranger.certificate, **stranger.signing)
    refusal("InvalidParameter", remove, here.signing.certificate, **stranger.signing)
    is_listed(here, here.signing)


@pytest.mark.modes("isolated")
def test_last_stays(here):
    own = here.signing
    refusal(
        "InvalidOperation", here.administration().remove_policy_management_certificate, own.certificate, **own.signing
    )
    is_listed(here, own)


@pytest.mark.modes("aad", "shared")
def test_change_refused(here):
    admin, stranger = here.administration(), here.world.keys["stranger"]
    for change in (admin.add_policy_management_certificate, admin.remove_policy_management_certificate):
        said = refusal("InvalidOperation", change, stranger.certificate, **stranger.signing)
        assert "The operation is disallowed" in said.message
    is_listed(here)


@pytest.mark.modes("isolated")
def test_add_unsigned(here):
    # The SDK looks first, and sends nothing.
    admin = here.administration()
    for change in (admin.add_policy_management_certificate, admin.remove_policy_management_certificate):
        with pytest.raises(ValueError, match="A signing certificate and key must be provided"):
            change(here.world.keys["candidate"].certificate)
    assert here.watch.requests == []
