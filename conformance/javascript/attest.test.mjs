// Enclaves are attested, as quotes and as Open Enclave reports.
import assert from "node:assert/strict";
import { deny, hashOfText, permit, refusal, sameBytes } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";
import { evidence } from "./world.mjs";

const kinds = {
  sgx: (here, e, options, client) =>
    (client ?? here.attestation("contributor")).attestSgxEnclave(e.quote, { ...here.checked, ...options }),
  open_enclave: (here, e, options, client) =>
    (client ?? here.attestation("contributor")).attestOpenEnclave(e.report, { ...here.checked, ...options }),
};

// saysTheEnclave holds of every token of the suite's enclave.
function saysTheEnclave(here, { token, body }) {
  assert.equal(token.issuer, here.endpoint);
  assert.equal(body.issuer, here.endpoint);
  assert.equal(token.keyUrl, here.endpoint + "/certs");
  assert.deepEqual([body.verifierType, body.version], ["sgx", "1.0"]);
  assert.deepEqual([body.mrEnclave, body.mrSigner], ["11".repeat(32), "22".repeat(32)]);
  assert.deepEqual([body.productId, body.svn, body.isDebuggable], [7, 3, false]);
  assert.equal(body.uniqueId.length, 64);
  assert.equal(body.sgxCollateral.quotehash.length, 64);
}

for (const [kind, attest] of Object.entries(kinds)) {
  scenario(`attest.${kind}_plain`, everywhere, async (here) => {
    const answer = await attest(here, evidence.binary, {});
    saysTheEnclave(here, answer);
    assert.equal(answer.token.algorithm, "RS256");
    assert.equal(answer.body.enclaveHeldData, undefined);
    assert.equal(answer.body.runTimeClaims, undefined);
    assert.equal(answer.body.initTimeClaims, undefined);
  });

  scenario(`attest.${kind}_binary`, everywhere, async (here) => {
    const answer = await attest(here, evidence.binary, { runTimeData: evidence.binary.data });
    saysTheEnclave(here, answer);
    sameBytes(answer.body.enclaveHeldData, evidence.binary.data);
    assert.equal(answer.body.runTimeClaims, undefined);
  });

  scenario(`attest.${kind}_json`, everywhere, async (here) => {
    const answer = await attest(here, evidence.json, { runTimeJson: evidence.json.data });
    saysTheEnclave(here, answer);
    assert.equal(answer.body.enclaveHeldData, undefined);
    assert.deepEqual(answer.body.runTimeClaims, JSON.parse(evidence.json.data));
  });

  scenario(`attest.${kind}_draft_permits`, everywhere, async (here) => {
    const answer = await attest(here, evidence.binary, {
      runTimeData: evidence.binary.data,
      draftPolicyForAttestation: permit,
    });
    saysTheEnclave(here, answer);
    assert.equal(answer.token.algorithm, "none");
    assert.ok(answer.token.serialize().endsWith("."));
    assert.deepEqual(answer.body.policyClaims, { tried: "yes" });
    sameBytes(answer.body.policyHash, hashOfText(permit));
  });

  scenario(`attest.${kind}_draft_denies`, everywhere, async (here) => {
    const error = await refusal("PolicyEvaluationError", () =>
      attest(here, evidence.binary, { draftPolicyForAttestation: deny }),
    );
    assert.match(error.message, /A Deny claim was issued/);
  });
}

scenario("attest.init_time_binary", everywhere, async (here) => {
  const answer = await kinds.sgx(here, evidence.initTime, { initTimeData: evidence.initTime.data });
  saysTheEnclave(here, answer);
  assert.equal(answer.body.initTimeClaims, undefined);
});

scenario("attest.init_time_json", everywhere, async (here) => {
  const answer = await kinds.sgx(here, evidence.initTime, { initTimeJson: evidence.initTime.data });
  saysTheEnclave(here, answer);
  assert.deepEqual(answer.body.initTimeClaims, JSON.parse(evidence.initTime.data));
});

scenario("attest.anonymous", everywhere, async (here) => {
  const client = here.attestation();
  for (const attest of Object.values(kinds)) {
    saysTheEnclave(here, await attest(here, evidence.binary, {}, client));
  }
  assert.ok(here.requests.length > 0);
  for (const request of here.requests) {
    assert.equal(request.headers.get("authorization"), undefined);
  }
});

async function atOnce(here, client) {
  const calls = Array.from({ length: 8 }, () => Object.values(kinds))
    .flat()
    .map((attest) => attest(here, evidence.binary, { runTimeData: evidence.binary.data }, client));
  const answers = await Promise.all(calls);
  answers.forEach((answer) => saysTheEnclave(here, answer));
  assert.equal(new Set(answers.map((answer) => answer.body.uniqueId)).size, calls.length);
}

scenario("attest.many_at_once", everywhere, async (here) => {
  const client = here.attestation("contributor");
  await kinds.sgx(here, evidence.binary, {}, client);
  await atOnce(here, client);
});

scenario("attest.first_at_once", everywhere, (here) => atOnce(here, here.attestation("contributor")));
