// The certificates of those who may sign for an Isolated instance.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { KnownAttestationType } from "@azure/attestation";
import { permit, refusal } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";
import { keys } from "./world.mjs";

const { SgxEnclave } = KnownAttestationType;
const { candidate, stranger } = keys;

const thumbprint = (pem) => new X509Certificate(pem).fingerprint.replaceAll(":", "");
const own = (here) => [here.signing.privateKey, here.signing.certificate];

// isListed expects that just these certificates are listed, in whatever order.
async function isListed(here, ...certificates) {
  const { body, token } = await here.administration().getPolicyManagementCertificates(here.checked);
  assert.equal(token.issuer, here.endpoint);
  assert.ok(body.every((signer) => signer.certificates.length === 1));
  const got = body.map((signer) => thumbprint(signer.certificates[0]));
  assert.deepEqual(got.sort(), certificates.map(thumbprint).sort());
}

// cleaning takes the candidate off the list, whatever happened.
async function cleaning(here, run) {
  try {
    await run();
  } finally {
    await here.administration().removePolicyManagementCertificate(candidate.certificate, ...own(here));
    await isListed(here, here.signing.certificate);
  }
}

scenario("certificates.list", everywhere, (here) =>
  here.mode === "isolated" ? isListed(here, here.signing.certificate) : isListed(here),
);

scenario("certificates.add_and_remove", ["isolated"], (here) =>
  cleaning(here, async () => {
    const admin = here.administration();
    for (let i = 0; i < 2; i++) {
      // The second time it is there already.
      const { body, token } = await admin.addPolicyManagementCertificate(
        candidate.certificate,
        ...own(here),
        here.checked,
      );
      assert.equal(token.issuer, here.endpoint);
      assert.equal(body.certificateResolution, "IsPresent");
      assert.equal(body.certificateThumbprint, thumbprint(candidate.certificate));
      await isListed(here, here.signing.certificate, candidate.certificate);
    }
    for (let i = 0; i < 2; i++) {
      // The second time it is gone already.
      const { body } = await admin.removePolicyManagementCertificate(
        candidate.certificate,
        ...own(here),
        here.checked,
      );
      assert.equal(body.certificateResolution, "IsAbsent");
      assert.equal(body.certificateThumbprint, thumbprint(candidate.certificate));
      await isListed(here, here.signing.certificate);
    }
  }),
);

scenario("certificates.added_key_signs", ["isolated"], (here) =>
  cleaning(here, async () => {
    const admin = here.administration();
    const signing = { ...here.checked, privateKey: candidate.key, certificate: candidate.certificate };
    await refusal("InvalidParameter", () => admin.setPolicy(SgxEnclave, permit, signing));
    await admin.addPolicyManagementCertificate(candidate.certificate, ...own(here));
    await admin.setPolicy(SgxEnclave, permit, signing);
    assert.equal((await admin.getPolicy(SgxEnclave)).body, permit);
    await admin.resetPolicy(SgxEnclave, signing);
    // It may even take itself off the list, and is nobody from then on.
    await admin.removePolicyManagementCertificate(candidate.certificate, candidate.key, candidate.certificate);
    await refusal("InvalidParameter", () => admin.setPolicy(SgxEnclave, permit, signing));
  }),
);

scenario("certificates.add_by_stranger_refused", ["isolated"], async (here) => {
  const admin = here.administration();
  await refusal("InvalidParameter", () =>
    admin.addPolicyManagementCertificate(stranger.certificate, stranger.key, stranger.certificate),
  );
  await refusal("InvalidParameter", () =>
    admin.removePolicyManagementCertificate(here.signing.certificate, stranger.key, stranger.certificate),
  );
  await isListed(here, here.signing.certificate);
});

scenario("certificates.last_stays", ["isolated"], async (here) => {
  await refusal("InvalidOperation", () =>
    here.administration().removePolicyManagementCertificate(here.signing.certificate, ...own(here)),
  );
  await isListed(here, here.signing.certificate);
});

scenario("certificates.change_refused", ["aad", "shared"], async (here) => {
  const admin = here.administration();
  const args = [stranger.certificate, stranger.key, stranger.certificate];
  for (const change of [
    () => admin.addPolicyManagementCertificate(...args),
    () => admin.removePolicyManagementCertificate(...args),
  ]) {
    const error = await refusal("InvalidOperation", change);
    assert.match(error.message, /The operation is disallowed/);
  }
  await isListed(here);
});

scenario("certificates.add_unsigned", ["isolated"], async (here) => {
  // The SDK sends it unsigned; the service does not take it.
  const admin = here.administration();
  await refusal("InvalidOperation", () => admin.addPolicyManagementCertificate(candidate.certificate, "", ""));
  await refusal("InvalidOperation", () => admin.removePolicyManagementCertificate(here.signing.certificate, "", ""));
  await isListed(here, here.signing.certificate);
});
