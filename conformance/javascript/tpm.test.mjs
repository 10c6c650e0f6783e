// TPM attestation, as far as the SDK goes: it carries the messages and makes
// none. What answers a challenge takes a TPM, so here the messages end with the
// challenge.
import assert from "node:assert/strict";
import { KnownAttestationType } from "@azure/attestation";
import { permit, refusal } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";

const { Tpm } = KnownAttestationType;
const init = JSON.stringify({ payload: { type: "aikcert" } });
const settable = ["aad", "isolated"];

async function hasNoPolicy(here) {
  const error = await refusal("Bad request", () => here.attestation("contributor").attestTpm(init));
  assert.equal(
    error.details.error.message,
    "A VBS attestation policy has not been set on the attestation provider.",
  );
}

// underPolicy runs something while there is a policy for TPMs.
async function underPolicy(here, run) {
  const admin = here.administration();
  await admin.setPolicy(Tpm, permit, here.signing);
  try {
    await run(here.attestation("contributor"));
  } finally {
    await admin.resetPolicy(Tpm, here.signing);
  }
  await hasNoPolicy(here);
}

// unpadded decodes base64url as the service writes it.
function unpadded(text) {
  assert.match(text, /^[A-Za-z0-9_-]+$/);
  return Buffer.from(text, "base64url");
}

// challenge asks for a challenge, looks at it, and returns it with its context.
async function challenge(client) {
  const answer = JSON.parse(await client.attestTpm(init));
  assert.deepEqual(Object.keys(answer), ["payload"]);
  assert.deepEqual(Object.keys(answer.payload).sort(), ["challenge", "service_context"]);
  const given = unpadded(answer.payload.challenge);
  assert.equal(given.length, 16);
  const context = JSON.parse(unpadded(answer.payload.service_context));
  assert.deepEqual(Object.keys(context).sort(), ["ProtectedContext", "ProtectionKeyName"]);
  assert.match(context.ProtectionKeyName, /^[0-9A-F]{64}$/);
  assert.ok(unpadded(context.ProtectedContext).length > 0);
  return [given.toString("hex"), context.ProtectedContext];
}

scenario("tpm.without_policy", everywhere, hasNoPolicy);

scenario("tpm.challenge", settable, (here) =>
  underPolicy(here, async (client) => {
    const [first, second] = [await challenge(client), await challenge(client)];
    assert.notEqual(first[0], second[0]);
    assert.notEqual(first[1], second[1]);
  }),
);

scenario("tpm.reader_is_enough", settable, (here) =>
  underPolicy(here, async () => {
    await challenge(here.attestation("reader"));
    await refusal("Unauthorized", () => here.attestation("no.such.bearer").attestTpm(init), 401);
  }),
);

scenario("tpm.no_message", settable, (here) =>
  underPolicy(here, async (client) => {
    for (const message of [
      "no JSON",
      "{}",
      '{"payload":{}}',
      '{"payload":{"type":"other"}}',
      '{"payload":{"request":""}}',
    ]) {
      await refusal("InvalidParameter", () => client.attestTpm(message));
    }
  }),
);

scenario("tpm.bad_request", settable, (here) =>
  underPolicy(here, async (client) => {
    for (const request of ["no JWS", "e30.e30.e30"]) {
      await refusal("InvalidQuote", () => client.attestTpm(JSON.stringify({ payload: { request } })));
    }
  }),
);

scenario("tpm.on_shared", ["shared"], async (here) => {
  for (const signing of [{}, here.signing]) {
    await refusal("InvalidOperation", () => here.administration().setPolicy(Tpm, permit, signing));
  }
  await hasNoPolicy(here);
});
