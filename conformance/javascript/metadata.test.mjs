// What everybody may read: the OpenID document and the signing certificates.
import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { everywhere, scenario } from "./scenario.mjs";

scenario("metadata.openid", everywhere, async (here) => {
  const document = await here.attestation().getOpenIdMetadata();
  assert.equal(document.issuer, here.endpoint);
  assert.equal(document.jwks_uri, here.endpoint + "/certs");
  assert.deepEqual(document.response_types_supported, ["token", "none"]);
  assert.deepEqual(document.id_token_signing_alg_values_supported, ["RS256"]);
  assert.ok(document.claims_supported.includes("x-ms-sgx-mrenclave"));
});

// keyIDs are the two IDs of a key: tokens name the hash of the key, reports that
// of the certificate.
function keyIDs(certificate) {
  const pem = certificate.publicKey.export({ type: "spki", format: "pem" });
  return [
    createHash("sha256").update(pem).update("\0").digest("base64"),
    createHash("sha1").update(certificate.raw).digest("base64url"),
  ];
}

scenario("metadata.signers", everywhere, async (here) => {
  const signers = await here.attestation().getAttestationSigners();
  assert.ok(signers.length > 0);
  const published = [];
  const wanted = new Set();
  for (const signer of signers) {
    const leaf = new X509Certificate(signer.certificates[0]);
    assert.equal(leaf.subject, "CN=" + here.endpoint);
    assert.ok(leaf.verify(leaf.publicKey));
    assert.ok(keyIDs(leaf).includes(signer.keyId));
    published.push(signer.keyId);
    keyIDs(leaf).forEach((id) => wanted.add(id));
  }
  // Each key under both, and nothing twice.
  assert.deepEqual(published.sort(), [...wanted].sort());
});
