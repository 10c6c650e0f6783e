// Who may do what: the SDK's own error for those who may not.
import assert from "node:assert/strict";
import { KnownAttestationType } from "@azure/attestation";
import { permit, refusal } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";
import { keys } from "./world.mjs";

const { SgxEnclave } = KnownAttestationType;

scenario("roles.reader_reads", everywhere, async (here) => {
  const reader = here.administration("reader");
  assert.match((await reader.getPolicy(SgxEnclave, here.checked)).body, /^version=/);
  await reader.getPolicyManagementCertificates(here.checked);
});

scenario("roles.reader_changes_nothing", ["aad", "isolated"], async (here) => {
  const reader = here.administration("reader");
  const { privateKey, certificate } = here.signing;
  const before = (await reader.getPolicy(SgxEnclave)).body;
  for (const change of [
    () => reader.setPolicy(SgxEnclave, permit, here.signing),
    () => reader.resetPolicy(SgxEnclave, here.signing),
    () => reader.addPolicyManagementCertificate(keys.candidate.certificate, privateKey, certificate),
    () => reader.removePolicyManagementCertificate(keys.candidate.certificate, privateKey, certificate),
  ]) {
    await refusal("Unauthorized", change, 401);
  }
  assert.equal((await reader.getPolicy(SgxEnclave)).body, before);
});

scenario("roles.made_up_bearer", everywhere, async (here) => {
  const nobody = here.administration("no.such.bearer");
  await refusal("Unauthorized", () => nobody.getPolicy(SgxEnclave), 401);
  await refusal("Unauthorized", () => nobody.setPolicy(SgxEnclave, permit, here.signing), 401);
  await refusal("Unauthorized", () => nobody.getPolicyManagementCertificates(), 401);
});
