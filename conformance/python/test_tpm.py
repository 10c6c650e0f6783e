"""TPM evidence, of which the service says that it takes none yet."""

import json

from expect import refusal


def test_attest_refused(here):
    refusal("InvalidOperation", here.attestation().attest_tpm, json.dumps({"payload": {"type": "aikcert"}}))
