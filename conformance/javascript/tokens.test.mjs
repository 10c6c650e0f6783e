// What the SDK checks of the service's tokens, and what a caller can have
// checked beside.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { everywhere, scenario } from "./scenario.mjs";
import { evidence } from "./world.mjs";

function checking(here, options) {
  return { validationOptions: { ...here.checked.validationOptions, ...options } };
}

scenario("tokens.callback", everywhere, async (here) => {
  const seen = [];
  const { token } = await here.attestation().attestSgxEnclave(
    evidence.binary.quote,
    checking(here, {
      validateAttestationToken(checked, signer) {
        seen.push([checked, signer]);
        return [];
      },
    }),
  );
  assert.equal(seen.length, 1);
  const [[checked, signer]] = seen;
  assert.equal(checked, token);
  assert.equal(signer.keyId, token.keyId);
  assert.equal(new X509Certificate(signer.certificates[0]).subject, "CN=" + token.issuer);
});

scenario("tokens.callback_refuses", everywhere, async (here) => {
  const options = checking(here, { validateAttestationToken: () => ["not today"] });
  await assert.rejects(here.attestation().attestSgxEnclave(evidence.binary.quote, options), /not today/);
});

scenario("tokens.other_issuer", everywhere, async (here) => {
  const options = checking(here, { expectedIssuer: "https://other.attest.azure.net" });
  await assert.rejects(here.attestation().attestOpenEnclave(evidence.binary.report, options), /Found issuer/);
});
