"""Who may do what: the SDK's own exception for those who may not."""

import pytest
from azure.security.attestation import AttestationType
from expect import PERMIT, refusal

KIND = AttestationType.SGX_ENCLAVE


def test_reader_reads(here):
    reader = here.administration("reader")
    text, _ = reader.get_policy(KIND)
    assert text.startswith("version=")
    reader.get_policy_management_certificates()


@pytest.mark.modes("aad", "isolated")
def test_reader_changes_nothing(here):
    reader, signing = here.administration("reader"), here.signing.signing
    before, _ = reader.get_policy(KIND)
    certificate = here.world.keys["candidate"].certificate
    refusal("Unauthorized", reader.set_policy, KIND, PERMIT, status=401, **signing)
    refusal("Unauthorized", reader.reset_policy, KIND, status=401, **signing)
    refusal("Unauthorized", reader.add_policy_management_certificate, certificate, status=401, **signing)
    refusal("Unauthorized", reader.remove_policy_management_certificate, certificate, status=401, **signing)
    assert reader.get_policy(KIND)[0] == before


def test_made_up_bearer(here):
    nobody = here.administration("no.such.bearer")
    refusal("Unauthorized", nobody.get_policy, KIND, status=401)
    refusal("Unauthorized", nobody.set_policy, KIND, PERMIT, status=401, **here.signing.signing)
    refusal("Unauthorized", nobody.get_policy_management_certificates, status=401)
