// TPM evidence, of which the service says that it takes none yet.
import assert from "node:assert/strict";
import { KnownAttestationType } from "@azure/attestation";
import { permit, refusal } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";

const { Tpm } = KnownAttestationType;
const init = JSON.stringify({ payload: { type: "aikcert" } });

scenario("tpm.without_policy", everywhere, async (here) => {
  const error = await refusal("Bad request", () => here.attestation("contributor").attestTpm(init));
  assert.equal(
    error.details.error.message,
    "A VBS attestation policy has not been set on the attestation provider.",
  );
});

scenario("tpm.not_enabled", ["aad", "isolated"], async (here) => {
  const admin = here.administration();
  await admin.setPolicy(Tpm, permit, here.signing);
  try {
    await refusal("InvalidOperation", () => here.attestation("contributor").attestTpm(init));
  } finally {
    await admin.resetPolicy(Tpm, here.signing);
  }
});
