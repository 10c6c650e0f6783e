// Policies are read, set and reset, and decide; what must not change them is
// refused.
import assert from "node:assert/strict";
import { createAttestationPolicyToken, KnownAttestationType } from "@azure/attestation";
import { deny, hashOfJWS, hashOfText, malformed, permit, refusal, sameBytes, sameCertificate } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";
import { evidence, keys } from "./world.mjs";

const { SgxEnclave, OpenEnclave, Tpm } = KnownAttestationType;
const types = [SgxEnclave, OpenEnclave];

function attest(here, type) {
  return type === OpenEnclave
    ? here.attestation().attestOpenEnclave(evidence.binary.report, here.checked)
    : here.attestation().attestSgxEnclave(evidence.binary.quote, here.checked);
}

// isDefault expects that the default policy is in force.
async function isDefault(here, type) {
  const { body: text } = await here.administration().getPolicy(type, here.checked);
  assert.match(text, /^version=/);
  const { body } = await attest(here, type);
  sameBytes(body.policyHash, hashOfText(text));
  assert.equal(body.policyClaims?.tried, undefined);
}

// decides expects that a policy is stored, and is what evidence is judged by.
async function decides(here, type, text) {
  const { body: got, token } = await here.administration().getPolicy(type, here.checked);
  assert.equal(got, text);
  assert.equal(token.issuer, here.endpoint);
  const { body } = await attest(here, type);
  sameBytes(body.policyHash, hashOfText(text));
  assert.deepEqual(body.policyClaims, { tried: "yes" });
}

// setAndReset sets a policy, checks that it is the one that decides, and resets
// it.
async function setAndReset(here, type, signing) {
  const admin = here.administration();
  const { body, token } = await admin.setPolicy(type, permit, { ...here.checked, ...signing });
  assert.equal(token.issuer, here.endpoint);
  assert.equal(body.policyResolution, "Updated");
  sameBytes(body.policyTokenHash, hashOfJWS(here.requests.find((r) => r.method === "PUT").body));
  if (signing.privateKey !== keys.ec.key) {
    // What a caller does who wants to know: an EC signature is another each time.
    const same = createAttestationPolicyToken(permit, signing.privateKey, signing.certificate);
    sameBytes(body.policyTokenHash, hashOfJWS(same.serialize()));
  }
  here.requests.length = 0;
  if (signing.certificate) {
    assert.equal(body.policySigner.certificates.length, 1);
    sameCertificate(body.policySigner.certificates[0], signing.certificate);
  } else {
    assert.equal(body.policySigner, undefined);
  }
  await decides(here, type, permit);
  const reset = await admin.resetPolicy(type, { ...here.checked, ...signing });
  assert.equal(reset.body.policyResolution, "Removed");
  await isDefault(here, type);
}

const pairOf = ({ key, certificate }) => ({ privateKey: key, certificate });

scenario("policies.get_default", everywhere, async (here) => {
  for (const type of types) {
    await isDefault(here, type);
  }
});

scenario("policies.get_default_tpm_sdk_cannot", everywhere, async (here) => {
  // The service says what Azure's does: a JWS without content. The SDK looks for
  // a policy in it.
  let answer;
  const options = { ...here.checked, onResponse: (response) => (answer = response) };
  await assert.rejects(here.administration().getPolicy(Tpm, options), (error) => {
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /Cannot read properties of null \(reading 'attestationPolicy'\)/);
    return true;
  });
  assert.equal(answer.status, 200);
  const claims = JSON.parse(Buffer.from(answer.parsedBody.token.split(".")[1], "base64url"));
  assert.deepEqual([claims.iss, claims["x-ms-policy"]], [here.endpoint, "eyJhbGciOiJub25lIn0.."]);
});

scenario("policies.set_unsigned", ["aad"], async (here) => {
  for (const type of types) {
    await setAndReset(here, type, {});
  }
});

scenario("policies.set_signed", ["aad", "isolated"], async (here) => {
  for (const type of types) {
    await setAndReset(here, type, here.signing);
  }
});

scenario("policies.set_signed_by_issued_key", ["isolated"], (here) =>
  setAndReset(here, SgxEnclave, pairOf(keys.issued)),
);

scenario("policies.set_signed_by_ec_key", ["aad"], (here) => setAndReset(here, SgxEnclave, pairOf(keys.ec)));

scenario("policies.set_denying", ["aad", "isolated"], async (here) => {
  for (const type of types) {
    await here.administration().setPolicy(type, deny, here.signing);
    try {
      await refusal("PolicyEvaluationError", () => attest(here, type));
    } finally {
      await here.administration().resetPolicy(type, here.signing);
    }
    await isDefault(here, type);
  }
});

scenario("policies.set_tpm", ["aad", "isolated"], async (here) => {
  const admin = here.administration();
  const set = await admin.setPolicy(Tpm, permit, { ...here.checked, ...here.signing });
  assert.equal(set.body.policyResolution, "Updated");
  const sent = createAttestationPolicyToken(permit, here.signing.privateKey, here.signing.certificate);
  sameBytes(set.body.policyTokenHash, hashOfJWS(sent.serialize()));
  assert.equal((await admin.getPolicy(Tpm, here.checked)).body, permit);
  const reset = await admin.resetPolicy(Tpm, { ...here.checked, ...here.signing });
  assert.equal(reset.body.policyResolution, "Removed");
});

scenario("policies.set_malformed", ["aad", "isolated"], async (here) => {
  for (const type of types) {
    await refusal("PolicyParsingError", () => here.administration().setPolicy(type, malformed, here.signing));
    await isDefault(here, type);
  }
});

scenario("policies.set_unsigned_refused", ["isolated"], async (here) => {
  for (const type of types) {
    const error = await refusal("InvalidOperation", () => here.administration().setPolicy(type, permit));
    assert.match(error.message, /Unsigned JWS specified but enclave is configured with signing certificates\./);
    await isDefault(here, type);
  }
});

scenario("policies.reset_unsigned_refused", ["isolated"], async (here) => {
  await here.administration().setPolicy(SgxEnclave, permit, here.signing);
  try {
    await refusal("InvalidOperation", () => here.administration().resetPolicy(SgxEnclave));
    await decides(here, SgxEnclave, permit);
  } finally {
    await here.administration().resetPolicy(SgxEnclave, here.signing);
  }
});

scenario("policies.set_by_stranger_refused", ["isolated"], async (here) => {
  const stranger = pairOf(keys.stranger);
  for (const type of types) {
    await refusal("InvalidParameter", () => here.administration().setPolicy(type, permit, stranger));
    await refusal("InvalidParameter", () => here.administration().resetPolicy(type, stranger));
    await isDefault(here, type);
  }
});

scenario("policies.set_on_shared_refused", ["shared"], async (here) => {
  for (const type of types) {
    for (const signing of [{}, here.signing]) {
      await refusal("InvalidOperation", () => here.administration().setPolicy(type, permit, signing));
      await refusal("InvalidOperation", () => here.administration().resetPolicy(type, signing));
    }
    await isDefault(here, type);
  }
});

scenario("policies.wrong_pair", ["aad", "isolated"], async (here) => {
  const admin = here.administration();
  const { key, certificate } = keys.stranger;
  for (const [pair, says] of [
    [{ privateKey: key }, /certificate must also be provided/],
    [{ certificate }, /privateKey must also be provided/],
    [{ privateKey: key, certificate: keys.candidate.certificate }, /Key does not match Certificate/],
  ]) {
    await assert.rejects(admin.setPolicy(SgxEnclave, permit, pair), says);
    await assert.rejects(admin.resetPolicy(SgxEnclave, pair), says);
  }
  assert.deepEqual(here.requests, []);
});

scenario("policies.unknown_type", everywhere, (here) =>
  refusal("InvalidParameter", () => here.administration().getPolicy("Nonsense")),
);
