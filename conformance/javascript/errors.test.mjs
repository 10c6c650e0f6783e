// What the service refuses is the SDK's own error, with the service's code.
import assert from "node:assert/strict";
import { malformed, refusal, silent } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";
import { evidence } from "./world.mjs";

scenario("errors.quote_forged", everywhere, async (here) => {
  await refusal("InvalidQuote", () => here.attestation().attestSgxEnclave(evidence.forged.quote));
  await refusal("InvalidQuote", () => here.attestation().attestOpenEnclave(evidence.forged.report));
});

scenario("errors.quote_garbage", everywhere, async (here) => {
  await refusal("InvalidQuote", () => here.attestation().attestSgxEnclave(Buffer.from("no quote at all")));
  await refusal("InvalidQuote", () => here.attestation().attestOpenEnclave(Buffer.from("no report at all")));
});

scenario("errors.runtime_data_unbound", everywhere, async (here) => {
  const { quote, report } = evidence.binary;
  await refusal("InvalidParameter", () =>
    here.attestation().attestSgxEnclave(quote, { runTimeData: Buffer.from("other data") }),
  );
  await refusal("InvalidParameter", () =>
    here.attestation().attestOpenEnclave(report, { runTimeJson: Buffer.from('{"other":1}') }),
  );
});

scenario("errors.runtime_data_is_no_json", everywhere, async (here) => {
  // The SDK does not look, whatever its documentation says; the service does.
  await refusal("InvalidParameter", () =>
    here.attestation().attestSgxEnclave(evidence.notJSON.quote, { runTimeJson: evidence.notJSON.data }),
  );
  assert.equal(here.requests.length, 1);
});

scenario("errors.draft_malformed", everywhere, async (here) => {
  const options = { draftPolicyForAttestation: malformed };
  await refusal("PolicyParsingError", () => here.attestation().attestSgxEnclave(evidence.binary.quote, options));
});

scenario("errors.draft_says_nothing", everywhere, async (here) => {
  const options = { draftPolicyForAttestation: silent };
  const error = await refusal("PolicyEvaluationError", () =>
    here.attestation().attestSgxEnclave(evidence.binary.quote, options),
  );
  assert.match(error.message, /No Permit claim was issued/);
});
