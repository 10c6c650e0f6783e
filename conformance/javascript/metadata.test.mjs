// What everybody may read: the OpenID document and the signing certificates.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { everywhere, scenario } from "./scenario.mjs";

scenario("metadata.openid", everywhere, async (here) => {
  const document = await here.attestation().getOpenIdMetadata();
  assert.equal(document.issuer, here.endpoint);
  assert.equal(document.jwks_uri, here.endpoint + "/certs");
  assert.deepEqual(document.response_types_supported, ["token", "none"]);
  assert.deepEqual(document.id_token_signing_alg_values_supported, ["RS256"]);
  assert.ok(document.claims_supported.includes("x-ms-sgx-mrenclave"));
});

scenario("metadata.signers", everywhere, async (here) => {
  const signers = await here.attestation().getAttestationSigners();
  assert.ok(signers.length > 0);
  for (const signer of signers) {
    assert.match(signer.keyId, /^[A-Za-z0-9+/]+=*$/);
    const leaf = new X509Certificate(signer.certificates[0]);
    assert.equal(leaf.subject, "CN=" + here.endpoint);
    assert.ok(leaf.verify(leaf.publicKey));
  }
});
