"""What the service refuses is the SDK's own exception, with the service's code."""

import pytest
from expect import MALFORMED, SILENT, refusal


def test_quote_forged(here):
    forged = here.world.evidence["forged"]
    refusal("InvalidQuote", here.attestation().attest_sgx_enclave, forged.quote)
    refusal("InvalidQuote", here.attestation().attest_open_enclave, forged.report)


def test_quote_garbage(here):
    refusal("InvalidQuote", here.attestation().attest_sgx_enclave, b"no quote at all")
    refusal("InvalidQuote", here.attestation().attest_open_enclave, b"no report at all")


def test_runtime_data_unbound(here):
    evidence = here.world.evidence["binary"]
    refusal("InvalidParameter", here.attestation().attest_sgx_enclave, evidence.quote, runtime_data=b"other data")
    refusal("InvalidParameter", here.attestation().attest_open_enclave, evidence.report, runtime_json=b'{"other":1}')


def test_runtime_data_is_no_json(here):
    # The SDK looks first, and sends nothing.
    with pytest.raises(ValueError, match="Content must be valid JSON."):
        here.attestation().attest_sgx_enclave(here.world.evidence["binary"].quote, runtime_json=b"{")
    assert here.watch.requests == []


def test_draft_malformed(here):
    quote = here.world.evidence["binary"].quote
    refusal("PolicyParsingError", here.attestation().attest_sgx_enclave, quote, draft_policy=MALFORMED)


def test_draft_says_nothing(here):
    quote = here.world.evidence["binary"].quote
    said = refusal("PolicyEvaluationError", here.attestation().attest_sgx_enclave, quote, draft_policy=SILENT)
    assert "No Permit claim was issued" in said.message
